#include "storage/log_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rocksdb/env.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

// RocksDB's format: blocks of this size, which no record crosses: one that does not fit is written in fragments. Each
// is a masked CRC-32C of type and payload (4 bytes), the payload's length (2 bytes), both little-endian, the type, the
// payload.
constexpr size_t kBlockBytes = 32768;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kLengthBytes = 2;
constexpr size_t kTypeAt = 6;
constexpr size_t kHeaderBytes = 7;
constexpr char kFirstFragment = 2;
constexpr char kMiddleFragment = 3;

constexpr size_t kPageBytes = 4096;

constexpr std::array<uint32_t, 256> Crc32cTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

uint32_t LittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

// How much of `bytes` has the checksum; 0: no beginning of it has, from `shortest` bytes on.
size_t LengthThatFits(std::string_view bytes, size_t shortest, uint32_t masked_checksum) {
  static constexpr std::array<uint32_t, 256> kTable = Crc32cTable();
  const uint32_t rotated = masked_checksum - 0xa282ead8;
  const uint32_t checksum = rotated >> 17 | rotated << 15;
  uint32_t crc = ~uint32_t{0};
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(bytes[i])) & 0xff];
    if (i + 1 >= shortest && ~crc == checksum) return i + 1;
  }
  return 0;
}

// `record_end`: of a record that is not whole.
LogEnd ZerosOrDamage(std::string_view log, size_t record_end) {
  const size_t last = log.find_last_not_of('\0');
  const size_t written = last == std::string_view::npos ? 0 : last + 1;
  const size_t zeros_from = (written + kPageBytes - 1) / kPageBytes * kPageBytes;
  return zeros_from < record_end ? LogEnd::kZeros : LogEnd::kDamaged;
}

}  // namespace

LogEnd EndOfLog(std::string_view log) {
  bool more_to_come = false;  // of a record in fragments
  for (size_t begin = 0; begin < log.size(); begin += kBlockBytes) {
    const std::string_view block = log.substr(begin, kBlockBytes);
    size_t at = 0;
    while (block.size() - at >= kHeaderBytes) {
      const std::string_view record = block.substr(at);
      const uint32_t checksum = LittleEndian(record.substr(0, kChecksumBytes));
      const size_t length = LittleEndian(record.substr(kChecksumBytes, kLengthBytes));
      if (length == 0 && record[kTypeAt] == 0) {
        // Never written, or a record whose first bytes alone were. RocksDB would go on with the next block.
        const bool all_zeros = log.find_first_not_of('\0', begin + at) == std::string_view::npos;
        if (all_zeros && !more_to_come) return LogEnd::kWhole;
        return ZerosOrDamage(log, begin + at + kHeaderBytes);
      }
      const std::string_view checked = record.substr(kTypeAt);
      if (length + 1 > checked.size()) {
        if (block.size() == kBlockBytes) return ZerosOrDamage(log, begin + block.size());
        // Behind a length that was damaged there still is a record that has the checksum.
        return LengthThatFits(checked, 1, checksum) != 0 ? LogEnd::kDamaged : LogEnd::kCutShort;
      }
      if (LengthThatFits(checked.substr(0, length + 1), length + 1, checksum) == 0) {
        return ZerosOrDamage(log, begin + at + kHeaderBytes + length);
      }
      more_to_come = record[kTypeAt] == kFirstFragment || record[kTypeAt] == kMiddleFragment;
      at += kHeaderBytes + length;
    }
    if (block.size() < kBlockBytes && at < block.size()) return LogEnd::kCutShort;
  }
  return more_to_come ? LogEnd::kCutShort : LogEnd::kWhole;
}

absl::StatusOr<bool> CheckLogs(rocksdb::Env* env, std::string_view name, const std::string& path) {
  std::vector<std::string> files;
  RETURN_IF_ERROR(FromRocks(env->GetChildren(path, &files), name));
  bool ends_early = false;
  for (const std::string& file : files) {
    const bool is_wal = absl::EndsWith(file, ".log");
    if (!is_wal && !absl::StartsWith(file, "MANIFEST-")) continue;
    std::string log;
    const rocksdb::Status read = rocksdb::ReadFileToString(env, absl::StrCat(path, "/", file), &log);
    if (read.IsPathNotFound()) continue;  // another process has the database: opening it will say so
    RETURN_IF_ERROR(FromRocks(read, name));
    const LogEnd end = EndOfLog(log);
    if (end == LogEnd::kDamaged) return DamagedStorage(name);
    ends_early = ends_early || (is_wal && end != LogEnd::kWhole);
  }
  return ends_early;
}

}  // namespace expunge
