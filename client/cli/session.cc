#include "client/cli/session.h"

#include "base/status_macros.h"
#include "client/cli/json.h"

namespace expunge::cli {

Progress Session::MakeProgress(std::string_view label) {
  return Progress(console_.err, console_.err_terminal, !shows_progress(), label);
}

void Session::Tell(std::string_view line) {
  if (!json_) {
    console_.out << line << std::endl;
  } else if (shows_progress()) {
    console_.err << line << std::endl;
  }
}

void Session::Warn(std::string_view line) {
  if (console_.err_terminal.tty) console_.err << "\r\x1b[K";  // a bar may stand there
  console_.err << "expunge: " << line << std::endl;
}

absl::Status Session::PrintJson(const google::protobuf::Message& message) {
  ASSIGN_OR_RETURN(const std::string json, ToJson(message, /*pretty=*/true));
  out() << json;
  return absl::OkStatus();
}

}  // namespace expunge::cli
