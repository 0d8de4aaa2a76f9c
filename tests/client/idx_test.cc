#include "client/idx.h"

#include <cstring>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/test_files.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr IdxType kBytes = IdxType::kUint8;

// Everything in the file, `items` at a time.
absl::StatusOr<std::string> ReadAll(const std::string& path, size_t items) {
  auto reader = IdxReader::Open(path);
  if (!reader.ok()) return reader.status();
  std::string content, buffer(items * (*reader)->item_bytes(), '\0');
  for (;;) {
    const auto got = (*reader)->Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size()));
    if (!got.ok()) return got.status();
    if (*got == 0) return content;
    content.append(buffer, 0, *got * (*reader)->item_bytes());
  }
}

absl::Status ErrorOf(const std::string& path) { return ReadAll(path, 3).status(); }

class IdxTest : public testing::Test {
 protected:
  const TestFiles files_;
};

TEST_F(IdxTest, ReadsAPlainFile) {
  const std::string elements = CountingBytes(7 * 6);
  const std::string path = files_.Write("images", IdxBytes(kBytes, {7, 2, 3}, elements));
  const auto reader = IdxReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->type(), kBytes);
  EXPECT_EQ((*reader)->count(), 7);
  EXPECT_THAT((*reader)->shape(), ElementsAre(2, 3));
  EXPECT_EQ((*reader)->item_bytes(), 6u);
  EXPECT_EQ((*reader)->OffsetOf(1), 16 + 6);
  for (const size_t items : {1, 3, 7, 100}) EXPECT_EQ(*ReadAll(path, items), elements) << items;
}

TEST_F(IdxTest, ReadsAGzippedFileLikeAPlainOne) {
  const std::string elements = CountingBytes(5000 * 784);  // longer than every buffer
  const std::string path = files_.Write("images.gz", Gzip(IdxBytes(kBytes, {5000, 28, 28}, elements)));
  EXPECT_EQ(*ReadAll(path, 333), elements);
}

TEST_F(IdxTest, ReadsSeveralGzipMembersAsOneContent) {
  const std::string content = IdxBytes(kBytes, {10}, CountingBytes(10));
  const std::string path = files_.Write("labels.gz", Gzip(content.substr(0, 9)) + Gzip("") + Gzip(content.substr(9)));
  EXPECT_EQ(*ReadAll(path, 4), CountingBytes(10));
}

TEST_F(IdxTest, GivesFloatsInLittleEndian) {
  const std::string path =
      files_.Write("floats", IdxBytes(IdxType::kFloat32, {2, 1}, std::string("\x3f\x80\0\0\xc0\x20\0\0", 8)));
  const auto content = ReadAll(path, 2);
  ASSERT_TRUE(content.ok()) << content.status();
  float values[2];
  std::memcpy(values, content->data(), sizeof(values));
  EXPECT_THAT(values, ElementsAre(1.0f, -2.5f));
}

