#include "admin/restore.h"

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/time/clock.h"
#include "admin/data_dir.h"
#include "base/status_macros.h"
#include "storage/keyring.h"
#include "storage/keyring_match.h"
#include "storage/rocks_store.h"
#include "storage/store_swap.h"

namespace expunge {
namespace {

// False: there is nothing to compare with. One that cannot be read is what a restore is for.
absl::StatusOr<bool> CompareWith(const std::string& path, const Keyring& keyring) {
  if (!DatabaseExists(path)) return false;
  const auto store = OpenRocksStore({.path = path});
  if (absl::IsDataLoss(store.status()) || absl::IsUnavailable(store.status())) return false;
  RETURN_IF_ERROR(store.status());
  RETURN_IF_ERROR(CheckKeyringMatches(**store, keyring));
  return true;
}

absl::Status PrepareStore(const std::string& path, const Keyring& keyring) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenRocksStore({.path = path}));
  RETURN_IF_ERROR(CheckKeyringMatches(*store, keyring, "the backup"));
  RETURN_IF_ERROR(store->SetRestored(absl::Now()));
  ASSIGN_OR_RETURN(const records::KeyringMark mark, keyring.Mark());
  return store->RaiseKeyringMark(mark);
}

}  // namespace

absl::StatusOr<RestoreReport> Restore(const RestoreOptions& options) {
  // Held until the store is in place: no server can start meanwhile.
  ASSIGN_OR_RETURN(const std::unique_ptr<Keyring> keyring, OpenKeyring(options.data_dir, options.master_key_file));
  const StoreSwap swap(options.data_dir);
  RestoreReport report;
  for (const std::string& path : {swap.store(), swap.replaced()}) {
    ASSIGN_OR_RETURN(const bool compared, CompareWith(path, *keyring));
    report.compared = report.compared || compared;
  }
  RETURN_IF_ERROR(swap.Clear());
  auto clear = absl::MakeCleanup([&swap] { swap.Clear().IgnoreError(); });
  ASSIGN_OR_RETURN(report.backup, RestoreBackup(options.backup_dir, options.number, swap.restoring()));
  RETURN_IF_ERROR(PrepareStore(swap.restoring(), *keyring));
  std::move(clear).Cancel();
  RETURN_IF_ERROR(swap.Swap());
  return report;
}

}  // namespace expunge
