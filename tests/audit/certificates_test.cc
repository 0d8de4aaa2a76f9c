#include "audit/certificates.h"

#include <algorithm>

#include "proof/log_event.h"
#include "proof/verify.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::IsEmpty;

class CertificatesTest : public EngineTest {
 protected:
  void SetUp() override {
    Open();
    model_ = CreateModel("m", SmallSpec(2, 3));
    IngestSubjects(*model_, 1, 30);
    TrainAll(*model_);
  }

  records::Erasure Completed(const records::Erasure& erasure) {
    EXPECT_TRUE(
        WaitUntil(*engine_, *FindModel("m"), [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
    return Stored(erasure);
  }
  Certificate CertificateOf(const records::Erasure& erasure) {
    auto certificate = engine_->certificates().Get(erasure.uuid());
    EXPECT_THAT(certificate, IsOk());
    return *std::move(certificate);
  }
  std::string Key() const { return FormatVerifierKey(engine_->log_signer().verifier_key()); }
  Verification Verify(const Certificate& certificate, const std::optional<SubjectClaim>& subject = std::nullopt) {
    return VerifyCertificate({.envelope = certificate.envelope,
                              .tlog_proof = certificate.tlog_proof,
                              .verifier_key = Key(),
                              .subject = subject});
  }
  std::vector<LogEvent> Events() {
    std::vector<LogEvent> events;
    const auto entries = engine_->keyring().log().List(0, 10'000, size_t{1} << 30);
    EXPECT_THAT(entries, IsOk());
    for (const LogEntry& entry : *entries) {
      if (const auto event = ParseLogEvent(entry.leaf); event.ok()) events.push_back(*event);
    }
    return events;
  }
  template <typename Event>
  int Count() {
    const std::vector<LogEvent> events = Events();
    return static_cast<int>(std::count_if(events.begin(), events.end(),
                                          [](const LogEvent& event) { return std::holds_alternative<Event>(event); }));
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(CertificatesTest, SaysWhatWasDone) {
  ForgetRequest request = RequestFor(3);
  request.regulation = Regulation::kGdpr;
  const uint32_t shard = ShardOf(*model_, 3);
  const ShardStatus before = model_->Status(shard);
  const auto forgotten = engine_->unlearner().Forget(request);
  ASSERT_THAT(forgotten, IsOk());
  const records::Erasure erasure = Completed(forgotten->erasure);
  const ShardStatus after = model_->Status(shard);

  const Verification verification =
      Verify(CertificateOf(erasure), SubjectClaim{SubjectName(3), forgotten->subject_nonce});
  ASSERT_TRUE(verification.ok()) << RenderVerification(verification);
  const ErasureStatement& statement = *verification.statement;
  EXPECT_EQ(statement.regulation, "GDPR");
  EXPECT_EQ(statement.log_index, erasure.log_index());
  EXPECT_EQ(statement.samples_erased, 2);
  EXPECT_TRUE(statement.whole_subject);
  EXPECT_FALSE(statement.numeric_environment.empty());
  ASSERT_EQ(statement.tasks.size(), 1);
  const CertifiedTask& task = statement.tasks[0];
  EXPECT_EQ(task.model, model_->uid());
  EXPECT_EQ(task.shard, shard);
  EXPECT_EQ(task.slices, 3);
  ASSERT_EQ(task.retired_checkpoints.size(), 3 - task.first_slice);
  ASSERT_EQ(task.new_checkpoints.size(), 3 - task.first_slice);
  for (uint32_t i = 0; i < task.new_checkpoints.size(); ++i) {
    const uint32_t slice = task.first_slice + i;
    EXPECT_EQ(task.retired_checkpoints[i],
              (CertifiedCheckpoint{slice, before.slices[slice].parameters_digest, before.slices[slice].lineage}));
    EXPECT_EQ(task.new_checkpoints[i],
              (CertifiedCheckpoint{slice, after.slices[slice].parameters_digest, after.slices[slice].lineage}));
  }
}

TEST_F(CertificatesTest, OneOfAnotherPersonIsToldApart) {
  const auto forgotten = engine_->unlearner().Forget(RequestFor(3));
  ASSERT_THAT(forgotten, IsOk());
  const Certificate certificate = CertificateOf(Completed(forgotten->erasure));
  EXPECT_FALSE(Verify(certificate, SubjectClaim{SubjectName(4), forgotten->subject_nonce}).ok());
  EXPECT_FALSE(Verify(certificate, SubjectClaim{SubjectName(3), Digest{}}).ok());
}

TEST_F(CertificatesTest, AnErasureOfNobodyIsCertifiedAtOnce) {
  const records::Erasure erasure = Forget(999);
  EXPECT_EQ(erasure.state(), records::Erasure::COMPLETED);
  const Verification verification = Verify(CertificateOf(erasure));
  ASSERT_TRUE(verification.ok()) << RenderVerification(verification);
  EXPECT_THAT(verification.statement->tasks, IsEmpty());
}

TEST_F(CertificatesTest, OneThatIsNotCompletedHasNone) {
  trainer_.SetHold(Hold::kObedient);
  const records::Erasure erasure = Forget(3);
  EXPECT_THAT(engine_->certificates().Get(erasure.uuid()).status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ERASURE_NOT_COMPLETED"));
  EXPECT_THAT(engine_->certificates().Get("0123456789abcdef").status(),
              Fails(absl::StatusCode::kNotFound, "ERASURE_NOT_FOUND"));
  trainer_.SetHold(Hold::kNone);
}

TEST_F(CertificatesTest, StaysTheSameOverRestartsAndLaterEntries) {
  const records::Erasure erasure = Completed(Forget(3));
  const Certificate first = CertificateOf(erasure);
  Completed(Forget(4));
  Reopen();
  const Certificate later = CertificateOf(erasure);
  EXPECT_EQ(later.envelope, first.envelope);
  EXPECT_NE(later.tlog_proof, first.tlog_proof);
  EXPECT_TRUE(Verify(first).ok());
  EXPECT_TRUE(Verify(later).ok());
}

TEST_F(CertificatesTest, TheLogTellsOfEachErasureAndTrainingOnce) {
  const auto told = [this] { return engine_->keyring().log().size(); };
  EXPECT_EQ(told(), 1);
  EXPECT_EQ(Count<ModelTrained>(), 1);
  Completed(Forget(3));
  EXPECT_EQ(told(), 3);
  EXPECT_EQ(Count<ErasureReceived>(), 1);
  Reopen();
  EXPECT_EQ(told(), 3);
  IngestSubjects(*FindModel("m"), 100, 4);
  TrainAll(*FindModel("m"));
  EXPECT_EQ(told(), 4);
  EXPECT_EQ(Count<ModelTrained>(), 2);
  EXPECT_THAT(engine_->keyring().log().Verify(), IsOk());
}

TEST_F(CertificatesTest, ARepeatedForgetAddsNothing) {
  const ForgetRequest request = RequestFor(3);
  ASSERT_THAT(engine_->unlearner().Forget(request), IsOk());
  const uint64_t size = engine_->keyring().log().size();
  ASSERT_THAT(engine_->unlearner().Forget(request), IsOk());
  EXPECT_LE(engine_->keyring().log().size(), size + 1);
  EXPECT_EQ(Count<ErasureReceived>(), 1);
}

}  // namespace
}  // namespace expunge
