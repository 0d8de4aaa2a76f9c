#include <string>
#include <type_traits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "storage/rocks_status.h"
#include "storage/store.h"

namespace expunge {
namespace {

absl::Status Unreadable(std::string_view what) {
  return CorruptStorage("model", absl::StrCat("cannot be read: ", ToAbsl(what), " that this program does not know"));
}

void SetArchitecture(const Architecture& architecture, records::ModelSpec* record) {
  if (std::holds_alternative<SoftmaxRegression>(architecture)) {
    record->mutable_softmax_regression();
  } else if (const auto* mlp = std::get_if<Mlp>(&architecture)) {
    record->mutable_mlp()->mutable_hidden_sizes()->Add(mlp->hidden_sizes.begin(), mlp->hidden_sizes.end());
  } else {
    const Cnn& cnn = std::get<Cnn>(architecture);
    record->mutable_cnn()->mutable_channels()->Add(cnn.channels.begin(), cnn.channels.end());
    record->mutable_cnn()->set_hidden_size(cnn.hidden_size);
  }
}

void SetOptimizer(const Optimizer& optimizer, records::ModelSpec* record) {
  if (const auto* sgd = std::get_if<Sgd>(&optimizer)) {
    record->mutable_sgd()->set_learning_rate(sgd->learning_rate);
    record->mutable_sgd()->set_momentum(sgd->momentum);
    record->mutable_sgd()->set_weight_decay(sgd->weight_decay);
  } else {
    const Adam& adam = std::get<Adam>(optimizer);
    record->mutable_adam()->set_learning_rate(adam.learning_rate);
    record->mutable_adam()->set_beta1(adam.beta1);
    record->mutable_adam()->set_beta2(adam.beta2);
    record->mutable_adam()->set_epsilon(adam.epsilon);
    record->mutable_adam()->set_weight_decay(adam.weight_decay);
  }
}

absl::StatusOr<Architecture> ArchitectureOf(const records::ModelSpec& record) {
  switch (record.architecture_case()) {
    case records::ModelSpec::kSoftmaxRegression:
      return SoftmaxRegression{};
    case records::ModelSpec::kMlp:
      return Mlp{.hidden_sizes = {record.mlp().hidden_sizes().begin(), record.mlp().hidden_sizes().end()}};
    case records::ModelSpec::kCnn:
      return Cnn{.channels = {record.cnn().channels().begin(), record.cnn().channels().end()},
                 .hidden_size = record.cnn().hidden_size()};
    case records::ModelSpec::ARCHITECTURE_NOT_SET:
      break;
  }
  return Unreadable("an architecture");
}

absl::StatusOr<Optimizer> OptimizerOf(const records::ModelSpec& record) {
  switch (record.optimizer_case()) {
    case records::ModelSpec::kSgd:
      return Sgd{.learning_rate = record.sgd().learning_rate(),
                 .momentum = record.sgd().momentum(),
                 .weight_decay = record.sgd().weight_decay()};
    case records::ModelSpec::kAdam:
      return Adam{.learning_rate = record.adam().learning_rate(),
                  .beta1 = record.adam().beta1(),
                  .beta2 = record.adam().beta2(),
                  .epsilon = record.adam().epsilon(),
                  .weight_decay = record.adam().weight_decay()};
    case records::ModelSpec::OPTIMIZER_NOT_SET:
      break;
  }
  return Unreadable("an optimizer");
}

}  // namespace

records::ModelSpec ModelSpecToRecord(const ModelSpec& spec) {
  records::ModelSpec record;
  records::ModelSpec::Input* const input = record.mutable_input();
  input->mutable_shape()->Add(spec.input.shape.begin(), spec.input.shape.end());
  input->set_dtype(static_cast<uint32_t>(spec.input.dtype));
  input->mutable_mean()->Add(spec.input.mean.begin(), spec.input.mean.end());
  input->mutable_stddev()->Add(spec.input.stddev.begin(), spec.input.stddev.end());
  record.mutable_labels()->Add(spec.labels.begin(), spec.labels.end());
  SetArchitecture(spec.architecture, &record);
  record.set_epochs(spec.training.epochs);
  record.set_batch_size(spec.training.batch_size);
  record.set_seed(spec.training.seed);
  SetOptimizer(spec.training.optimizer, &record);
  record.mutable_sisa()->set_shards(spec.sisa.shards);
  record.mutable_sisa()->set_slices(spec.sisa.slices);
  record.mutable_sisa()->set_aggregation(static_cast<uint32_t>(spec.sisa.aggregation));
  return record;
}

absl::StatusOr<ModelSpec> ModelSpecFromRecord(const records::ModelSpec& record) {
  ModelSpec spec;
  const records::ModelSpec::Input& input = record.input();
  spec.input.shape.assign(input.shape().begin(), input.shape().end());
  spec.input.dtype = static_cast<DType>(input.dtype());
  if (spec.input.dtype != DType::kUint8 && spec.input.dtype != DType::kFloat32) return Unreadable("a dtype");
  spec.input.mean.assign(input.mean().begin(), input.mean().end());
  spec.input.stddev.assign(input.stddev().begin(), input.stddev().end());
  spec.labels.assign(record.labels().begin(), record.labels().end());
  ASSIGN_OR_RETURN(spec.architecture, ArchitectureOf(record));
  spec.training.epochs = record.epochs();
  spec.training.batch_size = record.batch_size();
  spec.training.seed = record.seed();
  ASSIGN_OR_RETURN(spec.training.optimizer, OptimizerOf(record));
  if (!record.has_sisa()) return Unreadable("a method");
  spec.sisa.shards = record.sisa().shards();
  spec.sisa.slices = record.sisa().slices();
  spec.sisa.aggregation = static_cast<Aggregation>(record.sisa().aggregation());
  if (spec.sisa.aggregation != Aggregation::kMeanProbability && spec.sisa.aggregation != Aggregation::kMajorityVote) {
    return Unreadable("an aggregation");
  }
  // The bounds are what every writer checks; a spec outside of them would only fail later and less clearly.
  if (const absl::Status valid = ValidateSpec(spec); !valid.ok()) {
    return CorruptStorage("model", absl::StrCat("cannot be read: ", valid.message()));
  }
  return spec;
}

}  // namespace expunge
