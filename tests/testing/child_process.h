#ifndef EXPUNGE_TESTING_CHILD_PROCESS_H_
#define EXPUNGE_TESTING_CHILD_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace expunge {

// How a program is to be started.
struct Command {
  std::vector<std::string> arguments;              // the first one is the program's path
  std::map<std::string, std::string> environment;  // over our own, which comes without EXPUNGE_*
  std::string stdout_path = "/dev/null";           // appended to, as the other
  std::string stderr_path = "/dev/null";
  // The modes of files bind it even when root runs the test.
  bool bound_by_modes = false;
};

// A running program. It is killed at the end of the scope, and when the thread that started it ends. Not thread-safe.
class ChildProcess {
 public:
  explicit ChildProcess(const Command& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void Signal(int signal);
  // Its exit status, or 128 + the signal that ended it. Nullopt when it still runs after `limit`.
  std::optional<int> Wait(absl::Duration limit);
  pid_t pid() const { return pid_; }
  // Becomes readable when it has ended.
  int descriptor() const { return descriptor_; }

 private:
  pid_t pid_ = -1;
  int descriptor_ = -1;
  std::optional<int> status_;
};

// What a program did that has ended.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// Runs a program to its end; its output goes to the outcome. One that does not end for two minutes is killed: its
// status is then 137.
Outcome RunProgram(Command command);

std::string ReadWholeFile(const std::string& path);  // empty when there is none

// Waits until a file that somebody else writes holds `text`. False when that takes two minutes.
bool WaitForText(const std::string& path, const std::string& text);

}  // namespace expunge

#endif  // EXPUNGE_TESTING_CHILD_PROCESS_H_
