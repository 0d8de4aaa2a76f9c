// Files that cannot be read, or are read wrong: an error or the truth, and no lasting harm (script.h).

#include <gtest/gtest.h>

#include "tests/faults/sweep.h"

namespace expunge {
namespace {

TEST(ReadFaultsTest, AReadThatFailsOnceDoesNoLastingHarm) {
  RunSweep({.name = "read, I/O error, once",
            .injection = {.operations = {FileOperation::kRead}, .once = true},
            .stride = 9});
}

TEST(ReadFaultsTest, ReadsThatFailFromOneOnDoNoLastingHarm) {
  RunSweep(
      {.name = "read, I/O error, from then on", .injection = {.operations = {FileOperation::kRead}}, .stride = 24});
}

TEST(ReadFaultsTest, ABitThatIsReadWrongOnceDoesNoLastingHarm) {
  RunSweep({.name = "read, bit flip, once",
            .injection = {.operations = {FileOperation::kRead}, .fault = FileFault::kBitFlip, .once = true},
            .stride = 9});
}

TEST(ReadFaultsTest, ABitOfALogThatIsReadWrongDoesNoLastingHarm) {
  for (const int bit : {1000, 2000}) {
    RunSweep({.name = "read of a write-ahead log, bit flip, once",
              .injection = {.operations = {FileOperation::kRead},
                            .fault = FileFault::kBitFlip,
                            .once = true,
                            .files = ".log",
                            .bit = bit},
              .stride = 3});
  }
}

}  // namespace
}  // namespace expunge
