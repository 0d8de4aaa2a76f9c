#ifndef EXPUNGE_CATALOG_CATALOG_H_
#define EXPUNGE_CATALOG_CATALOG_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/published.h"
#include "catalog/model_entry.h"
#include "model/spec.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

inline constexpr size_t kMaxModels = 1000;
inline constexpr uint64_t kMaxSlicesInAll = uint64_t{1}
                                            << 20;  // shards x slices, of all models: each has a place in memory
inline constexpr size_t kMaxModelNameBytes = 63;

// The models of this server. Thread-safe; look-ups wait for no writer.
class Catalog {
 public:
  // Reads every model; those whose deletion was begun, or that were deleted and came back with a backup, are included,
  // marked so in their record, and not found by name.
  // `store`, `keyring` (which numbers models) and `clock` are not owned and outlive the catalog.
  static absl::StatusOr<std::unique_ptr<Catalog>> Open(Store* store, Keyring* keyring, const Clock* clock);

  // Durable when it returns. ALREADY_EXISTS (MODEL_EXISTS), INVALID_ARGUMENT (field "name" or one of the spec's),
  // RESOURCE_EXHAUSTED (TOO_MANY_MODELS, TOO_MANY_SLICES).
  absl::StatusOr<std::shared_ptr<ModelEntry>> Create(std::string_view name, const ModelSpec& spec);

  // NOT_FOUND (MODEL_NOT_FOUND). `name` without "models/".
  absl::StatusOr<std::shared_ptr<ModelEntry>> Find(std::string_view name) const;
  std::shared_ptr<ModelEntry> FindByUid(ModelUid uid) const;  // null: none

  std::vector<std::shared_ptr<ModelEntry>> List() const;  // ascending by name

  // Takes the model out of all look-ups; what is stored is the caller's business (unlearning/unlearner.h).
  void Remove(const ModelEntry& entry);

 private:
  using Models = std::map<std::string, std::shared_ptr<ModelEntry>, std::less<>>;

  Catalog(Store* store, Keyring* keyring, const Clock* clock, Models models);

  Store* const store_;
  Keyring* const keyring_;
  const Clock* const clock_;
  Mutex mutex_;  // among writers
  Published<Models> models_;
};

// INVALID_ARGUMENT unless `name` is 1 to 63 of [a-z0-9-], starts with a letter and does not end with a hyphen
// (AIP-122).
absl::Status ValidateModelName(std::string_view name);

}  // namespace expunge

#endif  // EXPUNGE_CATALOG_CATALOG_H_
