#include "tests/testing/server_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

// Of 127.0.0.0/8, another one for each start in each process.
std::string OwnHost() {
  static std::atomic<unsigned> count = 0;
  const unsigned number = static_cast<unsigned>(getpid()) * 64 + count++;
  return absl::StrCat("127.", 1 + (number >> 16) % 254, ".", number >> 8 & 255, ".", 1 + (number & 255) % 254);
}

}  // namespace

ServerProcess::ServerProcess(std::string program, std::vector<std::string> options,
                             std::map<std::string, std::string> environment)
    : program_(std::move(program)), options_(std::move(options)), environment_(std::move(environment)) {}

absl::Status ServerProcess::Start(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  client_ = nullptr;
  process_ = nullptr;
  if (!keeps_address_) address_ = absl::StrCat(OwnHost(), ":0");
  std::remove(port_path_.c_str());
  const int events = inotify_init1(IN_CLOEXEC);
  const auto close_events = absl::MakeCleanup([events] { close(events); });
  if (inotify_add_watch(events, directory_.path().c_str(), IN_MOVED_TO) < 0) std::abort();

  Command command;
  command.arguments = {program_, "--data-dir", data_dir(), "--listen", address_, "--port-file", port_path_};
  command.arguments.insert(command.arguments.end(), options_.begin(), options_.end());
  command.environment = environment_;
  command.stderr_path = log_path_;
  process_ = std::make_unique<ChildProcess>(command);
  RETURN_IF_ERROR(WaitForPort(events, deadline));

  const std::string port(absl::StripAsciiWhitespace(ReadWholeFile(port_path_)));
  address_ = absl::StrCat(address_.substr(0, address_.rfind(':')), ":", port);
  client_ = std::make_shared<Client>(Client::Options{.address = address_});
  return absl::OkStatus();
}

absl::Status ServerProcess::WaitForPort(int directory_events, absl::Time deadline) {
  while (access(port_path_.c_str(), F_OK) != 0) {
    pollfd news[] = {{.fd = directory_events, .events = POLLIN}, {.fd = process_->descriptor(), .events = POLLIN}};
    const absl::Duration left = std::max(absl::ZeroDuration(), deadline - absl::Now());
    const int ready = poll(news, std::size(news), static_cast<int>(absl::ToInt64Milliseconds(left)));
    if (ready == 0) return absl::DeadlineExceededError(absl::StrCat("the server does not start:\n", log()));
    if (news[1].revents != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("the server ended with ", *process_->Wait(absl::InfiniteDuration()), ":\n", log()));
    }
    char ignored[4096];
    if (news[0].revents != 0 && read(directory_events, ignored, sizeof(ignored)) < 0) std::abort();
  }
  return absl::OkStatus();
}

int ServerProcess::WaitForEnd() {
  client_ = nullptr;  // a connection that nobody looks after would be waited for
  if (const auto status = process_->Wait(kPatience)) return *status;
  Signal(SIGKILL);
  process_->Wait(absl::InfiniteDuration());
  return -1;
}

int ServerProcess::Terminate() {
  Signal(SIGTERM);
  return WaitForEnd();
}

int ServerProcess::Kill() {
  Signal(SIGKILL);
  return WaitForEnd();
}

}  // namespace expunge
