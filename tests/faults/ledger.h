#ifndef EXPUNGE_TESTS_FAULTS_LEDGER_H_
#define EXPUNGE_TESTS_FAULTS_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/ingestor.h"
#include "expunge/storage/v1/records.pb.h"
#include "model/ids.h"
#include "model/spec.h"
#include "unlearning/unlearner.h"

namespace expunge {

// One sample of a subject between two erasures: who comes back with new consent is somebody else to whatever is
// trained.
struct Owner {
  int subject = 0;
  int life = 0;
  int sample = 0;
  uint32_t packed() const { return static_cast<uint32_t>(subject | life << 8 | sample << 16); }
};

std::string SubjectName(int subject);
std::string SampleName(int sample);
inline constexpr int kMaxSamples = 2;  // of a subject

// What a client may rely on, written down from the replies that it got and from nothing else. Every note gives a
// complaint, empty when the reply agrees with those before it.
class Ledger {
 public:
  enum class Fact { kNo, kMaybe, kYes };

  // One subject in one model.
  struct Standing {
    std::set<int> committed;  // samples that survive a loss of power
    std::set<int> taken;      // acknowledged, not committed
    std::set<int> unsure;     // asked for and not acknowledged
    Fact forgotten = Fact::kNo;
    bool consented = false;           // new consent was taken in and is not committed
    std::set<int> forgotten_samples;  // by erasures of them alone that were acknowledged
    std::set<int> maybe_gone;         // asked for by such an erasure that was not
    std::set<std::string> dead_keys;  // ids of keys that an acknowledged erasure destroyed
    int life = 0;

    std::set<int> All() const;
  };
  struct KnownCheckpoint {
    ShardId shard;
    uint32_t slice = 0;
    Digest parameters_digest = {};
  };
  struct Model {
    ModelSpec spec;
    Fact exists = Fact::kNo;  // kMaybe: a creation or a deletion failed
    bool deletion_asked = false;
    std::map<int, Standing> subjects;
    std::set<uint32_t> forgotten;                        // owners, packed
    std::map<std::string, KnownCheckpoint> checkpoints;  // every one that was seen, by the id of its key

    // The model is deleted. One of the same name that is made later may still refuse whom an erasure in every model
    // took.
    void Clear();
  };
  struct Erasure {
    ForgetRequest request;
    int subject = 0;
    std::set<int> samples;                  // these alone; empty: all
    uint64_t most = 0;                      // samples that there may have been at one of its attempts
    std::optional<records::Erasure> reply;  // of the acknowledgement
  };

  std::map<std::string, Model>& models() { return models_; }
  std::map<int, Erasure>& erasures() { return erasures_; }  // by request number
  int acknowledged() const;                                 // erasures

  std::string NoteIngest(Standing& standing, const std::set<int>& samples, bool new_consent,
                         const std::optional<IngestCounts>& reply);
  void NoteCommit();
  // `reply`: nullopt when it failed.
  std::string NoteForget(int number, const ForgetRequest& request, int subject, const std::set<int>& samples,
                         const std::optional<records::Erasure>& reply);
  void NotePowerLoss();
  // Whether the request is about this model.
  static bool Covers(const ForgetRequest& request, const std::string& model);

 private:
  std::string CheckReply(const Erasure& erasure, uint64_t least, const records::Erasure& reply) const;

  std::map<std::string, Model> models_;
  std::map<int, Erasure> erasures_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_LEDGER_H_
