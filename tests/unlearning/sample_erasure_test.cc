// Erasing some of a subject's samples: the others stay, under a new key.

#include <set>
#include <string>
#include <vector>

#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class SampleErasureTest : public EngineTest {
 protected:
  void SetUp() override {
    Open();
    model_ = CreateModel("m", SmallSpec(1, 2));
    IngestSubjects(*model_, 1, 6);
    Ingest(*model_, {{kSubject, 0}, {kSubject, 1}, {kSubject, 2}});
  }

  ForgetRequest RequestForSamples(const std::vector<int>& numbers, int subject = kSubject) {
    ForgetRequest request = RequestFor(subject);
    for (const int number : numbers) request.sample_ids.push_back("sample " + std::to_string(number));
    return request;
  }
  records::Erasure ForgetSamples(const std::vector<int>& numbers) {
    const auto result = engine_->unlearner().Forget(RequestForSamples(numbers));
    EXPECT_THAT(result, IsOk());
    EXPECT_THAT(engine_->rekeyer().FinishAll(), IsOk());  // or whoever comes first
    return result.ok() ? result->erasure : records::Erasure();
  }

  std::set<SampleKey> KeysOf(int subject = kSubject) {
    std::set<SampleKey> keys;
    const auto row = RowOf(*model_, subject);
    if (!row) return keys;
    for (const auto& sample : row->samples()) keys.insert(SampleKeyFromBytes(sample.key()));
    return keys;
  }
  SampleKey KeyOf(int number) {
    return engine_->keyring().SampleKeyOf(SubjectName(kSubject), "sample " + std::to_string(number));
  }
  KeyId KeyIdNow() { return engine_->keyring().GetSubjectKeyId(model_->uid(), PseudonymOf(kSubject))->value(); }

  static constexpr int kSubject = 77;
  std::shared_ptr<ModelEntry> model_;
};

TEST_F(SampleErasureTest, TheOthersStayAndAreTrainedOn) {
  TrainAll(*model_);
  const KeyId old_key = KeyIdNow();
  const uint64_t samples = model_->Status(0).slices[0].samples + model_->Status(0).slices[1].samples;
  const records::Erasure erasure = ForgetSamples({1});
  EXPECT_EQ(erasure.samples_erased(), 1);
  EXPECT_EQ(erasure.tasks(0).first_slice(), RowOf(*model_, kSubject)->samples(0).slice());
  EXPECT_EQ(KeysOf(), (std::set<SampleKey>{KeyOf(0), KeyOf(2)}));
  EXPECT_NE(KeyIdNow(), old_key);
  EXPECT_EQ(RowOf(*model_, kSubject)->key_id(), AsBytes(KeyIdNow()));
  EXPECT_EQ(*engine_->keyring().GetRekey(model_->uid(), PseudonymOf(kSubject)), std::nullopt);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
  EXPECT_TRUE(AnyoneKnows(*model_, kSubject));
  EXPECT_EQ(model_->Status(0).slices[0].samples + model_->Status(0).slices[1].samples, samples - 1);
  EXPECT_EQ(model_->Status(0).subjects, 7);
}

TEST_F(SampleErasureTest, WhatKnewThemDoesNotVoteWhenItIsAcknowledged) {
  TrainAll(*model_);
  trainer_.SetHold(Hold::kObedient);
  ForgetSamples({0});
  EXPECT_FALSE(AnyoneKnows(*model_, kSubject)) << "the constituents from the subject's first slice on knew the sample";
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_TRUE(AnyoneKnows(*model_, kSubject));
}

TEST_F(SampleErasureTest, TheRetrainGivesTheBitsOfAModelThatNeverHadThem) {
  TrainAll(*model_);
  ForgetSamples({1});
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  const Digest unlearned = VoteOf(*model_, 0)->parameters_digest;
  const auto fresh = CreateModel("fresh", SmallSpec(1, 2));
  IngestSubjects(*fresh, 1, 6);
  Ingest(*fresh, {{kSubject, 0}, {kSubject, 2}});
  TrainAll(*fresh);
  EXPECT_EQ(VoteOf(*fresh, 0)->parameters_digest, unlearned);
}

TEST_F(SampleErasureTest, TheSameSampleIsRefusedUntilNewConsentAndOthersAreNot) {
  ForgetSamples({1});
  IngestCounts counts = Ingest(*model_, {{kSubject, 0}, {kSubject, 1}, {kSubject, 3}});
  EXPECT_EQ(counts.forgotten, 1);
  EXPECT_EQ(counts.unchanged, 1);
  EXPECT_EQ(counts.ingested, 1);
  Reopen();
  model_ = FindModel("m");
  EXPECT_EQ(Ingest(*model_, {{kSubject, 1}}).forgotten, 1);
  counts = Ingest(*model_, {{kSubject, 1}}, /*new_consent=*/true);
  EXPECT_EQ(counts.ingested, 1);
  EXPECT_EQ(Ingest(*model_, {{kSubject, 1}}).unchanged, 1) << "consent lasts";
}

