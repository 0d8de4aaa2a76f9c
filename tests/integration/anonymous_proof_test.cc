// What others get to see of an erasure leads to nobody: not by a name, nor by a hash of one that somebody could compute
// who guesses it.

#include <openssl/evp.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "proof/dsse.h"
#include "proof/statement.h"
#include "tests/integration/integration_test.h"
#include "tests/testing/http_get.h"

namespace expunge {
namespace {

constexpr char kSubject[] = "ada.lovelace@example.com";
constexpr char kSample[] = "ada-lovelace-portrait-1840";

std::string Hash(const EVP_MD* algorithm, const std::string& text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EXPECT_EQ(EVP_Digest(text.data(), text.size(), bytes, &length, algorithm, nullptr), 1);
  return {reinterpret_cast<const char*>(bytes), length};
}

// As it may be written down: raw, in hex of either case, in base64 of either alphabet.
std::vector<std::string> Spellings(const std::string& bytes) {
  const std::string hex = absl::BytesToHexString(bytes);
  std::string url = absl::WebSafeBase64Escape(bytes);
  std::string standard = absl::Base64Escape(bytes);
  while (standard.ends_with('=')) standard.pop_back();
  return {bytes, hex, absl::AsciiStrToUpper(hex), standard, url};
}

// Of a name: itself, and what anybody can compute from it.
std::vector<std::string> WhatLeadsTo(const std::string& name) {
  std::vector<std::string> all = Spellings(name);
  for (const char* prefix : {"", "subject", "subject:", "subject_id", "subject_id:", "subject/", "subjects/", "user:",
                             "sample", "sample:", "expunge", "expunge:", "models/m", "m:", "0", "1", " ", "\n"}) {
    for (const EVP_MD* algorithm : {EVP_md5(), EVP_sha1(), EVP_sha256()}) {
      for (const std::string& text : {prefix + name, name + prefix, prefix + absl::AsciiStrToLower(name)}) {
        for (const std::string& spelling : Spellings(Hash(algorithm, text))) all.push_back(spelling);
      }
    }
  }
  return all;
}

class AnonymousProofTest : public IntegrationTest {
 protected:
  AnonymousProofTest() : IntegrationTest({"--log-level", "debug", "--metrics-listen", "127.0.0.1:0"}) {}
  void SetUp() override {
    server_.options().insert(server_.options().end(), {"--metrics-port-file", port_file()});
    IntegrationTest::SetUp();
  }
  std::string port_file() const { return server_.directory() / "metrics-port"; }

  void TakeIn() {
    v1::SampleBatch batch = StripesBatch(0, 20, 1);
    for (int i = 0; i < batch.samples_size(); ++i) {
      batch.mutable_samples(i)->set_subject_id(absl::StrCat(kSubject, i));
      batch.mutable_samples(i)->set_sample_id(absl::StrCat(kSample, i));
    }
    ASSERT_THAT(Create(client(), StripesModel("m", 2, 2)), IsOk());
    ASSERT_THAT(Ingest(client(), "m", {batch}), IsOk());
    ASSERT_THAT(TrainAndWait(client(), "m"), IsOk());
  }

  v1::Erasure ForgetAndWait(const v1::ForgetRequest& request) {
    const auto erasure = client().Forget(request);
    EXPECT_THAT(erasure, IsOk());
    EXPECT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
    return *erasure;
  }

  v1::Certificate CertificateOf(const v1::Erasure& erasure) {
    v1::GetCertificateRequest request;
    request.set_name(erasure.name());
    const auto certificate = client().GetCertificate(request);
    EXPECT_THAT(certificate, IsOk());
    return *certificate;
  }

  // Everything that an auditor, or whoever reads the server's log or metrics, gets to see.
  std::string WhatIsShown(const std::vector<v1::Erasure>& erasures) {
    const auto checkpoint = client().GetLogCheckpoint({});
    EXPECT_THAT(checkpoint, IsOk());
    std::string shown = checkpoint->signed_note();
    const auto key = ParseVerifierKey(checkpoint->verifier_key());
    EXPECT_THAT(key, IsOk());
    for (const v1::Erasure& erasure : erasures) {
      const v1::Certificate certificate = CertificateOf(erasure);
      const auto statement = OpenEnvelope(certificate.envelope(), kStatementPayloadType, *key);
      EXPECT_THAT(statement, IsOk());
      absl::StrAppend(&shown, certificate.envelope(), *statement, certificate.tlog_proof());
    }
    const auto entries = client().ListLogEntries({});
    EXPECT_THAT(entries, IsOk());
    EXPECT_GE(entries->entries_size(), 2 * static_cast<int>(erasures.size()));
    for (const v1::LogEntry& entry : entries->entries()) absl::StrAppend(&shown, entry.data(), "\n");
    const auto metrics = HttpGet(std::atoi(ReadWholeFile(port_file()).c_str()), "/metrics");
    EXPECT_THAT(metrics, IsOk());
    return absl::StrCat(shown, metrics->body, server_.log());
  }
};

TEST_F(AnonymousProofTest, NothingThatIsShownLeadsToAPerson) {
  TakeIn();
  std::vector<v1::Erasure> erasures;
  for (const int person : {4, 5}) {
    v1::ForgetRequest request = ForgetOf(absl::StrCat(kSubject, person));
    request.set_regulation(v1::GDPR);
    erasures.push_back(ForgetAndWait(request));
  }
  erasures.push_back(ForgetAndWait(ForgetOf(absl::StrCat(kSubject, "-a-stranger"))));
  v1::ForgetRequest of_a_sample = ForgetOf(absl::StrCat(kSubject, 6));
  of_a_sample.add_sample_ids(absl::StrCat(kSample, 6));
  erasures.push_back(ForgetAndWait(of_a_sample));

  const std::string shown = WhatIsShown(erasures);
  for (const std::string& name : {absl::StrCat(kSubject, 4), absl::StrCat(kSubject, 5), absl::StrCat(kSubject, 6),
                                  absl::StrCat(kSubject, "-a-stranger"), absl::StrCat(kSample, 4),
                                  absl::StrCat(kSample, 6), std::string(kSubject), std::string(kSample)}) {
    for (const std::string& trace : WhatLeadsTo(name)) {
      EXPECT_EQ(shown.find(trace), std::string::npos) << "of " << name << ": " << absl::CHexEscape(trace);
    }
  }
  // The same search finds what whoever has the nonce can compute.
  const Digest commitment = CommitToSubject(*DigestFromBytes(erasures[0].subject_nonce()), absl::StrCat(kSubject, 4));
  EXPECT_NE(shown.find(Spellings(std::string(AsBytes(commitment)))[1]), std::string::npos);
}

}  // namespace
}  // namespace expunge
