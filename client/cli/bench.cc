#include <CLI/CLI.hpp>
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
#include "client/load_generator.h"
#include "client/names.h"
#include "client/predict_requests.h"

namespace expunge::cli {
namespace {

constexpr int64_t kMaxConnections = 1000;
constexpr int64_t kMaxConcurrency = 100'000;
constexpr int64_t kMaxRate = 1'000'000;
constexpr absl::Duration kMaxDuration = absl::Hours(24);

// Below what a server lets wait, so that one that is slow for a moment is measured and refuses nobody.
constexpr int64_t kConcurrency = 64;
constexpr int64_t kConcurrencyWithRate = 1000;

struct BenchOptions {
  std::string model;
  std::string images;
  int64_t connections = 4;
  int64_t rate = 0;
  int64_t concurrency = 0;  // not given
  int64_t images_per_request = 1;
  std::string duration = "10";

  int64_t Concurrency() const {
    if (concurrency > 0) return concurrency;
    return rate > 0 ? kConcurrencyWithRate : kConcurrency;
  }
};

struct NamedPercentile {
  const char* text;
  const char* json;
  double percent;
};
constexpr NamedPercentile kPercentiles[] = {
    {"p50", "p50", 50}, {"p90", "p90", 90}, {"p99", "p99", 99}, {"p99.9", "p999", 99.9}, {"max", "max", 100}};

std::string ErrorName(absl::StatusCode code, const std::string& reason) {
  return absl::StrCat(absl::StatusCodeToString(code), reason.empty() ? "" : absl::StrCat(" (", reason, ")"));
}

std::string ReportAsJson(const BenchOptions& options, const LoadReport& report) {
  std::vector<std::string> errors;
  for (const auto& [error, count] : report.errors) {
    errors.push_back(JsonObject()
                         .AddText("code", absl::StatusCodeToString(error.first))
                         .AddText("reason", error.second)
                         .Add("requests", count)
                         .ToLine());
  }
  JsonObject latency;
  for (const auto& [text, json, percent] : kPercentiles) {
    latency.Add(json, absl::ToDoubleSeconds(report.latency.Percentile(percent)));
  }
  return JsonObject()
      .Add("requests", report.requests())
      .Add("answered", report.answered)
      .Add("failed", report.failed)
      .AddList("errors", errors)
      .Add("seconds", absl::ToDoubleSeconds(report.elapsed))
      .Add("rateWanted", options.rate)
      .Add("ratePerSecond", report.AnsweredPerSecond())
      .AddBool("keptRate", report.KeptRate())
      .Add("longestWaitSeconds", absl::ToDoubleSeconds(report.longest_wait))
      .Add("imagesPerSecond", report.AnsweredPerSecond() * static_cast<double>(options.images_per_request))
      .AddJson("latencySeconds", latency.ToLine())
      .ToString();
}

std::string ReportAsText(const BenchOptions& options, const LoadReport& report) {
  Fields fields;
  fields.Add("requests", absl::StrCat(ShowCount(report.requests()), " in ", ShowDuration(report.elapsed), ", ",
                                      options.rate > 0 ? absl::StrCat("due at ", ShowCount(options.rate), "/s")
                                                       : absl::StrCat(ShowCount(options.Concurrency()), " in flight"),
                                      " over ", Plural(options.connections, "connection")));
  fields.Add(
      "answered",
      absl::StrCat(ShowCount(report.answered), " (", ShowRate(report.AnsweredPerSecond()), ", ",
                   ShowRate(report.AnsweredPerSecond() * static_cast<double>(options.images_per_request)), " images)"));
  for (const auto& [error, count] : report.errors) {
    fields.Add("failed", absl::StrCat(ShowCount(count), " ", ErrorName(error.first, error.second)));
  }
  for (const auto& [text, json, percent] : kPercentiles) {
    if (report.answered > 0) fields.Add(text, ShowDuration(report.latency.Percentile(percent)));
  }
  return fields.ToString();
}

absl::Status BenchPredict(const BenchOptions& options, Session& session) {
  v1::GetModelRequest get;
  get.set_name(ModelName(options.model));
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(get));
  Load load;
  load.address = session.server().address;
  load.method = kPredictMethod;
  ASSIGN_OR_RETURN(load.requests, PredictRequests(model, options.images, options.images_per_request));
  load.connections = static_cast<int>(options.connections);
  load.rate = static_cast<double>(options.rate);
  load.concurrency = static_cast<int>(options.Concurrency());
  load.duration = ParseTimeout(options.duration).value_or(load.duration);
  load.timeout = session.server().timeout;
  ASSIGN_OR_RETURN(const LoadReport report, GenerateLoad(load));
  session.out() << (session.json() ? ReportAsJson(options, report) : ReportAsText(options, report));
  if (!report.KeptRate()) {
    session.Warn(absl::StrCat("the rate was not kept: ", ShowCount(report.requests() - report.sent_in_time),
                              " requests were sent only after ", ShowDuration(load.duration), ", one of them ",
                              ShowDuration(report.longest_wait), " after it was due; their latency counts from there"));
  }
  if (report.failed == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "REQUESTS_FAILED",
               absl::StrCat(ShowCount(report.failed), " of ", ShowCount(report.requests()), " requests failed"));
}

}  // namespace

void AddBenchCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("bench", "Measure how a server bears a load")->require_subcommand(1);
  group->footer("Example:\n  expunge bench predict fashion-mnist --rate 2000 --duration 30");
  const auto options = std::make_shared<BenchOptions>();
  CLI::App* command = group->add_subcommand("predict", "Send many Predicts, and tell how many were answered, and when");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  AddNumberOption(*command, "--connections", options->connections, {1, kMaxConnections}, Presence::kOptional,
                  "TCP connections; 4 if not given");
  AddNumberOption(*command, "--rate", options->rate, {1, kMaxRate}, Presence::kOptional,
                  "Requests a second, each due at its time whatever became of the others; not given: as many as the "
                  "server answers");
  AddDurationOption(*command, "--duration", options->duration, "How long requests are sent", kMaxDuration);
  AddNumberOption(*command, "--concurrency", options->concurrency, {1, kMaxConcurrency}, Presence::kOptional,
                  absl::StrCat("Requests in flight: always so many (", kConcurrency,
                               " if not given), or with --rate "
                               "at most so many (",
                               kConcurrencyWithRate, ")"));
  AddNumberOption(*command, "--images-per-request", options->images_per_request, {1, kMaxInputsPerRequest},
                  Presence::kOptional, "Inputs of each request; 1 if not given");
  command->add_option("--images", options->images, "Inputs: an IDX file, plain or gzipped; not given: random ones")
      ->type_name("FILE");
  command->footer(
      "A latency counts from when its request was due, so a server that stalls, or a rate that is too high for the\n"
      "machine, shows in it. --timeout bounds it. Exit status 1: some requests failed.\n"
      "Example:\n"
      "  expunge bench predict fashion-mnist --connections 4 --rate 2000 --duration 30 \\\n"
      "    --images t10k-images-idx3-ubyte.gz");
  command->callback(
      [options, &action] { action = [options](Session& session) { return BenchPredict(*options, session); }; });
}

}  // namespace expunge::cli
