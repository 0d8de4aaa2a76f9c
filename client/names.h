#ifndef EXPUNGE_CLIENT_NAMES_H_
#define EXPUNGE_CLIENT_NAMES_H_

#include <string>
#include <string_view>

namespace expunge {

// Resource names from what a person types: "fashion-mnist" and "models/fashion-mnist" both give "models/fashion-mnist".
// Nothing else is checked; the server does that.
std::string ModelName(std::string_view text);
std::string ErasureName(std::string_view text);

// The last part of a resource name: "fashion-mnist".
std::string_view ShortName(std::string_view name);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_NAMES_H_
