#ifndef EXPUNGE_UNLEARNING_HOLDING_H_
#define EXPUNGE_UNLEARNING_HOLDING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/catalog.h"
#include "catalog/rekeyer.h"
#include "model/ids.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// What an erasure takes out of one model.
struct Holding {
  std::shared_ptr<ModelEntry> model;
  uint32_t shard = 0;
  Pseudonym subject;
  std::vector<records::Subject::Sample> erased;
  std::vector<records::Subject::Sample> kept;

  bool whole() const { return kept.empty(); }  // nothing of the subject stays
  std::vector<SampleKey> ErasedKeys() const;
  std::vector<uint32_t> ErasedSlices() const;
  // The first slice whose checkpoint may not be used any more; the number of slices when there is none. What the
  // subject keeps counts as well: its digests, which lineages cover, change with the subject's key.
  uint32_t FirstSlice() const;
};

// What the models hold of the subject's samples, or, unless `samples` is empty, of these; ascending by model. No model
// names: all of them. The caller holds the subject's lock; an earlier erasure's re-keying is finished first. NOT_FOUND
// (MODEL_NOT_FOUND).
absl::StatusOr<std::vector<Holding>> FindHoldings(const Catalog& catalog, Store& store, const Keyring& keyring,
                                                  Rekeyer& rekeyer, const std::vector<std::string>& models,
                                                  const Pseudonym& subject, const std::vector<SampleKey>& samples);

// Models, of these names or all, in which the subject has a key and nothing else: what an ingest left that was cut
// short.
absl::StatusOr<std::vector<ModelUid>> FindStrayKeys(const Catalog& catalog, const Keyring& keyring,
                                                    const std::vector<std::string>& models, const Pseudonym& subject,
                                                    const std::vector<Holding>& holdings);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_HOLDING_H_
