#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "client/cli/command_line.h"

int main(int argc, char** argv) {
  // gRPC would print its own words about what our errors say already.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  return expunge::cli::RunCommandLine(argc, argv,
                                      {.out = std::cout,
                                       .err = std::cerr,
                                       .out_terminal = expunge::cli::DetectTerminal(STDOUT_FILENO),
                                       .err_terminal = expunge::cli::DetectTerminal(STDERR_FILENO)});
}
