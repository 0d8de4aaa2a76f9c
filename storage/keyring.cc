#include "storage/keyring.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "storage/keyring_impl.h"
#include "storage/record.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"
#include "storage/suppressions.h"

namespace expunge {
namespace {

template <typename Id>
Id RandomId() {
  Id id;
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1) std::abort();
  return id;
}

absl::StatusOr<bool> HasKeys(const RocksDatabase& database) {
  bool any = false;
  RETURN_IF_ERROR(ScanRows(database, kKeys, rocksdb::ReadOptions(), KeyRange(), kKeyringName,
                           [&any](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                             any = key != kFormatKey;
                             return !any;
                           }));
  return any;
}

absl::StatusOr<ModelUid> ReadLastModelUid(const RocksDatabase& database) {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found,
                   GetRow(database, kKeys, std::string(kLastModelUidKey), "the last model number", &value));
  ModelUid uid = 0;
  if (found && !DecodeUint32(value.ToStringView(), &uid))
    return CorruptStorage("the last model number", "is malformed");
  return uid;
}

absl::StatusOr<uint64_t> ReadGeneration(const RocksDatabase& database) {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(database, kKeys, std::string(kGenerationKey), kKeyringName, &value));
  uint64_t generation = 0;
  if (found && !DecodeUint64(value.ToStringView(), &generation))
    return CorruptStorage(kKeyringName, "has a malformed generation");
  return generation;
}

// The root key and the pepper, in one write: a keyring has both or is none.
absl::StatusOr<DataKey> MakeKeyring(const RocksDatabase& database, const MasterKey& master_key,
                                    const std::optional<Digest>& chosen_pepper, RootKeys* roots) {
  DataKey pepper = DataKey::Random();
  if (chosen_pepper.has_value()) {
    ASSIGN_OR_RETURN(pepper, DataKey::FromBytes(AsBytes(*chosen_pepper)));
  }
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(roots->Add(master_key, &batch));
  RETURN_IF_ERROR(FromRocks(batch.Put(kPepperKey, FrameSealed(roots->Wrap(kPepperKey, pepper))), kKeyringName));
  RETURN_IF_ERROR(database.Write(&batch, /*synced=*/true, kKeyringName));
  return pepper;
}

absl::StatusOr<DataKey> ReadPepper(std::string_view value, const RootKeys& roots) {
  ASSIGN_OR_RETURN(const std::string_view wrapped, UnframeSealed(kKeyringName, value));
  return roots.Unwrap(kPepperKey, wrapped);
}

// The name that the log has, or gets now.
absl::StatusOr<std::string> NameLog(const RocksDatabase& database, const DataKey& pepper, const std::string& wanted) {
  rocksdb::PinnableSlice stored;
  ASSIGN_OR_RETURN(const bool named, GetRow(database, kKeys, std::string(kLogOriginKey), kKeyringName, &stored));
  if (named) {
    std::string name = stored.ToString();
    if (wanted.empty() || wanted == name) return name;
    return Error(absl::StatusCode::kFailedPrecondition, "LOG_ORIGIN_FIXED",
                 absl::StrCat("the log has a name already, for good: ", name));
  }
  const Digest deployment = KeyedHash(pepper.bytes(), {"log origin"});
  constexpr size_t kNameBytes = 6;
  std::string name =
      wanted.empty()
          ? absl::StrCat("expunge.local/", absl::BytesToHexString(ToAbsl(AsBytes(deployment)).substr(0, kNameBytes)))
          : wanted;
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(FromRocks(batch.Put(kLogOriginKey, name), kKeyringName));
  RETURN_IF_ERROR(database.Write(&batch, /*synced=*/true, kKeyringName));
  return name;
}

