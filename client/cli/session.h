#ifndef EXPUNGE_CLIENT_CLI_SESSION_H_
#define EXPUNGE_CLIENT_CLI_SESSION_H_

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/progress.h"
#include "client/cli/terminal.h"
#include "client/client.h"
#include "google/protobuf/message.h"

namespace expunge::cli {

// Where a command's words go. The streams must outlive it.
struct Console {
  std::ostream& out;  // results
  std::ostream& err;  // progress and errors
  Terminal out_terminal;
  Terminal err_terminal;
};

// What a command works with: the server, and the way to talk to whoever called it. Not thread-safe.
class Session {
 public:
  Session(Client::Options server, bool json, const Console& console)
      : server_(std::move(server)), json_(json), console_(console) {}

  // Made when a command first asks: one that works on files alone needs no server.
  Client& client() { return client_ ? *client_ : client_.emplace(server_); }
  const Client::Options& server() const { return server_; }
  bool json() const { return json_; }  // one JSON document on out() instead of text
  std::ostream& out() { return console_.out; }
  const Terminal& out_terminal() const { return console_.out_terminal; }
  const Terminal& err_terminal() const { return console_.err_terminal; }

  // Progress is for people: a program that reads JSON gets none, unless somebody watches it.
  Progress MakeProgress(std::string_view label);
  bool shows_progress() const { return !json_ || console_.err_terminal.tty; }

  // A line on the way to the result: with text on out(), as part of the answer; with JSON on err(), if somebody
  // watches.
  void Tell(std::string_view line);

  // A line on err() about something that is being dealt with.
  void Warn(std::string_view line);

  absl::Status PrintJson(const google::protobuf::Message& message);

 private:
  const Client::Options server_;
  std::optional<Client> client_;
  const bool json_;
  const Console console_;
};

// A command, its arguments bound.
using Action = std::function<absl::Status(Session&)>;

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_SESSION_H_
