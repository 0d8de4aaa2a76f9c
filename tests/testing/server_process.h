#ifndef EXPUNGE_TESTING_SERVER_PROCESS_H_
#define EXPUNGE_TESTING_SERVER_PROCESS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/client.h"
#include "tests/testing/child_process.h"
#include "tests/testing/temp_dir.h"

namespace expunge {

// The real `expunged`, on a directory of its own that goes away with it. Can be ended and started again on the same
// data. Not thread-safe.
//
// Each start has a loopback address of its own: gRPC shares what it knows about an address, also that nobody was there
// a moment ago, between all clients of a process.
class ServerProcess {
 public:
  // The program's path, options beside those that this class sets, variables of the environment.
  explicit ServerProcess(std::string program, std::vector<std::string> options = {},
                         std::map<std::string, std::string> environment = {});

  // Returns when it serves. FAILED_PRECONDITION with its log when it ended instead. DEADLINE_EXCEEDED when it neither
  // serves nor has ended after `limit`.
  absl::Status Start(absl::Duration limit = kPatience);
  void Signal(int signal) { process_->Signal(signal); }
  // Its exit status, or 128 + the signal that ended it; -1, and it is killed, when it does not end.
  int WaitForEnd();
  int Terminate();  // SIGTERM and WaitForEnd
  int Kill();       // SIGKILL and WaitForEnd

  // For calls to the server of this start, until its end is waited for. A new one each time.
  std::shared_ptr<Client> client() const { return client_; }
  const std::string& address() const { return address_; }
  pid_t pid() const { return process_->pid(); }  // of this start
  std::string data_dir() const { return directory_ / "data"; }
  const TempDir& directory() const { return directory_; }
  // What it has written to stderr, in all of its starts.
  std::string log() const { return ReadWholeFile(log_path_); }

  // The starts to come have the address of this one. Nobody else takes its port meanwhile.
  void KeepAddress() { keeps_address_ = true; }
  // For the starts to come.
  std::string& program() { return program_; }
  std::vector<std::string>& options() { return options_; }
  std::map<std::string, std::string>& environment() { return environment_; }

 private:
  // Only a defect takes so long.
  static constexpr absl::Duration kPatience = absl::Seconds(90);

  absl::Status WaitForPort(int directory_events, absl::Time deadline);

  const TempDir directory_;
  std::string program_;
  const std::string port_path_ = directory_ / "port";
  const std::string log_path_ = directory_ / "server.log";
  std::vector<std::string> options_;
  std::map<std::string, std::string> environment_;
  bool keeps_address_ = false;
  std::string address_;
  std::unique_ptr<ChildProcess> process_;
  std::shared_ptr<Client> client_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_SERVER_PROCESS_H_