DataKey DeriveKey(const DataKey& pepper, std::string_view purpose) {
  Digest bytes = KeyedHash(pepper.bytes(), {purpose});
  DataKey key = *DataKey::FromBytes(AsBytes(bytes));
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

absl::Status Revived(ModelUid model) {
  return Error(absl::StatusCode::kDataLoss, "FORGOTTEN_SUBJECT_REVIVED",
               absl::StrCat("model ", model, " has a key of a subject that was forgotten in it: somebody put it back"));
}

// Of a subject's key, as it is stored.
absl::StatusOr<KeyId> IdOf(std::string_view value) {
  KeyId id;
  ASSIGN_OR_RETURN(const std::string_view named, UnframeSealed(kKeyringName, value));
  if (named.size() < id.size()) return CorruptStorage(kKeyringName, "has a malformed key");
  std::memcpy(id.data(), named.data(), id.size());
  return id;
}

}  // namespace

CheckpointKeyId RandomCheckpointKeyId() { return RandomId<CheckpointKeyId>(); }
SubjectKey SubjectKey::Random() { return {RandomId<KeyId>(), DataKey::Random()}; }

Keyring::Impl::Impl(std::unique_ptr<RocksDatabase> opened, std::unique_ptr<MasterKey> master, RootKeys root_keys,
                    DataKey read_pepper, ModelUid last_model, uint64_t last_generation, std::string origin, bool made)
    : database(std::move(opened)),
      master_key(std::move(master)),
      roots(std::move(root_keys)),
      pepper(std::move(read_pepper)),
      trace_key(DeriveKey(pepper, "expunge trace key v1")),
      log_origin(std::move(origin)),
      is_new(made),
      last_model_uid(last_model),
      generation(last_generation) {}

absl::StatusOr<bool> Keyring::Impl::Find(KeyringFamily family, const std::string& place,
                                         rocksdb::PinnableSlice* value) const {
  return GetRow(*database, family, place, kKeyringName, value);
}

void Keyring::Impl::PutSubjectKey(ModelUid model, const Pseudonym& subject, const SubjectKey& key,
                                  rocksdb::WriteBatch* batch) const {
  const std::string place = EncodeSubjectDataKeyKey(model, subject);
  batch->Put(place, FrameSealed(absl::StrCat(ToAbsl(AsBytes(key.id)), roots.Wrap(place, key.key))));
}

absl::StatusOr<SubjectKey> Keyring::Impl::OpenSubjectKey(std::string_view place, std::string_view value) const {
  ASSIGN_OR_RETURN(const KeyId id, IdOf(value));
  ASSIGN_OR_RETURN(DataKey key, roots.Unwrap(place, value.substr(1 + id.size())));
  return SubjectKey{id, std::move(key)};
}

Digest Keyring::Impl::HiddenName(std::string_view purpose, const Pseudonym& subject, std::string_view sample) const {
  return KeyedHash(pepper.bytes(), {purpose, AsBytes(subject), sample});
}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(const Options& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RocksDatabase> database,
                   RocksDatabase::Open(kKeyringName, options.path, KeyringOptions(options.env), KeyringFamilies()));
  ASSIGN_OR_RETURN(const ModelUid last_model_uid, ReadLastModelUid(*database));
  ASSIGN_OR_RETURN(const uint64_t generation, ReadGeneration(*database));
  rocksdb::PinnableSlice stored_pepper;
  ASSIGN_OR_RETURN(const bool exists, GetRow(*database, kKeys, std::string(kPepperKey), kKeyringName, &stored_pepper));
  std::unique_ptr<MasterKey> master_key;
  std::optional<DataKey> pepper;
  RootKeys roots;
  if (exists) {
    ASSIGN_OR_RETURN(master_key, LoadMasterKey(options.master_key_file));
    // A key that is in a directory of somebody else's is none the worse for it.
    if (const absl::Status removed = RemoveUnfinishedMasterKeys(options.master_key_file);
        !removed.ok() && !absl::IsPermissionDenied(removed)) {
      return removed;
    }
    ASSIGN_OR_RETURN(roots, RootKeys::Open(*database, *master_key));
    ASSIGN_OR_RETURN(pepper, ReadPepper(stored_pepper.ToStringView(), roots));
  } else {
    ASSIGN_OR_RETURN(const bool has_keys, HasKeys(*database));
    if (has_keys) return CorruptStorage(kKeyringName, "cannot be opened: it has keys, but its pepper is missing");
    if (!options.create) {
      return Error(
          absl::StatusCode::kFailedPrecondition, "KEYRING_MISSING",
          "the keyring is missing, without which nothing that is stored can be read: put the directory keyring back");
    }
    ASSIGN_OR_RETURN(master_key, LoadOrCreateMasterKey(options.master_key_file));
    ASSIGN_OR_RETURN(pepper, MakeKeyring(*database, *master_key, options.pepper, &roots));
  }
  stored_pepper.Reset();
  ASSIGN_OR_RETURN(std::string origin, NameLog(*database, *pepper, options.log_origin));
  ASSIGN_OR_RETURN(std::unique_ptr<MerkleLog> log, MerkleLog::Open(database.get()));
  auto impl = std::make_unique<Impl>(std::move(database), std::move(master_key), std::move(roots), *std::move(pepper),
                                     last_model_uid, generation, std::move(origin), /*made=*/!exists);
  return std::unique_ptr<Keyring>(new Keyring(std::move(impl), std::move(log)));
}

