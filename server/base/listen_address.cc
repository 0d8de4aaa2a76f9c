#include "base/listen_address.h"

#include "absl/strings/numbers.h"
#include "base/error.h"
#include "base/string_view.h"

namespace expunge {
namespace {

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  // 127.0.0.0/8; what is not an address at all does not bind.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

absl::Status ValidateListenAddress(std::string_view field, std::string_view address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(address.substr(colon + 1)), &port) || port < 0 ||
      port > 65'535) {
    return InvalidField(field, "must be HOST:PORT with a port from 0 to 65535");
  }
  if (!IsLoopback(address.substr(0, colon))) {
    return InvalidField(field,
                        "must have a loopback host (127.0.0.1, [::1] or localhost), because there is no TLS yet");
  }
  return absl::OkStatus();
}

}  // namespace expunge
