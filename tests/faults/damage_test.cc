// Bits that changed on the disk while the server was down: told, or without effect, and never served (script.h).

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/faults/child.h"
#include "tests/faults/script.h"
#include "tests/faults/sweep.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

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

// One bit in every `stride`-th byte of the files whose path contains `name`.
std::vector<Damage> Damages(const Files& files, const std::string& name, size_t stride) {
  std::vector<Damage> damages;
  size_t bytes = 0;
  for (const auto& [path, contents] : files) {
    if (!absl::StrContains(path, name)) continue;
    for (size_t byte = 0; byte < contents.size(); ++byte, ++bytes) {
      if (bytes % stride == 0) damages.push_back({path, byte, static_cast<int>(bytes / stride % 8)});
    }
  }
  return damages;
}

// Flips one bit after the other in the data directory that the script leaves, and opens it each time.
void FlipBits(const std::string& name, const std::string& data_dir, size_t stride, const ChildReport& report) {
  const auto faulty = std::make_shared<FaultyFileSystem>();
  FaultyEnv env(faulty);
  Client client(data_dir, faulty.get(), &env);
  RunScript(client);
  const Ledger ledger = client.ledger();
  const Files files = ReadFiles(data_dir);
  for (const Damage& damage : Damages(files, name, stride)) {
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

void Sweep(const std::string& name, size_t usual_stride) {
  const TempDir dir;
  const size_t stride = StrideOr(static_cast<int>(usual_stride));
  const ChildResult result =
      RunInChild([&](const ChildReport& report) { FlipBits(name, dir / "data", stride, report); });
  std::map<std::string, int> outcomes;
  int flips = 0;
  for (const std::string& line : result.lines) {
    flips += absl::StartsWith(line, "run ");
    if (absl::StartsWith(line, "problem")) ADD_FAILURE() << line;
    if (absl::StartsWith(line, "told") || line == "without effect") ++outcomes[line];
  }
  if (!result.death.empty()) ADD_FAILURE() << result.lines.back() << ": the process " << result.death;
  EXPECT_GT(flips, 0);
  std::printf("bit flip at rest, %s: %d flips (stride %zu bytes)", name.c_str(), flips, stride);
  for (const auto& [outcome, count] : outcomes) std::printf(", %d %s", count, outcome.c_str());
  std::printf("%s\n", testing::Test::HasFailure() ? "" : "; nothing wrong served");
}

TEST(DamageTest, InAWriteAheadLog) { Sweep(".log", 101); }

TEST(DamageTest, InATable) { Sweep(".sst", 37); }

TEST(DamageTest, InABlobFile) { Sweep(".blob", 301); }

TEST(DamageTest, InAnIndexOfFiles) {
  Sweep("MANIFEST", 41);
  Sweep("CURRENT", 1);
}

TEST(DamageTest, InAFileThatNamesTheDatabase) { Sweep("IDENTITY", 12); }

}  // namespace
}  // namespace expunge
