// The echo server as a process of its own, started as `expunged` is: --listen HOST:PORT, --port-file FILE and
// --reply-bytes N, each with its value behind it; other options are passed over. Ends with SIGTERM.

#include <signal.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "tests/bench/echo_server.h"

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  size_t reply_bytes = 0;
  if (!absl::SimpleAtoi(options["--reply-bytes"], &reply_bytes)) return 2;

  sigset_t end;  // blocked in gRPC's threads too, which inherit it
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigprocmask(SIG_BLOCK, &end, nullptr);

  const expunge::EchoServer server(std::string(reply_bytes, 'x'), options["--listen"]);
  const std::string& port_file = options["--port-file"];
  std::ofstream(port_file + ".new") << server.port();
  if (std::rename((port_file + ".new").c_str(), port_file.c_str()) != 0) return 1;
  int signal = 0;
  sigwait(&end, &signal);
  return 0;
}
