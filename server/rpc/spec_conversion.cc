#include "rpc/spec_conversion.h"

#include <string_view>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

template <typename T>
std::vector<T> ToVector(const google::protobuf::RepeatedField<T>& field) {
  return {field.begin(), field.end()};
}

template <typename T>
void Assign(const std::vector<T>& values, google::protobuf::RepeatedField<T>* field) {
  field->Assign(values.begin(), values.end());
}

absl::StatusOr<Architecture> ArchitectureFromWire(const v1::Model::Architecture& architecture) {
  switch (architecture.kind_case()) {
    case v1::Model::Architecture::kSoftmaxRegression:
      return SoftmaxRegression{};
    case v1::Model::Architecture::kMlp:
      return Mlp{ToVector(architecture.mlp().hidden_sizes())};
    case v1::Model::Architecture::kCnn:
      return Cnn{ToVector(architecture.cnn().channels()), architecture.cnn().hidden_size()};
    case v1::Model::Architecture::KIND_NOT_SET:
      break;
  }
  return InvalidField("architecture", "must have one of softmax_regression, mlp and cnn");
}

absl::StatusOr<Optimizer> OptimizerFromWire(const v1::Model::Training& training) {
  switch (training.optimizer_case()) {
    case v1::Model::Training::kSgd:
      return Sgd{training.sgd().learning_rate(), training.sgd().momentum(), training.sgd().weight_decay()};
    case v1::Model::Training::kAdam: {
      const v1::Model::Adam& wire = training.adam();
      Adam adam;
      adam.learning_rate = wire.learning_rate();
      if (wire.has_beta1()) adam.beta1 = wire.beta1();
      if (wire.has_beta2()) adam.beta2 = wire.beta2();
      if (wire.has_epsilon()) adam.epsilon = wire.epsilon();
      adam.weight_decay = wire.weight_decay();
      return adam;
    }
    case v1::Model::Training::OPTIMIZER_NOT_SET:
      break;
  }
  return InvalidField("training", "must have one of sgd and adam");
}

absl::StatusOr<Aggregation> AggregationFromWire(v1::Model::Aggregation aggregation) {
  switch (aggregation) {
    case v1::Model::AGGREGATION_UNSPECIFIED:
    case v1::Model::MEAN_PROBABILITY:
      return Aggregation::kMeanProbability;
    case v1::Model::MAJORITY_VOTE:
      return Aggregation::kMajorityVote;
    default:
      return InvalidField("sisa.aggregation", absl::StrCat("must be MEAN_PROBABILITY or MAJORITY_VOTE, is number ",
                                                           static_cast<int>(aggregation)));
  }
}

}  // namespace

absl::StatusOr<ModelSpec> SpecFromWire(const v1::Model& model) {
  ModelSpec spec;
  spec.input.shape = ToVector(model.input().shape());
  spec.input.dtype = static_cast<DType>(model.input().dtype());
  if (model.input().mean_size() > 0) spec.input.mean = ToVector(model.input().mean());
  if (model.input().stddev_size() > 0) spec.input.stddev = ToVector(model.input().stddev());
  spec.labels = {model.labels().begin(), model.labels().end()};
  ASSIGN_OR_RETURN(spec.architecture, ArchitectureFromWire(model.architecture()));
  spec.training.epochs = model.training().epochs();
  spec.training.batch_size = model.training().batch_size();
  spec.training.seed = model.training().seed();
  ASSIGN_OR_RETURN(spec.training.optimizer, OptimizerFromWire(model.training()));
  if (model.method_case() != v1::Model::kSisa) return InvalidField("method", "must be sisa, is not set");
  spec.sisa.shards = model.sisa().shards();
  spec.sisa.slices = model.sisa().slices();
  ASSIGN_OR_RETURN(spec.sisa.aggregation, AggregationFromWire(model.sisa().aggregation()));
  return spec;
}

void SpecToWire(const ModelSpec& spec, v1::Model* model) {
  Assign(spec.input.shape, model->mutable_input()->mutable_shape());
  model->mutable_input()->set_dtype(static_cast<v1::DType>(spec.input.dtype));
  Assign(spec.input.mean, model->mutable_input()->mutable_mean());
  Assign(spec.input.stddev, model->mutable_input()->mutable_stddev());
  model->mutable_labels()->Assign(spec.labels.begin(), spec.labels.end());
  v1::Model::Architecture* const architecture = model->mutable_architecture();
  if (std::holds_alternative<SoftmaxRegression>(spec.architecture)) architecture->mutable_softmax_regression();
  if (const auto* mlp = std::get_if<Mlp>(&spec.architecture)) {
    Assign(mlp->hidden_sizes, architecture->mutable_mlp()->mutable_hidden_sizes());
  }
  if (const auto* cnn = std::get_if<Cnn>(&spec.architecture)) {
    Assign(cnn->channels, architecture->mutable_cnn()->mutable_channels());
    architecture->mutable_cnn()->set_hidden_size(cnn->hidden_size);
  }
  v1::Model::Training* const training = model->mutable_training();
  training->set_epochs(spec.training.epochs);
  training->set_batch_size(spec.training.batch_size);
  training->set_seed(spec.training.seed);
  if (const auto* sgd = std::get_if<Sgd>(&spec.training.optimizer)) {
    training->mutable_sgd()->set_learning_rate(sgd->learning_rate);
    training->mutable_sgd()->set_momentum(sgd->momentum);
    training->mutable_sgd()->set_weight_decay(sgd->weight_decay);
  }
  if (const auto* adam = std::get_if<Adam>(&spec.training.optimizer)) {
    training->mutable_adam()->set_learning_rate(adam->learning_rate);
    training->mutable_adam()->set_beta1(adam->beta1);
    training->mutable_adam()->set_beta2(adam->beta2);
    training->mutable_adam()->set_epsilon(adam->epsilon);
    training->mutable_adam()->set_weight_decay(adam->weight_decay);
  }
  model->mutable_sisa()->set_shards(spec.sisa.shards);
  model->mutable_sisa()->set_slices(spec.sisa.slices);
  model->mutable_sisa()->set_aggregation(static_cast<v1::Model::Aggregation>(spec.sisa.aggregation));
}

}  // namespace expunge
