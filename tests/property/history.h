#ifndef EXPUNGE_TESTS_PROPERTY_HISTORY_H_
#define EXPUNGE_TESTS_PROPERTY_HISTORY_H_

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/spec.h"
#include "sisa/placement.h"

namespace expunge {

// A random life of a small model: who came, what was trained, who left.

// One step of a history. Executing it again changes nothing, so an interrupted one is simply repeated.
struct Operation {
  // kReplace is nobody's call: a stored sample gets another content under the same name, key and row, as after a defect
  // or by somebody who has the keys, and the process starts anew. Only lineages can tell.
  enum class Kind { kIngest, kTrain, kForget, kReplace, kWait };
  struct Sample {
    uint32_t subject;
    uint32_t number;  // within the subject
    ErasureLikelihood likelihood;
  };
  Kind kind = Kind::kWait;
  std::vector<Sample> samples;  // kIngest
  bool new_consent = false;     // kIngest
  uint32_t subject = 0;         // kForget; kReplace: a sample of it or of the next that has any
  std::set<uint32_t> numbers;   // kForget: these samples of the subject; empty: all of it
  bool sent_twice = false;      // kForget
};

struct History {
  uint64_t seed = 0;
  ModelSpec spec;
  std::vector<Operation> operations;
  // After how many finished operations the process is killed, ascending; the moment within the next one is random.
  std::vector<size_t> kills;
};

inline constexpr uint32_t kSubjects = 14;
inline constexpr uint32_t kSamplesPerSubject = 6;

History RandomHistory(uint64_t seed);

// A sample may be erased, alone or with its subject, and come back with new consent: each stay is another life, with
// another content, and what a life gave must be gone after it.
struct SampleLife {
  uint32_t subject = 0;
  uint32_t number = 0;
  uint32_t life = 0;
  uint32_t packed() const { return subject << 16 | number << 8 | life; }
};

// What must be true after a number of operations, kept by the simplest means.
class Oracle {
 public:
  explicit Oracle(const History& history) : history_(&history) {}

  void Apply(const Operation& operation);

  struct Sample {
    ErasureLikelihood likelihood = ErasureLikelihood::kUnspecified;
    bool trained = false;  // a TrainModel came after it
    std::string input;
    uint32_t label = 0;
  };
  const std::map<std::pair<uint32_t, uint32_t>, Sample>& samples() const { return samples_; }  // by subject and number
  const std::set<uint32_t>& forgotten() const { return forgotten_; }  // packed lives that are over
  // The one that the sample has, or will have when it is ingested next.
  SampleLife LifeOf(uint32_t subject, uint32_t number) const;
  size_t SamplesErasedBy(const Operation& forget) const;
  // Null: nobody has any.
  const std::pair<const std::pair<uint32_t, uint32_t>, Sample>* ReplacedBy(const Operation& replace) const;
  bool TrainAllowed() const;  // as TrainModel's preconditions say

 private:
  void EndLife(uint32_t subject, uint32_t number);
  bool Admits(const Operation& ingest, const Operation::Sample& sample) const;

  const History* history_;
  std::map<std::pair<uint32_t, uint32_t>, Sample> samples_;
  std::set<uint32_t> forgotten_;
  std::set<uint32_t> suppressed_;
  std::set<std::pair<uint32_t, uint32_t>> suppressed_samples_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> lives_;
};

std::string SubjectName(uint32_t subject);
std::string SampleName(uint32_t number);
// Four bytes that name their sample's life, so that what was trained on can be told from the bytes alone.
std::string SampleInput(const SampleLife& life);
SampleLife LifeFromInput(const uint8_t* input);
uint32_t SampleLabel(uint32_t subject, uint32_t number, uint32_t classes);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_PROPERTY_HISTORY_H_
