#ifndef EXPUNGE_STORAGE_STORE_SWAP_H_
#define EXPUNGE_STORAGE_STORE_SWAP_H_

#include <string>

#include "absl/status/status.h"

namespace expunge {

// How another main store takes the place of the present one. The new one is made whole under a name of its own; then
// the old one goes aside, the new one into its place, and the old one away. A crash leaves the old store, the new one,
// or none and both aside: never a half. Whoever uses it holds the keyring, and no store is open.
//
// Errors: RESOURCE_EXHAUSTED (DISK_FULL), PERMISSION_DENIED (DATA_DIR_NOT_WRITABLE), UNAVAILABLE
// (STORAGE_UNAVAILABLE).
class StoreSwap {
 public:
  explicit StoreSwap(const std::string& data_dir) : data_dir_(data_dir) {}

  std::string store() const { return data_dir_ + "/store"; }
  std::string restoring() const { return data_dir_ + "/store.restoring"; }  // the new one, until it is in place
  std::string replaced() const { return data_dir_ + "/store.replaced"; }    // the old one, until it is gone

  // Removes what a call that was cut short left. Without a store the replaced one stays: it tells how new the keyring
  // was.
  absl::Status Clear() const;
  // Durable when it returns.
  absl::Status Swap() const;

 private:
  const std::string data_dir_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_STORE_SWAP_H_
