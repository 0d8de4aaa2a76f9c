#ifndef EXPUNGE_STORAGE_KEYRING_MATCH_H_
#define EXPUNGE_STORAGE_KEYRING_MATCH_H_

#include <string_view>

#include "absl/status/status.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// Whether the two belong together. The store may be older than the keyring, but not the other way round: an old keyring
// has the keys of those who were forgotten since, and lacks those of whom came since, whose rows would be taken for
// waste. Ask before anything is removed. `store_name` is what messages call the store.
//
// FAILED_PRECONDITION: KEYRING_OUTDATED (the store has seen a newer one), KEYRING_FOREIGN (it is another deployment's,
// or the store was never used with any).
absl::Status CheckKeyringMatches(Store& store, const Keyring& keyring, std::string_view store_name = "the main store");

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_KEYRING_MATCH_H_
