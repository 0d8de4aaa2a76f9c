#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/run_expunge.h"
#include "tests/client/test_files.h"

namespace expunge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AdminScanTest : public testing::Test {
 protected:
  AdminScanTest() {
    std::filesystem::create_directories(data_dir_ + "/store");
    WriteData("store/000012.sst", "....person-000042....");
    WriteData("CURRENT", "MANIFEST-000001");
  }

  void WriteData(const std::string& name, std::string_view content) const {
    std::ofstream(data_dir_ + "/" + name, std::ios::binary) << content;
  }

  Outcome Scan(std::string_view patterns, std::vector<const char*> more = {}) const {
    const std::string file = files_.Write("patterns", patterns);
    std::vector<const char*> arguments = {"admin",           "scan",           "--data-dir",
                                          data_dir_.c_str(), "--pattern-file", file.c_str()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunExpunge(arguments);
  }

  const TestFiles files_;
  const std::string data_dir_ = files_.PathOf("data");
};

TEST_F(AdminScanTest, SaysWhatItSearchedWhenNothingIsFound) {
  const Outcome outcome = Scan("text:person-000043\nhex:0011223344556677\n");
  EXPECT_EQ(outcome.status, kExitOk);
  EXPECT_EQ(outcome.out, "searched 2 files, 36 bytes, for 2 patterns: nothing found\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(AdminScanTest, NamesEachHitByFileOffsetAndLineAndFails) {
  const Outcome outcome = Scan("# whom we forgot\n\ntext:person-000042\nbase64:TUFOSUZFU1Q=\n");
  EXPECT_EQ(outcome.status, kExitError);
  EXPECT_EQ(outcome.out,
            "CURRENT offset 0 pattern 4\n"
            "store/000012.sst offset 4 pattern 3\n"
            "searched 2 files, 36 bytes, for 2 patterns: 2 hits\n");
  EXPECT_THAT(outcome.err, HasSubstr("FAILED_PRECONDITION (TRACES_FOUND): "));
}

TEST_F(AdminScanTest, AnswersInJsonToo) {
  const Outcome found = Scan("text:person-000042\n", {"--output", "json"});
  EXPECT_EQ(found.status, kExitError);
  EXPECT_EQ(found.out, R"({
 "patterns": 1,
 "files": 2,
 "bytes": 36,
 "linksNotFollowed": 0,
 "hitCount": 1,
 "hits": [
  {"file": "store/000012.sst", "offset": 4, "pattern": 1}
 ]
}
)");
  const Outcome nothing = Scan("text:person-000043\n", {"--output", "json"});
  EXPECT_EQ(nothing.status, kExitOk);
  EXPECT_THAT(nothing.out, HasSubstr("\"hits\": []"));
}

TEST_F(AdminScanTest, SaysHowManyMoreHitsAndWhichLinksThereAre) {
  WriteData("store/000013.log", std::string(2007, 'x'));
  std::filesystem::create_symlink("nowhere", data_dir_ + "/link");
  const Outcome outcome = Scan("text:xxxxxxxx\n");
  EXPECT_THAT(outcome.out, HasSubstr("store/000013.log offset 99 pattern 1\nand 1,900 more\n"));
  EXPECT_THAT(outcome.out, HasSubstr(": 2,000 hits\n1 symbolic link not followed\n"));
}

TEST_F(AdminScanTest, ALinkThatIsNotFollowedIsAnErrorAfterTheReport) {
  std::filesystem::create_symlink("nowhere", data_dir_ + "/link");
  const Outcome outcome = Scan("text:person-000043\n");
  EXPECT_EQ(outcome.status, kExitError);
  EXPECT_THAT(outcome.out, HasSubstr("nothing found\n1 symbolic link not followed\n"));
  EXPECT_THAT(outcome.err, HasSubstr("FAILED_PRECONDITION (SEARCH_INCOMPLETE): "));
}

TEST_F(AdminScanTest, ADirectoryWithoutAFileIsAnError) {
  std::filesystem::remove_all(data_dir_);
  std::filesystem::create_directories(data_dir_ + "/store");
  const Outcome outcome = Scan("text:person-000043\n");
  EXPECT_EQ(outcome.status, kExitError);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("FAILED_PRECONDITION (NOTHING_SEARCHED): "));
}

TEST_F(AdminScanTest, NeverPrintsAPattern) {
  for (const char* patterns : {"text:person-000042\n", "text:person-000043\n", "person-000042\n", "text:person-\n",
                               "hex:person-000042\n", "base64:person-0\n"}) {
    for (const char* format : {"text", "json"}) {
      const Outcome outcome = Scan(patterns, {"--output", format});
      EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("person"))) << patterns;
    }
  }
}

TEST_F(AdminScanTest, WhatCannotBeSearchedIsAnErrorWithoutAReport) {
  const Outcome bad_file = Scan("text:person-000042\nperson-000042\n");
  EXPECT_EQ(bad_file.status, kExitError);
  EXPECT_EQ(bad_file.out, "");
  EXPECT_THAT(bad_file.err, HasSubstr("INVALID_ARGUMENT (INVALID_PATTERN): "));
  EXPECT_THAT(bad_file.err, HasSubstr("line 2 must begin with"));
  std::filesystem::remove_all(data_dir_);
  const Outcome no_directory = Scan("text:person-000042\n");
  EXPECT_EQ(no_directory.status, kExitError);
  EXPECT_EQ(no_directory.out, "");
  EXPECT_THAT(no_directory.err, HasSubstr("NOT_FOUND (SEARCH_INCOMPLETE): cannot search " + data_dir_));
  EXPECT_EQ(RunExpunge({"admin", "scan", "--data-dir", "x"}).status, kExitUsage);
}

TEST_F(AdminScanTest, TalksToNoServer) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string target = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_EQ(Scan("text:person-000043\n", {"--address", target.c_str()}).status, kExitOk);
  EXPECT_EQ(accept(listener, nullptr, nullptr), -1);
  EXPECT_EQ(errno, EAGAIN);
  close(listener);
}

}  // namespace
}  // namespace expunge::cli
