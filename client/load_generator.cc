#include "client/load_generator.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "client/rpc_status.h"

namespace expunge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr absl::Duration kLongestTimeout = absl::Hours(24);
constexpr std::chrono::seconds kConnectTimeout{10};

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Or all channels to one address would share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // What fails is counted, not hidden; and a call costs less.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

absl::Status Connect(grpc::Channel& channel, const std::string& address) {
  const auto deadline = std::chrono::system_clock::now() + kConnectTimeout;
  for (;;) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return absl::OkStatus();
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || !channel.WaitForStateChange(state, deadline)) {
      return FromGrpcStatus({grpc::StatusCode::UNAVAILABLE, "cannot connect"}, address);
    }
  }
}

class Generator {
 public:
  explicit Generator(const Load& load) : load_(load), timeout_(std::min(load.timeout, kLongestTimeout)) {
    for (const std::string& request : load.requests) {
      const grpc::Slice slice(request);
      requests_.emplace_back(&slice, 1);
    }
  }

  absl::Status Connect() {
    for (int i = 0; i < load_.connections; ++i) {
      const std::shared_ptr<grpc::Channel> channel = MakeChannel(load_.address);
      RETURN_IF_ERROR(expunge::Connect(*channel, load_.address));
      stubs_.emplace_back(channel);
    }
    return absl::OkStatus();
  }

  LoadReport Run() {
    start_ = Clock::now();
    end_ = start_ + absl::ToChronoNanoseconds(load_.duration);
    if (load_.rate > 0) {
      std::thread sender([this] {
        NameThisThread("load-sender");
        // The kernel's usual 50 us would delay every request.
        prctl(PR_SET_TIMERSLACK, 1);
        SendWhenDue();
      });
      sender.join();
    } else {
      for (int i = 0; i < load_.concurrency; ++i) Send(FreeCall(), Clock::now());
    }
    return WaitForReplies();
  }

 private:
  // A request on its way, and room for its reply.
  struct Call {
    std::optional<grpc::ClientContext> context;
    grpc::ByteBuffer reply;
    Clock::time_point due;
  };

  void SendWhenDue() {
    const auto count = std::max<int64_t>(1, std::llround(load_.rate * absl::ToDoubleSeconds(load_.duration)));
    for (int64_t i = 0; i < count; ++i) {
      const auto due = start_ + std::chrono::nanoseconds(std::llround(1e9 * static_cast<double>(i) / load_.rate));
      std::this_thread::sleep_until(due);
      Send(FreeCall(), due);
    }
  }

  // Waits while `concurrency` calls are in flight; each has a deadline.
  Call* FreeCall() {
    MutexLock lock(&mutex_);
    while (free_.empty() && static_cast<int>(calls_.size()) == load_.concurrency) changed_.Wait(&mutex_);
    ++in_flight_;
    if (free_.empty()) return &calls_.emplace_back();
    Call* const call = free_.back();
    free_.pop_back();
    return call;
  }

  void Send(Call* call, Clock::time_point due) {
    const uint64_t number = sent_.fetch_add(1, std::memory_order_relaxed);
    const auto now = Clock::now();
    if (now < end_) sent_in_time_.fetch_add(1, std::memory_order_relaxed);
    call->due = due;
    call->context.emplace();
    call->context->set_deadline(std::chrono::system_clock::now() + (due - now) + absl::ToChronoNanoseconds(timeout_));
    // Set by the one thread that sends; without a rate, nothing waits.
    if (load_.rate > 0) longest_wait_ = std::max(longest_wait_, absl::FromChrono(now - due));
    stubs_[number % stubs_.size()].UnaryCall(&*call->context, load_.method, grpc::StubOptions(),
                                             &requests_[number % requests_.size()], &call->reply,
                                             [this, call](const grpc::Status& status) { Finish(call, status); });
  }

  // On one of gRPC's threads.
  void Finish(Call* call, const grpc::Status& status) {
    const auto now = Clock::now();
    {
      MutexLock lock(&mutex_);
      last_reply_ = now;
      if (status.ok()) {
        ++report_.answered;
        report_.latency.Add(absl::FromChrono(now - call->due));
        report_.reply_bytes += static_cast<int64_t>(call->reply.Length());
      } else {
        ++report_.failed;
        const absl::Status error = FromGrpcStatus(status, load_.address, load_.timeout);
        ++report_.errors[{error.code(), ReasonOf(error)}];
      }
      if (load_.rate > 0 || now >= end_) {
        free_.push_back(call);
        --in_flight_;
        changed_.Signal();  // under the lock: whoever sees that all is done may destroy this
        return;
      }
    }
    Send(call, now);
  }

  LoadReport WaitForReplies() {
    MutexLock lock(&mutex_);
    while (in_flight_ > 0) changed_.Wait(&mutex_);
    report_.elapsed = std::max(load_.duration, absl::FromChrono(last_reply_ - start_));
    report_.sent_in_time = sent_in_time_;
    report_.longest_wait = longest_wait_;
    return std::move(report_);
  }

  const Load& load_;
  const absl::Duration timeout_;
  std::vector<grpc::ByteBuffer> requests_;
  std::vector<grpc::GenericStub> stubs_;
  Clock::time_point start_;
  Clock::time_point end_;
  std::atomic<uint64_t> sent_ = 0;
  std::atomic<int64_t> sent_in_time_ = 0;
  absl::Duration longest_wait_;

  Mutex mutex_;
  CondVar changed_;                                 // one thread at most waits: for a call, then for the last reply
  std::deque<Call> calls_ ABSL_GUARDED_BY(mutex_);  // made as they are needed; their addresses stay
  std::vector<Call*> free_ ABSL_GUARDED_BY(mutex_);
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  Clock::time_point last_reply_ ABSL_GUARDED_BY(mutex_);
  LoadReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<LoadReport> GenerateLoad(const Load& load) {
  Generator generator(load);
  RETURN_IF_ERROR(generator.Connect());
  return generator.Run();
}

}  // namespace expunge
