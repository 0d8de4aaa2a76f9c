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
#include "client/names.h"

namespace expunge::cli {
namespace {

struct ReplayOptions {
  std::string model;
  std::optional<uint32_t> shard;
};

// What the replay found in one shard: its last slice, or the first that does not match.
struct ShardVerdict {
  v1::ReplayProgress decisive;
  double worker_seconds = 0;

  bool matches() const { return decisive.verdict() == v1::ReplayProgress::MATCH; }
  void Add(const v1::ReplayProgress& slice) {
    if (decisive.slices_total() == 0 || matches()) decisive = slice;
    worker_seconds += slice.worker_seconds();
  }
};
using Verdicts = std::map<uint32_t, ShardVerdict>;

// The shards that a replay without --shard goes through.
absl::StatusOr<int> CountShards(const ReplayOptions& options, const std::string& model_name, Session& session) {
  if (options.shard) return 1;
  v1::GetModelRequest request;
  request.set_name(model_name);
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(request));
  int shards = 0;
  for (const v1::Shard& shard : model.shards()) shards += shard.state() == v1::Shard::EMPTY ? 0 : 1;
  return shards;
}

absl::StatusOr<Verdicts> Run(const ReplayOptions& options, const std::string& model_name, Session& session) {
  ASSIGN_OR_RETURN(const int shards, CountShards(options, model_name, session));
  v1::ReplayShardRequest request;
  request.set_model(model_name);
  if (options.shard) request.set_shard(*options.shard);
  Progress progress = session.MakeProgress("replaying");
  Verdicts verdicts;
  RETURN_IF_ERROR(session.client().ReplayShard(request, [&](const v1::ReplayProgress& slice) {
    verdicts[slice.shard()].Add(slice);
    const double done = slice.slice() + 1, total = slice.slices_total();  // of this shard; the cost of a slice grows with its index
    progress.Update((static_cast<double>(verdicts.size()) - 1 + done * (done + 1) / (total * (total + 1))) / shards,
                    absl::StrCat("shard ", slice.shard(), " slice ", slice.slice() + 1, " of ", slice.slices_total(), ": ",
                                 v1::ReplayProgress::Verdict_Name(slice.verdict())));
    return true;
  }));
  return verdicts;
}

std::string VerdictTable(const Verdicts& verdicts) {
  Table table({"SHARD", "VERDICT", "SLICE", "SERVED", "REPLAYED", "LINEAGE", "WORKER TIME"});
  for (const auto& [shard, verdict] : verdicts) {
    const v1::ReplayProgress& slice = verdict.decisive;
    table.AddRow({absl::StrCat(shard), v1::ReplayProgress::Verdict_Name(slice.verdict()),
                  absl::StrCat(slice.slice() + 1, "/", slice.slices_total()), ShortHex(slice.served_digest()),
                  ShortHex(slice.replayed_digest()), ShortHex(slice.lineage()), FormatDuration(absl::Seconds(verdict.worker_seconds))});
  }
  return table.ToString();
}

absl::StatusOr<std::string> VerdictJson(const Verdicts& verdicts, int mismatches) {
  std::vector<std::string> shards;
  double worker_seconds = 0;
  for (const auto& [shard, verdict] : verdicts) {
    ASSIGN_OR_RETURN(shards.emplace_back(), ToJson(verdict.decisive, /*pretty=*/false));
    worker_seconds += verdict.worker_seconds;
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
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_REPLAY", absl::StrCat(model_name, " has no trained shard there"));
  }
  int mismatches = 0;
  for (const auto& [shard, verdict] : verdicts) mismatches += verdict.matches() ? 0 : 1;
  if (session.json()) {
    ASSIGN_OR_RETURN(const std::string json, VerdictJson(verdicts, mismatches));
    session.out() << json;
  } else {
    session.out() << VerdictTable(verdicts);
    if (mismatches == 0) session.out() << "\nbit for bit what training from scratch on the remaining samples gives\n";
  }
  if (mismatches == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "REPLAY_MISMATCH",
               absl::StrCat(mismatches, " of ", Plural(static_cast<int64_t>(verdicts.size()), "shard"), " of ", model_name,
                            " is not what training from scratch gives"));
}

}  // namespace

void AddReplayCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Train shards from scratch beside the service and compare the bits");
  command->add_option("MODEL", options->model, "Name of the model")->required();
  command->add_option("--shard", options->shard, "This shard alone; default: all, one after the other")->type_name("K");
  command->footer("Fails when a single bit differs. Changes nothing.\nExample:\n  expunge replay fashion-mnist --shard 3");
  command->callback([options, &action] { action = [options](Session& session) { return Replay(*options, session); }; });
}

}  // namespace expunge::cli
