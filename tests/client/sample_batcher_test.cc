#include "client/sample_batcher.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/test_files.h"

namespace expunge {
namespace {

constexpr uint32_t kSamples = 3000;
constexpr size_t kInputBytes = 784;

class SampleBatcherTest : public testing::Test {
 protected:
  SampleBatcherTest() {
    model_.mutable_input()->set_dtype(v1::UINT8);
    model_.mutable_input()->add_shape(kInputBytes);
    for (int i = 0; i < 256; ++i) model_.add_labels(std::to_string(i));
    images_ = files_.Write("images",
                           IdxBytes(IdxType::kUint8, {kSamples, kInputBytes}, CountingBytes(kSamples * kInputBytes)));
    labels_ = files_.Write("labels", IdxBytes(IdxType::kUint8, {kSamples}, CountingBytes(kSamples)));
  }

  SampleBatcher Make(const SampleBatcher::Options& options) {
    return SampleBatcher(std::move(IdxDataset::Open(images_, labels_, model_)).value(), options);
  }

  static std::vector<v1::SampleBatch> Batches(SampleBatcher&& batcher) {
    std::vector<v1::SampleBatch> batches(1);
    while (batcher.Next(&batches.back()).value()) batches.emplace_back();
    batches.pop_back();
    return batches;
  }

  const TestFiles files_;
  v1::Model model_;
  std::string images_;
  std::string labels_;
};

TEST_F(SampleBatcherTest, NamesSamplesAndSubjectsByTheirPlace) {
  const auto batches = Batches(Make({.samples_per_subject = 10}));
  int64_t index = 0;
  for (const v1::SampleBatch& batch : batches) {
    ASSERT_EQ(batch.inputs().size(), static_cast<size_t>(batch.samples_size()) * kInputBytes);
    for (const v1::SampleDescriptor& sample : batch.samples()) {
      EXPECT_EQ(sample.label(), index % 251);
      ++index;
    }
  }
  EXPECT_EQ(index, kSamples);
  EXPECT_EQ(batches.front().samples(0).subject_id(), "person-000000");
  EXPECT_EQ(batches.front().samples(0).sample_id(), "sample-0000000");
  EXPECT_EQ(batches.front().samples(19).subject_id(), "person-000001");
  EXPECT_EQ(batches.front().samples(19).sample_id(), "sample-0000019");
  EXPECT_EQ(batches.back().samples().rbegin()->subject_id(), "person-000299");
  EXPECT_EQ(batches.back().samples().rbegin()->sample_id(), "sample-0002999");
}

TEST_F(SampleBatcherTest, BatchesAreAboutAMebibyteAndKeepSubjectsWhole) {
  const auto batches = Batches(Make({.samples_per_subject = 7}));
  ASSERT_GT(batches.size(), 1u);
  EXPECT_GT(batches.front().ByteSizeLong(), 900'000u);
  for (size_t i = 0; i + 1 < batches.size(); ++i) {
    EXPECT_LT(batches[i].ByteSizeLong(), 1'100'000u);
    EXPECT_NE(batches[i].samples().rbegin()->subject_id(), batches[i + 1].samples(0).subject_id());
  }
}

TEST_F(SampleBatcherTest, APartHasTheNamesAndInputsOfTheWhole) {
  SampleBatcher batcher = Make({.samples_per_subject = 10, .first = 1234, .count = 56});
  EXPECT_EQ(batcher.samples(), 56);
  EXPECT_EQ(batcher.subjects(), 6);
  v1::SampleBatch part;
  for (const v1::SampleBatch& batch : Batches(std::move(batcher))) {
    part.mutable_samples()->MergeFrom(batch.samples());
    part.mutable_inputs()->append(batch.inputs());
  }
  ASSERT_EQ(part.samples_size(), 56);
  EXPECT_EQ(part.samples(0).subject_id(), "person-000123");
  EXPECT_EQ(part.samples(0).sample_id(), "sample-0001234");
  EXPECT_EQ(part.inputs(), CountingBytes(kSamples * kInputBytes).substr(1234 * kInputBytes, 56 * kInputBytes));
}

TEST_F(SampleBatcherTest, ARangePastTheEndIsCut) {
  SampleBatcher batcher = Make({.samples_per_subject = 10, .subject_prefix = "customer/", .first = 2995});
  EXPECT_EQ(batcher.samples(), 5);
  EXPECT_EQ(batcher.subjects(), 1);
  const auto part = Batches(std::move(batcher));
  ASSERT_EQ(part.size(), 1u);
  EXPECT_EQ(part[0].samples(4).subject_id(), "customer/000299");
  EXPECT_TRUE(Batches(Make({.samples_per_subject = 10, .first = 4000})).empty());
}

TEST_F(SampleBatcherTest, OneSubjectMayHoldMoreThanABatch) {
  const auto batches = Batches(Make({.samples_per_subject = 100'000}));
  ASSERT_GT(batches.size(), 1u);
  EXPECT_EQ(batches.back().samples(0).subject_id(), "person-000000");
}

}  // namespace
}  // namespace expunge
