#include "tests/testing/child_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentOf(const Command& command) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string name(text.substr(0, text.find('=')));
    // Of two with one name, the first would count.
    if (!absl::StartsWith(name, "EXPUNGE_") && !command.environment.contains(name)) variables.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) variables.push_back(absl::StrCat(name, "=", value));
  return variables;
}

void Redirect(const char* path, int descriptor) {
  const int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
  close(file);
}

}  // namespace

ChildProcess::ChildProcess(const Command& command) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> variables = EnvironmentOf(command);
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> variable_pointers = Pointers(variables);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {  // other threads' locks may be held for ever: system calls alone
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    // Only root has the capability, and only root may drop it.
    if (command.bound_by_modes) prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
    Redirect(command.stdout_path.c_str(), STDOUT_FILENO);
    Redirect(command.stderr_path.c_str(), STDERR_FILENO);
    execve(argument_pointers[0], argument_pointers.data(), variable_pointers.data());
    _exit(127);
  }
  if (pid_ < 0) std::abort();
  descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (descriptor_ < 0) std::abort();
}

ChildProcess::~ChildProcess() {
  Signal(SIGKILL);
  Wait(absl::InfiniteDuration());
  close(descriptor_);
}

void ChildProcess::Signal(int signal) {
  if (!status_) kill(pid_, signal);
}

std::optional<int> ChildProcess::Wait(absl::Duration limit) {
  if (status_) return status_;
  pollfd end = {.fd = descriptor_, .events = POLLIN};
  int ready;
  do {
    ready = poll(&end, 1, limit == absl::InfiniteDuration() ? -1 : static_cast<int>(absl::ToInt64Milliseconds(limit)));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) std::abort();
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

Outcome RunProgram(Command command) {
  const TempDir directory;
  command.stdout_path = directory / "out";
  command.stderr_path = directory / "err";
  ChildProcess child(command);
  if (!child.Wait(kPatience)) child.Signal(SIGKILL);
  const int status = *child.Wait(absl::InfiniteDuration());
  return {status, ReadWholeFile(command.stdout_path), ReadWholeFile(command.stderr_path)};
}

std::string ReadWholeFile(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(content).str();
}

bool WaitForText(const std::string& path, const std::string& text) {
  const int events = inotify_init1(IN_CLOEXEC);
  const auto close_events = absl::MakeCleanup([events] { close(events); });
  close(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));  // only what is there can be watched
  if (inotify_add_watch(events, path.c_str(), IN_MODIFY) < 0) std::abort();
  const absl::Time deadline = absl::Now() + kPatience;
  while (!absl::StrContains(ReadWholeFile(path), text)) {
    pollfd news = {.fd = events, .events = POLLIN};
    const absl::Duration left = std::max(absl::ZeroDuration(), deadline - absl::Now());
    if (poll(&news, 1, static_cast<int>(absl::ToInt64Milliseconds(left))) == 0) return false;
    char ignored[4096];
    if (read(events, ignored, sizeof(ignored)) < 0) std::abort();
  }
  return true;
}

}  // namespace expunge
