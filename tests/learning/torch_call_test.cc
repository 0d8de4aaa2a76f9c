#include "learning/torch_call.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <thread>

#include "base/error.h"

namespace expunge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TorchCallTest, StatusOfTheBodyIsReturned) {
  EXPECT_TRUE(CallTorch([] { return absl::OkStatus(); }).ok());
  EXPECT_TRUE(absl::IsCancelled(CallTorch([] { return absl::CancelledError("stopped"); })));
}

TEST(TorchCallTest, FailedAllocationOfATensorIsResourceExhausted) {
  const absl::Status status = CallTorch([] {
    at::empty({int64_t{1} << 58}, at::kByte);
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(ReasonOf(status), "OUT_OF_MEMORY");
}

TEST(TorchCallTest, FailedAllocationElsewhereIsResourceExhausted) {
  EXPECT_TRUE(absl::IsResourceExhausted(CallTorch([]() -> absl::Status { throw std::bad_alloc(); })));
}

TEST(TorchCallTest, ErrorOfTorchIsInternalAndHasNoBacktrace) {
  const absl::Status status = CallTorch([] {
    at::mm(at::zeros({2, 3}), at::zeros({2, 3}));
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_EQ(ReasonOf(status), "TORCH_FAILED");
  EXPECT_THAT(status.message(), HasSubstr("shapes"));
  EXPECT_THAT(status.message(), Not(HasSubstr("frame #")));
}

TEST(TorchCallTest, OtherExceptionIsInternal) {
  EXPECT_TRUE(absl::IsInternal(CallTorch([]() -> absl::Status { throw std::runtime_error("other"); })));
}

int ThreadsInCall() {
  int threads = 0;
  EXPECT_TRUE(CallTorch([&] {
                threads = at::get_num_threads();
                return absl::OkStatus();
              }).ok());
  return threads;
}

TEST(TorchCallTest, EveryThreadComputesAloneWhateverWasSetBefore) {
  EXPECT_EQ(ThreadsInCall(), 1);
  at::set_num_threads(2);
  EXPECT_EQ(ThreadsInCall(), 1);
  std::thread([] {
    at::set_num_threads(2);
    EXPECT_EQ(ThreadsInCall(), 1);
  }).join();
}

}  // namespace
}  // namespace expunge
