#ifndef EXPUNGE_CLIENT_UUID_H_
#define EXPUNGE_CLIENT_UUID_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace expunge {

// A random UUID (RFC 4122, version 4), lowercase with hyphens, from the operating system's generator. Aborts the
// process when that has nothing to give: a request id that is not unique would be worse. Thread-safe.
std::string RandomUuid();

// The version 4 UUID that these bytes give; the six bits of version and variant are overwritten.
std::string UuidFromBytes(std::array<uint8_t, 16> bytes);

// 8-4-4-4-12 hexadecimal digits, of any version and case.
bool IsUuid(std::string_view text);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_UUID_H_
