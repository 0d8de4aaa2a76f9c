#include "client/cli/erasure_text.h"

#include "base/error.h"
#include "client/cli/model_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace expunge::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kReceived = 1'700'000'000;

google::protobuf::Timestamp At(int64_t seconds, int32_t nanos = 0) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(nanos);
  return timestamp;
}

v1::Erasure Isolated() {
  v1::Erasure erasure;
  erasure.set_name("erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10");
  erasure.set_state(v1::Erasure::IN_PROGRESS);
  erasure.set_regulation(v1::GDPR);
  *erasure.mutable_received_time() = At(kReceived);
  *erasure.mutable_due_time() = At(kReceived + 30 * 86'400);
  *erasure.mutable_milestones()->mutable_isolated_time() = At(kReceived, 12'000'000);
  erasure.set_samples_erased(10);
  auto* task = erasure.add_tasks();
  task->set_model("models/fashion-mnist");
  task->set_shard(3);
  task->set_first_slice(4);
  task->set_samples_erased(10);
  task->set_slices_trained(4);
  task->set_slices_total(8);
  return erasure;
}

v1::Erasure Completed() {
  v1::Erasure erasure = Isolated();
  erasure.set_state(v1::Erasure::COMPLETED);
  *erasure.mutable_milestones()->mutable_retrained_time() = At(kReceived + 3);
  *erasure.mutable_complete_time() = At(kReceived + 4);
  erasure.mutable_tasks(0)->set_slices_trained(8);
  erasure.mutable_tasks(0)->set_retrained(true);
  erasure.mutable_tasks(0)->set_worker_seconds(2.5);
  return erasure;
}

TEST(ErasureTextTest, TheFirstStateIsToldWhole) {
  EXPECT_THAT(
      DescribeChanges(v1::Erasure(), Isolated()),
      ElementsAre(
          "erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10  GDPR, 10 samples in 1 shard, due 2023-12-14 22:13:20Z",
          "  fashion-mnist shard 3: 4 of 8 slices trained", "isolated    +12 ms", "IN_PROGRESS"));
}

TEST(ErasureTextTest, LaterOnesTellWhatChanged) {
  v1::Erasure later = Isolated();
  EXPECT_THAT(DescribeChanges(Isolated(), later), IsEmpty());
  later.mutable_tasks(0)->set_slices_trained(5);
  EXPECT_THAT(DescribeChanges(Isolated(), later), ElementsAre("  fashion-mnist shard 3: 5 of 8 slices trained"));
  EXPECT_THAT(DescribeChanges(later, Completed()), ElementsAre("retrained   +3.0 s", "COMPLETED   +4.0 s"));
}

TEST(ErasureTextTest, ADenialComesWithItsReason) {
  v1::Erasure denied = Isolated();
  denied.set_state(v1::Erasure::DENIED);
  denied.set_denial_reason("suspected_fraud");
  EXPECT_THAT(DescribeChanges(Isolated(), denied), ElementsAre("DENIED  suspected_fraud"));
}

TEST(ErasureTextTest, OnlyCompletedIsASuccess) {
  v1::Erasure erasure = Isolated();
  EXPECT_FALSE(IsFinal(erasure));
  EXPECT_TRUE(CheckOutcome(erasure).ok());
  EXPECT_TRUE(IsFinal(Completed()));
  EXPECT_TRUE(CheckOutcome(Completed()).ok());
  erasure.set_state(v1::Erasure::DENIED);
  erasure.set_denial_reason("suspected_fraud");
  EXPECT_TRUE(IsFinal(erasure));
  EXPECT_EQ(ReasonOf(CheckOutcome(erasure)), "ERASURE_DENIED");
  EXPECT_THAT(std::string(CheckOutcome(erasure).message()), HasSubstr("suspected_fraud"));
  erasure.set_state(v1::Erasure::FAILED);
  EXPECT_TRUE(IsFinal(erasure));
  EXPECT_EQ(ReasonOf(CheckOutcome(erasure)), "ERASURE_FAILED");
}

TEST(ErasureTextTest, ShowsHowFarTheDueTimeIs) {
  const absl::Time received = absl::FromUnixSeconds(kReceived);
  EXPECT_THAT(ErasureText(Isolated(), received), HasSubstr("2023-12-14 22:13:20Z  (in 30 d 0 h)"));
  EXPECT_THAT(ErasureText(Isolated(), received + absl::Hours(24 * 31)), HasSubstr("(OVERDUE by 1 d 0 h)"));
  EXPECT_THAT(ErasureText(Completed(), received + absl::Hours(24 * 31)), Not(HasSubstr("OVERDUE")));
}

TEST(ErasureTextTest, ShowsMilestonesAndTasks) {
  EXPECT_THAT(ErasureText(Completed(), absl::FromUnixSeconds(kReceived)),
              AllOf(HasSubstr("isolated    2023-11-14 22:13:20Z  +12 ms\n"),
                    HasSubstr("completed   2023-11-14 22:13:24Z  +4.0 s\n"), HasSubstr("10 samples in 1 shard"),
                    HasSubstr("fashion-mnist      3       10           4      8/8  yes        2.5 s\n")));
}

TEST(ErasureTextTest, NothingHeldIsSaid) {
  v1::Erasure erasure = Completed();
  erasure.clear_tasks();
  erasure.set_samples_erased(0);
  EXPECT_THAT(ErasureText(erasure, absl::FromUnixSeconds(kReceived)),
              AllOf(HasSubstr("nothing was held"), Not(HasSubstr("SHARD"))));
}

TEST(ErasureTextTest, TheTableHasALineForEach) {
  const v1::Erasure open = Isolated(), done = Completed();
  const std::string table = ErasureTable({&open, &done});
  EXPECT_THAT(table, HasSubstr("IN_PROGRESS  GDPR  2023-11-14 22:13:20Z  2023-12-14 22:13:20Z       10       1  -\n"));
  EXPECT_THAT(table,
              HasSubstr("COMPLETED    GDPR  2023-11-14 22:13:20Z  2023-12-14 22:13:20Z       10       1  4.0 s\n"));
}

v1::Model TrainingModel() {
  v1::Model model;
  for (const uint32_t trained : {4, 1, 0}) {
    v1::Shard* shard = model.add_shards();
    shard->set_shard(static_cast<uint32_t>(model.shards_size() - 1));
    shard->set_slices_total(4);
    shard->set_slices_trained(trained);
    shard->set_samples(trained == 0 ? 0 : 100);
    shard->set_state(trained == 4 ? v1::Shard::TRAINED : v1::Shard::TRAINING);
  }
  return model;
}

TEST(ModelTextTest, TrainingIsMeasuredByItsCost) {
  v1::Model model = TrainingModel();
  EXPECT_DOUBLE_EQ(TrainedFraction(model), (10.0 + 1) / 20);
  model.mutable_shards(1)->set_slice_progress(0.5);
  EXPECT_DOUBLE_EQ(TrainedFraction(model), (10.0 + 1 + 1) / 20);
  EXPECT_EQ(TrainedFraction(v1::Model()), 0);
}

TEST(ModelTextTest, SlicesAreCountedWithoutEmptyShards) {
  EXPECT_EQ(SliceCounts(TrainingModel(), /*numbered=*/false), "5 of 8 slices  [4 1]");
  EXPECT_EQ(SliceCounts(TrainingModel(), /*numbered=*/true), "5 of 8 slices  0:4/4 1:1/4");
}

TEST(ModelTextTest, TheShardMapShowsEverySlice) {
  EXPECT_THAT(ShardTable(TrainingModel(), /*unicode=*/true), HasSubstr("■□□□"));
  v1::Model model = TrainingModel();
  model.mutable_shards(1)->set_problem("the disk is full");
  EXPECT_THAT(ShardTable(model, /*unicode=*/false), AllOf(HasSubstr("#..."), HasSubstr("TRAINING (the disk is full)")));
}

TEST(ModelTextTest, DescribesTheDeclaration) {
  v1::Model model = TrainingModel();
  model.set_name("models/digits");
  model.mutable_input()->add_shape(64);
  model.mutable_input()->set_dtype(v1::FLOAT32);
  model.mutable_architecture()->mutable_mlp()->add_hidden_sizes(32);
  model.mutable_training()->set_epochs(18);
  model.mutable_training()->mutable_adam()->set_learning_rate(0.001);
  EXPECT_THAT(ModelText(model, false),
              AllOf(HasSubstr("models/digits"), HasSubstr("64 FLOAT32"), HasSubstr("mlp, hidden layers of 32"),
                    HasSubstr("18 epochs"), HasSubstr("adam, learning rate 0.001"), HasSubstr("SHARD")));
  EXPECT_THAT(ModelTable({&model}), HasSubstr("digits"));
}

}  // namespace
}  // namespace expunge::cli
