#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/erasure_follow.h"
#include "client/cli/erasure_text.h"
#include "client/cli/options.h"
#include "client/names.h"
#include "client/uuid.h"

namespace expunge::cli {
namespace {

struct ForgetOptions {
  std::string subject;
  std::vector<std::string> models;
  std::vector<std::string> samples;
  std::string request_id;
  std::string regulation;
  bool wait = false;
};

v1::ForgetRequest ToRequest(const ForgetOptions& options) {
  v1::ForgetRequest request;
  request.set_request_id(options.request_id.empty() ? RandomUuid() : options.request_id);
  request.set_subject_id(options.subject);
  for (const std::string& model : options.models) request.add_models(ModelName(model));
  for (const std::string& sample : options.samples) request.add_sample_ids(sample);
  if (!options.regulation.empty()) request.set_regulation(ParseRegulation(options.regulation).value_or(v1::OTHER));
  return request;
}

// Whether the request arrived is unknown after some errors. The same id asks again without doing it twice.
absl::Status WithAdvice(const absl::Status& status, const std::string& request_id) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
      return Error(
          status.code(), ReasonOf(status),
          absl::StrCat(status.message(), "; repeat with --request-id ", request_id, " to be sure of the outcome"));
    default:
      return status;
  }
}

absl::Status Forget(const ForgetOptions& options, Session& session) {
  const v1::ForgetRequest request = ToRequest(options);
  auto erasure = session.client().Forget(request);
  if (!erasure.ok()) return WithAdvice(erasure.status(), request.request_id());
  const absl::Status followed = options.wait ? FollowErasure(session, &*erasure) : absl::OkStatus();
  if (session.json()) {
    RETURN_IF_ERROR(session.PrintJson(*erasure));
  } else {
    session.out() << (options.wait ? "\n" : "") << ErasureText(*erasure, absl::Now());
    if (!IsFinal(*erasure)) {
      session.out() << "\nfollow it with: expunge erasure watch " << ShortName(erasure->name()) << "\n";
    }
  }
  RETURN_IF_ERROR(followed);
  return CheckOutcome(*erasure);
}

}  // namespace

void AddForgetCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ForgetOptions>();
  CLI::App* command = app.add_subcommand("forget", "Make the models forget a subject");
  AddArgument(*command, "SUBJECT", options->subject, "The subject's name, as it was ingested");
  command
      ->add_option("--model", options->models, "Forget in this model alone (may be repeated); default: in every model")
      ->type_name("MODEL")
      ->allow_extra_args(false);
  command
      ->add_option("--sample", options->samples,
                   "Forget this sample alone (may be repeated); default: the whole subject")
      ->type_name("SAMPLE")
      ->allow_extra_args(false);
  command
      ->add_option("--request-id", options->request_id,
                   "Idempotency key: the same one again gives the same erasure; default: a new one")
      ->type_name("UUID")
      ->check(CLI::Validator([](std::string& text) { return IsUuid(text) ? std::string() : "must be a UUID"; }, ""));
  AddRegulationOption(*command, options->regulation);
  command->add_flag("--wait", options->wait, "Follow the erasure until it is completed");
  command->footer(
      "When it returns, no prediction uses what the subject trained; the retrain follows in the background.\n"
      "Example:\n"
      "  expunge forget person-000042 --regulation gdpr --wait");
  command->callback([options, &action] { action = [options](Session& session) { return Forget(*options, session); }; });
}

}  // namespace expunge::cli
