#include "rpc/validation.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

// Two channels of 2 x 3.
ModelSpec Spec(DType dtype) {
  ModelSpec spec;
  spec.input.shape = {2, 2, 3};
  spec.input.dtype = dtype;
  spec.labels = {"a", "b", "c"};
  return spec;
}

std::string Floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

v1::Tensor Tensor(v1::DType dtype, const std::vector<int64_t>& shape, std::string data) {
  v1::Tensor tensor;
  tensor.set_dtype(dtype);
  tensor.mutable_shape()->Assign(shape.begin(), shape.end());
  tensor.set_data(std::move(data));
  return tensor;
}

TEST(ValidateIdTest, BoundsTheBytes) {
  EXPECT_TRUE(ValidateId("x", "subject_id").ok());
  EXPECT_TRUE(ValidateId(std::string(1024, 'x'), "subject_id").ok());
  for (const std::string& id : {std::string(), std::string(1025, 'x')}) {
    const absl::Status status = ValidateId(id, "subject_id");
    EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
    EXPECT_EQ(FieldOf(status), "subject_id");
    EXPECT_EQ(status.message().find('x', status.message().find("must")), std::string::npos);
  }
}

TEST(ValidateInputsTest, TakesTheModelsShapeAndRows) {
  EXPECT_EQ(*ValidateInputs(Tensor(v1::UINT8, {4, 2, 2, 3}, std::string(48, 'x')), Spec(DType::kUint8)), 4);
  EXPECT_EQ(*ValidateInputs(Tensor(v1::UINT8, {4, 12}, std::string(48, 'x')), Spec(DType::kUint8)), 4);
  EXPECT_EQ(*ValidateInputs(Tensor(v1::FLOAT32, {1, 12}, Floats(std::vector<float>(12, -1.5f))), Spec(DType::kFloat32)),
            1);
}

struct BadTensor {
  std::string field;
  v1::Tensor tensor;
};

TEST(ValidateInputsTest, NamesTheFieldThatIsWrong) {
  const std::string row(12, 'x');
  const std::vector<BadTensor> table = {
      {"inputs.dtype", Tensor(v1::FLOAT32, {1, 12}, row)},
      {"inputs.dtype", Tensor(v1::DTYPE_UNSPECIFIED, {1, 12}, row)},
      {"inputs.dtype", Tensor(static_cast<v1::DType>(9), {1, 12}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {12}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {2, 2, 3}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {1, 3, 2, 2}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {1, 2, 2, 3, 1}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {0, 12}, "")},
      {"inputs.shape", Tensor(v1::UINT8, {-1, 12}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {4097, 12}, row)},
      {"inputs.shape", Tensor(v1::UINT8, {std::numeric_limits<int64_t>::max(), 12}, row)},
      {"inputs.data", Tensor(v1::UINT8, {1, 12}, "")},
      {"inputs.data", Tensor(v1::UINT8, {1, 12}, row + "x")},
      {"inputs.data", Tensor(v1::UINT8, {2, 12}, row)},
  };
  for (const BadTensor& bad : table) {
    const absl::Status status = ValidateInputs(bad.tensor, Spec(DType::kUint8)).status();
    EXPECT_EQ(ReasonOf(status), "INVALID_FIELD") << bad.tensor.ShortDebugString();
    EXPECT_EQ(FieldOf(status), bad.field) << bad.tensor.ShortDebugString();
  }
}

TEST(ValidateInputsTest, RefusesWhatIsNotFinite) {
  for (const float bad : {std::nanf(""), -std::nanf("1"), INFINITY, -INFINITY}) {
    std::vector<float> values(24, std::numeric_limits<float>::max());
    values[23] = bad;
    const absl::Status status =
        ValidateInputs(Tensor(v1::FLOAT32, {2, 12}, Floats(values)), Spec(DType::kFloat32)).status();
    EXPECT_EQ(FieldOf(status), "inputs.data");
    EXPECT_NE(status.message().find("element 23"), std::string::npos) << status;
  }
}

