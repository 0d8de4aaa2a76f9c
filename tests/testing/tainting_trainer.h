#ifndef EXPUNGE_TESTING_TAINTING_TRAINER_H_
#define EXPUNGE_TESTING_TAINTING_TRAINER_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "model/trainer.h"
#include "unlearning/checkpoint_codec.h"

namespace expunge {

// Wraps a trainer and remembers, for every state of parameters that ever existed, whose samples it was trained on. The
// owner of a sample is what `owner` reads from its input bytes. Told by the parameters' digest, so it knows what a
// constituent knows whatever the system under test believes. Kept in a file as well: it outlives a SIGKILL.
// Thread-safe.
class TaintingTrainer : public Trainer {
 public:
  using Owner = uint32_t;

  TaintingTrainer(const Trainer* trainer, std::function<Owner(const uint8_t* input)> owner, const std::string& file)
      : trainer_(trainer), owner_(std::move(owner)), file_(open(file.c_str(), O_CREAT | O_RDWR | O_APPEND, 0600)) {
    std::ifstream known(file);
    std::string hex;
    MutexLock lock(&mutex_);
    for (size_t owners = 0; known >> hex >> owners;) {
      std::set<Owner> taint;
      for (Owner owner = 0; owners > 0 && known >> owner; --owners) taint.insert(owner);
      Add(hex, taint);
    }
  }
  ~TaintingTrainer() override { close(file_); }

  // Whose samples these parameters were trained on. Parameters that no training made give nobody.
  std::set<Owner> KnownBy(const Digest& parameters_digest) const {
    MutexLock lock(&mutex_);
    const auto found = taints_.find(ToHex(AsBytes(parameters_digest)));
    return found == taints_.end() ? std::set<Owner>() : found->second;
  }

  std::string NumericEnvironment() const override { return trainer_->NumericEnvironment(); }

  absl::StatusOr<TrainingState> Initialize(const ModelSpec& spec, const Digest& seed) const override {
    return trainer_->Initialize(spec, seed);
  }

  absl::Status Train(const ModelSpec& spec, const SampleBlock& block, absl::Span<const std::vector<uint32_t>> epochs,
                     const std::function<bool()>& stop, TrainingState* state) const override {
    std::set<Owner> taint = KnownBy(ParametersDigest(*state));
    for (const std::vector<uint32_t>& epoch : epochs) {
      for (const uint32_t i : epoch) taint.insert(owner_(block.inputs.data() + i * spec.input.SampleBytes()));
    }
    const absl::Status trained = trainer_->Train(spec, block, epochs, stop, state);
    if (trained.ok()) Remember(ToHex(AsBytes(ParametersDigest(*state))), taint);
    return trained;
  }

  absl::StatusOr<std::shared_ptr<const Network>> BuildNetwork(const ModelSpec& spec,
                                                              absl::Span<const float> parameters) const override {
    return trainer_->BuildNetwork(spec, parameters);
  }

 private:
  void Remember(const std::string& hex, const std::set<Owner>& taint) const {
    std::string line = hex + " " + std::to_string(taint.size());
    for (const Owner owner : taint) line += " " + std::to_string(owner);
    line += "\n";
    MutexLock lock(&mutex_);
    Add(hex, taint);
    // One write: a line is there whole or not at all, and before its parameters can be committed.
    if (write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) abort();
  }

  // The same bits may come from different samples (Adam's first step is the gradient's signs alone): such parameters
  // tell of none but those who were in all of them.
  void Add(const std::string& hex, const std::set<Owner>& taint) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto [known, is_new] = taints_.emplace(hex, taint);
    if (!is_new) std::erase_if(known->second, [&](Owner owner) { return !taint.contains(owner); });
  }

  const Trainer* const trainer_;
  const std::function<Owner(const uint8_t*)> owner_;
  const int file_;
  mutable Mutex mutex_;
  mutable std::map<std::string, std::set<Owner>> taints_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_TAINTING_TRAINER_H_
