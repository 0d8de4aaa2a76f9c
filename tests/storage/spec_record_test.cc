#include "tests/model/specs.h"
#include "tests/storage/fixtures.h"

namespace expunge {
namespace {

TEST(SpecRecordTest, EverySpecComesBackEqual) {
  for (const ModelSpec& spec : {SoftmaxSpec(), MlpSpec(), CnnSpec()}) {
    records::ModelSpec stored;
    ASSERT_TRUE(stored.ParseFromString(ModelSpecToRecord(spec).SerializeAsString()));
    const auto read = ModelSpecFromRecord(stored);
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, spec);
  }
}

TEST(SpecRecordTest, WhatThisVersionCannotHaveWrittenIsDataLoss) {
  const std::vector<void (*)(records::ModelSpec&)> changes = {
      [](auto& record) { record.clear_architecture(); },
      [](auto& record) { record.clear_optimizer(); },
      [](auto& record) { record.clear_method(); },
      [](auto& record) { record.mutable_input()->set_dtype(0); },
      [](auto& record) { record.mutable_input()->set_dtype(3); },
      [](auto& record) { record.mutable_sisa()->set_aggregation(0); },
      [](auto& record) { record.mutable_sisa()->set_aggregation(3); },
      [](auto& record) { record.mutable_sisa()->set_shards(0); },
      [](auto& record) { record.mutable_input()->clear_shape(); },
      [](auto& record) { record.clear_labels(); },
      [](auto& record) { record.Clear(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    records::ModelSpec record = ModelSpecToRecord(MlpSpec());
    changes[i](record);
    EXPECT_THAT(ModelSpecFromRecord(record), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT")) << "change " << i;
  }
}

}  // namespace
}  // namespace expunge
