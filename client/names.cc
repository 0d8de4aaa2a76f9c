#include "client/names.h"

namespace expunge {
namespace {

std::string InCollection(std::string_view collection, std::string_view text) {
  std::string name(text.starts_with(collection) ? "" : collection);
  return name.append(text);
}

}  // namespace

std::string ModelName(std::string_view text) { return InCollection("models/", text); }
std::string ErasureName(std::string_view text) { return InCollection("erasures/", text); }

std::string_view ShortName(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

}  // namespace expunge
