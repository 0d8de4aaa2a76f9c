#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/erasure_follow.h"
#include "client/cli/erasure_text.h"
#include "client/cli/options.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

absl::Status Get(const std::string& name, Session& session) {
  v1::GetErasureRequest request;
  request.set_name(ErasureName(name));
  ASSIGN_OR_RETURN(const v1::Erasure erasure, session.client().GetErasure(request));
  if (session.json()) return session.PrintJson(erasure);
  session.out() << ErasureText(erasure, absl::Now());
  return absl::OkStatus();
}

absl::Status List(const ErasureFilterOptions& options, Session& session) {
  v1::ListErasuresResponse all;
  v1::ListErasuresRequest request;
  *request.mutable_filter() = options.ToFilter();
  do {
    ASSIGN_OR_RETURN(v1::ListErasuresResponse page, session.client().ListErasures(request));
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  if (session.json()) return session.PrintJson(all);
  if (all.erasures().empty()) {
    session.out() << "no erasures\n";
    return absl::OkStatus();
  }
  session.out() << ErasureTable(
      std::vector<const v1::Erasure*>(all.erasures().pointer_begin(), all.erasures().pointer_end()));
  return absl::OkStatus();
}

absl::Status Retry(const std::string& name, Session& session) {
  v1::RetryErasureRequest request;
  request.set_name(ErasureName(name));
  ASSIGN_OR_RETURN(const v1::Erasure erasure, session.client().RetryErasure(request));
  if (session.json()) return session.PrintJson(erasure);
  session.out() << ErasureText(erasure, absl::Now());
  return absl::OkStatus();
}

absl::Status Watch(const std::string& name, Session& session) {
  v1::Erasure erasure;
  erasure.set_name(ErasureName(name));
  RETURN_IF_ERROR(FollowErasure(session, &erasure));
  if (session.json()) RETURN_IF_ERROR(session.PrintJson(erasure));
  return CheckOutcome(erasure);
}

}  // namespace

void AddErasureCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("erasure", "Look at erasures and follow them")->require_subcommand(1);
  group->footer("Example:\n  expunge erasure list");
  const auto name = std::make_shared<std::string>();
  const auto filter = std::make_shared<ErasureFilterOptions>();

  CLI::App* get = group->add_subcommand("get", "Show an erasure");
  AddArgument(*get, "ERASURE", *name, "Name of the erasure, as forget printed it");
  get->footer("Example:\n  expunge erasure get erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10");
  get->callback([name, &action] { action = [name](Session& session) { return Get(*name, session); }; });

  CLI::App* list = group->add_subcommand("list", "List erasures in the order of arrival");
  AddErasureFilterOptions(*list, *filter);
  list->footer("Example:\n  expunge erasure list --state in_progress");
  list->callback([filter, &action] { action = [filter](Session& session) { return List(*filter, session); }; });

  CLI::App* retry = group->add_subcommand("retry", "Go on with an erasure that FAILED");
  AddArgument(*retry, "ERASURE", *name, "Name of the erasure, as forget printed it");
  retry->footer("Example:\n  expunge erasure retry erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10");
  retry->callback([name, &action] { action = [name](Session& session) { return Retry(*name, session); }; });

  CLI::App* watch =
      group->add_subcommand("watch", "Follow an erasure until it is completed, through restarts of the server");
  AddArgument(*watch, "ERASURE", *name, "Name of the erasure, as forget printed it");
  watch->footer("Example:\n  expunge erasure watch erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10");
  watch->callback([name, &action] { action = [name](Session& session) { return Watch(*name, session); }; });
}

}  // namespace expunge::cli