Keyring::Keyring(std::unique_ptr<Impl> impl, std::unique_ptr<MerkleLog> log)
    : impl_(std::move(impl)),
      log_(std::move(log)),
      erasures_(std::make_unique<ErasureRecords>(impl_->database.get(), log_.get())) {}
Keyring::~Keyring() = default;

bool Keyring::is_new() const { return impl_->is_new; }
const std::string& Keyring::log_origin() const { return impl_->log_origin; }

absl::StatusOr<uint64_t> Keyring::GetLogMark(ModelUid model) const {
  const ReadEpochs::Read read(&impl_->reads);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(*impl_->database, kKeys, EncodeLogMarkKey(model), kKeyringName, &value));
  uint64_t mark = 0;
  if (found && !DecodeUint64(value.ToStringView(), &mark)) return CorruptStorage(kKeyringName, "has a malformed mark");
  return mark;
}

absl::Status Keyring::AppendToLog(const AppendLeaves& append, const std::optional<LogMark>& mark) {
  RETURN_IF_ERROR(impl_->Latched());
  rocksdb::WriteBatch batch;
  const auto stage = [&mark](rocksdb::WriteBatch* staged) {
    if (mark) staged->Put(EncodeLogMarkKey(mark->model), EncodeUint64(mark->value));
  };
  const absl::Status written = log_->Write(append, stage, &batch);
  if (!written.ok()) (void)impl_->Latch(log_->failure());
  return written;
}

absl::StatusOr<records::KeyringMark> Keyring::Mark() const {
  records::KeyringMark mark;
  mark.set_deployment(std::string(AsBytes(PepperedHash({"deployment"}))));
  ASSIGN_OR_RETURN(const ErasureSequence newest, erasures_->Last());
  mark.set_newest_erasure(newest);
  const MutexLock lock(&impl_->generation_mutex);
  mark.set_generation(impl_->generation);
  return mark;
}

absl::Status Keyring::BeginGeneration() {
  const MutexLock lock(&impl_->generation_mutex);
  rocksdb::WriteBatch batch;
  batch.Put(kGenerationKey, EncodeUint64(impl_->generation + 1));
  RETURN_IF_ERROR(impl_->Write(&batch, /*synced=*/true));
  ++impl_->generation;
  return absl::OkStatus();
}

Pseudonym Keyring::PseudonymOf(std::string_view subject_id) const { return PepperedHash({"subject", subject_id}); }

SampleKey Keyring::SampleKeyOf(std::string_view subject_id, std::string_view sample_id) const {
  const Digest digest = PepperedHash({"sample", subject_id, sample_id});
  SampleKey key;
  std::memcpy(key.data(), digest.data(), key.size());
  return key;
}

Digest Keyring::PepperedHash(std::initializer_list<std::string_view> parts) const {
  return KeyedHash(impl_->pepper.bytes(), parts);
}

Digest Keyring::ForgottenName(const Pseudonym& subject) const { return impl_->SubjectName(subject); }

