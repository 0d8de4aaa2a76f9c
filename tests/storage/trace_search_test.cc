#include "storage/trace_search.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/storage/trace_search_fixture.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kBlock = size_t{256} << 10;  // of the search, so that patterns can be laid across its ends

TEST_F(TraceSearchTest, FindsPatternsInEveryFileOfEveryDirectory) {
  std::filesystem::create_directories(directory_ / "one/two/three");
  Write("first", "canary-a");
  Write("one/.hidden", "....canary-b....canary-a");
  Write("one/two/three/last", "canary-");
  Write("empty", "");
  const auto report = Search({"canary-a", "canary-b", "canary-c"});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->hits,
              ElementsAre(TraceHit{"first", 0, 0}, TraceHit{"one/.hidden", 4, 1}, TraceHit{"one/.hidden", 16, 0}));
  EXPECT_EQ(report->hit_count, 3u);
  EXPECT_EQ(report->files, 4u);
  EXPECT_EQ(report->bytes, 8u + 24 + 7);
  EXPECT_EQ(report->links, 0u);
}

TEST_F(TraceSearchTest, FindsPatternsAcrossTheEndsOfBlocks) {
  for (const size_t size : {size_t{8}, size_t{9}, size_t{100}, kBlock - 1, kBlock, kBlock + 1}) {
    std::mt19937 generator(static_cast<unsigned>(size));
    std::string pattern(size, '\0');
    for (char& c : pattern) c = static_cast<char>(generator());
    for (const size_t before : {size_t{1}, size_t{4}, size - 1, size, size + 1}) {
      const size_t offset = 2 * kBlock - before;
      std::string text(3 * kBlock + 17, 'x');
      if (offset + size > text.size()) text.resize(offset + size);
      text.replace(offset, size, pattern);
      Write("file", text);
      EXPECT_THAT(Hits({pattern, "not there"}), ElementsAre(TraceHit{"file", offset, 0})) << size << ", " << before;
    }
  }
}

// As a record in a log of RocksDB: it goes on behind a header of seven bytes.
TEST_F(TraceSearchTest, FindsPatternsThatTheBlocksOfALogCut) {
  constexpr size_t kLogBlock = size_t{32} << 10;
  const std::string header = "\x01\x02\x03\x04\x05\x06\x07";
  for (const size_t size : {size_t{8}, size_t{33}, size_t{1000}, size_t{32'000}}) {
    std::mt19937 generator(static_cast<unsigned>(size));
    std::string pattern(size, '\0');
    for (char& c : pattern) c = static_cast<char>(generator());
    for (const size_t end : {kLogBlock, 5 * kLogBlock, kBlock, 2 * kBlock}) {
      for (const size_t before : {size_t{1}, size / 2, size - 1}) {
        const std::string cut = pattern.substr(0, before) + header + pattern.substr(before);
        for (const size_t after : {size_t{0}, kBlock}) {
          std::string text(end + size - before + header.size() + after, 'x');
          text.replace(end - before, cut.size(), cut);
          Write("file", text);
          EXPECT_THAT(Hits({pattern, "not there"}), ElementsAre(TraceHit{"file", end - before, 0}))
              << size << ", " << end << ", " << before << ", " << after;
        }
      }
    }
  }
}

TEST_F(TraceSearchTest, EachPlaceIsReportedOnceWhereverItLies) {
  const std::string text(2 * kBlock + 1000, 'a');
  Write("file", text);
  const auto report = Search({std::string(8, 'a'), std::string(300, 'a')});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->hit_count, (text.size() - 7) + (text.size() - 299));
  EXPECT_EQ(report->bytes, text.size());
}

TEST_F(TraceSearchTest, FindsWhatASearchOneByOneFinds) {
  std::mt19937 generator(3);
  std::string text(3 * kBlock, '\0');
  for (char& c : text) c = static_cast<char>(generator());
  std::vector<std::string> patterns;
  std::vector<TraceHit> expected;
  for (size_t i = 0; i < 200; ++i) {
    const size_t size = 8 + generator() % 500;
    // Half of them near the end of a block, where they overlap one another.
    const size_t offset =
        i % 2 == 0 ? generator() % (text.size() - size) : (1 + i % 4 / 2) * kBlock - generator() % 600;
    patterns.push_back(text.substr(offset, size));
    for (size_t at = text.find(patterns[i]); at != std::string::npos; at = text.find(patterns[i], at + 1)) {
      expected.push_back({"file", at, i});
    }
  }
  Write("file", text);
  EXPECT_THAT(Hits(patterns, {.max_hits = 1000}), testing::UnorderedElementsAreArray(expected));
}

TEST_F(TraceSearchTest, KeepsTheFirstHitsAndCountsAll) {
  Write("a", "canary-1canary-1");
  Write("b", "canary-1");
  const auto report = Search({"canary-1"}, {.max_hits = 2});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->hits, ElementsAre(TraceHit{"a", 0, 0}, TraceHit{"a", 8, 0}));
  EXPECT_EQ(report->hit_count, 3u);
}