v1::SampleBatch TwoSamples() {
  v1::SampleBatch batch;
  for (const char* id : {"one", "two"}) {
    v1::SampleDescriptor* const sample = batch.add_samples();
    sample->set_subject_id("somebody");
    sample->set_sample_id(id);
    sample->set_label(2);
  }
  batch.set_inputs(std::string(24, 'x'));
  return batch;
}

struct BadBatch {
  std::string field;
  std::function<void(v1::SampleBatch&)> spoil;
};

TEST(ValidateBatchTest, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(ValidateBatch(TwoSamples(), Spec(DType::kUint8)).ok());
  const std::vector<BadBatch> table = {
      {"batch.samples", [](v1::SampleBatch& batch) { batch.clear_samples(); }},
      {"batch.inputs", [](v1::SampleBatch& batch) { batch.clear_inputs(); }},
      {"batch.inputs", [](v1::SampleBatch& batch) { batch.mutable_inputs()->push_back('x'); }},
      {"batch.inputs", [](v1::SampleBatch& batch) { batch.add_samples(); }},
      {"batch.samples[1].subject_id", [](v1::SampleBatch& batch) { batch.mutable_samples(1)->clear_subject_id(); }},
      {"batch.samples[0].subject_id",
       [](v1::SampleBatch& batch) { batch.mutable_samples(0)->set_subject_id(std::string(1025, 'x')); }},
      {"batch.samples[1].sample_id", [](v1::SampleBatch& batch) { batch.mutable_samples(1)->clear_sample_id(); }},
      {"batch.samples[0].sample_id",
       [](v1::SampleBatch& batch) { batch.mutable_samples(0)->set_sample_id(std::string(1025, 'x')); }},
      {"batch.samples[1].label", [](v1::SampleBatch& batch) { batch.mutable_samples(1)->set_label(3); }},
      {"batch.samples[1].erasure_likelihood",
       [](v1::SampleBatch& batch) {
         batch.mutable_samples(1)->set_erasure_likelihood(static_cast<v1::ErasureLikelihood>(7));
       }},
  };
  for (const BadBatch& bad : table) {
    v1::SampleBatch batch = TwoSamples();
    bad.spoil(batch);
    const absl::Status status = ValidateBatch(batch, Spec(DType::kUint8));
    EXPECT_EQ(ReasonOf(status), "INVALID_FIELD") << bad.field;
    EXPECT_EQ(FieldOf(status), bad.field);
    EXPECT_EQ(status.message().find("somebody"), std::string::npos) << status;
  }
}

TEST(ValidateBatchTest, RefusesWhatIsNotFinite) {
  v1::SampleBatch batch = TwoSamples();
  std::vector<float> values(24, 0.0f);
  batch.set_inputs(Floats(values));
  EXPECT_TRUE(ValidateBatch(batch, Spec(DType::kFloat32)).ok());
  values[5] = INFINITY;
  batch.set_inputs(Floats(values));
  EXPECT_EQ(FieldOf(ValidateBatch(batch, Spec(DType::kFloat32))), "batch.inputs");
}

TEST(ValidateTimestampTest, BoundsSecondsAndNanos) {
  google::protobuf::Timestamp time;
  EXPECT_TRUE(ValidateTimestamp(time, "submitted_time").ok());
  time.set_nanos(-1);
  EXPECT_EQ(FieldOf(ValidateTimestamp(time, "submitted_time")), "submitted_time");
  time.set_nanos(1'000'000'000);
  EXPECT_FALSE(ValidateTimestamp(time, "submitted_time").ok());
  time.set_nanos(0);
  for (const int64_t seconds : {int64_t{-62'135'596'801}, int64_t{253'402'300'800}}) {
    time.set_seconds(seconds);
    EXPECT_FALSE(ValidateTimestamp(time, "submitted_time").ok()) << seconds;
  }
}

}  // namespace
}  // namespace expunge
