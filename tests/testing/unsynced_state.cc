#include "tests/testing/unsynced_state.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace expunge {
namespace {

constexpr uint64_t kPageBytes = 4096;

// The same for "a/b" and "a/b/".
std::string DirectoryName(const std::string& path) { return (std::filesystem::path(path) / "").lexically_normal(); }

std::string DirectoryOf(const std::string& path) {
  return DirectoryName(std::filesystem::path(path).parent_path().string());
}

void WriteFile(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

}  // namespace

void UnsyncedState::Created(const std::string& path, bool is_new) {
  const MutexLock lock(&mutex_);
  synced_bytes_[path] = 0;
  if (is_new) entries_[DirectoryOf(path)].push_back({.kind = Entry::Kind::kCreated, .path = path});
}

void UnsyncedState::DirectoryCreated(const std::string& path) {
  const MutexLock lock(&mutex_);
  const std::string parent = std::filesystem::path(DirectoryName(path)).parent_path().parent_path().string();
  entries_[DirectoryName(parent)].push_back({.kind = Entry::Kind::kDirectoryCreated, .path = path});
}

void UnsyncedState::Synced(const std::string& path, uint64_t bytes) {
  const MutexLock lock(&mutex_);
  uint64_t& synced = synced_bytes_[path];
  synced = std::max(synced, bytes);  // of two syncs at a time, the one of fewer bytes may end last
}

std::optional<std::string> UnsyncedState::BeforeRemoval(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<std::string> UnsyncedState::Durable(const std::string& path, std::optional<std::string> contents) {
  const auto synced = synced_bytes_.find(path);
  if (synced == synced_bytes_.end()) return contents;
  if (contents) contents->resize(std::min<uint64_t>(contents->size(), synced->second));
  synced_bytes_.erase(synced);
  return contents;
}

void UnsyncedState::Deleted(const std::string& path, std::optional<std::string> contents) {
  const MutexLock lock(&mutex_);
  contents = Durable(path, std::move(contents));
  entries_[DirectoryOf(path)].push_back({.kind = Entry::Kind::kDeleted, .path = path, .contents = std::move(contents)});
}

void UnsyncedState::Renamed(const std::string& from, const std::string& to, std::optional<std::string> replaced) {
  const MutexLock lock(&mutex_);
  replaced = Durable(to, std::move(replaced));
  if (auto moved = synced_bytes_.extract(from)) {
    moved.key() = to;
    synced_bytes_.insert(std::move(moved));
  }
  entries_[DirectoryOf(from)].push_back(
      {.kind = Entry::Kind::kRenamed, .path = from, .renamed_to = to, .contents = std::move(replaced)});
}

void UnsyncedState::DirectorySynced(const std::string& path) {
  const MutexLock lock(&mutex_);
  entries_.erase(DirectoryName(path));
}

void UnsyncedState::Lose(const PowerLoss& loss) {
  const MutexLock lock(&mutex_);
  for (const auto& [path, synced] : synced_bytes_) CutTail(path, synced, loss.tail);
  synced_bytes_.clear();
  if (loss.entries) {
    for (const auto& [directory, changes] : entries_) std::for_each(changes.rbegin(), changes.rend(), TakeBack);
  }
  entries_.clear();
}

void UnsyncedState::CutTail(const std::string& path, uint64_t synced, PowerLoss::Tail tail) {
  std::error_code gone;  // most of them: deleted since
  const uint64_t size = std::filesystem::file_size(path, gone);
  if (gone || size <= synced) return;
  switch (tail) {
    case PowerLoss::Tail::kGone:
      return std::filesystem::resize_file(path, synced);
    case PowerLoss::Tail::kHalf:
      return std::filesystem::resize_file(path, synced + (size - synced) / 2);
    case PowerLoss::Tail::kZeros:
      std::filesystem::resize_file(path, std::min(size, (synced + kPageBytes - 1) / kPageBytes * kPageBytes));
      return std::filesystem::resize_file(path, size);
  }
}

void UnsyncedState::TakeBack(const Entry& entry) {
  std::error_code gone;  // with a directory that was taken back before
  switch (entry.kind) {
    case Entry::Kind::kCreated:
      std::filesystem::remove(entry.path, gone);
      break;
    case Entry::Kind::kDirectoryCreated:
      std::filesystem::remove_all(entry.path, gone);
      break;
    case Entry::Kind::kDeleted:
      if (entry.contents) WriteFile(entry.path, *entry.contents);
      break;
    case Entry::Kind::kRenamed:
      std::filesystem::rename(entry.renamed_to, entry.path, gone);
      if (entry.contents) WriteFile(entry.renamed_to, *entry.contents);
      break;
  }
}

}  // namespace expunge
