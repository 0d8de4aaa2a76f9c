#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/model_text.h"
#include "client/cli/options.h"
#include "client/cli/reconnect.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

struct TrainOptions {
  std::string model;
  bool no_wait = false;
};

// The first shard whose training failed, if there is nothing else left that could still go on.
const v1::Shard* FindStuckShard(const v1::Model& model) {
  const v1::Shard* stuck = nullptr;
  for (const v1::Shard& shard : model.shards()) {
    if (shard.state() == v1::Shard::TRAINED) continue;
    if (shard.problem().empty()) return nullptr;
    if (stuck == nullptr) stuck = &shard;
  }
  return stuck;
}

// Ends when the model is READY, or the server's attempts fail. It goes on trying, but whoever waits wants to know.
absl::Status Follow(Session& session, v1::Model* model) {
  Progress progress = session.MakeProgress("training");
  const RateMeter meter;
  v1::WatchModelRequest request;
  request.set_name(model->name());
  int updates = 0;
  const v1::Shard* stuck = nullptr;
  RETURN_IF_ERROR(FollowThroughRestarts(
      /*heard_before=*/true, [&] { session.Warn(kLostConnection); },
      [&](const std::function<void()>& heard) {
        absl::Status status = session.client().WatchModel(request, [&](const v1::Model& update) {
          heard();
          *model = update;
          progress.Update(TrainedFraction(*model),
                          absl::StrCat(SliceCounts(*model, /*numbered=*/!session.err_terminal().tty), "  ",
                                       ShowDuration(meter.Elapsed())));
          stuck =
              ++updates > 1 ? FindStuckShard(*model) : nullptr;  // the first one may still tell of an earlier training
          return model->state() == v1::Model::TRAINING && stuck == nullptr;
        });
        if (status.ok() && model->state() == v1::Model::TRAINING && stuck == nullptr) {
          return absl::UnavailableError("the server ended the stream");
        }
        return status;
      }));
  if (stuck == nullptr) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "TRAINING_FAILED",
               absl::StrCat("training of shard ", stuck->shard(), " of ", model->name(),
                            " failed, the server tries again: ", stuck->problem()));
}

absl::Status Train(const TrainOptions& options, Session& session) {
  v1::TrainModelRequest request;
  request.set_name(ModelName(options.model));
  ASSIGN_OR_RETURN(v1::Model model, session.client().TrainModel(request));
  const RateMeter meter;
  if (!options.no_wait) RETURN_IF_ERROR(Follow(session, &model));
  if (session.json()) {
    RETURN_IF_ERROR(session.PrintJson(model));
  } else if (options.no_wait) {
    session.out() << model.name() << ": training started\n";
  } else {
    session.out() << model.name() << ": " << v1::Model::State_Name(model.state()) << " in "
                  << ShowDuration(meter.Elapsed()) << ", " << model.constituents_voting() << " of "
                  << model.sisa().shards() << " constituents voting, "
                  << ShowDuration(absl::Seconds(model.worker_seconds())) << " of worker time in all\n\n"
                  << ShardTable(model, session.out_terminal().unicode);
  }
  return absl::OkStatus();
}

}  // namespace

void AddTrainCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<TrainOptions>();
  CLI::App* command =
      app.add_subcommand("train", "Train a model on everything ingested so far, and wait until it is ready");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  command->add_flag("--no-wait", options->no_wait, "Start the training and return at once");
  command->footer("Example:\n  expunge train fashion-mnist");
  command->callback([options, &action] { action = [options](Session& session) { return Train(*options, session); }; });
}

}  // namespace expunge::cli
