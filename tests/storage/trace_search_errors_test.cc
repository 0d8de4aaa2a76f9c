#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/storage/trace_search_fixture.h"

namespace {
std::atomic<bool> reads_fail = false;
}  // namespace

// Stands before the C library's: how the search reads. A disk that fails is hard to come by.
extern "C" ssize_t pread(int descriptor, void* buffer, size_t size, off_t offset) {
  if (reads_fail) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pread64, descriptor, buffer, size, offset);
}

namespace expunge {
namespace {

// This thread, which may be root's, as somebody to whom the permissions of files apply.
class AsNobody {
 public:
  AsNobody() { setfsuid(kNobody); }
  ~AsNobody() { setfsuid(geteuid()); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

  static bool Works() {
    const AsNobody nobody;
    return setfsuid(kNobody) == kNobody;
  }

 private:
  static constexpr int kNobody = 65534;
};

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(TraceSearchTest, StopsWhenAskedTo) {
  Write("a", std::string(10 << 20, 'x'));
  int asked = 0;
  const auto result = Search({"canary-1"}, {.stop = [&] { return ++asked == 3; }});
  EXPECT_THAT(result, Fails(absl::StatusCode::kCancelled, "SEARCH_STOPPED"));
  EXPECT_EQ(asked, 3);
}

TEST_F(TraceSearchTest, ADirectoryThatIsNotThereIsAnError) {
  const auto set = PatternSet::Create({"canary-1"});
  const auto missing = SearchForTraces(*set, directory_ / "missing");
  EXPECT_THAT(missing, Fails(absl::StatusCode::kNotFound, "SEARCH_INCOMPLETE"));
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr(directory_ / "missing"));
  Write("file", "canary-1");
  EXPECT_THAT(SearchForTraces(*set, directory_ / "file"), Fails(absl::StatusCode::kNotFound, "SEARCH_INCOMPLETE"));
}

TEST_F(TraceSearchTest, AFileThatCannotBeReadIsAnErrorThatNamesIt) {
  Write("a", "something");
  reads_fail = true;
  const auto result = Search({"canary-1"});
  reads_fail = false;
  EXPECT_THAT(result, Fails(absl::StatusCode::kUnavailable, "SEARCH_INCOMPLETE"));
  EXPECT_THAT(std::string(result.status().message()), AllOf(HasSubstr(directory_ / "a"), HasSubstr("Input/output")));
}

TEST_F(TraceSearchTest, AFileThatCannotBeOpenedIsAnErrorThatNamesIt) {
  Write("a", "something");
  Write("b", "something");
  rlimit usual = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const auto forbid = [&] {
    const rlimit none = {.rlim_cur = 0, .rlim_max = usual.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &none) != 0;
  };
  const auto result = Search({"canary-1"}, {.stop = forbid});
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_THAT(result, Fails(absl::StatusCode::kUnavailable, "SEARCH_INCOMPLETE"));
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(directory_ / "b"));
}

TEST_F(TraceSearchTest, LocksThatThisProcessHoldsOnEmptyFilesStay) {
  Write("LOCK", "");
  const int locked = open((directory_ / "LOCK").c_str(), O_RDWR);
  const int observer = open((directory_ / "LOCK").c_str(), O_RDWR);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
  ASSERT_EQ(fcntl(locked, F_SETLK, &lock), 0);
  EXPECT_THAT(Search({"canary-1"}), IsOk());
  // A lock of a descriptor, unlike one of the process, is in conflict with one of the process.
  ASSERT_EQ(fcntl(observer, F_OFD_GETLK, &lock), 0);
  EXPECT_EQ(lock.l_type, F_WRLCK) << "the lock is gone";
  close(observer);
  close(locked);
}

TEST_F(TraceSearchTest, WhatTheServerMayNotReadMakesADirectoryUnsearchable) {
  const bool is_root = geteuid() == 0;
  ASSERT_TRUE(!is_root || AsNobody::Works()) << "root, and cannot be anybody else";
  using std::filesystem::perms;
  std::filesystem::permissions(directory_.path(), is_root ? perms::all : perms::owner_all);
  const auto check = [&] {
    std::optional<AsNobody> nobody;
    if (is_root) nobody.emplace();
    return CheckSearchable(directory_.path());
  };
  Write("file", "something");
  std::filesystem::create_directories(directory_ / "volume/lost+found");
  EXPECT_THAT(check(), IsOk()) << "the control";

  std::filesystem::permissions(directory_ / "volume/lost+found", is_root ? perms::owner_all : perms::none);
  const absl::Status directory = check();
  EXPECT_THAT(directory, Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_SEARCHABLE"));
  EXPECT_THAT(std::string(directory.message()),
              AllOf(HasSubstr("may not read volume/lost+found"), HasSubstr("a subdirectory of it")));
  std::filesystem::permissions(directory_ / "volume/lost+found", perms::all);

  std::filesystem::permissions(directory_ / "file", is_root ? perms::owner_all : perms::none);
  const absl::Status file = check();
  EXPECT_THAT(file, Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_SEARCHABLE"));
  EXPECT_THAT(std::string(file.message()), HasSubstr("may not read file"));
}

}  // namespace
}  // namespace expunge
