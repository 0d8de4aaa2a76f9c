#include "tests/faults/child.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace expunge {
namespace {

constexpr unsigned kHungAfterSeconds = 300;  // not a time to be met: a busy disk takes a tenth of a second to sync

void PrintStack(int) {
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

int Create(const std::string& path) { return open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600); }

[[noreturn]] void RunAsChild(const TempDir& dir, const std::function<void(const ChildReport&)>& work) {
  const int lines = Create(dir / "lines"), errors = Create(dir / "stderr");
  if (lines < 0 || errors < 0 || dup2(errors, STDERR_FILENO) < 0) std::_Exit(1);
  signal(SIGABRT, PrintStack);
  alarm(kHungAfterSeconds);
  work(ChildReport(lines));
  std::_Exit(0);
}

int Fork(const TempDir& dir, const std::function<void(const ChildReport&)>& work) {
  const pid_t pid = fork();
  if (pid == 0) RunAsChild(dir, work);
  return pid;
}

std::string Tail(const std::string& path) {
  constexpr size_t kTail = 6000;
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return text.size() > kTail ? text.substr(text.size() - kTail) : text;
}

}  // namespace

void ChildReport::Line(const std::string& line) const {
  const std::string text = line + "\n";
  if (write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(1);
  alarm(kHungAfterSeconds);
}

Child::Child(const std::function<void(const ChildReport&)>& work) : pid_(Fork(dir_, work)) {}

ChildResult Child::Join() {
  if (pid_ < 0) return {.death = "fork failed"};
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return {.death = "waitpid failed"};
  ChildResult result;
  std::ifstream lines(dir_ / "lines");
  for (std::string line; std::getline(lines, line);) result.lines.push_back(line);
  if (WIFSIGNALED(status)) {
    result.death = std::string("died of ") + strsignal(WTERMSIG(status)) + "\n" + Tail(dir_ / "stderr");
  } else if (WEXITSTATUS(status) != 0) {
    result.death = "exited with " + std::to_string(WEXITSTATUS(status)) + "\n" + Tail(dir_ / "stderr");
  }
  return result;
}

}  // namespace expunge
