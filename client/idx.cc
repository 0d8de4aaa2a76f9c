#include "client/idx.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

constexpr size_t kSkipBytes = size_t{64} << 10;

absl::Status Corrupt(const std::string& path, std::string_view problem) {
  return Error(absl::StatusCode::kDataLoss, "FILE_CORRUPT", absl::StrCat(path, ": ", ToAbsl(problem)));
}

uint32_t BigEndian32(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

void ReverseFloats(absl::Span<uint8_t> bytes) {
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::swap(bytes[i], bytes[i + 3]);
    std::swap(bytes[i + 1], bytes[i + 2]);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<IdxReader>> IdxReader::Open(const std::string& path) {
  ASSIGN_OR_RETURN(auto source, FileSource::Open(path));
  std::unique_ptr<IdxReader> reader(new IdxReader(std::move(source)));
  RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

absl::Status IdxReader::ReadHeader() {
  std::array<uint8_t, 4> magic;
  ASSIGN_OR_RETURN(size_t got, source_->Read(absl::MakeSpan(magic)));
  if (got < magic.size()) return Truncated("in its magic number");
  const size_t dimensions = magic[3];
  const bool known = magic[2] == uint8_t{0x08} || magic[2] == uint8_t{0x0D};
  if (magic[0] != 0 || magic[1] != 0 || !known || dimensions == 0) {
    return Corrupt(
        path(), absl::StrFormat("not an IDX file of unsigned bytes or floats: its magic number is 0x%02x%02x%02x%02x, "
                                "must be 0x000008nn or 0x00000dnn with the number of dimensions in nn",
                                magic[0], magic[1], magic[2], magic[3]));
  }
  if (dimensions > kMaxDimensions) {
    return Corrupt(path(), absl::StrCat("has ", dimensions, " dimensions, must be at most ", kMaxDimensions));
  }
  type_ = static_cast<IdxType>(magic[2]);

  std::array<uint8_t, 4 * kMaxDimensions> sizes;
  const auto header = absl::MakeSpan(sizes).subspan(0, 4 * dimensions);
  ASSIGN_OR_RETURN(got, source_->Read(header));
  if (got < header.size()) return Truncated("in its dimensions");
  count_ = BigEndian32(sizes.data());
  int64_t bytes = type_ == IdxType::kUint8 ? 1 : 4;
  for (size_t i = 1; i < dimensions; ++i) {
    shape_.push_back(BigEndian32(&sizes[4 * i]));
    if (shape_.back() == 0) return Corrupt(path(), absl::StrCat("dimension ", i, " must be at least 1, is 0"));
    if (shape_.back() > kMaxItemBytes / bytes) {
      return Corrupt(path(), absl::StrCat("its items must be at most ", kMaxItemBytes,
                                          " bytes long, by its dimensions they are longer"));
    }
    bytes *= shape_.back();
  }
  item_bytes_ = static_cast<size_t>(bytes);
  header_bytes_ = source_->offset();
  return count_ == 0 ? CheckEnd() : absl::OkStatus();
}

int64_t IdxReader::OffsetOf(int64_t item) const { return header_bytes_ + item * static_cast<int64_t>(item_bytes_); }

absl::StatusOr<size_t> IdxReader::Read(absl::Span<uint8_t> items) {
  const int64_t fit = static_cast<int64_t>(items.size() / item_bytes_);
  const size_t wanted = static_cast<size_t>(std::min(fit, count_ - position_));
  if (wanted == 0) return size_t{0};
  const auto target = items.subspan(0, wanted * item_bytes_);
  ASSIGN_OR_RETURN(const size_t got, source_->Read(target));
  if (got < target.size()) {
    return Truncated(absl::StrCat("in item ", position_ + static_cast<int64_t>(got / item_bytes_)));
  }
  if (type_ == IdxType::kFloat32) ReverseFloats(target);
  position_ += static_cast<int64_t>(wanted);
  if (position_ == count_) RETURN_IF_ERROR(CheckEnd());
  return wanted;
}

absl::Status IdxReader::Skip(int64_t items) {
  std::vector<uint8_t> unused(std::max(kSkipBytes, item_bytes_));
  for (int64_t left = items; left > 0;) {
    const size_t wanted = std::min<size_t>(static_cast<size_t>(left), unused.size() / item_bytes_);
    ASSIGN_OR_RETURN(const size_t got, Read(absl::MakeSpan(unused).subspan(0, wanted * item_bytes_)));
    if (got < wanted) {
      return Error(absl::StatusCode::kOutOfRange, "FILE_TOO_SHORT",
                   absl::StrCat(path(), ": has only ", count_, " items"));
    }
    left -= static_cast<int64_t>(got);
  }
  return absl::OkStatus();
}

absl::Status IdxReader::CheckEnd() {
  uint8_t byte;
  ASSIGN_OR_RETURN(const size_t got, source_->Read(absl::MakeSpan(&byte, 1)));
  if (got == 0) return absl::OkStatus();
  return Corrupt(path(), absl::StrCat("trailing bytes from byte ", source_->offset() - 1,
                                      " of its content on: by its dimensions it holds ", count_, " items of ",
                                      item_bytes_, " bytes"));
}

absl::Status IdxReader::Truncated(std::string_view where) const {
  std::string bound;
  if (header_bytes_ > 0) bound = absl::StrCat(", must have ", OffsetOf(count_));
  return Error(
      absl::StatusCode::kDataLoss, "FILE_TRUNCATED",
      absl::StrCat(path(), ": ends ", ToAbsl(where), ", after ", source_->offset(), " bytes of content", bound));
}

}  // namespace expunge
