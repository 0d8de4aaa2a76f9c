// Promise 4 while the disk fails: whatever operation fails, nothing that was acknowledged is lost (script.h).

#include <gtest/gtest.h>

#include "tests/faults/sweep.h"

namespace expunge {
namespace {

TEST(WriteFaultsTest, AnAppendThatFailsOnceLosesNothing) {
  RunSweep({.name = "append, I/O error, once",
            .injection = {.operations = {FileOperation::kAppend}, .once = true},
            .stride = 16});
}

TEST(WriteFaultsTest, ADiskThatIsFullFromAnAppendOnLosesNothing) {
  RunSweep({.name = "append, no space, from then on",
            .injection = {.operations = {FileOperation::kAppend}, .fault = FileFault::kNoSpace},
            .stride = 24});
}

TEST(WriteFaultsTest, ASyncThatFailsOnceBeforePowerIsLostLosesNothing) {
  RunSweep({.name = "sync, I/O error, once, then power loss",
            .injection = {.operations = {FileOperation::kSync}, .once = true},
            .power_loss = PowerLoss{},
            .stride = 6});
}

TEST(WriteFaultsTest, SyncsThatFailFromOneOnLoseNothing) {
  RunSweep(
      {.name = "sync, I/O error, from then on", .injection = {.operations = {FileOperation::kSync}}, .stride = 20});
}

TEST(WriteFaultsTest, ADirectorySyncThatFailsOnceBeforePowerIsLostLosesNothing) {
  RunSweep({.name = "directory sync, I/O error, once, then power loss",
            .injection = {.operations = {FileOperation::kSyncDirectory}, .once = true},
            .power_loss = PowerLoss{.entries = true},
            .stride = 6});
}

TEST(WriteFaultsTest, AFileThatCannotBeMadeOrRenamedLosesNothing) {
  RunSweep({.name = "create and rename, I/O error, once",
            .injection = {.operations = {FileOperation::kCreate, FileOperation::kRename}, .once = true},
            .stride = 12});
  RunSweep({.name = "create and rename, no space, from then on",
            .injection = {.operations = {FileOperation::kCreate, FileOperation::kRename}, .fault = FileFault::kNoSpace},
            .stride = 24});
}

TEST(WriteFaultsTest, AFileThatCannotBeDeletedLosesNothing) {
  RunSweep({.name = "delete, I/O error, once",
            .injection = {.operations = {FileOperation::kDelete}, .once = true},
            .stride = 16});
}

}  // namespace
}  // namespace expunge
