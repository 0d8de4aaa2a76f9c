#ifndef EXPUNGE_BASE_STRING_VIEW_H_
#define EXPUNGE_BASE_STRING_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace expunge {

// Debian builds Abseil with a string_view of its own, to which the standard's does not convert. Our interfaces have the
// standard's; this takes one to Abseil's functions.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace expunge

#endif  // EXPUNGE_BASE_STRING_VIEW_H_
