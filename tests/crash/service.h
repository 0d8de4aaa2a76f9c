#ifndef EXPUNGE_TESTS_CRASH_SERVICE_H_
#define EXPUNGE_TESTS_CRASH_SERVICE_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

  // The workload is to end. The server stays up from now on.
  void Stop() {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  bool stopping() const {
    MutexLock lock(&mutex_);
    return stopping_;
  }

  // Makes a call that may be repeated until the server answers it, through as many restarts as that takes.
  template <typename Call>
  auto Answer(const Call& call, int* attempts = nullptr) {
    for (int attempt = 1;; ++attempt) {
      const std::shared_ptr<Client> client = Current();
      auto reply = call(*client);
      if (!IsAway(StatusOfReply(reply))) {
        if (attempts != nullptr) *attempts = attempt;
        CountAnswer();
        return reply;
      }
      WaitForAnother(client);
    }
  }

  // Waits until `count` more calls were answered.
  void WaitForAnswers(int count) {
    MutexLock lock(&mutex_);
    const int until = answers_ + count;
    while (answers_ < until) changed_.Wait(&mutex_);
  }

 private:
  // Whether it is the server's end, not the server, that the status tells of.
  static bool IsAway(const absl::Status& status) {
    return (absl::IsUnavailable(status) && ReasonOf(status) != "NO_CONSTITUENTS") || absl::IsCancelled(status);
  }

  std::shared_ptr<Client> Current() const {
    MutexLock lock(&mutex_);
    return client_;
  }

  void CountAnswer() {
    MutexLock lock(&mutex_);
    ++answers_;
    changed_.SignalAll();
  }

  void WaitForAnother(const std::shared_ptr<Client>& broken) {
    MutexLock lock(&mutex_);
    while (client_ == broken && !stopping_) changed_.Wait(&mutex_);
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<Client> client_ ABSL_GUARDED_BY(mutex_);
  int answers_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_SERVICE_H_
