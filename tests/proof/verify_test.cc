#include "proof/verify.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proof/dsse.h"
#include "proof/tlog_proof.h"
#include "tests/proof/flips.h"
#include "tests/proof/sample_certificate.h"
#include "tests/proof/test_keys.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CertificateFiles Everything(const SampleFiles& files) {
  return {.envelope = files.envelope,
          .tlog_proof = files.tlog_proof,
          .verifier_key = files.verifier_key,
          .subject = SubjectClaim{.subject_id = kSampleSubject, .nonce = SampleNonce()},
          .known_checkpoint = files.known_checkpoint,
          .consistency = files.consistency};
}

// The parts that were refused, without those that were not looked at.
std::vector<std::string> Refused(const Verification& verification) {
  std::vector<std::string> parts;
  for (const Check& check : verification.checks) {
    if (!check.status.ok() && ReasonOf(check.status) != "NOT_CHECKED") parts.push_back(check.part);
  }
  return parts;
}

absl::Status StatusOfPart(const Verification& verification, std::string_view part) {
  for (const Check& check : verification.checks) {
    if (check.part == part) return check.status;
  }
  return absl::NotFoundError(std::string(part));
}

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() { log_.GrowTo(20); }

  // Signed and in a log of its own, at the place that it names.
  Verification VerifyStatement(const ErasureStatement& statement) {
    const std::string payload = FormatStatement(statement);
    SampleLog log;
    log.GrowTo(kSampleIndex);
    log.Append(payload);
    files_.envelope = SignEnvelope(payload, kStatementPayloadType, kSampleOrigin, log.key()).value();
    files_.tlog_proof = log.Proof(kSampleIndex, kSampleIndex + 1);
    return VerifyCertificate(
        {.envelope = files_.envelope, .tlog_proof = files_.tlog_proof, .verifier_key = files_.verifier_key});
  }

  SampleFiles files_;
  SampleLog log_;  // the same one, grown further
};

TEST_F(VerifyTest, AcceptsAGenuineCertificate) {
  const Verification verification = VerifyCertificate(Everything(files_));
  EXPECT_TRUE(verification.ok());
  EXPECT_EQ(verification.statement, SampleStatement());
  EXPECT_EQ(RenderVerification(verification),
            absl::StrCat(
                "ok    key: that of ", kSampleOrigin, "+", files_.verifier_key.substr(20, 8), "\n",
                "ok    envelope: signed by ", kSampleOrigin, "+", files_.verifier_key.substr(20, 8), "\n",
                "ok    statement: ", SampleStatement().erasure, ": samples erased: 12, shards: 2, no traces found\n",
                "ok    proof: a signed checkpoint of expunge.example/log of 11 entries\n",
                "ok    inclusion: the statement is entry 5\n", "ok    subject: the statement is about this subject\n",
                "ok    known checkpoint: signed, of expunge.example/log of 8 entries\n",
                "ok    consistency: the log only grew between the two checkpoints\n", "The certificate is genuine.\n"));
}

TEST_F(VerifyTest, NeedsNoMoreThanTheCertificateItsProofAndTheKey) {
  const Verification verification = VerifyCertificate(
      {.envelope = files_.envelope, .tlog_proof = files_.tlog_proof, .verifier_key = files_.verifier_key});
  EXPECT_TRUE(verification.ok());
  EXPECT_EQ(verification.checks.size(), 5);
}

// Which parts may be named first when some bit of a file is another.
struct Part {
  const char* name;
  std::string SampleFiles::*file;
  std::set<std::string> refused;
  bool with_known_checkpoint = false;
};

class FlippedBitTest : public testing::TestWithParam<Part> {};

