#include "client/cli/model_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/proto_time.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

constexpr uint32_t kMaxSliceMarks = 32;

std::string ArchitectureText(const v1::Model::Architecture& architecture) {
  switch (architecture.kind_case()) {
    case v1::Model::Architecture::kSoftmaxRegression:
      return "softmax_regression";
    case v1::Model::Architecture::kMlp:
      return absl::StrCat("mlp, hidden layers of ", absl::StrJoin(architecture.mlp().hidden_sizes(), ", "));
    case v1::Model::Architecture::kCnn:
      return absl::StrCat("cnn, channels ", absl::StrJoin(architecture.cnn().channels(), ", "), ", hidden layer of ",
                          architecture.cnn().hidden_size());
    case v1::Model::Architecture::KIND_NOT_SET:
      break;
  }
  return "unknown to this client";
}

std::string OptimizerText(const v1::Model::Training& training) {
  switch (training.optimizer_case()) {
    case v1::Model::Training::kSgd:
      return absl::StrFormat("sgd, learning rate %g, momentum %g, weight decay %g", training.sgd().learning_rate(),
                             training.sgd().momentum(), training.sgd().weight_decay());
    case v1::Model::Training::kAdam:
      return absl::StrFormat("adam, learning rate %g, weight decay %g", training.adam().learning_rate(),
                             training.adam().weight_decay());
    case v1::Model::Training::OPTIMIZER_NOT_SET:
      break;
  }
  return "unknown to this client";
}

std::string InputText(const v1::Model::Input& input) {
  const std::vector<int64_t> shape(input.shape().begin(), input.shape().end());
  return absl::StrCat(ShowShape(shape), " ", v1::DType_Name(input.dtype()));
}

std::string SliceMarks(const v1::Shard& shard, bool unicode) {
  if (shard.slices_total() > kMaxSliceMarks) {
    return ShowBar(static_cast<double>(shard.slices_trained()) / shard.slices_total(), kMaxSliceMarks / 2, unicode);
  }
  std::string marks;
  for (uint32_t slice = 0; slice < shard.slices_total(); ++slice) {
    const bool trained = slice < shard.slices_trained();
    absl::StrAppend(&marks, unicode ? (trained ? "■" : "□") : (trained ? "#" : "."));
  }
  return marks;
}

}  // namespace

std::string ModelTable(absl::Span<const v1::Model* const> models) {
  Table table({"MODEL", "STATE", "INPUT", "CLASSES", "SHARDS", "SLICES", "SAMPLES", "SUBJECTS", "VOTING", "CREATED"});
  for (const v1::Model* model : models) {
    table.AddRow({std::string(ShortName(model->name())), v1::Model::State_Name(model->state()),
                  InputText(model->input()), absl::StrCat(model->labels_size()), absl::StrCat(model->sisa().shards()),
                  absl::StrCat(model->sisa().slices()), ShowCount(model->samples()), ShowCount(model->subjects()),
                  absl::StrCat(model->constituents_voting()),
                  ShowTime(model->has_create_time(), model->create_time())});
  }
  return table.ToString();
}

std::string ModelText(const v1::Model& model, bool unicode) {
  Fields fields;
  fields.Add("model", model.name());
  fields.Add("state", v1::Model::State_Name(model.state()));
  fields.Add("input", InputText(model.input()));
  fields.Add("classes", absl::StrCat(model.labels_size(), ": ", absl::StrJoin(model.labels(), ", ")));
  fields.Add("architecture", ArchitectureText(model.architecture()));
  fields.Add("training", absl::StrCat(Plural(model.training().epochs(), "epoch"), ", batches of ",
                                      model.training().batch_size(), ", seed ", model.training().seed()));
  fields.Add("optimizer", OptimizerText(model.training()));
  fields.Add("shards", absl::StrCat(model.sisa().shards(), " of ", Plural(model.sisa().slices(), "slice"), ", ",
                                    v1::Model::Aggregation_Name(model.sisa().aggregation())));
  fields.Add("samples", absl::StrCat(ShowCount(model.samples()), " of ", Plural(model.subjects(), "subject"),
                                     model.has_untrained_samples() ? "; some wait for the next train" : ""));
  fields.Add("created", ShowTime(model.has_create_time(), model.create_time()));
  fields.Add("trained", ShowTime(model.has_train_time(), model.train_time()));
  fields.Add("worker time", ShowDuration(absl::Seconds(model.worker_seconds())));
  fields.Add("ensemble", absl::StrCat("version ", model.ensemble_version(), ", ", model.constituents_voting(), " of ",
                                      model.sisa().shards(), " constituents voting"));
  return absl::StrCat(fields.ToString(), model.shards().empty() ? "" : "\n",
                      model.shards().empty() ? "" : ShardTable(model, unicode));
}

std::string ShardTable(const v1::Model& model, bool unicode) {
  Table table({"SHARD", "SLICES", "TRAINED", "SUBJECTS", "SAMPLES", "VOTING", "STATE"});
  for (const v1::Shard& shard : model.shards()) {
    std::string state = v1::Shard::State_Name(shard.state());
    if (!shard.problem().empty()) absl::StrAppend(&state, " (", shard.problem(), ")");
    table.AddRow({absl::StrCat(shard.shard()), SliceMarks(shard, unicode),
                  absl::StrCat(shard.slices_trained(), "/", shard.slices_total()), ShowCount(shard.subjects()),
                  ShowCount(shard.samples()), shard.voting() ? "yes" : "no", state});
  }
  return table.ToString();
}

double TrainedFraction(const v1::Model& model) {
  double done = 0, total = 0;
  for (const v1::Shard& shard : model.shards()) {
    if (shard.samples() == 0) continue;
    const double trained = shard.slices_trained(), slices = shard.slices_total();
    done += trained * (trained + 1) / 2 +
            (shard.state() == v1::Shard::TRAINING ? shard.slice_progress() * (trained + 1) : 0);
    total += slices * (slices + 1) / 2;
  }
  return total > 0 ? done / total : 0;
}

std::string SliceCounts(const v1::Model& model, bool numbered) {
  int64_t trained = 0, total = 0;
  std::vector<std::string> shards;
  for (const v1::Shard& shard : model.shards()) {
    if (shard.samples() == 0) continue;
    trained += shard.slices_trained();
    total += shard.slices_total();
    shards.push_back(numbered ? absl::StrCat(shard.shard(), ":", shard.slices_trained(), "/", shard.slices_total())
                              : absl::StrCat(shard.slices_trained()));
  }
  return absl::StrCat(trained, " of ", total, " slices  ", numbered ? "" : "[", absl::StrJoin(shards, " "),
                      numbered ? "" : "]");
}

}  // namespace expunge::cli
