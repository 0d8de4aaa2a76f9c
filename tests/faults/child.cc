#include "tests/faults/child.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr unsigned kHungAfterSeconds = 60;

void PrintStack(int) {
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

[[noreturn]] void RunAsChild(int pipe, const std::string& errors, const std::function<void(const ChildReport&)>& work) {
  const int file = open(errors.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  if (file < 0 || dup2(file, STDERR_FILENO) < 0) std::_Exit(1);
  signal(SIGABRT, PrintStack);
  alarm(kHungAfterSeconds);
  work(ChildReport(pipe));
  std::_Exit(0);
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
  if (write(pipe_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(1);
  alarm(kHungAfterSeconds);
}

ChildResult RunInChild(const std::function<void(const ChildReport&)>& work) {
  const TempDir dir;
  int channel[2];
  if (pipe(channel) != 0) return {.death = "pipe failed"};
  const pid_t child = fork();
  if (child < 0) return {.death = "fork failed"};
  if (child == 0) {
    close(channel[0]);
    RunAsChild(channel[1], dir / "stderr", work);
  }
  close(channel[1]);
  ChildResult result;
  FILE* const lines = fdopen(channel[0], "r");
  char* line = nullptr;
  size_t capacity = 0;
  for (ssize_t length; (length = getline(&line, &capacity, lines)) > 0;) result.lines.emplace_back(line, length - 1);
  free(line);
  std::fclose(lines);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return {.death = "waitpid failed"};
  if (WIFSIGNALED(status)) {
    result.death = std::string("died of ") + strsignal(WTERMSIG(status)) + "\n" + Tail(dir / "stderr");
  } else if (WEXITSTATUS(status) != 0) {
    result.death = "exited with " + std::to_string(WEXITSTATUS(status)) + "\n" + Tail(dir / "stderr");
  }
  return result;
}

}  // namespace expunge
