#ifndef EXPUNGE_UNLEARNING_RETRAIN_QUEUE_H_
#define EXPUNGE_UNLEARNING_RETRAIN_QUEUE_H_

#include <map>
#include <optional>
#include <set>

#include "absl/time/time.h"
#include "model/ids.h"

namespace expunge {

// Which shards are dirty: a set, not a queue of requests, so any number of erasures in one shard is one entry.
// A shard is worked on by one worker at a time. Not thread-safe.
class RetrainQueue {
 public:
  struct Work {
    ShardId shard;
    absl::Time deadline = absl::InfiniteFuture();  // when the oldest erasure in the shard is due
    absl::Time train_from = absl::InfinitePast();  // until then only what is valid already is published
    int failures = 0;                              // attempts in a row that failed
    absl::Time retry_from = absl::InfinitePast();  // after a failure; whatever is added does not make it earlier
    // After an attempt that was in vain because the membership moved: until when another one waits for the slice that
    // is to be trained next to hold still, and the generation of that slice's newest change as last seen. Like
    // rest_until.
    absl::Time patient_until = absl::InfinitePast();
    uint64_t seen_change = 0;
    // In real time, whatever the clock of the others says: under a stream of erasures a shard is looked at for a part
    // of the time alone.
    absl::Time rest_until = absl::InfinitePast();
  };

  // The shard needs to be looked at, at once. The earlier of two deadlines holds, and of two times to train from.
  void Add(ShardId shard, absl::Time deadline, absl::Time train_from);

  // The shard with the oldest deadline that nobody works on and whose time has come. Done or Again follows.
  std::optional<Work> Take(absl::Time now, absl::Time real_now = absl::InfiniteFuture());

  void Done(const Work& work);  // what was added meanwhile stays
  void Again(const Work& work, absl::Time not_before);

  void Drop(ModelUid model);  // what waits for this model

  // How long until a waiting entry's time comes that nobody works on; InfiniteDuration: there is none.
  absl::Duration NextWait(absl::Time now, absl::Time real_now = absl::InfiniteFuture()) const;

  size_t depth() const;  // shards that wait or are worked on

 private:
  struct Entry {
    Work work;
    absl::Time not_before = absl::InfinitePast();
  };
  void Merge(const Work& work, absl::Time not_before);

  std::map<ShardId, Entry> waiting_;
  std::set<ShardId> running_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_RETRAIN_QUEUE_H_
