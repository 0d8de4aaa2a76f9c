// Promise 4 when power is lost at any change of any file (script.h).

#include <gtest/gtest.h>

#include "tests/faults/sweep.h"

namespace expunge {
namespace {

using Tail = PowerLoss::Tail;

Sweep PowerLossSweep(const std::string& name, const PowerLoss& loss, int stride) {
  return {.name = "power loss, " + name,
          .injection = {.operations = FileChanges(), .fault = FileFault::kPowerLoss},
          .power_loss = loss,
          .stride = stride};
}

TEST(PowerLossSweepTest, NothingIsLostWithAllThatWasNotSynced) {
  RunSweep(PowerLossSweep("unsynced bytes and entries gone", {.tail = Tail::kGone, .entries = true}, 24));
}

TEST(PowerLossSweepTest, NothingIsLostWhenFilesAreCutInTheMiddleOfAWrite) {
  RunSweep(PowerLossSweep("half of the unsynced bytes kept", {.tail = Tail::kHalf}, 48));
}

TEST(PowerLossSweepTest, NothingIsLostWhenFilesEndInZeros) {
  RunSweep(PowerLossSweep("unsynced bytes zeroed", {.tail = Tail::kZeros}, 48));
}

}  // namespace
}  // namespace expunge
