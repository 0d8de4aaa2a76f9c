// `expunge verify`: files alone, no server.

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/run_expunge.h"
#include "tests/client/test_files.h"
#include "tests/proof/sample_certificate.h"

namespace expunge::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// With a byte in the middle changed.
std::string Changed(std::string bytes) {
  bytes[bytes.size() / 2] ^= 1;
  return bytes;
}

class VerifyCommandTest : public testing::Test {
 protected:
  VerifyCommandTest() { WriteAll(); }

  void WriteAll() {
    certificate_ = files_.Write("certificate.json", sample_.envelope);
    proof_ = files_.Write("certificate.tlog-proof", sample_.tlog_proof);
    key_ = files_.Write("log.vkey", sample_.verifier_key);
    older_ = files_.Write("older", sample_.known_checkpoint);
    consistency_ = files_.Write("consistency", sample_.consistency);
  }

  Outcome Verify(const std::vector<std::string>& more = {}) const {
    std::vector<const char*> arguments = {"verify", certificate_.c_str(), "--key-file", key_.c_str()};
    for (const std::string& argument : more) arguments.push_back(argument.c_str());
    return RunExpunge(arguments);
  }

  const TestFiles files_;
  const SampleFiles sample_;
  std::string certificate_, proof_, key_, older_, consistency_;
  const std::string nonce_ = ToHex(AsBytes(SampleNonce()));
};

TEST_F(VerifyCommandTest, SaysLineByLineWhatItChecked) {
  const Outcome outcome = Verify(
      {"--subject", kSampleSubject, "--nonce", nonce_, "--older-checkpoint", older_, "--consistency", consistency_});
  EXPECT_EQ(outcome.status, kExitOk) << outcome.err;
  for (const char* part :
       {"key", "envelope", "statement", "proof", "inclusion", "subject", "known checkpoint", "consistency"}) {
    EXPECT_THAT(outcome.out, HasSubstr(std::string("ok    ") + part + ": "));
  }
  EXPECT_THAT(outcome.out, EndsWith("The certificate is genuine.\n"));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(VerifyCommandTest, TheKeyMayBeGivenAsTextAndTheProofBeElsewhere) {
  const std::string key = sample_.verifier_key.substr(0, sample_.verifier_key.size() - 1);
  const std::string moved = files_.Write("moved", sample_.tlog_proof);
  std::filesystem::remove(proof_);
  EXPECT_EQ(RunExpunge({"verify", certificate_.c_str(), "--proof", moved.c_str(), "--key", key.c_str()}).status,
            kExitOk);
  const Outcome missing = Verify();
  EXPECT_EQ(missing.status, kExitError);
  EXPECT_THAT(missing.err, HasSubstr("NOT_FOUND (FILE_UNREADABLE): " + proof_));
}

TEST_F(VerifyCommandTest, TakesTheNonceAsForgetPrintsIt) {
  for (const std::string& nonce : {nonce_, absl::Base64Escape(std::string(AsBytes(SampleNonce())))}) {
    EXPECT_EQ(Verify({"--subject", kSampleSubject, "--nonce", nonce}).status, kExitOk) << nonce;
  }
  EXPECT_THAT(Verify({"--subject", kSampleSubject, "--nonce", "5a5a"}).err, HasSubstr("--nonce: must be 64 hex"));
}

TEST_F(VerifyCommandTest, AnotherSubjectOrNonceIsRefusedWithoutNamingTheSubject) {
  for (const auto& [subject, nonce] :
       {std::pair<std::string, std::string>{"customer-4712", nonce_}, {kSampleSubject, std::string(64, '0')}}) {
    const Outcome outcome = Verify({"--subject", subject, "--nonce", nonce});
    EXPECT_EQ(outcome.status, kExitRefused);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("ok    inclusion: "), HasSubstr("FAIL  subject: "),
                                   EndsWith("The certificate is NOT verified.\n")));
    EXPECT_THAT(outcome.err, HasSubstr("FAILED_PRECONDITION (CERTIFICATE_NOT_VERIFIED): "));
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("customer")));
  }
}

TEST_F(VerifyCommandTest, EachChangedFileIsRefusedInALineOfItsOwn) {
  const struct {
    std::string name;
    std::string content;
    std::string line;
  } kCases[] = {{"log.vkey", Changed(sample_.verifier_key), "FAIL  key: "},
                {"certificate.json", Changed(sample_.envelope), "FAIL  envelope: "},
                {"certificate.tlog-proof", Changed(sample_.tlog_proof), "FAIL  inclusion: "},
                {"older", Changed(sample_.known_checkpoint), "FAIL  known checkpoint: "},
                {"consistency", Changed(sample_.consistency), "FAIL  consistency: "}};
  for (const auto& [name, content, line] : kCases) {
    WriteAll();
    files_.Write(name, content);
    const Outcome outcome = Verify({"--older-checkpoint", older_, "--consistency", consistency_});
    EXPECT_EQ(outcome.status, kExitRefused) << name;
    EXPECT_THAT(outcome.out, HasSubstr(line)) << name;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << name;
  }
}

TEST_F(VerifyCommandTest, AnOlderCheckpointNeedsItsConsistencyProof) {
  const Outcome outcome = Verify({"--older-checkpoint", older_});
  EXPECT_EQ(outcome.status, kExitRefused);
  EXPECT_THAT(outcome.out, HasSubstr("CONSISTENCY_PROOF_MISSING"));
}

TEST_F(VerifyCommandTest, AnswersInJsonToo) {
  const Outcome genuine = Verify({"--output", "json"});
  EXPECT_EQ(genuine.status, kExitOk);
  EXPECT_THAT(genuine.out,
              AllOf(StartsWith("{\n \"verified\": true,"), HasSubstr("\"part\": \"inclusion\", \"verdict\": \"OK\""),
                    HasSubstr("\"statement\": {\"_type\":\"https://in-toto.io/Statement/v1\"")));
  files_.Write("certificate.json", Changed(sample_.envelope));
  const Outcome changed = Verify({"--output", "json"});
  EXPECT_EQ(changed.status, kExitRefused);
  EXPECT_THAT(changed.out, AllOf(StartsWith("{\n \"verified\": false,"), HasSubstr("\"verdict\": \"REFUSED\""),
                                 HasSubstr("\"verdict\": \"NOT_CHECKED\""), Not(HasSubstr("in-toto"))));
}

TEST_F(VerifyCommandTest, HalfOfAClaimIsAUsageError) {
  const std::vector<std::vector<std::string>> kIncomplete = {
      {"--subject", kSampleSubject}, {"--nonce", nonce_}, {"--consistency", consistency_}, {"--key", "x"}};
  for (const std::vector<std::string>& more : kIncomplete) EXPECT_EQ(Verify(more).status, kExitUsage) << more[0];
  const Outcome keyless = RunExpunge({"verify", certificate_.c_str()});
  EXPECT_EQ(keyless.status, kExitUsage);
  EXPECT_THAT(keyless.err, HasSubstr("--key or --key-file is required"));
}

}  // namespace
}  // namespace expunge::cli
