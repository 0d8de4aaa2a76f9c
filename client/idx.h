#ifndef EXPUNGE_CLIENT_IDX_H_
#define EXPUNGE_CLIENT_IDX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/file_source.h"

namespace expunge {

// What one element of an IDX file is; the numbers are the format's own. Its other types are refused.
enum class IdxType : uint8_t { kUint8 = 0x08, kFloat32 = 0x0D };

// Reads an IDX file, plain or gzipped, item by item: two zero bytes, the type, the number of dimensions, each dimension
// as 4 bytes big-endian, then the elements row by row, big-endian. The first dimension counts the items. Not
// thread-safe. (http://yann.lecun.com/exdb/mnist/, "THE IDX FILE FORMAT".)
//
// Errors: FileSource's, and DATA_LOSS with reason FILE_CORRUPT (not IDX, trailing bytes) or FILE_TRUNCATED.
class IdxReader {
 public:
  static constexpr size_t kMaxDimensions = 9;  // of an item 8, as many as a model's input may have
  static constexpr int64_t kMaxItemBytes = int64_t{1} << 26;

  static absl::StatusOr<std::unique_ptr<IdxReader>> Open(const std::string& path);

  const std::string& path() const { return source_->path(); }
  IdxType type() const { return type_; }
  int64_t count() const { return count_; }                      // items in the file
  const std::vector<int64_t>& shape() const { return shape_; }  // of one item; empty when an item is one element
  size_t item_bytes() const { return item_bytes_; }
  int64_t position() const { return position_; }  // index of the item that Read gives next
  int64_t OffsetOf(int64_t item) const;           // of its first byte in the (decompressed) content

  // Reads whole items, as many as fit, and returns their number: fewer only at the end, 0 after it. Floats come
  // little-endian. When the last item was read the end was checked too: the checksum is right and nothing follows.
  absl::StatusOr<size_t> Read(absl::Span<uint8_t> items);

  // Moves `items` further; they must exist.
  absl::Status Skip(int64_t items);

 private:
  explicit IdxReader(std::unique_ptr<FileSource> source) : source_(std::move(source)) {}

  absl::Status ReadHeader();
  absl::Status CheckEnd();
  absl::Status Truncated(std::string_view where) const;

  const std::unique_ptr<FileSource> source_;
  IdxType type_ = IdxType::kUint8;
  int64_t count_ = 0;
  std::vector<int64_t> shape_;
  size_t item_bytes_ = 0;
  int64_t header_bytes_ = 0;
  int64_t position_ = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_IDX_H_
