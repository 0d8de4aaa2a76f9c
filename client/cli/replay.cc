#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/command_line.h"
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
  bool log = false;
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
  request.set_log_verdict(options.log);
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

int Count(const Verdicts& verdicts, v1::ReplayProgress::Verdict kind) {
  int count = 0;
  for (const auto& [shard, verdict] : verdicts) count += verdict.verdict() == kind ? 1 : 0;
  return count;
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

// Where the shards that were not compared come from, and where they would have been trained; empty when all were.
std::string EnvironmentText(const Verdicts& verdicts) {
  std::set<std::string> trained;
  std::string here;
  for (const auto& [shard, verdict] : verdicts) {
    if (verdict.verdict() != v1::ReplayProgress::ENVIRONMENT_DIFFERS) continue;
    trained.insert(verdict.trained_environment());
    here = verdict.server_environment();
  }
  std::string text;
  for (const std::string& environment : trained) absl::StrAppend(&text, "\ntrained in:  ", environment);
  if (!trained.empty()) absl::StrAppend(&text, "\nthis server: ", here, "\n");
  return text;
}

absl::StatusOr<std::string> VerdictJson(const Verdicts& verdicts, bool bit_exact) {
  std::vector<std::string> shards;
  double worker_seconds = 0;
  for (const auto& [shard, verdict] : verdicts) {
    ASSIGN_OR_RETURN(shards.emplace_back(), ToJson(verdict, /*pretty=*/false));
    worker_seconds += verdict.worker_seconds();
  }
  return JsonObject()
      .AddBool("bitExact", bit_exact)
      .Add("workerSeconds", worker_seconds)
      .AddList("shards", shards)
      .ToString();
}

// Not every shard is a MATCH. A bit that differs weighs more than what was not compared.
absl::Status Failure(const Verdicts& verdicts, const std::string& model_name) {
  const std::string all =
      absl::StrCat(" of ", Plural(static_cast<int64_t>(verdicts.size()), "shard"), " of ", model_name);
  const int differ = Count(verdicts, v1::ReplayProgress::ENVIRONMENT_DIFFERS);
  const int mismatches = static_cast<int>(verdicts.size()) - Count(verdicts, v1::ReplayProgress::MATCH) - differ;
  if (mismatches == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, kEnvironmentDiffers,
                 absl::StrCat("nothing to compare: ", differ, all, " trained in another numeric environment"));
  }
  return Error(absl::StatusCode::kDataLoss, "REPLAY_MISMATCH",
               absl::StrCat(mismatches, all, " is not what training from scratch gives"));
}

absl::Status Replay(const ReplayOptions& options, Session& session) {
  const std::string model_name = ModelName(options.model);
  ASSIGN_OR_RETURN(const Verdicts verdicts, Run(options, model_name, session));
  if (verdicts.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_REPLAY",
                 absl::StrCat(model_name, " has no trained shard there"));
  }
  const bool bit_exact = Count(verdicts, v1::ReplayProgress::MATCH) == static_cast<int>(verdicts.size());
  if (session.json()) {
    ASSIGN_OR_RETURN(const std::string json, VerdictJson(verdicts, bit_exact));
    session.out() << json;
  } else {
    session.out() << VerdictTable(verdicts) << EnvironmentText(verdicts);
    if (bit_exact) session.out() << "\nbit for bit what training from scratch on the remaining samples gives\n";
  }
  return bit_exact ? absl::OkStatus() : Failure(verdicts, model_name);
}

}  // namespace

void AddReplayCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Train shards from scratch beside the service and compare the bits");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  command->add_option("--shard", options->shard, "This shard alone; default: all, one after the other")->type_name("K");
  command->add_flag("--log", options->log, "Have each verdict entered in the server's log");
  command->footer(
      "Changes nothing but, with --log, the log. The exit status is 0 when every bit is the same, 1 when one differs "
      "or on any other failure, "
      "and\n"
      "4 (ENVIRONMENT_DIFFERS) when a shard was trained in another numeric environment, as on a machine with another\n"
      "instruction set: nothing of it is compared, and the server retrains it.\n"
      "Example:\n  expunge replay fashion-mnist --shard 3");
  command->callback([options, &action] { action = [options](Session& session) { return Replay(*options, session); }; });
}

}  // namespace expunge::cli
