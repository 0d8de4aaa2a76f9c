#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/options.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

struct ReplayOptions {
  std::string model;
  std::optional<uint32_t> shard;
};

// The last message about each shard: it has the verdict.
using Verdicts = std::map<uint32_t, v1::ReplayProgress>;

// The shards that a replay without --shard goes through.
absl::StatusOr<int> CountShards(const ReplayOptions& options, const std::string& model_name, Session& session) {
  if (options.shard) return 1;
  v1::GetModelRequest request;
  request.set_name(model_name);
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(request));
  int shards = 0;
  for (const v1::Shard& shard : model.shards()) shards += shard.samples() == 0 ? 0 : 1;
  return shards;
}

// How far the replay of one shard is. The cost of a slice grows with its index: it is trained with all before it.
double ShardFraction(const v1::ReplayProgress& update) {
  const double done = update.slice(), total = update.slices_total();
  return total > 0 ? (done * (done + 1) / 2 + update.slice_progress() * (done + 1)) / (total * (total + 1) / 2) : 0;
}

absl::StatusOr<Verdicts> Run(const ReplayOptions& options, const std::string& model_name, Session& session) {
  ASSIGN_OR_RETURN(const int shards, CountShards(options, model_name, session));
  v1::ReplayShardRequest request;
  request.set_model(model_name);
  if (options.shard) request.set_shard(*options.shard);
  Progress progress = session.MakeProgress("replaying");
  Verdicts verdicts;
  RETURN_IF_ERROR(session.client().ReplayShard(request, [&](const v1::ReplayProgress& update) {
    verdicts[update.shard()] = update;
    const bool ended = update.verdict() != v1::ReplayProgress::VERDICT_UNSPECIFIED;
    progress.Update((static_cast<double>(verdicts.size()) - 1 + (ended ? 1 : ShardFraction(update))) / shards,
                    absl::StrCat("shard ", update.shard(), ": ",
                                 ended ? v1::ReplayProgress::Verdict_Name(update.verdict())
                                       : absl::StrCat("slice ", update.slice() + 1, " of ", update.slices_total())));
    return true;
  }));
  return verdicts;
}

std::string VerdictTable(const Verdicts& verdicts) {
  Table table({"SHARD", "SERVED", "REPLAYED", "LINEAGE", "WORKER TIME", "VERDICT"});
  for (const auto& [shard, verdict] : verdicts) {
    std::string text = v1::ReplayProgress::Verdict_Name(verdict.verdict());
    if (verdict.has_first_mismatch()) absl::StrAppend(&text, " from slice ", verdict.first_mismatch(), " on");
    table.AddRow({absl::StrCat(shard), ShortHex(verdict.served_digest()), ShortHex(verdict.replayed_digest()),
                  ShortHex(verdict.lineage()), ShowDuration(absl::Seconds(verdict.worker_seconds())), text});
  }
  return table.ToString();
}

absl::StatusOr<std::string> VerdictJson(const Verdicts& verdicts, int mismatches) {
  std::vector<std::string> shards;
  double worker_seconds = 0;
  for (const auto& [shard, verdict] : verdicts) {
    ASSIGN_OR_RETURN(shards.emplace_back(), ToJson(verdict, /*pretty=*/false));
    worker_seconds += verdict.worker_seconds();
  }
  return JsonObject()
      .AddBool("bitExact", mismatches == 0)
      .Add("workerSeconds", worker_seconds)
      .AddList("shards", shards)
      .ToString();
}

absl::Status Replay(const ReplayOptions& options, Session& session) {
  const std::string model_name = ModelName(options.model);
  ASSIGN_OR_RETURN(const Verdicts verdicts, Run(options, model_name, session));
  if (verdicts.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_REPLAY",
                 absl::StrCat(model_name, " has no trained shard there"));
  }
  int mismatches = 0;
  for (const auto& [shard, verdict] : verdicts) mismatches += verdict.verdict() == v1::ReplayProgress::MATCH ? 0 : 1;
  if (session.json()) {
    ASSIGN_OR_RETURN(const std::string json, VerdictJson(verdicts, mismatches));
    session.out() << json;
  } else {
    session.out() << VerdictTable(verdicts);
    if (mismatches == 0) session.out() << "\nbit for bit what training from scratch on the remaining samples gives\n";
  }
  if (mismatches == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "REPLAY_MISMATCH",
               absl::StrCat(mismatches, " of ", Plural(static_cast<int64_t>(verdicts.size()), "shard"), " of ",
                            model_name, " is not what training from scratch gives"));
}

}  // namespace

void AddReplayCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Train shards from scratch beside the service and compare the bits");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  command->add_option("--shard", options->shard, "This shard alone; default: all, one after the other")->type_name("K");
  command->footer(
      "Fails when a single bit differs. Changes nothing.\nExample:\n  expunge replay fashion-mnist --shard 3");
  command->callback([options, &action] { action = [options](Session& session) { return Replay(*options, session); }; });
}

}  // namespace expunge::cli
