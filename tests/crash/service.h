#ifndef EXPUNGE_TESTS_CRASH_SERVICE_H_
#define EXPUNGE_TESTS_CRASH_SERVICE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/mutex.h"
#include "client/client.h"

namespace expunge {

inline const absl::Status& StatusOfReply(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOfReply(const absl::StatusOr<T>& reply) {
  return reply.status();
}

// The server as its clients see it: it goes away and comes back. Thread-safe.
class Service {
 public:
  // There is a new start of the server.
  void Up(std::shared_ptr<Client> client) {
    MutexLock lock(&mutex_);
    client_ = std::move(client);
    changed_.SignalAll();
  }

  // Whether the clients are to go on. They are not to after End, with a server that stays up for the calls under way,
  // nor after Abandon, with one that does not come back.
  void Begin() { SetPhase(Phase::kGoingOn); }
  void End() { SetPhase(Phase::kEnding); }
  void Abandon() { SetPhase(Phase::kAbandoned); }
  bool going_on() const {
    MutexLock lock(&mutex_);
    return phase_ == Phase::kGoingOn;
  }

  // Makes a call that may be repeated until the server answers it, through as many restarts as that takes. ABORTED:
  // the server stays away.
  template <typename Call>
  auto Answer(const Call& call, int* attempts = nullptr) {
    for (int attempt = 1;; ++attempt) {
      auto reply = AnswerOrNot(call);
      if (IsAway(StatusOfReply(reply))) continue;
      if (attempts != nullptr) *attempts = attempt;
      return reply;
    }
  }

  // Makes a call once. After an error that tells of the server's end alone (IsAway) there is another server.
  template <typename Call>
  auto AnswerOrNot(const Call& call) {
    const std::shared_ptr<Client> client = WaitForAny();
    auto reply = client == nullptr ? decltype(call(*client))(absl::AbortedError("no server")) : call(*client);
    if (!IsAway(StatusOfReply(reply))) {
      CountAnswer();
    } else if (!WaitForAnother(client)) {
      reply = absl::AbortedError("no server any more");
    }
    return reply;
  }
  static bool IsAway(const absl::Status& status) {
    return (absl::IsUnavailable(status) && ReasonOf(status) != "NO_CONSTITUENTS") || absl::IsCancelled(status);
  }

  // Waits until `count` more calls were answered, the clients are not to go on, or there are no answers any more.
  void WaitForAnswers(int count) {
    MutexLock lock(&mutex_);
    const int64_t until = answers_ + count;
    while (answers_ < until && phase_ == Phase::kGoingOn && !changed_.WaitWithTimeout(&mutex_, kPatience)) {
    }
  }
  int64_t answers() const {
    MutexLock lock(&mutex_);
    return answers_;
  }

 private:
  enum class Phase { kGoingOn, kEnding, kAbandoned };

  // Only a defect takes so long.
  static constexpr absl::Duration kPatience = absl::Minutes(3);

  void SetPhase(Phase phase) {
    MutexLock lock(&mutex_);
    phase_ = phase;
    changed_.SignalAll();
  }

  // Null when abandoned.
  std::shared_ptr<Client> WaitForAny() {
    MutexLock lock(&mutex_);
    while (client_ == nullptr && phase_ != Phase::kAbandoned) changed_.Wait(&mutex_);
    return phase_ == Phase::kAbandoned ? nullptr : client_;
  }

  // False when abandoned, or there is none.
  bool WaitForAnother(const std::shared_ptr<Client>& broken) {
    MutexLock lock(&mutex_);
    bool too_late = false;
    while (client_ == broken && phase_ != Phase::kAbandoned && !too_late) {
      too_late = changed_.WaitWithTimeout(&mutex_, kPatience);
    }
    return client_ != broken && phase_ != Phase::kAbandoned;
  }

  void CountAnswer() {
    MutexLock lock(&mutex_);
    ++answers_;
    changed_.SignalAll();
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<Client> client_ ABSL_GUARDED_BY(mutex_);
  int64_t answers_ ABSL_GUARDED_BY(mutex_) = 0;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kEnding;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_SERVICE_H_
