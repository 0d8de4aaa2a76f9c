#include "serving/batcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"

namespace expunge {
namespace {

// About as long as a full queue takes to be computed.
constexpr absl::Duration kRetryAfter = absl::Milliseconds(100);

constexpr char kQueueFullReason[] = "TOO_MANY_PREDICTS";

absl::Status QueueFull(size_t max_queue_size) {
  return WithRetryAfter(Error(absl::StatusCode::kResourceExhausted, kQueueFullReason,
                              absl::StrCat("more than ", max_queue_size, " Predict calls are waiting")),
                        kRetryAfter);
}

absl::Status Abandoned() { return absl::CancelledError("the caller no longer waits for the prediction"); }

void AddSamples(absl::Span<const uint8_t> inputs, size_t samples, std::vector<const uint8_t*>* pointers) {
  const size_t sample_bytes = inputs.size() / samples;
  for (size_t i = 0; i < samples; ++i) pointers->push_back(inputs.data() + i * sample_bytes);
}

}  // namespace

Batcher::Batcher(const Options& options) : options_(options) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] {
      NameThisThread("predict");
      Run();
    });
  }
}

Batcher::~Batcher() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) thread.join();
}

void Batcher::Submit(Request* request) {
  request->submitted_ = SteadyNow();
  {
    MutexLock lock(&mutex_);
    if (waiting_ < options_.max_queue_size) {
      Queue& queue = queues_[request->ensemble_];
      if (queue.requests.empty()) turns_.push_back(request->ensemble_);
      queue.requests.push_back(request);
      queue.samples += request->samples_;
      ++waiting_;
      if (idle_ > 0) changed_.Signal();
      return;
    }
  }
  Finish(*request, QueueFull(options_.max_queue_size));
}

void Batcher::Run() {
  Batch batch;
  while (true) {
    {
      MutexLock lock(&mutex_);
      absl::Time next_due;
      while (!TakeBatch(&batch, &next_due)) {
        if (stopping_ && waiting_ == 0) return;
        ++idle_;
        changed_.WaitWithTimeout(&mutex_, next_due - SteadyNow());
        --idle_;
      }
      if (waiting_ > 0 && idle_ > 0) changed_.Signal();
    }
    Compute(batch);
    batch.clear();
  }
}

bool Batcher::IsDue(const Queue& queue, absl::Time now) const {
  return queue.samples >= options_.max_batch_size || idle_ + 1 == options_.threads || stopping_ ||
         queue.requests.front()->submitted_ + options_.max_queue_delay <= now;
}

bool Batcher::TakeBatch(Batch* batch, absl::Time* next_due) {
  *next_due = absl::InfiniteFuture();
  if (waiting_ == 0) return false;
  const absl::Time now = SteadyNow();
  auto turn = turns_.begin();
  for (; turn != turns_.end(); ++turn) {
    const Queue& queue = queues_[*turn];
    if (IsDue(queue, now)) break;
    *next_due = std::min(*next_due, queue.requests.front()->submitted_ + options_.max_queue_delay);
  }
  if (turn == turns_.end()) return false;

  const Ensemble* const ensemble = *turn;
  turns_.erase(turn);
  Queue& queue = queues_[ensemble];
  size_t samples = 0;
  while (!queue.requests.empty()) {
    Request* const request = queue.requests.front();
    if (samples > 0 && samples + request->samples_ > options_.max_batch_size) break;
    samples += request->samples_;
    statistics_.CountQueued(now - request->submitted_);
    batch->push_back(request);
    queue.requests.pop_front();
  }
  queue.samples -= samples;
  waiting_ -= batch->size();
  if (queue.requests.empty()) {
    queues_.erase(ensemble);
  } else {
    turns_.push_back(ensemble);
  }
  return true;
}

void Batcher::Finish(Request& request, const absl::StatusOr<Answer>& answer) {
  using Failure = InferenceStatistics::Failure;
  switch (answer.status().code()) {
    case absl::StatusCode::kOk:
      statistics_.CountAnswered();
      break;
    case absl::StatusCode::kResourceExhausted:
      // Also that memory ran out.
      statistics_.CountFailure(ReasonOf(answer.status()) == kQueueFullReason ? Failure::kQueueFull : Failure::kOther);
      break;
    case absl::StatusCode::kCancelled:
      statistics_.CountFailure(Failure::kAbandoned);
      break;
    case absl::StatusCode::kUnavailable:
      statistics_.CountFailure(Failure::kNoConstituents);
      break;
    default:
      statistics_.CountFailure(Failure::kOther);
  }
  request.Finish(answer);
}

void Batcher::DropAbandoned(Batch& batch) {
  std::erase_if(batch, [this](Request* request) {
    if (!request->IsAbandoned()) return false;
    Finish(*request, Abandoned());
    return true;
  });
}

absl::StatusOr<Prediction> Batcher::PredictBatch(const ModelSpec& spec, std::shared_ptr<const Snapshot> snapshot,
                                                 absl::Span<const uint8_t* const> samples) {
  const absl::Time begin = SteadyNow();
  absl::StatusOr<Prediction> prediction = Predict(spec, std::move(snapshot), samples);
  statistics_.CountBatch(samples.size(), SteadyNow() - begin);
  return prediction;
}

void Batcher::Compute(Batch& batch) {
  DropAbandoned(batch);
  if (batch.empty()) return;
  if (batch.front()->samples_ > options_.max_batch_size) return ComputeInParts(*batch.front());

  std::vector<const uint8_t*> samples;
  for (const Request* request : batch) AddSamples(request->inputs_, request->samples_, &samples);
  const Request& first = *batch.front();
  const absl::StatusOr<Prediction> prediction = PredictBatch(*first.spec_, first.ensemble_->Current(), samples);
  size_t next = 0;
  for (Request* request : batch) {
    if (!prediction.ok()) {
      Finish(*request, prediction.status());
      continue;
    }
    const Answer answer = {*prediction, next, request->samples_};
    next += answer.count;
    Finish(*request, answer);
  }
}

void Batcher::ComputeInParts(Request& request) {
  std::vector<const uint8_t*> samples;
  AddSamples(request.inputs_, request.samples_, &samples);
  Prediction whole;
  whole.snapshot = request.ensemble_->Current();  // one for all parts
  for (size_t begin = 0; begin < samples.size(); begin += options_.max_batch_size) {
    if (request.IsAbandoned()) return Finish(request, Abandoned());
    const auto some = absl::MakeConstSpan(samples).subspan(begin, options_.max_batch_size);
    const absl::StatusOr<Prediction> part = PredictBatch(*request.spec_, whole.snapshot, some);
    if (!part.ok()) return Finish(request, part.status());
    whole.verdicts.insert(whole.verdicts.end(), part->verdicts.begin(), part->verdicts.end());
    whole.probabilities.insert(whole.probabilities.end(), part->probabilities.begin(), part->probabilities.end());
  }
  Finish(request, Answer{whole, 0, samples.size()});
}

}  // namespace expunge
