#include "audit/auditor.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Engines of these tests have no workers: what is forgotten stays open until a test opens one that has.
class AuditorTest : public EngineTest {
 protected:
  AuditorTest() {
    options_.retrain.workers = 0;
    Open();
    model_ = CreateModel("m", SmallSpec(2, 2));
    IngestSubjects(*model_, 1, 8);
  }

  StatusReport Report() {
    const auto report = engine_->auditor().Report();
    EXPECT_THAT(report, IsOk());
    return report.value_or(StatusReport());
  }

  ErasurePage Page(const ErasureFilter& filter, ErasureSequence first = 1, size_t limit = 100) {
    const auto page = engine_->auditor().List(filter, first, limit);
    EXPECT_THAT(page, IsOk());
    return page.value_or(ErasurePage());
  }
  static std::vector<ErasureSequence> SequencesOf(const ErasurePage& page) {
    std::vector<ErasureSequence> sequences;
    for (const records::Erasure& erasure : page.erasures) sequences.push_back(erasure.sequence());
    return sequences;
  }
  std::vector<ErasureSequence> List(const ErasureFilter& filter) { return SequencesOf(Page(filter)); }

  ErasureSequence ForgetUnder(Regulation regulation, int subject, const std::vector<std::string>& models = {}) {
    ForgetRequest request = RequestFor(subject);
    request.regulation = regulation;
    request.models = models;
    const auto result = engine_->unlearner().Forget(request);
    EXPECT_THAT(result, IsOk());
    return result->erasure.sequence();
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(AuditorTest, ReportsAnEmptyServer) {
  const StatusReport report = Report();
  for (const uint64_t count : report.erasures_by_state) EXPECT_EQ(count, 0);
  EXPECT_EQ(report.overdue, 0);
  EXPECT_EQ(report.oldest_open_received, std::nullopt);
  EXPECT_EQ(report.dirty_shards, 0);
  EXPECT_THAT(List({}), IsEmpty());
}

TEST_F(AuditorTest, ReportsErasuresByState) {
  Forget(1);
  Forget(2);
  Forget(99);  // unknown: completed at once
  const StatusReport report = Report();
  EXPECT_EQ(report.erasures_by_state[records::Erasure::IN_PROGRESS], 2);
  EXPECT_EQ(report.erasures_by_state[records::Erasure::COMPLETED], 1);
  EXPECT_EQ(report.erasures_by_state[records::Erasure::PENDING], 0);
}

TEST_F(AuditorTest, ReportsTheOldestThatIsOpen) {
  Forget(99);  // completed at once
  clock_.Advance(absl::Hours(1));
  const absl::Time oldest = clock_.Now();
  Forget(1);
  clock_.Advance(absl::Hours(1));
  Forget(2);
  EXPECT_EQ(Report().oldest_open_received, oldest);
}

TEST_F(AuditorTest, AnErasureIsOverdueOnceItsTimeHasPassedAndItIsOpen) {
  const absl::Time received = clock_.Now();
  const ErasureSequence other = ForgetUnder(Regulation::kOther, 1), ccpa = ForgetUnder(Regulation::kCcpa, 2);
  ForgetUnder(Regulation::kOther, 99);  // completed at once: never overdue
  clock_.Set(received + absl::Hours(24) * 30);
  EXPECT_EQ(Report().overdue, 0);
  EXPECT_THAT(List({.overdue = true}), IsEmpty());
  clock_.Advance(absl::Microseconds(1));
  EXPECT_EQ(Report().overdue, 1);
  EXPECT_THAT(List({.overdue = true}), ElementsAre(other));
  clock_.Advance(absl::Hours(24) * 15);
  EXPECT_EQ(Report().overdue, 2);
  EXPECT_THAT(List({.overdue = true}), ElementsAre(other, ccpa));

  options_.retrain.workers = 1;
  Reopen();
  ASSERT_TRUE(WaitUntilIdle(*engine_, *FindModel("m")));
  EXPECT_EQ(Report().overdue, 0);
  EXPECT_EQ(Report().oldest_open_received, std::nullopt);
  EXPECT_THAT(List({.overdue = true}), IsEmpty());
}

TEST_F(AuditorTest, ReportsEveryModelWithItsShards) {
  CreateModel("a", SmallSpec(3, 4));
  Forget(1);
  const StatusReport report = Report();
  ASSERT_EQ(report.models.size(), 2);
  EXPECT_EQ(report.models[0].model->name(), "a");
  EXPECT_EQ(report.models[0].shards.size(), 3);
  ASSERT_EQ(report.models[1].shards.size(), 2);
  uint64_t subjects = 0, samples = 0;
  for (const ShardStatus& shard : report.models[1].shards) {
    subjects += shard.subjects;
    ASSERT_EQ(shard.slices.size(), 2);
    for (const ShardStatus::Slice& slice : shard.slices) samples += slice.samples;
    EXPECT_EQ(shard.phase, ShardStatus::Phase::kUntrained);
  }
  EXPECT_EQ(subjects, 7);
  EXPECT_EQ(samples, 14);
}

TEST_F(AuditorTest, ReportsHowManyShardsAreDirty) {
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  EXPECT_EQ(Report().dirty_shards, 2);
  for (int subject = 1; subject <= 8; ++subject) Forget(subject);
  EXPECT_EQ(Report().dirty_shards, 2);
  EXPECT_EQ(Report().models[0].shards[0].phase, ShardStatus::Phase::kWaiting);
  options_.retrain.workers = 1;
  Reopen();
  ASSERT_TRUE(WaitUntilIdle(*engine_, *FindModel("m")));
  EXPECT_EQ(Report().models[0].shards[0].phase, ShardStatus::Phase::kTrained);
}

// --- filters, one by one

TEST_F(AuditorTest, ListsErasuresInTheOrderOfArrival) {
  for (const int subject : {5, 99, 3}) Forget(subject);
  EXPECT_THAT(List({}), ElementsAre(1, 2, 3));
}

TEST_F(AuditorTest, FiltersByState) {
  for (const int subject : {5, 99, 3, 98}) Forget(subject);
  EXPECT_THAT(List({.state = records::Erasure::COMPLETED}), ElementsAre(2, 4));
  EXPECT_THAT(List({.state = records::Erasure::IN_PROGRESS}), ElementsAre(1, 3));
  EXPECT_THAT(List({.state = records::Erasure::DENIED}), IsEmpty());
}

TEST_F(AuditorTest, FiltersByRegulation) {
  ForgetUnder(Regulation::kGdpr, 1);
  ForgetUnder(Regulation::kCcpa, 2);
  ForgetUnder(Regulation::kOther, 3);
  ForgetUnder(Regulation::kGdpr, 4);
  EXPECT_THAT(List({.regulation = Regulation::kGdpr}), ElementsAre(1, 4));
  EXPECT_THAT(List({.regulation = Regulation::kCcpa}), ElementsAre(2));
  EXPECT_THAT(List({.regulation = Regulation::kOther}), ElementsAre(3));
}

TEST_F(AuditorTest, FiltersByModelAlsoAfterItIsGone) {
  const auto other = CreateModel("n", SmallSpec(1, 1));
  IngestSubjects(*other, 2, 2);
  Forget(1);                                 // in m
  Forget(2);                                 // in both
  ForgetUnder(Regulation::kGdpr, 3, {"n"});  // in n
  Forget(99);                                // in none
  EXPECT_THAT(List({.model = "m"}), ElementsAre(1, 2));
  EXPECT_THAT(List({.model = "n"}), ElementsAre(2, 3));
  EXPECT_THAT(List({.model = "o"}), IsEmpty());
  ASSERT_THAT(engine_->unlearner().Delete(*other), IsOk());
  EXPECT_THAT(List({.model = "n"}), ElementsAre(2, 3));
}

TEST_F(AuditorTest, FiltersBySubject) {
  for (const int subject : {1, 2, 1, 99}) Forget(subject);
  EXPECT_THAT(List({.subject_id = SubjectName(1)}), ElementsAre(1, 3));
  EXPECT_THAT(List({.subject_id = SubjectName(99)}), ElementsAre(4));
  EXPECT_THAT(List({.subject_id = "nobody"}), IsEmpty());
}

TEST_F(AuditorTest, FiltersByTimeOfReceiptFromInclusiveUntilExclusive) {
  const absl::Time begin = clock_.Now();
  for (int subject = 1; subject <= 4; ++subject) {
    Forget(subject);
    clock_.Advance(absl::Hours(1));
  }
  EXPECT_THAT(List({.received_from = begin + absl::Hours(1)}), ElementsAre(2, 3, 4));
  EXPECT_THAT(List({.received_until = begin + absl::Hours(2)}), ElementsAre(1, 2));
  EXPECT_THAT(List({.received_from = begin + absl::Hours(1), .received_until = begin + absl::Hours(3)}),
              ElementsAre(2, 3));
}

TEST_F(AuditorTest, FiltersTogetherMeanAllOfThem) {
  ForgetUnder(Regulation::kGdpr, 1);
  ForgetUnder(Regulation::kGdpr, 99);
  ForgetUnder(Regulation::kCcpa, 2);
  EXPECT_THAT(List({.state = records::Erasure::IN_PROGRESS, .regulation = Regulation::kGdpr}), ElementsAre(1));
}

// --- pages

TEST_F(AuditorTest, PagesTogetherHoldEveryErasureOnce) {
  constexpr int kErasures = 25;
  for (int i = 0; i < kErasures; ++i) Forget(100 + i);
  for (const size_t limit : {1, 4, 5, 24, 25, 26}) {
    std::vector<ErasureSequence> all;
    ErasureSequence first = 1;
    size_t pages = 0;
    do {
      const ErasurePage page = Page({}, first, limit);
      EXPECT_LE(page.erasures.size(), limit);
      EXPECT_TRUE(page.next == 0 || page.erasures.size() == limit);
      for (const ErasureSequence sequence : SequencesOf(page)) all.push_back(sequence);
      first = page.next;
      ++pages;
    } while (first != 0);
    ASSERT_EQ(all.size(), kErasures) << "limit " << limit;
    for (int i = 0; i < kErasures; ++i) EXPECT_EQ(all[i], i + 1);
    EXPECT_EQ(pages, (kErasures + limit - 1) / limit);
  }
}

TEST_F(AuditorTest, PagesOfAFilterSkipWhatDoesNotMatch) {
  for (int i = 0; i < 6; ++i) ForgetUnder(i % 2 == 0 ? Regulation::kGdpr : Regulation::kCcpa, 100 + i);
  const ErasureFilter filter = {.regulation = Regulation::kGdpr};
  const ErasurePage first = Page(filter, 1, 2);
  EXPECT_THAT(SequencesOf(first), ElementsAre(1, 3));
  const ErasurePage second = Page(filter, first.next, 2);
  EXPECT_THAT(SequencesOf(second), ElementsAre(5));
  EXPECT_EQ(second.next, 0);
}

TEST_F(AuditorTest, OneCallLooksAtABoundedNumberOfRecords) {
  constexpr int kBound = 100'000;
  std::vector<records::Erasure> erasures(kBound + 1);
  for (int i = 0; i <= kBound; ++i) {
    erasures[i].set_sequence(i + 1);
    erasures[i].set_uuid(std::to_string(i));
    erasures[i].set_state(i == kBound ? records::Erasure::DENIED : records::Erasure::COMPLETED);
  }
  ASSERT_THAT(engine_->keyring().erasures().Update(erasures, /*synced=*/false), IsOk());
  const ErasureFilter filter = {.state = records::Erasure::DENIED};
  const ErasurePage empty = Page(filter);
  EXPECT_THAT(empty.erasures, IsEmpty());
  ASSERT_EQ(empty.next, kBound + 1);
  EXPECT_THAT(SequencesOf(Page(filter, empty.next)), ElementsAre(kBound + 1));
}

}  // namespace
}  // namespace expunge
