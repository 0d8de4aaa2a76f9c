#ifndef EXPUNGE_TESTING_HASH_TRAINER_H_
#define EXPUNGE_TESTING_HASH_TRAINER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "model/trainer.h"

namespace expunge {

// A trainer without floating point and LibTorch, for builds that cannot have it: its "parameters" are a hash of
// everything that a real trainer's bits depend on, in order: state so far, batches, samples, labels. One sample more,
// less or elsewhere changes all of them. Its networks answer uniform probabilities.
class HashTrainer : public Trainer {
 public:
  // `rounds`: how often each step is hashed again, to make training last.
  explicit HashTrainer(int rounds = 1) : rounds_(rounds) {}

  std::string NumericEnvironment() const override { return environment_; }
  // As on another machine; before the next engine is opened. The bits stay the same.
  void MoveTo(const std::string& environment) { environment_ = environment; }

  absl::StatusOr<TrainingState> Initialize(const ModelSpec& spec, const Digest& seed) const override {
    TrainingState state;
    state.parameters = Spread(seed, ParameterCount(spec));
    state.optimizer.resize(state.parameters.size());
    return state;
  }

  absl::Status Train(const ModelSpec& spec, const SampleBlock& block, absl::Span<const std::vector<uint32_t>> epochs,
                     const std::function<bool()>& stop, TrainingState* state) const override {
    const size_t sample_bytes = spec.input.SampleBytes();
    for (const std::vector<uint32_t>& epoch : epochs) {
      for (size_t begin = 0; begin < epoch.size(); begin += spec.training.batch_size) {
        if (stop()) return absl::CancelledError("stopped");
        DigestBuilder step("step");
        step.AddInt(++state->steps).AddBytes(Bytes(state->parameters)).AddBytes(Bytes(state->optimizer));
        for (size_t i = begin; i < std::min<size_t>(epoch.size(), begin + spec.training.batch_size); ++i) {
          const char* input = reinterpret_cast<const char*>(block.inputs.data()) + epoch[i] * sample_bytes;
          step.AddInt(block.labels[epoch[i]]).AddFixed({input, sample_bytes});
        }
        Digest digest = step.Finish();
        for (int round = 1; round < rounds_; ++round) digest = Sha256(AsBytes(digest));
        state->parameters = Spread(digest, state->parameters.size());
        state->optimizer = Spread(Sha256(AsBytes(digest)), state->optimizer.size());
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const Network>> BuildNetwork(const ModelSpec& spec,
                                                              absl::Span<const float>) const override {
    return std::make_shared<Uniform>(spec.classes());
  }

 private:
  class Uniform : public Network {
   public:
    explicit Uniform(uint32_t classes) : classes_(classes) {}
    absl::Status Probabilities(absl::Span<const uint8_t>, size_t, absl::Span<float> probabilities) const override {
      std::fill(probabilities.begin(), probabilities.end(), 1.0f / static_cast<float>(classes_));
      return absl::OkStatus();
    }

   private:
    const uint32_t classes_;
  };

  static std::vector<float> Spread(const Digest& digest, size_t size) {
    std::vector<float> values(size);
    for (size_t i = 0; i < size; ++i) values[i] = digest[i % digest.size()];
    return values;
  }

  static std::string_view Bytes(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  }

  const int rounds_;
  std::string environment_ = "hash";
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_HASH_TRAINER_H_