TEST_F(TraceSearchTest, CountsLinksAndDoesNotFollowThem) {
  const TempDir elsewhere;
  std::ofstream(elsewhere / "file") << "canary-1";
  std::filesystem::create_symlink(elsewhere / "file", directory_ / "to-file");
  std::filesystem::create_directory_symlink(elsewhere.path(), directory_ / "to-directory");
  std::filesystem::create_directory_symlink(directory_.path(), directory_ / "to-itself");
  ASSERT_EQ(mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  const auto report = Search({"canary-1"});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->hits, IsEmpty());
  EXPECT_EQ(report->files, 0u);
  EXPECT_EQ(report->links, 3u);
}

TEST_F(TraceSearchTest, OfADataDirectoryTwoDirectoriesMayBeLinksAndTheMasterKey) {
  const TempDir elsewhere;
  std::ofstream(elsewhere / "file") << "canary-1";
  for (const char* name : {"store", "keyring", "other"}) {
    std::filesystem::create_directory_symlink(elsewhere.path(), directory_ / name);
  }
  std::filesystem::create_symlink(elsewhere / "file", directory_ / "master.key");
  const auto report = Search({"canary-1"}, {.is_data_dir = true});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->hits, ElementsAre(TraceHit{"keyring/file", 0, 0}, TraceHit{"store/file", 0, 0}));
  EXPECT_EQ(report->links, 1u);
  EXPECT_EQ(report->first_link, "other");
  std::filesystem::remove_all(elsewhere.path());
  EXPECT_EQ(Search({"canary-1"}, {.is_data_dir = true})->links, 3u) << "two lead nowhere";
}

TEST_F(TraceSearchTest, ADirectoryThatCanBeSearchedIsSearchable) {
  EXPECT_THAT(CheckSearchable(directory_ / "missing"), IsOk());
  EXPECT_THAT(CheckSearchable(directory_.path()), IsOk());
  std::filesystem::create_directories(directory_ / "store/lost+found");
  Write("store/file", "something");
  std::filesystem::create_directory_symlink(directory_ / "store", directory_ / "keyring");
  EXPECT_THAT(CheckSearchable(directory_.path()), IsOk());
  std::filesystem::create_directory_symlink(directory_ / "store", directory_ / "archive");
  const absl::Status link = CheckSearchable(directory_.path());
  EXPECT_THAT(link, Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_SEARCHABLE"));
  EXPECT_THAT(std::string(link.message()), testing::HasSubstr("archive is a symbolic link"));
}

// `stop` is asked twice for each file here, before its one block and before its end: the place for changes. Files are
// read in the order of their names.
TEST_F(TraceSearchTest, AFileThatVanishesIsSkipped) {
  Write("a", "something");
  Write("b", "canary-1");
  const auto report = Search({"canary-1"}, {.stop = [this] {
                               std::filesystem::remove(directory_ / "b");
                               return false;
                             }});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->hits, IsEmpty());
  EXPECT_EQ(report->files, 1u);
}

TEST_F(TraceSearchTest, BytesThatMoveToWhereTheSearchHasBeenAreFound) {
  std::filesystem::create_directory(directory_ / "directory");
  Write("b", "something");
  Write("c", "something");
  Write("d", "canary-1");
  Write("directory/e", "canary-2");
  int asked = 0;
  const auto move = [&] {
    if (++asked == 3) {  // "b" has been read
      std::filesystem::rename(directory_ / "d", directory_ / "a");
      Write("b", "something canary-2");
      std::filesystem::remove_all(directory_ / "directory");
    }
    return false;
  };
  EXPECT_THAT(Hits({"canary-1", "canary-2"}, {.stop = move}), ElementsAre(TraceHit{"a", 0, 0}, TraceHit{"b", 10, 1}));
}

TEST_F(TraceSearchTest, BytesThatMoveAgainAndAgainAreFound) {
  for (const char* name : {"a", "b", "c", "d"}) Write(name, "something");
  Write("e", "canary-1");
  int asked = 0;
  const auto move = [&] {
    if (++asked == 7) {  // all but "d" and "e" have been read
      Write("b", "something more");
      Write("c", "something canary-1");
      std::filesystem::remove(directory_ / "e");
    } else if (asked == 9) {  // "b" is read again; "a" has not changed
      Write("a", "something canary-1");
      std::filesystem::remove(directory_ / "c");
    }
    return false;
  };
  EXPECT_THAT(Hits({"canary-1"}, {.stop = move}), ElementsAre(TraceHit{"a", 10, 0}));
}

TEST_F(TraceSearchTest, OfAFileThatIsReplacedTheNewOneCounts) {
  Write("a", "canary-1");
  Write("b", "something");
  int asked = 0;
  const auto replace = [&] {
    if (++asked == 3) {  // "a" has been read
      Write("new", " canary-1 canary-1");
      std::filesystem::rename(directory_ / "new", directory_ / "a");
    }
    return false;
  };
  EXPECT_THAT(Hits({"canary-1"}, {.max_hits = 2, .stop = replace}),
              ElementsAre(TraceHit{"a", 1, 0}, TraceHit{"a", 10, 0}));
}

TEST_F(TraceSearchTest, AFileThatDoesNotChangeIsReadOnce) {
  Write("a", "something");
  Write("b", "something");
  int asked = 0;
  EXPECT_THAT(Hits({"canary-1"}, {.stop = [&] { return ++asked < 0; }}), IsEmpty());
  EXPECT_EQ(asked, 4);
}

}  // namespace
}  // namespace expunge
