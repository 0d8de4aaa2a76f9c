#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/run_expunge.h"
#include "tests/client/sample_audit_server.h"
#include "tests/client/test_files.h"
#include "tests/testing/child_process.h"

namespace expunge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CertificateCommandTest : public testing::Test {
 protected:
  Outcome Fetch(const std::vector<std::string>& more = {}) const {
    const std::string address = server_.address(), erasure = SampleStatement().erasure;
    std::vector<const char*> arguments = {"--address",     address.c_str(), "certificate",
                                          erasure.c_str(), "--out",         directory_.c_str()};
    for (const std::string& argument : more) arguments.push_back(argument.c_str());
    return RunExpunge(arguments);
  }

  std::string Written(const std::string& name) const { return ReadWholeFile(directory_ + "/" + name); }

  const TestFiles files_;
  const std::string directory_ = files_.PathOf("new/certificate");
  SampleAuditServer server_;
};

TEST_F(CertificateCommandTest, WritesTheExactBytesIntoANewDirectory) {
  const Outcome outcome = Fetch();
  EXPECT_EQ(outcome.status, kExitOk) << outcome.err;
  EXPECT_EQ(Written("certificate.json"), server_.envelope);
  EXPECT_EQ(Written("certificate.tlog-proof"), server_.tlog_proof);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("entry 5 of expunge.example/log, signed at 11 entries"),
                                 HasSubstr("expunge verify " + directory_ + "/certificate.json")));
  EXPECT_THAT(Fetch({"--output", "json"}).out, AllOf(HasSubstr("\"logIndex\": 5"), HasSubstr("\"treeSize\": 11")));
}

TEST_F(CertificateCommandTest, AProofIsReplacedByTheNewestOfTheSameCertificate) {
  ASSERT_EQ(Fetch().status, kExitOk);
  server_.tlog_proof = server_.log->Proof(kSampleIndex, 20);
  ASSERT_EQ(Fetch().status, kExitOk);
  EXPECT_EQ(Written("certificate.tlog-proof"), server_.tlog_proof);
}

TEST_F(CertificateCommandTest, KeepsTheFilesOfAnother) {
  ASSERT_EQ(Fetch().status, kExitOk);
  const std::string envelope = server_.envelope, proof = server_.tlog_proof;
  ErasureStatement statement = SampleStatement();
  statement.samples_erased = 13;
  const SampleFiles other(statement);
  server_.envelope = other.envelope;
  server_.tlog_proof = other.tlog_proof;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Outcome outcome = Fetch();
    EXPECT_EQ(outcome.status, kExitError);
    EXPECT_THAT(outcome.err, HasSubstr("ALREADY_EXISTS (CERTIFICATE_EXISTS)"));
    EXPECT_EQ(Written("certificate.tlog-proof"), proof);
    std::filesystem::remove(directory_ + "/certificate.json");
  }
}

TEST_F(CertificateCommandTest, WithAKeyWritesOnlyWhatVerifies) {
  const std::string key = server_.log->VerifierKeyText();
  const std::string good = server_.envelope;
  server_.envelope[good.size() / 2] ^= 1;
  const Outcome changed = Fetch({"--key", key});
  EXPECT_EQ(changed.status, kExitRefused);
  EXPECT_THAT(changed.out, HasSubstr("FAIL  envelope: "));
  ErasureStatement statement = SampleStatement();
  statement.erasure = "erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10";
  const SampleFiles other(statement);
  server_.envelope = other.envelope;
  server_.tlog_proof = other.tlog_proof;
  const Outcome of_another = Fetch({"--key", key});
  EXPECT_EQ(of_another.status, kExitRefused);
  EXPECT_THAT(of_another.err, HasSubstr("the certificate of erasures/5f0c6d6e"));
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

}  // namespace
}  // namespace expunge::cli
