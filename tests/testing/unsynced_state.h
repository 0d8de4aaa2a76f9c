#ifndef EXPUNGE_TESTING_UNSYNCED_STATE_H_
#define EXPUNGE_TESTING_UNSYNCED_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace expunge {

// What a loss of power takes away.
struct PowerLoss {
  // The bytes of each file that were not synced: gone, or the first half of them stays (a torn write), or those in the
  // same page stay and the others are zeros (the length was on the device before the bytes).
  enum class Tail { kGone, kHalf, kZeros };
  Tail tail = Tail::kGone;
  // Files and directories that were made, renamed, replaced or deleted since their directory was last synced, too.
  bool entries = false;
};

// What the files of a directory tree owe the device: bytes that no sync covers, entries whose directory was not synced.
// Files that it was not told of count as durable. Keeps deleted and replaced files in memory until their directory is
// synced. Thread-safe.
class UnsyncedState {
 public:
  // A new or an emptied file; `is_new`: its entry is new.
  void Created(const std::string& path, bool is_new);
  void DirectoryCreated(const std::string& path);
  // The first `bytes` of the file are durable.
  void Synced(const std::string& path, uint64_t bytes);
  // Before and after: the contents are what BeforeRemoval gave.
  static std::optional<std::string> BeforeRemoval(const std::string& path);
  void Deleted(const std::string& path, std::optional<std::string> contents);
  void Renamed(const std::string& from, const std::string& to, std::optional<std::string> replaced);
  void DirectorySynced(const std::string& path);

  // Takes it all away. No file may be open. What is left is durable.
  void Lose(const PowerLoss& loss);

 private:
  // How to take back one change of a directory.
  struct Entry {
    enum class Kind { kCreated, kDirectoryCreated, kDeleted, kRenamed } kind;
    std::string path;
    std::string renamed_to;
    std::optional<std::string> contents;  // of the file that was deleted or replaced
  };
  // The contents of a file that goes: what of them is durable.
  std::optional<std::string> Durable(const std::string& path, std::optional<std::string> contents)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void CutTail(const std::string& path, uint64_t synced, PowerLoss::Tail tail);
  static void TakeBack(const Entry& entry);

  Mutex mutex_;
  std::map<std::string, uint64_t> synced_bytes_ ABSL_GUARDED_BY(mutex_);       // of the files that were written
  std::map<std::string, std::vector<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by directory, in order
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_UNSYNCED_STATE_H_
