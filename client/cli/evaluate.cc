#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/options.h"
#include "client/dataset.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

constexpr size_t kBatchInputs = 500;
constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr int kMaxLabels = 256;  // that a file of bytes can tell apart
constexpr int kMaxClassesShown = 50;

struct EvaluateOptions {
  std::string model;
  std::string images;
  std::string labels;
};

// The smallest and the largest that were seen.
struct Range {
  int64_t min = INT64_MAX;
  int64_t max = 0;
  void Add(int64_t value) {
    min = std::min(min, value);
    max = std::max(max, value);
  }
  std::string Text() const { return min == max ? absl::StrCat(min) : absl::StrCat(min, " to ", max); }
};

struct Evaluation {
  explicit Evaluation(int classes)
      : confusion(static_cast<size_t>(std::min(classes, kMaxLabels)),
                  std::vector<int64_t>(static_cast<size_t>(classes))) {}

  double Accuracy() const { return static_cast<double>(correct) / static_cast<double>(samples); }

  int64_t samples = 0;
  int64_t correct = 0;
  std::vector<std::vector<int64_t>> confusion;  // by label, then by what was answered
  Range voting;
  Range clean;
  Range version;
  int64_t constituents = 0;
};

absl::Status Count(const v1::PredictResponse& response, const std::vector<uint8_t>& labels, Evaluation* evaluation) {
  if (static_cast<size_t>(response.predictions_size()) != labels.size()) {
    return Error(
        absl::StatusCode::kInternal, "BAD_ANSWER",
        absl::StrCat("the server gave ", response.predictions_size(), " predictions for ", labels.size(), " inputs"));
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    const uint32_t answer = response.predictions(static_cast<int>(i)).class_index();
    if (answer >= evaluation->confusion.front().size()) {
      return Error(absl::StatusCode::kInternal, "BAD_ANSWER",
                   "the server answered with a class that the model has not");
    }
    ++evaluation->confusion[labels[i]][answer];
    if (answer == labels[i]) ++evaluation->correct;
  }
  evaluation->samples += static_cast<int64_t>(labels.size());
  evaluation->voting.Add(response.constituents_voting());
  evaluation->clean.Add(response.constituents_clean());
  evaluation->version.Add(static_cast<int64_t>(response.ensemble_version()));
  evaluation->constituents = response.constituents_total();
  return absl::OkStatus();
}

absl::Status Run(const EvaluateOptions& options, const v1::Model& model, Session& session, Evaluation* evaluation) {
  ASSIGN_OR_RETURN(const auto dataset, IdxDataset::Open(options.images, options.labels, model));
  const int64_t total = dataset->count();
  if (total == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "FILE_MISMATCH",
                 absl::StrCat(options.images, ": holds 0 images, must be at least 1"));
  }
  const size_t batch = std::clamp<size_t>(kBatchBytes / dataset->input_bytes(), 1, kBatchInputs);
  Progress progress = session.MakeProgress("evaluating");
  const RateMeter meter;
  v1::PredictRequest request;
  request.set_model(model.name());
  request.mutable_inputs()->set_dtype(model.input().dtype());
  std::vector<uint8_t> labels;
  for (;;) {
    ASSIGN_OR_RETURN(const size_t got, dataset->Read(batch, request.mutable_inputs()->mutable_data(), &labels));
    if (got == 0) return absl::OkStatus();
    request.mutable_inputs()->clear_shape();
    request.mutable_inputs()->add_shape(static_cast<int64_t>(got));
    request.mutable_inputs()->mutable_shape()->MergeFrom(model.input().shape());
    ASSIGN_OR_RETURN(const v1::PredictResponse response, session.client().Predict(request));
    RETURN_IF_ERROR(Count(response, labels, evaluation));
    progress.Update(
        static_cast<double>(evaluation->samples) / static_cast<double>(total),
        absl::StrCat(ShowPercent(evaluation->Accuracy()), " right  ", ShowRate(meter.PerSecond(evaluation->samples))));
  }
}

std::string ClassTable(const Evaluation& evaluation, const v1::Model& model) {
  Table table({"CLASS", "SAMPLES", "RIGHT", "MOST OFTEN TAKEN FOR"});
  for (size_t label = 0; label < evaluation.confusion.size(); ++label) {
    std::vector<int64_t> answers = evaluation.confusion[label];
    int64_t samples = 0;
    for (const int64_t count : answers) samples += count;
    if (samples == 0) continue;
    const int64_t right = answers[label];
    answers[label] = 0;
    const auto wrong = std::max_element(answers.begin(), answers.end());
    table.AddRow(
        {model.labels(static_cast<int>(label)), ShowCount(samples),
         ShowPercent(static_cast<double>(right) / static_cast<double>(samples)),
         *wrong == 0 ? "" : absl::StrCat(model.labels(static_cast<int>(wrong - answers.begin())), " (", *wrong, ")")});
  }
  return table.ToString();
}

absl::Status Evaluate(const EvaluateOptions& options, Session& session) {
  v1::GetModelRequest get;
  get.set_name(ModelName(options.model));
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(get));
  Evaluation evaluation(model.labels_size());
  const RateMeter meter;
  RETURN_IF_ERROR(Run(options, model, session, &evaluation));
  const absl::Duration elapsed = meter.Elapsed();
  if (session.json()) {
    session.out() << JsonObject()
                         .Add("accuracy", evaluation.Accuracy())
                         .Add("samples", evaluation.samples)
                         .Add("correct", evaluation.correct)
                         .Add("constituentsVotingMin", evaluation.voting.min)
                         .Add("constituentsVotingMax", evaluation.voting.max)
                         .Add("constituentsCleanMin", evaluation.clean.min)
                         .Add("constituentsTotal", evaluation.constituents)
                         .Add("ensembleVersionMin", evaluation.version.min)
                         .Add("ensembleVersionMax", evaluation.version.max)
                         .Add("seconds", absl::ToDoubleSeconds(elapsed))
                         .ToString();
    return absl::OkStatus();
  }
  Fields fields;
  fields.Add("accuracy", absl::StrCat(ShowPercent(evaluation.Accuracy()), "  (", ShowCount(evaluation.correct), " of ",
                                      Plural(evaluation.samples, "sample"), ")"));
  fields.Add("ensemble",
             absl::StrCat(evaluation.voting.Text(), " of ", evaluation.constituents, " constituents voting, ",
                          evaluation.clean.Text(), " fully trained; version ", evaluation.version.Text()));
  fields.Add("time",
             absl::StrCat(ShowDuration(elapsed), " (",
                          ShowRate(static_cast<double>(evaluation.samples) / absl::ToDoubleSeconds(elapsed)), ")"));
  session.out() << fields.ToString();
  if (model.labels_size() <= kMaxClassesShown) session.out() << "\n" << ClassTable(evaluation, model);
  return absl::OkStatus();
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command = app.add_subcommand("evaluate", "Measure a model's accuracy on labelled inputs");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  AddFileOption(*command, "--images", options->images, "Inputs: an IDX file, plain or gzipped");
  AddFileOption(*command, "--labels", options->labels,
                "The right class indices: an IDX file of unsigned bytes, plain or gzipped");
  command->footer(
      "Example:\n"
      "  expunge evaluate fashion-mnist --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz");
  command->callback(
      [options, &action] { action = [options](Session& session) { return Evaluate(*options, session); }; });
}

}  // namespace expunge::cli
