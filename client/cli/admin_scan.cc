#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "admin/pattern_file.h"
#include "admin/scan.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/admin_commands.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/options.h"

namespace expunge::cli {
namespace {

struct ScanOptions {
  std::string data_dir;
  std::string pattern_file;
};

int64_t AsCount(uint64_t count) { return static_cast<int64_t>(count); }

std::string ReportJson(const ScanReport& report, size_t patterns) {
  std::vector<std::string> hits;
  for (const ScanHit& hit : report.hits) {
    hits.push_back(
        JsonObject().AddText("file", hit.file).Add("offset", AsCount(hit.offset)).Add("pattern", hit.line).ToLine());
  }
  return JsonObject()
      .Add("patterns", AsCount(patterns))
      .Add("files", AsCount(report.files))
      .Add("bytes", AsCount(report.bytes))
      .Add("linksNotFollowed", AsCount(report.links))
      .Add("hitCount", AsCount(report.hit_count))
      .AddList("hits", hits)
      .ToString();
}

std::string ReportText(const ScanReport& report, size_t patterns) {
  std::string text;
  for (const ScanHit& hit : report.hits) {
    absl::StrAppend(&text, absl::Utf8SafeCHexEscape(hit.file), " offset ", hit.offset, " pattern ", hit.line, "\n");
  }
  if (const uint64_t more = report.hit_count - report.hits.size(); more > 0) {
    absl::StrAppend(&text, "and ", ShowCount(AsCount(more)), " more\n");
  }
  absl::StrAppend(&text, "searched ", Plural(AsCount(report.files), "file"), ", ",
                  Plural(AsCount(report.bytes), "byte"), ", for ", Plural(AsCount(patterns), "pattern"), ": ",
                  report.hit_count == 0 ? "nothing found" : Plural(AsCount(report.hit_count), "hit"), "\n");
  if (report.links > 0) {
    absl::StrAppend(&text, Plural(AsCount(report.links), "symbolic link"), " not followed\n");
  }
  return text;
}

absl::Status RunScan(const ScanOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const std::vector<Pattern> patterns, ReadPatternFile(options.pattern_file));
  ASSIGN_OR_RETURN(const ScanReport report, Scan(options.data_dir, patterns));
  session.out() << (session.json() ? ReportJson(report, patterns.size()) : ReportText(report, patterns.size()));
  if (report.hit_count == 0 && report.links == 0) return absl::OkStatus();
  if (report.hit_count == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "SEARCH_INCOMPLETE",
                 absl::StrCat(options.data_dir, " has ", Plural(AsCount(report.links), "symbolic link"),
                              " whose target was not searched: search it, too"));
  }
  return Error(
      absl::StatusCode::kFailedPrecondition, "TRACES_FOUND",
      absl::StrCat(options.data_dir, " holds what was searched for: ", Plural(AsCount(report.hit_count), "hit")));
}

}  // namespace

void AddAdminScanCommand(CLI::App& group, Action& action) {
  const auto options = std::make_shared<ScanOptions>();
  CLI::App* scan = group.add_subcommand("scan", "Search all files of a data directory for bytes that must be gone");
  scan->add_option("--data-dir", options->data_dir, "The server's data directory; the server may be running")
      ->required()
      ->type_name("DIR");
  AddFileOption(*scan, "--pattern-file", options->pattern_file,
                "What to search for: a pattern of at least 8 bytes a line. Keep the file outside DIR");
  scan->footer(
      "A line of the pattern file is text:WORDS, hex:DIGITS, base64:TEXT, a # comment or empty; the file has at most\n"
      "64 MiB. Finds bytes as they stand in the files, so not what is encrypted there, and across the blocks of "
      "RocksDB's\n"
      "logs. Prints where a pattern was found and its line, never the pattern, and fails when there is one, when "
      "there\n"
      "was nothing to be searched, and when there is a symbolic link other than DIR/store, keyring and master.key.\n"
      "Example:\n  expunge admin scan --data-dir /var/lib/expunge/data --pattern-file gone.txt");
  scan->callback([options, &action] { action = [options](Session& session) { return RunScan(*options, session); }; });
}

}  // namespace expunge::cli