TEST_P(FlippedBitTest, IsRefusedAndTheRightPartIsNamed) {
  ErasureStatement statement = SampleStatement();
  statement.tasks.clear();  // which would only be more of the same
  SampleFiles files(statement);
  ASSERT_TRUE(VerifyCertificate(Everything(files)).ok());
  const std::string sound = files.*GetParam().file;
  ForEachBitFlip(sound, [&](const std::string& flipped, size_t bit) {
    files.*GetParam().file = flipped;
    const Verification verification = VerifyCertificate(Everything(files));
    ASSERT_FALSE(verification.ok()) << "bit " << bit;
    const std::vector<std::string> refused = Refused(verification);
    ASSERT_FALSE(refused.empty());
    for (const std::string& part : refused) {
      EXPECT_TRUE(GetParam().refused.contains(part)) << "bit " << bit << ": " << part;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    , FlippedBitTest,
    testing::Values(Part{"Envelope", &SampleFiles::envelope, {"envelope"}},
                    Part{"TlogProof", &SampleFiles::tlog_proof, {"proof", "inclusion"}},
                    Part{"VerifierKey", &SampleFiles::verifier_key, {"key"}},
                    Part{"KnownCheckpoint", &SampleFiles::known_checkpoint, {"known checkpoint"}, true},
                    Part{"Consistency", &SampleFiles::consistency, {"consistency"}, true}),
    [](const auto& info) { return info.param.name; });

TEST_F(VerifyTest, RefusesAnotherSubjectOrNonce) {
  CertificateFiles files = Everything(files_);
  files.subject = SubjectClaim{.subject_id = "customer-4712", .nonce = SampleNonce()};
  EXPECT_THAT(Refused(VerifyCertificate(files)), ElementsAre("subject"));
  files.subject = SubjectClaim{.subject_id = kSampleSubject, .nonce = Sha256("another nonce")};
  EXPECT_THAT(Refused(VerifyCertificate(files)), ElementsAre("subject"));
  EXPECT_THAT(StatusOfPart(VerifyCertificate(files), "subject"),
              Fails(absl::StatusCode::kFailedPrecondition, "SUBJECT_MISMATCH"));
}

TEST_F(VerifyTest, RefusesTheKeyOfAnotherLog) {
  CertificateFiles files = Everything(files_);
  const std::string other =
      FormatVerifierKey(MakeVerifierKey(kSampleOrigin, KeyOfSeed(std::string(32, 'o')).public_key()));
  files.verifier_key = other;
  EXPECT_THAT(Refused(VerifyCertificate(files)), ElementsAre("envelope", "proof", "known checkpoint"));
}

TEST_F(VerifyTest, RefusesTheProofOfAnotherEntry) {
  CertificateFiles files = Everything(files_);
  const std::string other = log_.Proof(kSampleIndex + 1, 11);
  files.tlog_proof = other;
  EXPECT_THAT(Refused(VerifyCertificate(files)), ElementsAre("inclusion"));
  EXPECT_THAT(StatusOfPart(VerifyCertificate(files), "inclusion"),
              Fails(absl::StatusCode::kFailedPrecondition, "LOG_PLACE_WRONG"));
}

TEST_F(VerifyTest, RefusesAProofInALogThatHasAnotherEntryThere) {
  SampleLog other;
  other.Append("another first entry");
  for (int i = 1; i < 11; ++i) other.Append("entry");
  const std::string proof = other.Proof(kSampleIndex, 11);
  CertificateFiles files = Everything(files_);
  files.tlog_proof = proof;
  EXPECT_THAT(StatusOfPart(VerifyCertificate(files), "inclusion"),
              Fails(absl::StatusCode::kFailedPrecondition, "PROOF_MISMATCH"));
  EXPECT_THAT(Refused(VerifyCertificate(files)), ElementsAre("inclusion", "consistency"));
}

TEST_F(VerifyTest, RefusesUnsignedDataInTheProof) {
  TlogProof proof = ParseTlogProof(files_.tlog_proof).value();
  proof.extra = "extra";
  files_.tlog_proof = FormatTlogProof(proof);
  EXPECT_THAT(StatusOfPart(VerifyCertificate(Everything(files_)), "proof"),
              Fails(absl::StatusCode::kFailedPrecondition, "TLOG_PROOF_EXTRA"));
}

TEST_F(VerifyTest, IgnoresCosignaturesOfOthers) {
  files_.tlog_proof += "\u2014 witness.example AAAAAAAA\n";
  EXPECT_TRUE(VerifyCertificate(Everything(files_)).ok());
}

TEST_F(VerifyTest, RefusesAStatementThatSaysTracesWereFound) {
  ErasureStatement statement = SampleStatement();
  EXPECT_TRUE(VerifyStatement(statement).ok());
  statement.physical_erasure.traces_found = 1;
  const Verification verification = VerifyStatement(statement);
  EXPECT_THAT(StatusOfPart(verification, "statement"),
              Fails(absl::StatusCode::kFailedPrecondition, "STATEMENT_TRACES"));
  EXPECT_THAT(RenderVerification(verification), HasSubstr("-     inclusion: not checked\n"));
  EXPECT_THAT(RenderVerification(verification), HasSubstr("FAIL  statement: "));
  EXPECT_THAT(RenderVerification(verification), HasSubstr("The certificate is NOT verified.\n"));
}

TEST_F(VerifyTest, RefusesAStatementThatNamesAnotherPlace) {
  ErasureStatement statement = SampleStatement();
  statement.log_index += 1;
  EXPECT_THAT(Refused(VerifyStatement(statement)), ElementsAre("inclusion"));
  statement = SampleStatement();
  statement.log_origin = "other.example/log";
  EXPECT_THAT(Refused(VerifyStatement(statement)), ElementsAre("inclusion"));
}

TEST_F(VerifyTest, RefusesAnEnvelopeAroundSomethingElse) {
  files_.envelope = SignEnvelope("{\"event\":\"other\"}", kStatementPayloadType, kSampleOrigin, log_.key()).value();
  EXPECT_THAT(Refused(VerifyCertificate(Everything(files_))), ElementsAre("statement"));
}

// What was kept may be older than the proof's checkpoint, of its size, or newer.
class KnownCheckpointTest : public VerifyTest {
 protected:
  absl::Status Consistency(const std::string& known, std::optional<std::string> consistency) {
    CertificateFiles files = Everything(files_);
    files.known_checkpoint = known;
    files.consistency.reset();
    if (consistency) files.consistency = *consistency;
    return StatusOfPart(VerifyCertificate(files), "consistency");
  }

  static SampleLog Rewritten() {
    SampleLog log;
    log.Append("another first entry");
    log.GrowTo(20);
    return log;
  }
};

const auto kMismatch = Fails(absl::StatusCode::kFailedPrecondition, "PROOF_MISMATCH");
const auto kOtherSizes = Fails(absl::StatusCode::kFailedPrecondition, "CONSISTENCY_PROOF_SIZES");
const auto kMissing = Fails(absl::StatusCode::kFailedPrecondition, "CONSISTENCY_PROOF_MISSING");

TEST_F(KnownCheckpointTest, OfTheSameSizeNeedsTheSameRoot) {
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(11), std::nullopt), IsOk());
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(11), log_.Consistency(11, 11)), IsOk());
  EXPECT_THAT(Consistency(Rewritten().SignedCheckpoint(11), std::nullopt), kMismatch);
}

