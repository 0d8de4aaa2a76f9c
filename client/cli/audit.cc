#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/erasure_text.h"
#include "client/cli/format.h"
#include "client/cli/model_text.h"
#include "client/cli/options.h"
#include "client/cli/proto_time.h"

namespace expunge::cli {
namespace {

std::string CountsText(const v1::AuditReport& report) {
  const auto& counts = report.erasures_by_state();
  Fields fields;
  fields.Add("report of", ShowTime(report.has_report_time(), report.report_time()));
  fields.Add("erasures", absl::StrCat(ShowCount(counts.completed()), " completed, ", ShowCount(counts.in_progress()),
                                      " in progress, ", ShowCount(counts.pending()), " pending, ",
                                      ShowCount(counts.denied()), " denied, ", ShowCount(counts.failed()), " failed"));
  fields.Add("overdue", ShowCount(counts.overdue()));
  std::string oldest = "none";
  if (report.has_oldest_open_received_time()) {
    const absl::Time received = FromProto(report.oldest_open_received_time());
    oldest = absl::StrCat("received ", ShowTime(received), ", ",
                          ShowDuration(FromProto(report.report_time()) - received), " ago");
  }
  fields.Add("oldest open", oldest);
  fields.Add("to retrain", Plural(report.dirty_shards(), "shard"));
  fields.Add("purge", report.purge_problem().empty() ? "in order" : "FAILS: " + report.purge_problem());
  fields.Add("log", absl::StrCat("entries: ", report.log_size(), ", signed: ", report.log_checkpoint().tree_size()));
  return fields.ToString();
}

std::string ReportText(const v1::AuditReport& report, bool unicode) {
  std::string text = CountsText(report);
  for (const v1::Model& model : report.models()) {
    absl::StrAppend(&text, "\n", model.name(), "  ", v1::Model::State_Name(model.state()), "  ",
                    Plural(model.samples(), "sample"), " of ", Plural(model.subjects(), "subject"), ", ",
                    model.constituents_voting(), " of ", model.sisa().shards(), " constituents voting\n",
                    ShardTable(model, unicode));
  }
  if (report.erasures().empty()) return absl::StrCat(text, "\nno erasures to list\n");
  return absl::StrCat(text, "\n",
                      ErasureTable(std::vector<const v1::Erasure*>(report.erasures().pointer_begin(),
                                                                   report.erasures().pointer_end())));
}

absl::Status Audit(const ErasureFilterOptions& options, Session& session) {
  v1::AuditRequest request;
  *request.mutable_filter() = options.ToFilter();
  ASSIGN_OR_RETURN(v1::AuditReport report, session.client().Audit(request));
  while (!report.next_page_token().empty()) {
    request.set_page_token(report.next_page_token());
    ASSIGN_OR_RETURN(v1::AuditReport page, session.client().Audit(request));
    report.mutable_erasures()->MergeFrom(page.erasures());
    report.set_next_page_token(page.next_page_token());
  }
  if (session.json()) return session.PrintJson(report);
  session.out() << ReportText(report, session.out_terminal().unicode);
  return absl::OkStatus();
}

}  // namespace

void AddAuditCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ErasureFilterOptions>();
  CLI::App* command =
      app.add_subcommand("audit", "Report how the deployment stands: erasures, deadlines, the shards of every model");
  AddErasureFilterOptions(*command, *options);
  command->footer(
      "The options choose the erasures that are listed; the counts are over all.\nExample:\n  expunge audit --overdue");
  command->callback([options, &action] { action = [options](Session& session) { return Audit(*options, session); }; });
}

}  // namespace expunge::cli
