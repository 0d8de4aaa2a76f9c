#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/keyring_impl.h"
#include "storage/record.h"
#include "storage/rocks_files.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

// What RocksDB deletes under this name would live on under the other.
absl::Status CheckHardLinks(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_regular_file(error) || entry.hard_link_count(error) <= 1 || error) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "KEYRING_HARD_LINKED",
                 absl::StrCat("the keyring's file ", entry.path().filename().string(),
                              " has a hard link, in which destroyed keys would live on: remove the link"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Keyring::Purge() {
  const MutexLock lock(&impl_->purge_mutex);
  const RocksDatabase& database = *impl_->database;
  RETURN_IF_ERROR(impl_->Latched());
  RETURN_IF_ERROR(CheckHardLinks(database->GetName()));
  const Touched::Ranges ranges = impl_->touched.Take();
  auto touch_again = absl::MakeCleanup([&] { impl_->touched.PutBack(ranges); });
  RETURN_IF_ERROR(Flush(database, kKeyringName));
  CrashPoint("purge_flushed");
  for (const auto& [kind, range] : ranges.keys) RETURN_IF_ERROR(Rewrite(database, kKeys, range, kKeyringName));
  if (ranges.checkpoints) RETURN_IF_ERROR(Rewrite(database, kCheckpointKeys, KeyRange(), kKeyringName));
  RETURN_IF_ERROR(BeginManifest(database, kKeyringName));
  CrashPoint("purge_compacted");
  impl_->reads.WaitForEarlier();
  RETURN_IF_ERROR(AwaitDeletions(database, kKeyringName));
  CrashPoint("purge_files_gone");
  std::move(touch_again).Cancel();
  return absl::OkStatus();
}

void Keyring::TouchEverything() { impl_->touched.Add({KeyRange()}, /*checkpoints=*/true); }

absl::Status Keyring::VerifyChecksums() const { return expunge::VerifyChecksums(*impl_->database, kKeyringName); }

absl::Status Keyring::Rotate(const MasterKey& new_master_key, const std::function<absl::Status()>& activate) {
  Impl& impl = *impl_;
  rocksdb::WriteBatch roots;
  RETURN_IF_ERROR(impl.roots.StageFor(new_master_key, &roots));
  RETURN_IF_ERROR(impl.Write(&roots, /*synced=*/true));
  RETURN_IF_ERROR(activate());

  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(impl.roots.Add(new_master_key, &batch));
  const uint32_t newest = impl.roots.newest_epoch();
  batch.Put(kPepperKey, FrameSealed(impl.roots.Wrap(kPepperKey, impl.pepper)));
  const auto flush_batch = [&](bool last) -> absl::Status {
    constexpr size_t kBatchBytes = size_t{4} << 20;
    if (!last && batch.GetDataSize() < kBatchBytes) return absl::OkStatus();
    RETURN_IF_ERROR(impl.Write(&batch, last));
    batch.Clear();
    return absl::OkStatus();
  };
  const auto scan = [&](KeyringFamily family, const KeyRange& range, const auto& rewrap) {
    return ScanRows(*impl.database, family, ScanOptions(), range, kKeyringName,
                    [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                      RETURN_IF_ERROR(rewrap(std::string(key), value));
                      RETURN_IF_ERROR(flush_batch(/*last=*/false));
                      return true;
                    });
  };
  RETURN_IF_ERROR(
      scan(kKeys, AllSubjectDataKeys(), [&](const std::string& key, std::string_view value) -> absl::Status {
        ASSIGN_OR_RETURN(const SubjectKey opened, impl.OpenSubjectKey(key, value));
        ModelUid model = 0;
        Pseudonym subject;
        if (!DecodeSubjectDataKeyKey(key, &model, &subject)) return CorruptStorage(kKeyringName, "has a malformed key");
        impl.PutSubjectKey(model, subject, opened, &batch);
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(scan(
      kCheckpointKeys, AllCheckpointDataKeys(), [&](const std::string& key, std::string_view value) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string_view wrapped, UnframeSealed(kKeyringName, value));
        ASSIGN_OR_RETURN(const DataKey opened, impl.roots.Unwrap(key, wrapped));
        return FromRocks(
            batch.Put(impl.database->family(kCheckpointKeys), key, FrameSealed(impl.roots.Wrap(key, opened))),
            kKeyringName);
      }));
  RETURN_IF_ERROR(scan(kKeys, AllRekeys(), [&](const std::string& key, std::string_view value) -> absl::Status {
    records::PendingRekey record;
    RETURN_IF_ERROR(DecodeRecord("a re-keying", value, &record));
    ASSIGN_OR_RETURN(const DataKey opened, impl.roots.Unwrap(key, record.old_key()));
    record.set_old_key(impl.roots.Wrap(key, opened));
    return FromRocks(batch.Put(key, EncodeRecord(record)), kKeyringName);
  }));
  RETURN_IF_ERROR(flush_batch(/*last=*/true));

  // Nothing needs the older roots any more, under whichever master key.
  rocksdb::WriteBatch retired;
  RETURN_IF_ERROR(scan(kKeys, AllRootKeys(), [&](const std::string& key, std::string_view) -> absl::Status {
    uint32_t epoch = 0;
    std::string_view wrapped_by;
    if (!DecodeRootKeyKey(key, &epoch, &wrapped_by)) return CorruptStorage(kKeyringName, "has a malformed key");
    const bool kept = epoch == newest && wrapped_by == new_master_key.id();
    return kept ? absl::OkStatus() : FromRocks(retired.Delete(key), kKeyringName);
  }));
  RETURN_IF_ERROR(impl.WriteDestruction(&retired, {KeyRange()}, /*checkpoints=*/true));
  return Purge();
}

}  // namespace expunge
