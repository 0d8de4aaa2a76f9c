#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/options.h"
#include "client/dataset.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

constexpr int kBarColumns = 30;
constexpr size_t kClassesShown = 10;
constexpr int64_t kMaxPictureSide = 64;

struct PredictOptions {
  std::string model;
  std::string images;
  int64_t index = 0;
};

absl::Status ReadImage(const PredictOptions& options, const v1::Model& model, v1::Tensor* tensor) {
  ASSIGN_OR_RETURN(const auto images, IdxReader::Open(options.images));
  RETURN_IF_ERROR(CheckInputsFit(*images, model));
  if (options.index >= images->count()) {
    return Error(absl::StatusCode::kOutOfRange, "FILE_TOO_SHORT",
                 absl::StrCat(options.images, ": --index must be below ", images->count(), ", its number of images"));
  }
  RETURN_IF_ERROR(images->Skip(options.index));
  tensor->set_dtype(model.input().dtype());
  tensor->add_shape(1);
  tensor->mutable_shape()->MergeFrom(model.input().shape());
  std::string& data = *tensor->mutable_data();
  data.resize(images->item_bytes());
  return images->Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(data.data()), data.size())).status();
}

// Nothing unless the input is a small grey picture: [height, width] or [1, height, width].
std::string Picture(const v1::Tensor& tensor, bool color) {
  const int dimensions = tensor.shape_size();
  if (dimensions < 3 || dimensions > 4 || (dimensions == 4 && tensor.shape(1) != 1)) return "";
  const int64_t height = tensor.shape(dimensions - 2), width = tensor.shape(dimensions - 1);
  if (height > kMaxPictureSide || width > kMaxPictureSide) return "";
  std::vector<float> pixels(static_cast<size_t>(height * width));
  if (tensor.dtype() == v1::UINT8) {
    std::transform(tensor.data().begin(), tensor.data().end(), pixels.begin(),
                   [](char byte) { return static_cast<float>(static_cast<uint8_t>(byte)) / 255; });
  } else {
    std::memcpy(pixels.data(), tensor.data().data(), pixels.size() * sizeof(float));
  }
  return ShowImage(pixels, static_cast<int>(height), static_cast<int>(width), color);
}

std::string ProbabilityBars(const v1::Prediction& prediction, const v1::Model& model, bool unicode) {
  std::vector<int> classes(static_cast<size_t>(std::min(prediction.probabilities_size(), model.labels_size())));
  std::iota(classes.begin(), classes.end(), 0);
  std::stable_sort(classes.begin(), classes.end(),
                   [&](int a, int b) { return prediction.probabilities(a) > prediction.probabilities(b); });
  classes.resize(std::min(classes.size(), kClassesShown));
  size_t width = 0;
  for (const int index : classes) width = std::max(width, DisplayWidth(model.labels(index)));
  std::string text;
  for (const int index : classes) {
    const std::string& label = model.labels(index);
    absl::StrAppend(&text, label, std::string(width + 2 - DisplayWidth(label), ' '),
                    ShowBar(prediction.probabilities(index), kBarColumns, unicode), " ",
                    ShowPercent(prediction.probabilities(index)), "\n");
  }
  return text;
}

absl::Status Predict(const PredictOptions& options, Session& session) {
  v1::GetModelRequest get;
  get.set_name(ModelName(options.model));
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(get));
  v1::PredictRequest request;
  request.set_model(model.name());
  RETURN_IF_ERROR(ReadImage(options, model, request.mutable_inputs()));
  ASSIGN_OR_RETURN(const v1::PredictResponse response, session.client().Predict(request));
  if (session.json()) return session.PrintJson(response);
  if (response.predictions_size() != 1) {
    return Error(absl::StatusCode::kInternal, "BAD_ANSWER",
                 absl::StrCat("the server gave ", response.predictions_size(), " predictions for 1 input"));
  }
  const v1::Prediction& prediction = response.predictions(0);
  session.out() << Picture(request.inputs(), session.out_terminal().color) << "image " << options.index << ": "
                << prediction.label() << "\n\n"
                << ProbabilityBars(prediction, model, session.out_terminal().unicode) << "\n"
                << response.constituents_voting() << " of " << response.constituents_total() << " constituents voted, "
                << response.constituents_clean() << " of them fully trained; ensemble version "
                << response.ensemble_version() << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddPredictCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand("predict", "Ask a model about one input");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  AddFileOption(*command, "--images", options->images, "An IDX file, plain or gzipped");
  AddNumberOption(*command, "--index", options->index, 0, Presence::kRequired, "Which input of the file, from 0");
  command->footer("Example:\n  expunge predict fashion-mnist --images t10k-images-idx3-ubyte.gz --index 7");
  command->callback(
      [options, &action] { action = [options](Session& session) { return Predict(*options, session); }; });
}

}  // namespace expunge::cli
