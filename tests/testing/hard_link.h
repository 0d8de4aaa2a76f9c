#ifndef EXPUNGE_TESTING_HARD_LINK_H_
#define EXPUNGE_TESTING_HARD_LINK_H_

#include <filesystem>
#include <string>

namespace expunge {

// Gives one of the tables in `directory` another name, by which it lives on. False: there is none.
inline bool HardLinkATable(const std::string& directory, const std::string& link) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".sst") continue;
    std::filesystem::create_hard_link(entry.path(), link);
    return true;
  }
  return false;
}

}  // namespace expunge

#endif  // EXPUNGE_TESTING_HARD_LINK_H_
