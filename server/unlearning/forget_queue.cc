#include "unlearning/forget_queue.h"

#include <algorithm>
#include <utility>

namespace expunge {
namespace {

constexpr size_t kMaxBatch = 128;  // also bounds how many subjects are locked at a time
constexpr size_t kMinHalf = 8;     // fewer are not worth a synced write of their own

}  // namespace

void ForgetQueue::Submit(ForgetRequest request, Done done) {
  bool claimed = false;
  {
    MutexLock lock(&mutex_);
    waiting_.push_back({std::move(request), std::move(done)});
    claimed = ClaimRun();
  }
  ScheduleIf(claimed);
}

bool ForgetQueue::ClaimRun() {
  if (scheduled_ || waiting_.empty() || waiting_.size() < std::min(running_, kMaxBatch)) return false;
  scheduled_ = true;
  return true;
}

void ForgetQueue::ScheduleIf(bool claimed) {
  if (claimed) executor_->Schedule([this] { RunBatch(); });
}

// One that takes long is nobody's reason to wait.
size_t ForgetQueue::Counted(const std::vector<Entry>& batch) {
  return batch.front().request.sample_ids.empty() ? batch.size() : 0;
}

std::vector<ForgetQueue::Entry> ForgetQueue::TakeBatch() {
  std::vector<Entry> batch;
  bool claimed = false;
  {
    MutexLock lock(&mutex_);
    scheduled_ = false;
    // Half of those on their way: another thread prepares the other half while this one waits for the disk.
    const size_t fair = std::clamp((waiting_.size() + running_ + 1) / 2, kMinHalf, kMaxBatch);
    while (!waiting_.empty() && batch.size() < fair) {
      // Sealing anew what a subject keeps takes long: nobody else should wait for it.
      const bool alone = !waiting_.front().request.sample_ids.empty();
      if (alone && !batch.empty()) break;
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      if (alone) break;
    }
    running_ += Counted(batch);
    claimed = ClaimRun();
  }
  ScheduleIf(claimed);
  return batch;
}

void ForgetQueue::RunBatch() {
  std::vector<Entry> batch = TakeBatch();
  const size_t counted = Counted(batch);
  std::vector<ForgetRequest> requests;
  for (Entry& entry : batch) requests.push_back(std::move(entry.request));
  std::vector<absl::StatusOr<ForgetResult>> results = unlearner_->ForgetAll(requests);
  bool claimed = false;
  {
    MutexLock lock(&mutex_);
    running_ -= counted;
    claimed = ClaimRun();
  }
  ScheduleIf(claimed);
  // After the last of them this queue may be gone.
  for (size_t i = 0; i < batch.size(); ++i) batch[i].done(std::move(results[i]));
}

}  // namespace expunge
