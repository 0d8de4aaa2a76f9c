#ifndef EXPUNGE_PROOF_NAMES_H_
#define EXPUNGE_PROOF_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace expunge {

// How statements and events name things.

// "erasures/{uuid}", in lower case.
bool IsErasureName(std::string_view text);
bool IsRegulation(std::string_view text);
// A reason of an error: UPPER_SNAKE_CASE.
bool IsReason(std::string_view text);

// "model-17".
std::string FormatModel(uint32_t model);
std::optional<uint32_t> ParseModel(std::string_view text);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_NAMES_H_
