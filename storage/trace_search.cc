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
#include "base/scheduling.h"
#include "base/status_macros.h"
#include "storage/cache_sparing_reader.h"

namespace expunge {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;

// RocksDB's log_format.h: a record that does not fit into a block goes on behind the header of the next one.
constexpr size_t kLogBlockBytes = size_t{32} << 10;
constexpr size_t kLogHeaderBytes = 7;

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
  // Without patterns it opens the files alone.
  Search(const PatternSet* patterns, const std::string& directory, const TraceSearchOptions& options)
      : patterns_(patterns),
        directory_(directory),
        options_(options),
        longest_(patterns == nullptr ? 1 : patterns->longest()),
        reach_(std::min(longest_ - 1, kLogBlockBytes - kLogHeaderBytes)),
        overlap_bytes_(std::max(longest_ - 1, 2 * reach_ + kLogHeaderBytes)),
        block_bytes_(std::max(kBlockBytes, longest_)),
        buffer_(patterns == nullptr ? 0 : overlap_bytes_ + block_bytes_, '\0') {}

  const std::string& unreadable() const { return unreadable_; }  // what an error is about

  absl::StatusOr<TraceReport> Run() {
    do {
      directory_changed_ = false;
      RETURN_IF_ERROR(VisitAll());
    } while (directory_changed_);
    return Report();
  }

 private:
  absl::Status Incomplete(const std::string& path, int error) {
    unreadable_ = path;
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
          if (IsFollowed(path)) {
            directories.push_back(path);
          } else if (!options_.is_data_dir || path != "master.key") {
            links_.insert(path);
          }
        } else if (S_ISREG(about.st_mode)) {
          RETURN_IF_ERROR(Visit(path, FileState(about)));
        }
      }
    }
    return absl::OkStatus();
  }

  bool IsFollowed(const std::string& link) const {
    if (!options_.is_data_dir || (link != "store" && link != "keyring")) return false;
    struct stat about;
    return stat(FullPath(link).c_str(), &about) == 0 && S_ISDIR(about.st_mode);
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
    return descriptor < 0 || patterns_ == nullptr ? absl::OkStatus() : SearchFile(descriptor, path, &file);
  }

  absl::Status SearchFile(int descriptor, const std::string& path, SearchedFile* file) {
    CacheSparingReader reader(descriptor);
    size_t kept = 0;                     // bytes of the block before, in which a pattern may have begun
    uint64_t next_cut = kLogBlockBytes;  // the first end of a log's block that was not looked at
    for (;;) {
      if (options_.stop && options_.stop()) {
        return Error(absl::StatusCode::kCancelled, "SEARCH_STOPPED", "the search was stopped");
      }
      PauseInBackground();
      const ssize_t count = reader.Read(buffer_.data() + kept, block_bytes_);
      if (count < 0) return Incomplete(path, errno);
      const std::string_view text(buffer_.data(), kept + static_cast<size_t>(count));
      const uint64_t text_begin = file->bytes - kept;
      file->bytes += static_cast<uint64_t>(count);
      // What lies behind a cut must be here as a whole, unless the file ends.
      const size_t behind = count == 0 ? 0 : kLogHeaderBytes + reach_;
      for (; next_cut + behind < file->bytes; next_cut += kLogBlockBytes) {
        FindCut(text, text_begin, next_cut, path, file);
      }
      if (count == 0) return absl::OkStatus();
      patterns_->Find(text, [&](size_t offset, size_t pattern) {
        if (offset + patterns_->patterns()[pattern].size() <= kept) return;  // was found in the block before
        AddHit({path, text_begin + offset, pattern}, file);
      });
      kept = std::min(overlap_bytes_, text.size());
      std::memmove(buffer_.data(), text.data() + text.size() - kept, kept);
    }
  }

  // Patterns that begin before the cut and go on after the header behind it. `text` has all within reach of it.
  void FindCut(std::string_view text, uint64_t text_begin, uint64_t cut, const std::string& path, SearchedFile* file) {
    const size_t at = static_cast<size_t>(cut - text_begin);
    if (at + kLogHeaderBytes >= text.size()) return;
    const size_t head = std::min(at, reach_);
    joined_.assign(text.substr(at - head, head));
    joined_.append(text.substr(at + kLogHeaderBytes, reach_));
    patterns_->Find(joined_, [&](size_t offset, size_t index) {
      const std::string& pattern = patterns_->patterns()[index];
      if (offset >= head || offset + pattern.size() <= head) return;
      if (text.substr(at - head + offset, pattern.size()) == pattern) return;  // is found without the cut
      AddHit({path, cut - head + offset, index}, file);
    });
  }

  void AddHit(TraceHit hit, SearchedFile* file) {
    ++file->hit_count;
    if (kept_hits_ == options_.max_hits) return;
    ++kept_hits_;
    file->hits.push_back(std::move(hit));
  }

  TraceReport Report() {
    TraceReport report;
    report.files = files_.size();
    report.links = links_.size();
    if (!links_.empty()) report.first_link = *links_.begin();
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

  const PatternSet* const patterns_;
  const std::string& directory_;
  const TraceSearchOptions& options_;
  const size_t longest_;
  const size_t reach_;  // how far from a cut a pattern may lie
  const size_t overlap_bytes_;
  const size_t block_bytes_;
  std::string buffer_;
  std::string joined_;
  std::map<std::string, SearchedFile> files_;  // by path
  std::set<std::string> links_;
  size_t kept_hits_ = 0;  // in files_
  bool directory_changed_ = false;
  std::string unreadable_;
};

}  // namespace

absl::StatusOr<TraceReport> SearchForTraces(const PatternSet& patterns, const std::string& directory,
                                            const TraceSearchOptions& options) {
  return Search(&patterns, directory, options).Run();
}

absl::Status CheckSearchable(const std::string& data_dir) {
  constexpr char kAdvice[] =
      ". While it is there, nothing can be shown to be gone from the files, and no erasure is completed: give the "
      "server a directory of its own; when this is the root of a volume, a subdirectory of it";
  const TraceSearchOptions options = {.is_data_dir = true};
  Search search(nullptr, data_dir, options);
  const absl::StatusOr<TraceReport> report = search.Run();
  if (absl::IsNotFound(report.status())) return absl::OkStatus();
  if (absl::IsPermissionDenied(report.status())) {
    const std::string path = search.unreadable().empty() ? "it" : search.unreadable();
    return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_SEARCHABLE",
                 absl::StrCat("the data directory cannot be searched: the server may not read ", path, kAdvice));
  }
  RETURN_IF_ERROR(report.status());
  if (report->links == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_SEARCHABLE",
               absl::StrCat("the data directory cannot be searched: ", report->first_link,
                            " is a symbolic link, and only store and keyring may be one", kAdvice));
}

}  // namespace expunge
