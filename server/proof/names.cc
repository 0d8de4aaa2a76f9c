#include "proof/names.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/string_view.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

constexpr std::string_view kErasurePrefix = "erasures/";
constexpr std::string_view kModelPrefix = "model-";

}  // namespace

bool IsErasureName(std::string_view text) {
  constexpr std::string_view kUuid = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (!text.starts_with(kErasurePrefix)) return false;
  text.remove_prefix(kErasurePrefix.size());
  const auto fits = [](char c, char form) {
    return form == '-' ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  return std::equal(text.begin(), text.end(), kUuid.begin(), kUuid.end(), fits);
}

bool IsRegulation(std::string_view text) { return text == "GDPR" || text == "CCPA" || text == "OTHER"; }

bool IsReason(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), fits);
}

std::string FormatModel(uint32_t model) { return absl::StrCat(ToAbsl(kModelPrefix), model); }

std::optional<uint32_t> ParseModel(std::string_view text) {
  if (!text.starts_with(kModelPrefix)) return std::nullopt;
  const std::optional<uint64_t> number = ParseDecimal(text.substr(kModelPrefix.size()));
  if (!number || *number > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

}  // namespace expunge