TEST_F(IdxTest, SkipsToAnItem) {
  const auto reader = IdxReader::Open(files_.Write("labels", IdxBytes(kBytes, {200'000}, CountingBytes(200'000))));
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_TRUE((*reader)->Skip(150'000).ok());
  EXPECT_EQ((*reader)->position(), 150'000);
  uint8_t label = 0;
  EXPECT_EQ(*(*reader)->Read(absl::MakeSpan(&label, 1)), 1u);
  EXPECT_EQ(label, 150'000 % 251);
  EXPECT_EQ((*reader)->Skip(50'000).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(IdxTest, AnEmptyFileOfItemsIsValid) {
  const std::string path = files_.Write("none", IdxBytes(kBytes, {0, 28, 28}, ""));
  EXPECT_EQ(*ReadAll(path, 1), "");
}

TEST_F(IdxTest, RefusesWhatIsNoIdxFile) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {std::string("\0\1\x08\1", 4), "not an IDX file"},
      {std::string("\0\0\x09\1", 4), "not an IDX file"},
      {std::string("\0\0\x08\0", 4), "not an IDX file"},
      {"\x89PNG\r\n", "its magic number is 0x89504e47"},
      {IdxBytes(kBytes, std::vector<uint32_t>(10, 1), "x"), "10 dimensions, must be at most 9"},
      {IdxBytes(kBytes, {1, 0}, ""), "dimension 1 must be at least 1, is 0"},
      {IdxBytes(kBytes, {1, 0xffffffff, 0xffffffff, 0xffffffff}, ""), "items must be at most 67108864 bytes"},
  };
  for (const auto& [content, message] : cases) {
    const absl::Status status = ErrorOf(files_.Write("bad", content));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << message;
    EXPECT_EQ(ReasonOf(status), "FILE_CORRUPT") << message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(status.message()), HasSubstr(files_.PathOf("bad")));
  }
}

TEST_F(IdxTest, EveryTruncationIsAnError) {
  const std::string plain = IdxBytes(kBytes, {4, 3}, CountingBytes(12));
  const std::string gzipped = Gzip(plain);
  for (size_t size = 0; size < plain.size(); ++size) {
    EXPECT_EQ(ReasonOf(ErrorOf(files_.Write("short", plain.substr(0, size)))), "FILE_TRUNCATED") << size;
  }
  for (size_t size = 2; size < gzipped.size(); ++size) {
    EXPECT_EQ(ReasonOf(ErrorOf(files_.Write("short.gz", gzipped.substr(0, size)))), "FILE_TRUNCATED") << size;
  }
}

TEST_F(IdxTest, ATruncationIsNamedWithItsPlaceAndBound) {
  const absl::Status status = ErrorOf(files_.Write("short", IdxBytes(kBytes, {4, 3}, CountingBytes(10))));
  EXPECT_THAT(std::string(status.message()), HasSubstr("ends in item 3, after 22 bytes of content, must have 24"));
}

TEST_F(IdxTest, EveryChangedByteOfAGzippedFileIsAnErrorOrHarmless) {
  const std::string elements = CountingBytes(600);
  const std::string gzipped = Gzip(IdxBytes(kBytes, {100, 6}, elements));
  for (size_t position = 2; position < gzipped.size(); ++position) {
    std::string damaged = gzipped;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x10);
    const auto content = ReadAll(files_.Write("damaged.gz", damaged), 7);
    // The header's time and operating system are not covered by the checksum and mean nothing.
    if (content.ok()) {
      EXPECT_EQ(*content, elements) << position;
    }
    if (position >= gzipped.size() - 8) {
      EXPECT_EQ(ReasonOf(content.status()), "FILE_CORRUPT") << position;
    }
  }
}

TEST_F(IdxTest, RefusesTrailingBytes) {
  const std::string content = IdxBytes(kBytes, {4}, CountingBytes(4));
  for (const std::string& bad : {content + "x", Gzip(content + "x"), Gzip(content) + "x", Gzip(content) + Gzip("x"),
                                 Gzip(content) + std::string(512, '\0')}) {
    const absl::Status status = ErrorOf(files_.Write("long", bad));
    EXPECT_EQ(ReasonOf(status), "FILE_CORRUPT");
    EXPECT_THAT(std::string(status.message()), HasSubstr("trailing bytes"));
  }
  EXPECT_EQ(ReasonOf(ErrorOf(files_.Write("long", IdxBytes(kBytes, {0}, "x")))), "FILE_CORRUPT");
}

TEST_F(IdxTest, SaysWhyAFileCannotBeOpened) {
  const absl::Status missing = IdxReader::Open(files_.PathOf("missing")).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(missing), "FILE_UNREADABLE");
  EXPECT_THAT(std::string(missing.message()), HasSubstr("missing: No such file or directory"));
  EXPECT_THAT(std::string(IdxReader::Open(files_.PathOf("")).status().message()), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace expunge
