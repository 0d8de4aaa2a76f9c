#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/cli/model_text.h"
#include "client/cli/options.h"
#include "client/file_source.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

constexpr size_t kMaxModelFileBytes = size_t{4} << 20;

absl::StatusOr<v1::Model> ReadModelFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, FileSource::Open(path));
  std::string json(kMaxModelFileBytes + 1, '\0');
  ASSIGN_OR_RETURN(const size_t size, file->Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(json.data()), json.size())));
  if (size > kMaxModelFileBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "FILE_TOO_LONG",
                 absl::StrCat(path, ": must be at most ", kMaxModelFileBytes, " bytes long"));
  }
  json.resize(size);
  v1::Model model;
  if (const absl::Status status = FromJson(json, &model); !status.ok()) {
    return Error(status.code(), ReasonOf(status), absl::StrCat(path, ": not a model: ", status.message()));
  }
  model.set_name(ModelName(model.name()));
  return model;
}

absl::Status Create(const std::string& path, Session& session) {
  v1::CreateModelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_model(), ReadModelFile(path));
  ASSIGN_OR_RETURN(const v1::Model model, session.client().CreateModel(request));
  if (session.json()) return session.PrintJson(model);
  session.out() << "created " << model.name() << "\n\n" << ModelText(model, session.out_terminal().unicode);
  return absl::OkStatus();
}

absl::Status List(Session& session) {
  v1::ListModelsResponse all;
  v1::ListModelsRequest request;
  do {
    ASSIGN_OR_RETURN(v1::ListModelsResponse page, session.client().ListModels(request));
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  if (session.json()) return session.PrintJson(all);
  if (all.models().empty()) {
    session.out() << "no models\n";
    return absl::OkStatus();
  }
  session.out() << ModelTable(std::vector<const v1::Model*>(all.models().pointer_begin(), all.models().pointer_end()));
  return absl::OkStatus();
}

absl::Status Get(const std::string& name, Session& session) {
  v1::GetModelRequest request;
  request.set_name(ModelName(name));
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(request));
  if (session.json()) return session.PrintJson(model);
  session.out() << ModelText(model, session.out_terminal().unicode);
  return absl::OkStatus();
}

absl::Status Delete(const std::string& name, Session& session) {
  v1::DeleteModelRequest request;
  request.set_name(ModelName(name));
  RETURN_IF_ERROR(session.client().DeleteModel(request));
  if (session.json()) {
    session.out() << "{}\n";
  } else {
    session.out() << "deleted " << request.name() << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

void AddModelCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("model", "Declare models, look at them, delete them")->require_subcommand(1);
  group->footer("Example:\n  expunge model list");
  const auto argument = std::make_shared<std::string>();

  CLI::App* create = group->add_subcommand("create", "Create a model from its declaration");
  AddArgument(*create, "FILE", *argument, "The declaration: a Model as protobuf JSON");
  create->footer("Example:\n  expunge model create deploy/models/fashion-mnist.json");
  create->callback(
      [argument, &action] { action = [argument](Session& session) { return Create(*argument, session); }; });

  CLI::App* list = group->add_subcommand("list", "List all models");
  list->footer("Example:\n  expunge --output json model list");
  list->callback([&action] { action = List; });

  CLI::App* get = group->add_subcommand("get", "Show a model with its shards");
  AddArgument(*get, "MODEL", *argument, "Name of the model");
  get->footer("Example:\n  expunge model get fashion-mnist");
  get->callback([argument, &action] { action = [argument](Session& session) { return Get(*argument, session); }; });

  CLI::App* remove = group->add_subcommand("delete", "Delete a model with its samples and checkpoints");
  AddArgument(*remove, "MODEL", *argument, "Name of the model");
  remove->footer("Example:\n  expunge model delete fashion-mnist");
  remove->callback(
      [argument, &action] { action = [argument](Session& session) { return Delete(*argument, session); }; });
}

}  // namespace expunge::cli
