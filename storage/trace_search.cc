#include "storage/trace_search.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/cache_sparing_reader.h"

namespace expunge {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;

// Somebody removed the thing, or put a link or a file in its place, since it was listed.
bool HasVanished(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

// How a file was just before it was read.
struct FileState {
  explicit FileState(const struct stat& about)
      : device(about.st_dev),
        inode(about.st_ino),
        size(about.st_size),
        modified(about.st_mtim.tv_sec, about.st_mtim.tv_nsec) {}

  bool IsSameFile(const FileState& other) const { return device == other.device && inode == other.inode; }
  friend bool operator==(const FileState&, const FileState&) = default;

  dev_t device;
  ino_t inode;
  off_t size;
  std::pair<int64_t, int64_t> modified;
};

struct SearchedFile {
  explicit SearchedFile(const FileState& state) : state(state) {}

  FileState state;
  uint64_t bytes = 0;
  uint64_t hit_count = 0;
  std::vector<TraceHit> hits;
};

class Search {
 public:
  Search(const PatternSet& patterns, const std::string& directory, const TraceSearchOptions& options)
      : patterns_(patterns),
        directory_(directory),
        options_(options),
        overlap_bytes_(patterns.longest() - 1),
        block_bytes_(std::max(kBlockBytes, patterns.longest())),
        buffer_(overlap_bytes_ + block_bytes_, '\0') {}

  absl::StatusOr<TraceReport> Run() {
    do {
      directory_changed_ = false;
      RETURN_IF_ERROR(VisitAll());
    } while (directory_changed_);
    return Report();
  }

 private:
  absl::Status Incomplete(const std::string& path, int error) const {
    const bool no_directory = path.empty() && HasVanished(error);
    absl::StatusCode code = no_directory ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable;
    if (error == EACCES || error == EPERM) code = absl::StatusCode::kPermissionDenied;
    return Error(code, "SEARCH_INCOMPLETE", absl::StrCat("cannot search ", FullPath(path), ": ", std::strerror(error)));
  }

  std::string FullPath(const std::string& path) const {
    return path.empty() ? directory_ : absl::StrCat(directory_, "/", path);
  }

  absl::Status VisitAll() {
    std::vector<std::string> directories = {""};
    while (!directories.empty()) {
      const std::string directory = std::move(directories.back());
      directories.pop_back();
      ASSIGN_OR_RETURN(const std::vector<std::string> names, List(directory));
      for (const std::string& name : names) {
        const std::string path = directory.empty() ? name : absl::StrCat(directory, "/", name);
        struct stat about;
        if (lstat(FullPath(path).c_str(), &about) != 0) {
          RETURN_IF_ERROR(Vanished(path, errno));
        } else if (S_ISDIR(about.st_mode)) {
          directories.push_back(path);
        } else if (S_ISLNK(about.st_mode)) {
          links_.insert(path);
        } else if (S_ISREG(about.st_mode)) {
          RETURN_IF_ERROR(Visit(path, FileState(about)));
        }
      }
    }
    return absl::OkStatus();
  }

  // Whole before any of it is visited: a visit may take long.
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(FullPath(directory), error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (!error) {
      std::sort(names.begin(), names.end());
      return names;
    }
    if (directory.empty()) return Incomplete(directory, error.value());
    RETURN_IF_ERROR(Vanished(directory, error.value()));
    return std::vector<std::string>();
  }

  absl::Status Vanished(const std::string& path, int error) {
    if (!HasVanished(error)) return Incomplete(path, error);
    directory_changed_ = true;  // what was in it may be where we have looked already
    return absl::OkStatus();
  }

  absl::Status Visit(const std::string& path, const FileState& state) {
    const auto [place, is_new] = files_.try_emplace(path, state);
    SearchedFile& file = place->second;
    if (is_new || !file.state.IsSameFile(state)) {
      directory_changed_ = true;
    } else if (file.state == state) {
      return absl::OkStatus();
    }
    int descriptor = -1;
    const auto close_it = absl::MakeCleanup([&descriptor] {
      if (descriptor >= 0) close(descriptor);
    });
    if (state.size > 0) {
      descriptor = open(FullPath(path).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      if (descriptor < 0) {
        const int error = errno;
        if (is_new) files_.erase(place);
        return Vanished(path, error);
      }
    }
    kept_hits_ -= file.hits.size();
    file = SearchedFile(state);
    return descriptor < 0 ? absl::OkStatus() : SearchFile(descriptor, path, &file);
  }

  absl::Status SearchFile(int descriptor, const std::string& path, SearchedFile* file) {
    CacheSparingReader reader(descriptor);
    size_t kept = 0;  // bytes of the block before, in which a pattern may have begun
    for (;;) {
      if (options_.stop && options_.stop()) {
        return Error(absl::StatusCode::kCancelled, "SEARCH_STOPPED", "the search was stopped");
      }
      const ssize_t count = reader.Read(buffer_.data() + kept, block_bytes_);
      if (count < 0) return Incomplete(path, errno);
      if (count == 0) return absl::OkStatus();
      const std::string_view text(buffer_.data(), kept + static_cast<size_t>(count));
      const uint64_t text_begin = file->bytes - kept;
      patterns_.Find(text, [&](size_t offset, size_t pattern) {
        if (offset + patterns_.patterns()[pattern].size() <= kept) return;  // was found in the block before
        ++file->hit_count;
        if (kept_hits_ == options_.max_hits) return;
        ++kept_hits_;
        file->hits.push_back({path, text_begin + offset, pattern});
      });
      file->bytes += static_cast<uint64_t>(count);
      kept = std::min(overlap_bytes_, text.size());
      std::memmove(buffer_.data(), text.data() + text.size() - kept, kept);
    }
  }

  TraceReport Report() {
    TraceReport report;
    report.files = files_.size();
    report.links = links_.size();
    for (auto& [path, file] : files_) {
      report.bytes += file.bytes;
      report.hit_count += file.hit_count;
      std::sort(file.hits.begin(), file.hits.end(), [](const TraceHit& a, const TraceHit& b) {
        return std::tie(a.offset, a.pattern) < std::tie(b.offset, b.pattern);
      });
      std::move(file.hits.begin(), file.hits.end(), std::back_inserter(report.hits));
    }
    return report;
  }

  const PatternSet& patterns_;
  const std::string& directory_;
  const TraceSearchOptions& options_;
  const size_t overlap_bytes_;
  const size_t block_bytes_;
  std::string buffer_;
  std::map<std::string, SearchedFile> files_;  // by path
  std::set<std::string> links_;
  size_t kept_hits_ = 0;  // in files_
  bool directory_changed_ = false;
};

}  // namespace

absl::StatusOr<TraceReport> SearchForTraces(const PatternSet& patterns, const std::string& directory,
                                            const TraceSearchOptions& options) {
  return Search(patterns, directory, options).Run();
}

}  // namespace expunge
