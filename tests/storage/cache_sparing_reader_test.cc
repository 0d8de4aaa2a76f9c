#include "storage/cache_sparing_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kFileBytes = 70 * kMiB + 123;  // three chunks of the reader, the last one not full

class CacheSparingReaderTest : public testing::Test {
 protected:
  CacheSparingReaderTest()
      : content_(kFileBytes, '\0'), file_(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    for (size_t i = 0; i < content_.size(); ++i) content_[i] = static_cast<char>(i % 251);
    EXPECT_EQ(write(file_, content_.data(), content_.size()), static_cast<ssize_t>(content_.size()));
  }
  ~CacheSparingReaderTest() override { close(file_); }

  void ReadToEnd(size_t block) {
    CacheSparingReader reader(file_);
    std::string buffer(block, '\0');
    std::string_view rest = content_;
    while (!rest.empty()) {
      const size_t wanted = std::min(block, rest.size());
      ASSERT_EQ(reader.Read(buffer.data(), block), static_cast<ssize_t>(wanted));
      ASSERT_TRUE(rest.starts_with(std::string_view(buffer).substr(0, wanted)));
      rest.remove_prefix(wanted);
    }
    EXPECT_EQ(reader.Read(buffer.data(), block), 0);
    EXPECT_EQ(reader.Read(buffer.data(), block), 0);
  }

  std::vector<unsigned char> CachedPages() const {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> cached((kFileBytes + page - 1) / page);
    void* const mapped = mmap(nullptr, kFileBytes, PROT_NONE, MAP_SHARED, file_, 0);
    EXPECT_EQ(mincore(mapped, kFileBytes, cached.data()), 0);
    munmap(mapped, kFileBytes);
    for (unsigned char& flags : cached) flags &= 1;
    return cached;
  }

  const TempDir directory_;
  const std::string path_ = directory_ / "file";
  std::string content_;
  const int file_;
};

TEST_F(CacheSparingReaderTest, ReadsTheWholeFileInBlocksOfAnySize) {
  for (const size_t block : {size_t{100'003}, kMiB, 33 * kMiB, 80 * kMiB}) ReadToEnd(block);
}

// Where the temporary directory is memory, all is always in the cache, and stays.
TEST_F(CacheSparingReaderTest, LeavesTheCacheAsItWas) {
  ASSERT_EQ(fsync(file_), 0);
  ASSERT_EQ(posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED), 0);
  ASSERT_EQ(posix_fadvise(file_, 0, 0, POSIX_FADV_RANDOM), 0);
  std::string buffer(kMiB, '\0');
  for (size_t i = 0; i < 70; i += 2) ASSERT_GT(pread(file_, buffer.data(), kMiB, static_cast<off_t>(i * kMiB)), 0);
  const std::vector<unsigned char> before = CachedPages();
  ReadToEnd(256 << 10);
  const std::vector<unsigned char> after = CachedPages();
  size_t cached = 0, lost = 0, gained = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    cached += before[i];
    lost += before[i] > after[i];
    gained += before[i] < after[i];
  }
  // The system may move single pages at any time.
  EXPECT_GE(cached, before.size() / 3);
  EXPECT_LE(lost, before.size() / 20);
  EXPECT_LE(gained, before.size() / 20);
}

TEST_F(CacheSparingReaderTest, TellsOfErrors) {
  CacheSparingReader reader(-1);
  char buffer[8];
  EXPECT_EQ(reader.Read(buffer, sizeof(buffer)), -1);
  EXPECT_EQ(errno, EBADF);
}

}  // namespace
}  // namespace expunge
