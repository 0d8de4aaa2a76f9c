#ifndef EXPUNGE_RPC_NAMES_H_
#define EXPUNGE_RPC_NAMES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/ids.h"

namespace expunge {

// Resource names and page tokens, between the wire and the domain. Every error is INVALID_ARGUMENT and names `field`.

using Uuid = std::array<uint8_t, 16>;

// The canonical form of 36 characters; upper and lower case are the same.
absl::StatusOr<Uuid> ParseUuid(std::string_view text, std::string_view field);
// `bytes`: 16. In lower case.
std::string FormatUuid(std::string_view bytes);

// "models/{id}" -> id.
absl::StatusOr<std::string> ParseModelName(std::string_view name, std::string_view field);
std::string FormatModelName(std::string_view id);

// "erasures/{uuid}" -> the 16 bytes.
absl::StatusOr<std::string> ParseErasureName(std::string_view name, std::string_view field);
std::string FormatErasureName(std::string_view uuid);

// AIP-158: 0 is the default, more than the maximum is the maximum, negative is an error.
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;
absl::StatusOr<size_t> ParsePageSize(int32_t page_size);

// Opaque page tokens for a list in the order of sequences, and for one in the order of ids. An empty token is the first
// page: 0, "".
std::string SequencePageToken(ErasureSequence next);
absl::StatusOr<ErasureSequence> ParseSequencePageToken(std::string_view token);
std::string IdPageToken(std::string_view last_id);
absl::StatusOr<std::string> ParseIdPageToken(std::string_view token);

}  // namespace expunge

#endif  // EXPUNGE_RPC_NAMES_H_
