// The model file and the data that the demo works with, a slice of them.

#include <string>

#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using google::protobuf::Struct;

constexpr char kImages[] = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
constexpr char kLabels[] = "/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz";

class FashionMnistTest : public IntegrationTest {};

TEST_F(FashionMnistTest, ASliceOfItTrainsWithTheDemosModelAndAPersonIsForgotten) {
  ASSERT_EQ(Expunge({"model", "create", EXPUNGE_MODEL_FILES "/fashion-mnist.json"}).status, 0);
  const auto ingested =
      ExpungeJson<v1::IngestSamplesResponse>({"ingest", "fashion-mnist", "--format", "idx", "--images", kImages,
                                              "--labels", kLabels, "--samples-per-subject", "10", "--count", "2000"});
  EXPECT_EQ(ingested.samples_ingested(), 2000);
  EXPECT_EQ(ExpungeJson<v1::Model>({"train", "fashion-mnist"}).constituents_voting(), 8);
  const Struct evaluation =
      ExpungeJson<Struct>({"evaluate", "fashion-mnist", "--images", kImages, "--labels", kLabels});
  EXPECT_GE(evaluation.fields().at("accuracy").number_value(), 0.7);
  EXPECT_EQ(evaluation.fields().at("samples").number_value(), 10'000);

  const auto erasure = ExpungeJson<v1::Erasure>({"forget", "person-000042", "--wait"});
  EXPECT_EQ(erasure.samples_erased(), 10);
  ASSERT_EQ(erasure.tasks_size(), 1);
  EXPECT_EQ(Expunge({"replay", "fashion-mnist", "--shard", std::to_string(erasure.tasks(0).shard())}).status, 0);
}

}  // namespace
}  // namespace expunge
