#ifndef EXPUNGE_SERVING_BATCHER_H_
#define EXPUNGE_SERVING_BATCHER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "model/spec.h"
#include "serving/ensemble.h"
#include "serving/inference_statistics.h"
#include "serving/predictor.h"

namespace expunge {

// Answers requests for predictions, those that wait for one model together: a product of many rows costs little more
// than one of few. A request that finds a thread idle is computed at once; while all compute, others gather, so batches
// grow with the load by themselves. Models take turns. Thread-safe.
class Batcher {
 public:
  struct Options {
    int threads = 1;
    // Samples computed together. A request of more is computed in parts.
    size_t max_batch_size = 64;
    // How long one may wait for its batch to fill up while another batch is computed. Nobody waits while none is.
    absl::Duration max_queue_delay = absl::ZeroDuration();
    size_t max_queue_size = 1024;  // requests that wait; one more is refused
  };

  // Some verdicts of a prediction, one per sample of a request.
  struct Answer {
    const Prediction& prediction;
    size_t first = 0;
    size_t count = 0;
  };

  // A request on its way. It and what it points at live until Finish. `spec` and `ensemble` are those of one model: who
  // names the same ensemble is computed together.
  class Request {
   public:
    virtual ~Request() = default;
    Request(const ModelSpec* spec, const Ensemble* ensemble, absl::Span<const uint8_t> inputs, size_t samples)
        : spec_(spec), ensemble_(ensemble), inputs_(inputs), samples_(samples) {}

    // Nobody waits for the answer any more. Asked before anything is computed, and between the parts of a large
    // request.
    virtual bool IsAbandoned() const = 0;
    // Called once, on a thread of the batcher or in Submit, and must not wait: an answer, the error of Predict
    // (predictor.h), CANCELLED for an abandoned one, or what Submit refuses with. It may destroy the request.
    virtual void Finish(const absl::StatusOr<Answer>& answer) = 0;

   private:
    friend class Batcher;
    const ModelSpec* const spec_;
    const Ensemble* const ensemble_;
    const absl::Span<const uint8_t> inputs_;  // samples in the source dtype, row by row; read where they lie
    const size_t samples_;                    // at least 1
    absl::Time submitted_;
  };

  explicit Batcher(const Options& options);
  ~Batcher();  // answers all that were submitted, then joins

  size_t max_queue_size() const { return options_.max_queue_size; }
  const InferenceStatistics& statistics() const { return statistics_; }

  // The snapshot that answers is taken after this call. RESOURCE_EXHAUSTED (TOO_MANY_PREDICTS, with a time to retry
  // after) when the queue is full. `request` is not owned.
  void Submit(Request* request);

 private:
  // The requests that wait for one model.
  struct Queue {
    std::deque<Request*> requests;
    size_t samples = 0;
  };
  using Batch = std::vector<Request*>;

  void Run();
  bool TakeBatch(Batch* batch, absl::Time* next_due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsDue(const Queue& queue, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropAbandoned(Batch& batch);
  void Compute(Batch& batch);
  void ComputeInParts(Request& request);
  // Predict, counted.
  absl::StatusOr<Prediction> PredictBatch(const ModelSpec& spec, std::shared_ptr<const Snapshot> snapshot,
                                          absl::Span<const uint8_t* const> samples);
  void Finish(Request& request, const absl::StatusOr<Answer>& answer);

  const Options options_;
  InferenceStatistics statistics_;
  Mutex mutex_;
  CondVar changed_;
  std::map<const Ensemble*, Queue> queues_ ABSL_GUARDED_BY(mutex_);  // none is empty
  std::deque<const Ensemble*> turns_ ABSL_GUARDED_BY(mutex_);        // of the queues
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;                       // requests in all queues
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;                             // threads that wait for something to do
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace expunge

#endif  // EXPUNGE_SERVING_BATCHER_H_
