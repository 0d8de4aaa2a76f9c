#ifndef EXPUNGE_CLIENT_CLI_TERMINAL_H_
#define EXPUNGE_CLIENT_CLI_TERMINAL_H_

#include <cstddef>

namespace expunge::cli {

// What a file descriptor can show.
struct Terminal {
  bool tty = false;      // a person is looking
  bool unicode = false;  // the locale says UTF-8
  bool color = false;    // a tty that is not dumb, and NO_COLOR is not set (no-color.org)
  size_t width = 80;     // columns
};

// Asks the operating system and LC_ALL, LC_CTYPE, LANG, TERM, NO_COLOR.
Terminal DetectTerminal(int file_descriptor);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_TERMINAL_H_
