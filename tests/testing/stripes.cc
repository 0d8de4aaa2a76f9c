#include "tests/testing/stripes.h"

#include "absl/strings/str_cat.h"

namespace expunge {
namespace {

// A hash: noise that needs no state.
uint32_t Noise(uint32_t value) {
  value = (value ^ value >> 16) * 0x45d9'f3b;
  value = (value ^ value >> 16) * 0x45d9'f3b;
  return value ^ value >> 16;
}

}  // namespace

std::string StripesImage(int index) {
  std::string image(kStripesBytes, '\0');
  for (int i = 0; i < kStripesBytes; ++i) {
    const bool bright = i / kStripesSide % kStripesClasses == index % kStripesClasses;
    image[i] = static_cast<char>((bright ? 160 : 30) + Noise(static_cast<uint32_t>(index * kStripesBytes + i)) % 64);
  }
  return image;
}

std::string StripesImages(int first, int count) {
  std::string images;
  for (int i = first; i < first + count; ++i) images += StripesImage(i);
  return images;
}

std::string StripesLabels(int first, int count) {
  std::string labels;
  for (int i = first; i < first + count; ++i) labels += static_cast<char>(StripesLabel(i));
  return labels;
}

v1::Model StripesModel(const std::string& id, uint32_t shards, uint32_t slices) {
  v1::Model model;
  model.set_name(absl::StrCat("models/", id));
  model.mutable_input()->add_shape(kStripesSide);
  model.mutable_input()->add_shape(kStripesSide);
  model.mutable_input()->set_dtype(v1::UINT8);
  model.mutable_input()->add_mean(127.5f);
  model.mutable_input()->add_stddev(127.5f);
  for (const char* label : {"top", "middle", "bottom"}) model.add_labels(label);
  model.mutable_architecture()->mutable_softmax_regression();
  model.mutable_training()->set_epochs(4);
  model.mutable_training()->set_batch_size(8);
  model.mutable_training()->set_seed(7);
  model.mutable_training()->mutable_sgd()->set_learning_rate(0.05);
  model.mutable_training()->mutable_sgd()->set_momentum(0.9);
  model.mutable_sisa()->set_shards(shards);
  model.mutable_sisa()->set_slices(slices);
  return model;
}

v1::Model SlowStripesModel(const std::string& id, uint32_t shards, uint32_t slices, uint32_t epochs) {
  v1::Model model = StripesModel(id, shards, slices);
  model.mutable_architecture()->mutable_mlp()->add_hidden_sizes(256);
  model.mutable_training()->set_epochs(epochs);
  model.mutable_training()->mutable_sgd()->set_learning_rate(0.001);
  return model;
}

std::string PersonName(int index) { return absl::StrCat("person-", absl::Dec(index, absl::kZeroPad6)); }

v1::SampleBatch StripesBatch(int first_subject, int subjects, int each) {
  v1::SampleBatch batch;
  for (int i = first_subject * each; i < (first_subject + subjects) * each; ++i) {
    v1::SampleDescriptor& sample = *batch.add_samples();
    sample.set_subject_id(PersonName(i / each));
    sample.set_sample_id(absl::StrCat("sample-", absl::Dec(i, absl::kZeroPad7)));
    sample.set_label(StripesLabel(i));
  }
  batch.set_inputs(StripesImages(first_subject * each, subjects * each));
  return batch;
}

v1::PredictRequest StripesInputs(const std::string& id, int first, int count) {
  v1::PredictRequest request;
  request.set_model(absl::StrCat("models/", id));
  v1::Tensor& inputs = *request.mutable_inputs();
  inputs.set_dtype(v1::UINT8);
  for (const int size : {count, kStripesSide, kStripesSide}) inputs.add_shape(size);
  inputs.set_data(StripesImages(first, count));
  return request;
}

}  // namespace expunge