TEST_F(SampleErasureTest, WithAllOfThemTheKeyDiesAndTheSubjectMayComeBackWithOthers) {
  TrainAll(*model_);
  const records::Erasure erasure = ForgetSamples({0, 1, 2});
  EXPECT_EQ(erasure.samples_erased(), 3);
  EXPECT_EQ(RowOf(*model_, kSubject), std::nullopt);
  EXPECT_FALSE(engine_->keyring().GetSubjectKeyId(model_->uid(), PseudonymOf(kSubject))->has_value());
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_FALSE(AnyoneKnows(*model_, kSubject));
  EXPECT_EQ(Ingest(*model_, {{kSubject, 2}, {kSubject, 9}}).ingested, 1);
}

TEST_F(SampleErasureTest, SamplesThatNobodyHoldsAreSuppressedAllTheSame) {
  const records::Erasure erasure = ForgetSamples({40});
  EXPECT_EQ(erasure.samples_erased(), 0);
  EXPECT_EQ(erasure.state(), records::Erasure::COMPLETED);
  EXPECT_EQ(Ingest(*model_, {{kSubject, 40}}).forgotten, 1);
  EXPECT_EQ(KeysOf().size(), 3);
}

TEST_F(SampleErasureTest, OtherSamplesUnderTheSameRequestIdAreAnotherRequest) {
  ForgetRequest request = RequestForSamples({1});
  ASSERT_THAT(engine_->unlearner().Forget(request), IsOk());
  request.sample_ids.push_back("sample 1");  // repetition is without meaning
  EXPECT_THAT(engine_->unlearner().Forget(request), IsOk());
  request.sample_ids.back() = "sample 2";
  EXPECT_THAT(engine_->unlearner().Forget(request), Fails(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED"));
  ASSERT_THAT(engine_->rekeyer().FinishAll(), IsOk());
  EXPECT_EQ(KeysOf().size(), 2);
}

TEST_F(SampleErasureTest, TheWholeSubjectAfterSomeSamplesIsGone) {
  TrainAll(*model_);
  ForgetSamples({1});
  const records::Erasure rest = Forget(kSubject);
  EXPECT_EQ(rest.samples_erased(), 2);
  EXPECT_EQ(RowOf(*model_, kSubject), std::nullopt);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_FALSE(AnyoneKnows(*model_, kSubject));
  EXPECT_EQ(Ingest(*model_, {{kSubject, 0}}).forgotten, 1);
}

// The process ended right after the record: the old key still is in the re-keying.
TEST_F(SampleErasureTest, OneThatWasRecordedAloneIsFinishedAtTheNextStart) {
  TrainAll(*model_);
  ForgetRequest request = RequestForSamples({1});
  request.validate_only = true;
  records::Erasure erasure = engine_->unlearner().Forget(request)->erasure;
  erasure.set_state(records::Erasure::IN_PROGRESS);
  erasure.set_sequence(engine_->ledger().BeginIsolation());
  const auto old_key = engine_->keyring().GetSubjectKey(model_->uid(), PseudonymOf(kSubject));
  const SubjectKey new_key = SubjectKey::Random();
  ASSERT_THAT(engine_->ledger().Record({{.erasure = &erasure,
                                         .subject = PseudonymOf(kSubject),
                                         .partial = {{model_->uid(), 0, &**old_key, &new_key, {KeyOf(1)}}},
                                         .suppress_in = {kEveryModel},
                                         .suppress_samples = {KeyOf(1)}}}),
              IsOk());
  Close();
  OpenWithoutRecovery();
  model_ = FindModel("m");
  EXPECT_EQ(KeysOf().size(), 3) << "the control: nothing was sealed anew before";
  ASSERT_THAT(engine_->Recover(), IsOk());
  EXPECT_EQ(KeysOf(), (std::set<SampleKey>{KeyOf(0), KeyOf(2)}));
  EXPECT_EQ(*engine_->keyring().GetRekey(model_->uid(), PseudonymOf(kSubject)), std::nullopt);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
  EXPECT_TRUE(AnyoneKnows(*model_, kSubject)) << "what the subject keeps is trained on";
}

// The one who comes first, before worker and purger: they wait for the subject's lock, which a Forget and an ingest
// hold from before the record on.
TEST_F(SampleErasureTest, ThatIsNotFinishedIsFinishedByTheSubjectsNextErasureAndByAnIngest) {
  TrainAll(*model_);
  const std::vector<ForgetRequest> requests = {RequestForSamples({0}), RequestForSamples({1})};
  const auto results = engine_->unlearner().ForgetAll(requests);
  for (const auto& result : results) {
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->erasure.samples_erased(), 1);
  }
  EXPECT_EQ(Ingest(*model_, {{kSubject, 0}, {kSubject, 5}}).ingested, 1);
  EXPECT_EQ(KeysOf(), (std::set<SampleKey>{KeyOf(2), KeyOf(5)}));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  for (const auto& result : results) EXPECT_EQ(Stored(result->erasure).state(), records::Erasure::COMPLETED);
}

// Its rows are there still, and so is a re-keying that nobody finished.
TEST_F(SampleErasureTest, OfASubjectWhoseKeyHasDiedThereIsNothingToErase) {
  Close();
  OpenWithoutRecovery();
  model_ = FindModel("m");
  const auto old_key = engine_->keyring().GetSubjectKey(model_->uid(), PseudonymOf(kSubject));
  const SubjectKey new_key = SubjectKey::Random();
  records::Erasure some, whole;
  for (records::Erasure* const erasure : {&some, &whole}) {
    erasure->set_uuid(std::string(16, erasure == &some ? 'a' : 'b'));
    erasure->set_state(records::Erasure::IN_PROGRESS);
    erasure->set_sequence(engine_->ledger().BeginIsolation());
  }
  ASSERT_THAT(engine_->ledger().Record({{.erasure = &some,
                                         .subject = PseudonymOf(kSubject),
                                         .partial = {{model_->uid(), 0, &**old_key, &new_key, {KeyOf(1)}}}}}),
              IsOk());
  ASSERT_THAT(engine_->ledger().Record(
                  {{.erasure = &whole, .subject = PseudonymOf(kSubject), .forgotten_in = {model_->uid()}}}),
              IsOk());
  for (const records::Erasure* const erasure : {&some, &whole}) engine_->ledger().EndIsolation(erasure->sequence());
  EXPECT_EQ(KeysOf().size(), 3) << "the control";
  const auto result = engine_->unlearner().Forget(RequestForSamples({0}));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->erasure.samples_erased(), 0);
  EXPECT_EQ(*engine_->keyring().GetRekey(model_->uid(), PseudonymOf(kSubject)), std::nullopt);
}

