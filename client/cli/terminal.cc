#include "client/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/string_view.h"

namespace expunge::cli {
namespace {

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {  // the first that is set decides (POSIX)
    const std::string_view locale = Variable(name);
    if (!locale.empty()) return absl::StrContains(absl::AsciiStrToLower(ToAbsl(locale)), "utf");
  }
  return false;
}

}  // namespace

Terminal DetectTerminal(int file_descriptor) {
  Terminal terminal;
  terminal.tty = isatty(file_descriptor) == 1;
  terminal.unicode = LocaleIsUtf8();
  terminal.color = terminal.tty && Variable("TERM") != "dumb" && Variable("NO_COLOR").empty();
  winsize size = {};
  if (terminal.tty && ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.width = size.ws_col;
  return terminal;
}

}  // namespace expunge::cli
