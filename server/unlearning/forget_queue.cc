#include "unlearning/forget_queue.h"

#include <utility>

namespace expunge {
namespace {

constexpr size_t kMaxBatch = 128;  // also bounds how many subjects are locked at a time

}  // namespace

void ForgetQueue::Submit(ForgetRequest request, Done done) {
  {
    MutexLock lock(&mutex_);
    waiting_.push_back({std::move(request), std::move(done)});
    if (waiting_.size() > 1) return;
  }
  executor_->Schedule([this] { RunBatch(); });
}

std::vector<ForgetQueue::Entry> ForgetQueue::TakeBatch() {
  std::vector<Entry> batch;
  {
    MutexLock lock(&mutex_);
    while (!waiting_.empty() && batch.size() < kMaxBatch) {
      // Sealing anew what a subject keeps takes long: nobody else should wait for it.
      const bool alone = !waiting_.front().request.sample_ids.empty();
      if (alone && !batch.empty()) break;
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      if (alone) break;
    }
    if (waiting_.empty()) return batch;
  }
  executor_->Schedule([this] { RunBatch(); });
  return batch;
}

void ForgetQueue::RunBatch() {
  std::vector<Entry> batch = TakeBatch();
  std::vector<ForgetRequest> requests;
  for (Entry& entry : batch) requests.push_back(std::move(entry.request));
  std::vector<absl::StatusOr<ForgetResult>> results = unlearner_->ForgetAll(requests);
  // After the last of them this queue may be gone.
  for (size_t i = 0; i < batch.size(); ++i) batch[i].done(std::move(results[i]));
}

}  // namespace expunge