// It ended after the rows had been written, and before the old key was gone.
TEST_F(SampleErasureTest, WhoseRowsAreSealedAnewIsFinishedByTheNextErasureToo) {
  Close();
  OpenWithoutRecovery();
  model_ = FindModel("m");
  const auto new_key = engine_->keyring().GetSubjectKey(model_->uid(), PseudonymOf(kSubject));
  const SubjectKey old_key = SubjectKey::Random();
  records::Erasure some;
  some.set_uuid(std::string(16, 'a'));
  some.set_state(records::Erasure::IN_PROGRESS);
  some.set_sequence(engine_->ledger().BeginIsolation());
  ASSERT_THAT(engine_->ledger().Record({{.erasure = &some,
                                         .subject = PseudonymOf(kSubject),
                                         .partial = {{model_->uid(), 0, &old_key, &**new_key, {KeyOf(5)}}}}}),
              IsOk());
  engine_->ledger().EndIsolation(some.sequence());
  const auto result = engine_->unlearner().Forget(RequestFor(kSubject));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->erasure.samples_erased(), 3);
  EXPECT_EQ(*engine_->keyring().GetRekey(model_->uid(), PseudonymOf(kSubject)), std::nullopt);
}

TEST_F(SampleErasureTest, MoreThanOneWriteHoldsIsSealedAnewToo) {
  ModelSpec spec = SmallSpec(1, 1);
  spec.input.shape = {1 << 20};
  const auto large = CreateModel("large", spec);
  const std::string content(size_t{1} << 20, 'x');
  const std::string subject = SubjectName(kSubject);
  for (int i = 0; i < 7; ++i) {
    const std::string name = "sample " + std::to_string(i);
    const NewSample sample = {.subject_id = subject, .sample_id = name, .input = content};
    ASSERT_THAT(engine_->ingestor().Ingest(*large, {&sample, 1}, /*new_consent=*/false), IsOk());
  }
  ForgetRequest request = RequestForSamples({3});
  request.models = {"large"};
  const auto result = engine_->unlearner().Forget(request);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(WaitUntilIdle(*engine_, *large));
  EXPECT_EQ(Stored(result->erasure).state(), records::Erasure::COMPLETED);
  EXPECT_EQ(RowOf(*large, kSubject)->samples_size(), 6);
  TrainAll(*large);  // reads each of them under the new key
}

TEST_F(SampleErasureTest, AKeptSampleThatCannotBeReadIsGivenUpAndKeepsNobodyFromBeingErased) {
  TrainAll(*model_);
  SubjectUpdate update;
  update.subject = PseudonymOf(kSubject);
  update.row = *RowOf(*model_, kSubject);
  update.added = {{KeyOf(2), "damaged"}};
  ASSERT_THAT(engine_->store().UpdateSubjects(model_->uid(), {&update, 1}), IsOk());
  const records::Erasure erasure = ForgetSamples({1});
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
  EXPECT_EQ(KeysOf(), (std::set<SampleKey>{KeyOf(0)}));
  EXPECT_TRUE(AnyoneKnows(*model_, kSubject));
}

}  // namespace
}  // namespace expunge