absl::StatusOr<ModelUid> Keyring::NextModelUid() {
  const MutexLock lock(&impl_->model_uid_mutex);
  if (impl_->last_model_uid == std::numeric_limits<ModelUid>::max()) {
    return absl::ResourceExhaustedError("every model number has been used");
  }
  rocksdb::WriteBatch batch;
  batch.Put(kLastModelUidKey, EncodeUint32(impl_->last_model_uid + 1));
  RETURN_IF_ERROR(impl_->Write(&batch, /*synced=*/true));
  return ++impl_->last_model_uid;
}

ModelUid Keyring::LastModelUid() const {
  const MutexLock lock(&impl_->model_uid_mutex);
  return impl_->last_model_uid;
}

// --- keys

absl::StatusOr<std::optional<SubjectKey>> Keyring::GetSubjectKey(ModelUid model, const Pseudonym& subject) const {
  const ReadEpochs::Read read(&impl_->reads);
  const std::string place = EncodeSubjectDataKeyKey(model, subject);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, impl_->Find(kKeys, place, &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(SubjectKey key, impl_->OpenSubjectKey(place, value.ToStringView()));
  return std::optional<SubjectKey>(std::move(key));
}

absl::StatusOr<std::optional<KeyId>> Keyring::GetSubjectKeyId(ModelUid model, const Pseudonym& subject) const {
  const ReadEpochs::Read read(&impl_->reads);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, impl_->Find(kKeys, EncodeSubjectDataKeyKey(model, subject), &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(const KeyId id, IdOf(value.ToStringView()));
  return std::optional<KeyId>(id);
}

class SubjectCursorImpl : public Keyring::SubjectCursor {
 public:
  SubjectCursorImpl(ReadEpochs* reads, const RocksDatabase& database, ModelUid model)
      : read_(reads), model_(model), end_(SubjectDataKeysOf(model).end), upper_bound_(end_) {
    rocksdb::ReadOptions options = ScanOptions();
    options.iterate_upper_bound = &upper_bound_;
    rows_.reset(database->NewIterator(options, database.family(kKeys)));
  }

  absl::StatusOr<std::optional<KeyId>> Find(const Pseudonym& subject) override {
    const std::string place = EncodeSubjectDataKeyKey(model_, subject);
    MoveTo(place);
    RETURN_IF_ERROR(FromRocks(rows_->status(), kKeyringName));
    if (!rows_->Valid() || rows_->key() != rocksdb::Slice(place)) return std::nullopt;
    ASSIGN_OR_RETURN(const KeyId id, IdOf(rows_->value().ToStringView()));
    return std::optional<KeyId>(id);
  }

 private:
  // To the first row from `place` on. Between the subjects of one shard lie those of the others: a few steps, which
  // are cheaper than a search.
  void MoveTo(rocksdb::Slice place) {
    constexpr int kSteps = 16;
    const bool behind = rows_->Valid() && rows_->key().compare(place) < 0;
    for (int i = 0; behind && i < kSteps; ++i) {
      rows_->Next();
      if (!rows_->Valid() || rows_->key().compare(place) >= 0) return;
    }
    rows_->Seek(place);
  }

  const ReadEpochs::Read read_;
  const ModelUid model_;
  const std::string end_;
  const rocksdb::Slice upper_bound_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

std::unique_ptr<Keyring::SubjectCursor> Keyring::SubjectsOf(ModelUid model) const {
  return std::make_unique<SubjectCursorImpl>(&impl_->reads, *impl_->database, model);
}

absl::Status Keyring::AdmitSubjects(ModelUid model, absl::Span<const Admission> admissions) {
  rocksdb::WriteBatch batch;
  for (const Admission& admission : admissions) {
    if (admission.new_key != nullptr) impl_->PutSubjectKey(model, admission.subject, *admission.new_key, &batch);
    if (!admission.consent) continue;
    RETURN_IF_ERROR(StageLift(*impl_->database, model, impl_->SubjectName(admission.subject), &batch));
    for (const SampleKey& sample : admission.samples) {
      RETURN_IF_ERROR(StageLift(*impl_->database, model, impl_->SampleName(admission.subject, sample), &batch));
    }
  }
  return batch.Count() == 0 ? absl::OkStatus() : impl_->Write(&batch, /*synced=*/false);
}

absl::StatusOr<std::optional<DataKey>> Keyring::GetCheckpointKey(ShardId shard, uint32_t slice,
                                                                 const CheckpointKeyId& id) const {
  const ReadEpochs::Read read(&impl_->reads);
  const std::string place = EncodeCheckpointDataKeyKey(shard, slice, id);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, impl_->Find(kCheckpointKeys, place, &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string_view wrapped, UnframeSealed(kKeyringName, value.ToStringView()));
  ASSIGN_OR_RETURN(DataKey key, impl_->roots.Unwrap(place, wrapped));
  return std::optional<DataKey>(std::move(key));
}

absl::Status Keyring::CreateCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id,
                                          const DataKey& key) {
  const std::string place = EncodeCheckpointDataKeyKey(shard, slice, id);
  rocksdb::WriteBatch batch;
  batch.Put(impl_->database->family(kCheckpointKeys), place, FrameSealed(impl_->roots.Wrap(place, key)));
  return impl_->Write(&batch, /*synced=*/false);
}

// --- suppressions

absl::StatusOr<Keyring::Suppression> Keyring::GetSuppression(ModelUid model, const Pseudonym& subject) const {
  Suppression suppression;
  ASSIGN_OR_RETURN(suppression.subject, expunge::IsSuppressed(*impl_->database, model, impl_->SubjectName(subject)));
  ASSIGN_OR_RETURN(suppression.some_samples,
                   expunge::IsSuppressed(*impl_->database, model, impl_->SamplesName(subject)));
  return suppression;
}

absl::StatusOr<bool> Keyring::IsSampleSuppressed(ModelUid model, const Pseudonym& subject,
                                                 const SampleKey& sample) const {
  return expunge::IsSuppressed(*impl_->database, model, impl_->SampleName(subject, sample));
}

absl::Status Keyring::Sync() {
  RETURN_IF_ERROR(impl_->Latched());
  return impl_->Latch(impl_->database->Sync(kKeyringName));
}

absl::StatusOr<bool> Keyring::IsRevived(ModelUid model, const Pseudonym& subject) const {
  ASSIGN_OR_RETURN(const Suppression suppression, GetSuppression(model, subject));
  if (!suppression.subject) return false;
  ASSIGN_OR_RETURN(const auto key, GetSubjectKeyId(model, subject));
  return key.has_value();
}

absl::Status Keyring::VerifyKeys(const std::function<void(absl::Status)>& damaged, uint64_t* subjects,
                                 uint64_t* checkpoints) const {
  *subjects = *checkpoints = 0;
  RETURN_IF_ERROR(ScanRows(*impl_->database, kKeys, ScanOptions(), AllSubjectDataKeys(), kKeyringName,
                           [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                             ++*subjects;
                             if (auto opened = impl_->OpenSubjectKey(key, value); !opened.ok())
                               damaged(opened.status());
                             ModelUid model = 0;
                             Pseudonym subject;
                             if (!DecodeSubjectDataKeyKey(key, &model, &subject)) {
                               return CorruptStorage(kKeyringName, "has a malformed key");
                             }
                             ASSIGN_OR_RETURN(const bool revived, IsRevived(model, subject));
                             if (revived) damaged(Revived(model));
                             return true;
                           }));
  RETURN_IF_ERROR(ScanRows(*impl_->database, kSuppressions, ScanOptions(), KeyRange(), kSuppressionKind,
                           [&](std::string_view, std::string_view value) -> absl::StatusOr<bool> {
                             records::Suppression row;
                             if (auto read = DecodeRecord(kSuppressionKind, value, &row); !read.ok()) damaged(read);
                             return true;
                           }));
  return ScanRows(*impl_->database, kCheckpointKeys, ScanOptions(), AllCheckpointDataKeys(), kKeyringName,
                  [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                    ++*checkpoints;
                    const auto wrapped = UnframeSealed(kKeyringName, value);
                    absl::Status status = wrapped.status();
                    if (status.ok()) status = impl_->roots.Unwrap(key, *wrapped).status();
                    if (!status.ok()) damaged(status);
                    return true;
                  });
}

}  // namespace expunge
