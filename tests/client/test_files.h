#ifndef EXPUNGE_TESTS_CLIENT_TEST_FILES_H_
#define EXPUNGE_TESTS_CLIENT_TEST_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/idx.h"

namespace expunge {

// Files of one test, in a directory that goes away with it.
class TestFiles {
 public:
  TestFiles();
  ~TestFiles();
  TestFiles(const TestFiles&) = delete;
  TestFiles& operator=(const TestFiles&) = delete;

  std::string PathOf(const std::string& name) const { return directory_ + "/" + name; }
  std::string Write(const std::string& name, std::string_view content) const;  // returns the path

 private:
  std::string directory_;
};

// An IDX file: header, then `elements` as they are.
std::string IdxBytes(IdxType type, const std::vector<uint32_t>& dimensions, std::string_view elements);

// One gzip member.
std::string Gzip(std::string_view content);

// `count` bytes, 0, 1, ... 250, 0, ...
std::string CountingBytes(size_t count);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CLIENT_TEST_FILES_H_
