// Bits that changed on the disk while the server was down: told, or without effect, and never served (script.h).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "tests/faults/child.h"
#include "tests/faults/script.h"
#include "tests/faults/sweep.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using testing::Contains;
using testing::ElementsAre;

using Files = std::map<std::string, std::string>;  // contents by path

Files ReadFiles(const std::string& directory) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

void WriteFile(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

// Brings the files of the directory back to what they were.
void RestoreFiles(const std::string& directory, const Files& files) {
  const Files present = ReadFiles(directory);
  for (const auto& [path, contents] : present) {
    if (!files.contains(path)) std::filesystem::remove(path);
  }
  for (const auto& [path, contents] : files) {
    const auto same = present.find(path);
    if (same == present.end() || same->second != contents) WriteFile(path, contents);
  }
}

struct Damage {
  std::string path;
  size_t byte = 0;
  int bit = 0;
};

// One bit in every `stride`-th byte of the files in `directory` whose path contains `name`.
std::vector<Damage> Damages(const Files& files, const std::string& directory, const std::string& name, size_t stride) {
  std::vector<Damage> damages;
  size_t bytes = 0;
  for (const auto& [path, contents] : files) {
    if (!absl::StrContains(path, "/" + directory + "/") || !absl::StrContains(path, name)) continue;
    for (size_t byte = 0; byte < contents.size(); ++byte, ++bytes) {
      if (bytes % stride == 0) damages.push_back({path, byte, static_cast<int>(bytes / stride % 8)});
    }
  }
  return damages;
}

// Runs the script, then flips one bit after the other, of every kChildren-th damage, in the data directory that it left
// behind, and opens it each time.
void FlipBits(const std::string& directory, const std::string& name, size_t stride, int child,
              const ChildReport& report) {
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  const TempDir dir;
  const std::string data_dir = dir / "data";
  const auto faulty = std::make_shared<FaultyFileSystem>();
  FaultyEnv env(faulty);
  Client client(data_dir, faulty.get(), &env);
  RunScript(client);
  const Ledger ledger = client.ledger();
  const Files files = ReadFiles(data_dir);
  const std::vector<Damage> damages = Damages(files, directory, name, stride);
  for (size_t i = child; i < damages.size(); i += kChildren) {
    const Damage& damage = damages[i];
    const std::string what =
        absl::StrCat(damage.path.substr(data_dir.size()), ", byte ", damage.byte, ", bit ", damage.bit);
    report.Line("run " + what);
    RestoreFiles(data_dir, files);
    std::string contents = files.at(damage.path);
    contents[damage.byte] = static_cast<char>(contents[damage.byte] ^ (1 << damage.bit));
    WriteFile(damage.path, contents);
    client.Remember(ledger);
    CheckDamaged(client);
    for (const std::string& problem : client.problems()) report.Line("problem " + what + ": " + problem);
    report.Line(client.errors() == 0 ? "without effect" : "told as " + absl::StrJoin(client.reasons(), " and "));
  }
}

// The outcomes that there were.
std::set<std::string> Sweep(const std::string& directory, const std::string& name, size_t usual_stride) {
  const size_t stride = StrideOr(static_cast<int>(usual_stride));
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < kChildren; ++i) {
    children.push_back(
        std::make_unique<Child>([&](const ChildReport& report) { FlipBits(directory, name, stride, i, report); }));
  }
  std::map<std::string, int> outcomes;
  FaultCounts counts;
  for (const auto& child : children) {
    const ChildResult result = child->Join();
    for (const std::string& line : result.lines) {
      if (absl::StartsWith(line, "run ")) counts.Count(line);
      if (absl::StartsWith(line, "problem")) ADD_FAILURE() << line;
      if (absl::StartsWith(line, "told") || line == "without effect") ++outcomes[line];
    }
    if (result.death.empty()) continue;
    ADD_FAILURE() << (result.lines.empty() ? "the script" : result.lines.back()) << ": the process " << result.death;
  }
  EXPECT_GT(counts.keyring + counts.store, 0);
  std::string details = absl::StrCat("a bit in every ", stride, ". byte");
  std::set<std::string> found;
  for (const auto& [outcome, count] : outcomes) {
    absl::StrAppend(&details, ", ", count, " ", outcome);
    found.insert(outcome);
  }
  counts.Print(absl::StrCat("bit flip at rest, ", directory, "/*", name, "*"), details, "nothing wrong served");
  return found;
}

TEST(DamageTest, InAWriteAheadLog) {
  EXPECT_THAT(Sweep("keyring", ".log", 61), ElementsAre("told as STORAGE_CORRUPT"));
  EXPECT_THAT(Sweep("store", ".log", 307), ElementsAre("told as STORAGE_CORRUPT"));
}

TEST(DamageTest, InATable) {
  EXPECT_THAT(Sweep("keyring", ".sst", 307), Contains("told as STORAGE_CORRUPT"));
  EXPECT_THAT(Sweep("store", ".sst", 251), Contains("told as STORAGE_CORRUPT"));
}

// What cannot be read is not a checkpoint: the slice is trained again.
TEST(DamageTest, InABlobFile) { EXPECT_THAT(Sweep("store", ".blob", 701), ElementsAre("without effect")); }

TEST(DamageTest, InAnIndexOfFiles) {
  for (const char* directory : {"keyring", "store"}) {
    EXPECT_THAT(Sweep(directory, "MANIFEST", 83), ElementsAre("told as STORAGE_CORRUPT"));
    EXPECT_THAT(Sweep(directory, "CURRENT", 3), ElementsAre("told as STORAGE_CORRUPT"));
  }
}

TEST(DamageTest, InAFileThatNamesTheDatabase) {
  for (const char* directory : {"keyring", "store"}) {
    EXPECT_THAT(Sweep(directory, "IDENTITY", 12), ElementsAre("without effect"));
  }
}

}  // namespace
}  // namespace expunge
