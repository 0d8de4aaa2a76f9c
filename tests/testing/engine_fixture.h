#ifndef EXPUNGE_TESTING_ENGINE_FIXTURE_H_
#define EXPUNGE_TESTING_ENGINE_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "gtest/gtest.h"
#include "tests/testing/controlled_trainer.h"
#include "tests/testing/hash_trainer.h"
#include "tests/testing/simulated_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tainting_trainer.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/waiting.h"

namespace expunge {

// Inputs of four bytes, two classes, one epoch a slice.
ModelSpec SmallSpec(uint32_t shards, uint32_t slices);

// Subject and sample by number. An input names its subject in its first two bytes.
struct TestSample {
  int subject = 0;
  int number = 0;
  ErasureLikelihood likelihood = ErasureLikelihood::kUnspecified;
  uint8_t content = 0;
};
std::string SubjectName(int subject);

// An engine on a data directory of its own that can be closed and opened again, with a trainer that remembers who
// trained what and a clock that the test moves. Nothing that is owed is waited for unless a test says so.
class EngineTest : public testing::Test {
 protected:
  using Hold = ControlledTrainer::Hold;

  EngineTest();
  ~EngineTest() override;

  // Opens and recovers. `options_` may be changed before.
  void Open();
  void OpenWithoutRecovery();
  void Close() { engine_.reset(); }
  void Reopen();

  std::shared_ptr<ModelEntry> CreateModel(const std::string& name, const ModelSpec& spec);
  std::shared_ptr<ModelEntry> FindModel(const std::string& name);

  absl::StatusOr<IngestCounts> TryIngest(ModelEntry& model, const std::vector<TestSample>& samples,
                                         bool new_consent = false);
  IngestCounts Ingest(ModelEntry& model, const std::vector<TestSample>& samples, bool new_consent = false);
  // Two samples of each subject first, first + 1, ...
  void IngestSubjects(ModelEntry& model, int first, int count);
  // TrainModel, and waits until all is trained.
  void TrainAll(ModelEntry& model);

  // A request of its own for each call. Thread-safe, and Forget too.
  ForgetRequest RequestFor(int subject);
  // Forgets and expects it to be acknowledged.
  records::Erasure Forget(int subject);
  // The erasure as it is stored now.
  records::Erasure Stored(const records::Erasure& erasure);

  // The `nth` of the subjects from 1000 on that live there with all their samples of unspecified likelihood.
  int SubjectIn(const ModelEntry& model, uint32_t shard, uint32_t slice, int nth = 0) const;
  Pseudonym PseudonymOf(int subject) const { return engine_->keyring().PseudonymOf(SubjectName(subject)); }
  uint32_t ShardOf(const ModelEntry& model, int subject) const;
  std::optional<records::Subject> RowOf(const ModelEntry& model, int subject);

  // The constituent of a shard in the newest snapshot; nullopt: it does not vote.
  static std::optional<Constituent> VoteOf(const ModelEntry& model, uint32_t shard);
  // Whose samples the constituent was trained on, as told by the bytes.
  std::set<uint32_t> KnownBy(const Constituent& constituent) const {
    return taints_.KnownBy(constituent.parameters_digest);
  }
  bool AnyoneKnows(const ModelEntry& model, int subject) const;

  const TempDir dir_;
  SimulatedClock clock_;
  const Clock* engine_clock_ = &clock_;  // what the next Open gives to the engine
  HashTrainer hash_;
  TaintingTrainer taints_;
  ControlledTrainer trainer_;
  Engine::Options options_;
  std::unique_ptr<Engine> engine_;

 private:
  std::atomic<uint32_t> requests_ = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_ENGINE_FIXTURE_H_
