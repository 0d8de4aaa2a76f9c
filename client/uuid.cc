#include "client/uuid.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "base/digest.h"

namespace expunge {

std::string UuidFromBytes(std::array<uint8_t, 16> bytes) {
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  for (const size_t position : {20, 16, 12, 8}) text.insert(position, 1, '-');
  return text;
}

std::string RandomUuid() {
  std::array<uint8_t, 16> bytes;
  // Requests of up to 256 bytes are never cut short (getrandom(2)).
  while (getrandom(bytes.data(), bytes.size(), 0) < 0) {
    if (errno != EINTR) std::abort();
  }
  return UuidFromBytes(bytes);
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

}  // namespace expunge
