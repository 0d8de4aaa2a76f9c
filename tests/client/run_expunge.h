#ifndef EXPUNGE_TESTS_CLIENT_RUN_EXPUNGE_H_
#define EXPUNGE_TESTS_CLIENT_RUN_EXPUNGE_H_

#include <sstream>
#include <string>
#include <vector>

#include "client/cli/command_line.h"

namespace expunge::cli {

struct Outcome {
  int status;
  std::string out;
  std::string err;
};

// The whole command, without a terminal. `arguments` without the program's name.
inline Outcome RunExpunge(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "expunge");
  std::ostringstream out, err;
  const int status = RunCommandLine(static_cast<int>(arguments.size()), arguments.data(), {out, err, {}, {}});
  return {status, out.str(), err.str()};
}

}  // namespace expunge::cli

#endif  // EXPUNGE_TESTS_CLIENT_RUN_EXPUNGE_H_