TEST_F(KnownCheckpointTest, OfAnotherSizeNeedsAProof) {
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(8), std::nullopt), kMissing);
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(20), std::nullopt), kMissing);
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(0), std::nullopt), kMissing);
}

TEST_F(KnownCheckpointTest, EverySizeIsProvenConsistent) {
  for (uint64_t size = 0; size <= 20; ++size) {
    EXPECT_THAT(Consistency(log_.SignedCheckpoint(size),
                            log_.Consistency(std::min<uint64_t>(size, 11), std::max<uint64_t>(size, 11))),
                IsOk());
  }
}

TEST_F(KnownCheckpointTest, OfARewrittenLogIsRefused) {
  const SampleLog rewritten = Rewritten();
  for (const uint64_t size : {1, 3, 8, 10, 12, 20}) {
    const uint64_t from = std::min<uint64_t>(size, 11);
    const uint64_t to = std::max<uint64_t>(size, 11);
    EXPECT_THAT(Consistency(rewritten.SignedCheckpoint(size), log_.Consistency(from, to)), kMismatch);
    EXPECT_THAT(Consistency(rewritten.SignedCheckpoint(size), rewritten.Consistency(from, to)), kMismatch);
  }
}

TEST_F(KnownCheckpointTest, AProofBetweenOtherSizesProvesNothing) {
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(8), log_.Consistency(7, 11)), kOtherSizes);
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(8), log_.Consistency(8, 12)), kOtherSizes);
  EXPECT_THAT(Consistency(log_.SignedCheckpoint(20), log_.Consistency(11, 19)), kOtherSizes);
}

TEST_F(KnownCheckpointTest, AProofWithoutACheckpointIsRefused) {
  CertificateFiles files = Everything(files_);
  files.known_checkpoint.reset();
  EXPECT_THAT(Refused(VerifyCertificate(files)), ElementsAre("known checkpoint"));
}

}  // namespace
}  // namespace expunge
