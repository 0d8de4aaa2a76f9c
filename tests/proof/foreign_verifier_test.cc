// What is written here is verified by programs that are not ours: openssl, and a script of Python's standard library
// (foreign_verifier.py).
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/proof/sample_certificate.h"
#include "tests/testing/child_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using ::testing::HasSubstr;

Outcome OpenSsl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "openssl"});
  return RunProgram({.arguments = std::move(arguments)});
}

class ForeignVerifierTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }

  void WriteCertificate(const SampleFiles& files) {
    Write("certificate.json", files.envelope);
    Write("certificate.tlog-proof", files.tlog_proof);
    Write("log.vkey", files.verifier_key);
  }

  void WriteEverything(const SampleFiles& files) {
    WriteCertificate(files);
    Write("known.checkpoint", files.known_checkpoint);
    Write("log.consistency", files.consistency);
    Write("subject.txt", kSampleSubject);
    Write("nonce.hex", ToHex(AsBytes(SampleNonce())));
  }

  Outcome Verify() {
    return RunProgram({.arguments = {"/usr/bin/env", "python3", EXPUNGE_FOREIGN_VERIFIER, directory_.path()}});
  }

  void ExpectVerified() {
    const Outcome outcome = Verify();
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, absl::StrCat("verified: ", SampleStatement().erasure, " is entry 5 of 11\n"));
  }

  void ExpectRefused(const std::string& why) {
    const Outcome outcome = Verify();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("refused: " + why));
  }

  TempDir directory_;
};

TEST_F(ForeignVerifierTest, AcceptsACertificate) {
  WriteCertificate(SampleFiles());
  ExpectVerified();
}

TEST_F(ForeignVerifierTest, AcceptsACertificateWithItsSubjectAndAnOlderCheckpoint) {
  WriteEverything(SampleFiles());
  ExpectVerified();
}

TEST_F(ForeignVerifierTest, AcceptsACertificateOfNothingHeld) {
  ErasureStatement statement = SampleStatement();
  statement.tasks.clear();
  WriteEverything(SampleFiles(statement));
  ExpectVerified();
}

// The script is a judge only if it refuses, too.
TEST_F(ForeignVerifierTest, RefusesWhatWasChanged) {
  const SampleFiles files;
  ErasureStatement other = SampleStatement();
  other.samples_erased = 11;
  const SampleFiles other_files(other);

  WriteEverything(files);
  Write("certificate.json", other_files.envelope);
  ExpectRefused("the log does not have the statement");

  WriteEverything(files);
  Write("certificate.tlog-proof", other_files.tlog_proof);
  ExpectRefused("the log does not have the statement");

  WriteEverything(files);
  Write("known.checkpoint", other_files.known_checkpoint);
  ExpectRefused("the log was rewritten");

  WriteEverything(files);
  Write("subject.txt", "customer-4712");
  ExpectRefused("about another subject");

  WriteEverything(files);
  std::string envelope = files.envelope;
  const size_t signature = envelope.find("\"sig\":\"") + 7;
  envelope[signature] = envelope[signature] == 'A' ? 'B' : 'A';
  Write("certificate.json", envelope);
  ExpectRefused("the envelope's signature is wrong");

  WriteEverything(files);
  std::string proof = files.tlog_proof;
  proof[proof.rfind("\n11\n") + 1] = '2';
  Write("certificate.tlog-proof", proof);
  ExpectRefused("the checkpoint's signature is wrong");
}

TEST_F(ForeignVerifierTest, OpenSslReadsOurKeys) {
  const SigningKey key = SigningKey::Generate();
  Write("key.pem", key.ToPem());
  ASSERT_EQ(
      OpenSsl({"pkey", "-in", directory_ / "key.pem", "-pubout", "-outform", "DER", "-out", directory_ / "der"}).status,
      0);
  const std::string der = ReadWholeFile(directory_ / "der");
  ASSERT_EQ(der.size(), 44);
  EXPECT_EQ(der.substr(12), AsBytes(key.public_key()));
}

TEST_F(ForeignVerifierTest, WeReadOpenSslsKeysAndSignTheSame) {
  const std::string pem = directory_ / "key.pem";
  ASSERT_EQ(OpenSsl({"genpkey", "-algorithm", "ed25519", "-out", pem}).status, 0);
  Write("message", "message");
  ASSERT_EQ(OpenSsl({"pkeyutl", "-sign", "-rawin", "-inkey", pem, "-in", directory_ / "message", "-out",
                     directory_ / "signature"})
                .status,
            0);
  const absl::StatusOr<SigningKey> key = SigningKey::FromPem(ReadWholeFile(pem));
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(AsBytes(key->Sign("message")), ReadWholeFile(directory_ / "signature"));
}

}  // namespace
}  // namespace expunge
