#ifndef EXPUNGE_MODEL_TRAINER_H_
#define EXPUNGE_MODEL_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/digest.h"
#include "model/spec.h"

namespace expunge {

// The seam to whatever computes models (learning/ does, with LibTorch).

// What a checkpoint holds: all that is needed to go on training as if never interrupted.
struct TrainingState {
  std::vector<float> parameters;  // all tensors of the constituent, flattened, in the order of its layers
  std::vector<float> optimizer;   // SGD: momentum buffer; Adam: first, then second moment; each as long as `parameters`
  uint64_t steps = 0;             // optimizer steps taken

  bool operator==(const TrainingState&) const = default;
};

// Samples of one shard, packed. `inputs` holds `count` samples row by row in the source dtype of the model.
struct SampleBlock {
  size_t count = 0;
  std::vector<uint8_t> inputs;
  std::vector<uint32_t> labels;
};

// One constituent's parameters, ready for inference. Immutable and thread-safe.
class Network {
 public:
  virtual ~Network() = default;

  // `inputs`: `batch` samples in the source dtype, row-major. Writes batch x classes softmax probabilities.
  // A sample's probabilities do not depend on the others in its batch beyond the last bits.
  virtual absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                                     absl::Span<float> probabilities) const = 0;

  // What each of `networks`, all of one model and built by one trainer, this one among them, answers to the same
  // samples. `samples`: where each lies, `sample_bytes` long, in the source dtype, at any alignment. Writes, network by
  // network, samples x classes probabilities. By default one network after the other; one that can share work between
  // them does.
  virtual absl::Status ProbabilitiesOfAll(absl::Span<const Network* const> networks,
                                          absl::Span<const uint8_t* const> samples, size_t sample_bytes,
                                          absl::Span<float> probabilities) const;
};

// Thread-safe: several workers train different shards through one Trainer.
class Trainer {
 public:
  virtual ~Trainer() = default;

  // Whatever else the bits depend on: library versions, BLAS kernel, instruction set. Part of every lineage.
  virtual std::string NumericEnvironment() const = 0;

  // Fresh parameters (Kaiming-uniform as torch.nn's layers have it) drawn from a generator seeded with `seed`.
  virtual absl::StatusOr<TrainingState> Initialize(const ModelSpec& spec, const Digest& seed) const = 0;

  // Continues `state` through the epochs, in order. Each epoch lists indices into `block`, in the order of training;
  // the last batch of an epoch may be smaller. `stop` is asked before each batch.
  // CANCELLED when `stop` said so; INTERNAL, reason TRAINING_DIVERGED, when the loss, a
  // parameter or the optimizer's state is not finite.
  // `state` is unspecified after an error. The same arguments give the same bits.
  virtual absl::Status Train(const ModelSpec& spec, const SampleBlock& block,
                             absl::Span<const std::vector<uint32_t>> epochs, const std::function<bool()>& stop,
                             TrainingState* state) const = 0;

  virtual absl::StatusOr<std::shared_ptr<const Network>> BuildNetwork(const ModelSpec& spec,
                                                                      absl::Span<const float> parameters) const = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_MODEL_TRAINER_H_
