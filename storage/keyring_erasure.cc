#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "storage/keyring_impl.h"
#include "storage/record.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"
#include "storage/suppressions.h"

namespace expunge {
namespace {

constexpr std::string_view kDeadModelKind = "a deleted model";
constexpr size_t kTraceBytes = 32;
// Of a subject that is erased whole: each ciphertext lies beside the pseudonym, which is searched for too. That of a
// subject that keeps samples, or is in another model still, may be there: then all of its nonces are looked for.
constexpr int kMaxNonceTraces = 64;

KeyRange OneKey(const std::string& key) { return {key, key + '\0'}; }

// The part of a wrapped key that is random: its nonce and the beginning of its ciphertext.
std::string TraceOf(std::string_view value, size_t id_bytes) {
  const size_t begin = 1 + id_bytes + sizeof(uint32_t);  // version, id, epoch
  return std::string(value.substr(std::min(begin, value.size()), kTraceBytes));
}

std::string TracesContext(ErasureSequence sequence) { return "traces " + EncodeUint64(sequence); }

}  // namespace

absl::Status Keyring::Impl::StageSubjectDeath(ModelUid model, const Pseudonym& subject, records::ErasureTraces* traces,
                                              rocksdb::WriteBatch* batch) const {
  const ReadEpochs::Read read(&reads);
  const std::string place = EncodeSubjectDataKeyKey(model, subject);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, Find(kKeys, place, &value));
  if (found && traces != nullptr) traces->add_wrapped_keys(TraceOf(value.ToStringView(), KeyId().size()));
  return FromRocks(batch->Delete(place), kKeyringName);
}

absl::Status Keyring::Impl::StageCheckpointDeaths(const Checkpoints& checkpoints, records::ErasureTraces* traces,
                                                  rocksdb::WriteBatch* batch) const {
  const ReadEpochs::Read read(&reads);
  return ScanRows(*database, kCheckpointKeys, rocksdb::ReadOptions(),
                  CheckpointDataKeysFrom(checkpoints.shard, checkpoints.first_slice), kKeyringName,
                  [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                    RETURN_IF_ERROR(FromRocks(batch->Delete(database->family(kCheckpointKeys), key), kKeyringName));
                    CheckpointKeyId id;
                    if (!DecodeCheckpointDataKeyKey(key, &id))
                      return CorruptStorage(kKeyringName, "has a malformed key");
                    if (traces != nullptr) {
                      traces->add_checkpoint_key_ids(std::string(AsBytes(id)));
                      traces->add_wrapped_keys(TraceOf(value, 0));
                    }
                    return true;
                  });
}

absl::Status Keyring::DestroyCheckpointKeys(const Checkpoints& checkpoints) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(impl_->StageCheckpointDeaths(checkpoints, nullptr, &batch));
  if (batch.Count() == 0) return absl::OkStatus();
  return impl_->WriteDestruction(&batch, {}, /*checkpoints=*/true);
}

absl::Status Keyring::DestroyModelKeys(ModelUid model, absl::Time now) {
  rocksdb::WriteBatch batch;
  const std::vector<KeyRange> ranges = {SubjectDataKeysOf(model), RekeysOf(model)};
  for (const KeyRange& range : ranges) {
    RETURN_IF_ERROR(FromRocks(batch.DeleteRange(range.begin, range.end), kKeyringName));
  }
  const KeyRange checkpoints = CheckpointDataKeysOf(model);
  RETURN_IF_ERROR(FromRocks(
      batch.DeleteRange(impl_->database->family(kCheckpointKeys), checkpoints.begin, checkpoints.end), kKeyringName));
  records::DeadModel dead;
  dead.set_delete_time_micros(absl::ToUnixMicros(now));
  RETURN_IF_ERROR(FromRocks(batch.Put(EncodeDeadModelKey(model), EncodeRecord(dead)), kKeyringName));
  const MutexLock lock(&impl_->generation_mutex);
  RETURN_IF_ERROR(FromRocks(batch.Put(kGenerationKey, EncodeUint64(impl_->generation + 1)), kKeyringName));
  RETURN_IF_ERROR(impl_->WriteDestruction(&batch, ranges, /*checkpoints=*/true));
  ++impl_->generation;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Keyring::DeadModel>> Keyring::ListDeadModels() const {
  const ReadEpochs::Read read(&impl_->reads);
  std::vector<DeadModel> models;
  RETURN_IF_ERROR(ScanRows(*impl_->database, kKeys, rocksdb::ReadOptions(), AllDeadModels(), kDeadModelKind,
                           [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                             DeadModel& model = models.emplace_back();
                             if (!DecodeDeadModelKey(key, &model.model)) {
                               return CorruptStorage(kDeadModelKind, "has a malformed key");
                             }
                             records::DeadModel record;
                             RETURN_IF_ERROR(DecodeRecord(kDeadModelKind, value, &record));
                             model.deleted = absl::FromUnixMicros(record.delete_time_micros());
                             model.reclaimed = record.reclaimed();
                             return true;
                           }));
  return models;
}

absl::Status Keyring::ReclaimedModels(absl::Span<const ModelUid> models) {
  const ReadEpochs::Read read(&impl_->reads);
  rocksdb::WriteBatch batch;
  for (const ModelUid model : models) {
    const std::string key = EncodeDeadModelKey(model);
    ASSIGN_OR_RETURN(auto record, GetRecord<records::DeadModel>(*impl_->database, kKeys, key, kDeadModelKind));
    if (!record) continue;
    record->set_reclaimed(true);
    RETURN_IF_ERROR(FromRocks(batch.Put(key, EncodeRecord(*record)), kKeyringName));
  }
  return batch.Count() == 0 ? absl::OkStatus() : impl_->Write(&batch, /*synced=*/false);
}

absl::Status Keyring::CheckWritable() const { return impl_->Latched(); }

absl::Status Keyring::RecordErasures(absl::Span<const ErasureWrite> writes, const AppendLeaves& append) {
  rocksdb::WriteBatch batch;
  Impl::Staging staging;
  {
    SuppressionWriter suppressions(impl_->database.get(), &batch);
    for (const ErasureWrite& write : writes) {
      RETURN_IF_ERROR(impl_->StageErasure(write, &suppressions, &staging, &batch));
    }
  }
  RETURN_IF_ERROR(impl_->Latched());
  const auto stage = [&](rocksdb::WriteBatch* staged) {
    for (const ErasureWrite& write : writes) erasures_->Stage(*write.erasure, staged);
  };
  const absl::Status written = log_->Write(append, stage, &batch);
  if (!written.ok()) (void)impl_->Latch(log_->failure());
  return impl_->EndDestruction(written, staging.touched, !staging.dead_from.empty());
}

absl::Status Keyring::Impl::StageErasure(const ErasureWrite& write, SuppressionWriter* suppressions, Staging* staging,
                                         rocksdb::WriteBatch* batch) const {
  records::ErasureTraces traces;
  for (const ModelUid model : write.forgotten_in) {
    RETURN_IF_ERROR(StageSubjectDeath(model, write.subject, &traces, batch));
    staging->touched.push_back(OneKey(EncodeSubjectDataKeyKey(model, write.subject)));
    traces.add_models(model);
    traces.set_pseudonym(std::string(AsBytes(write.subject)));
  }
  for (const ErasureWrite::Partial& partial : write.partial) {
    RETURN_IF_ERROR(StageSubjectDeath(partial.model, write.subject, &traces, batch));
    PutSubjectKey(partial.model, write.subject, *partial.new_key, batch);
    staging->touched.push_back(OneKey(EncodeSubjectDataKeyKey(partial.model, write.subject)));
    traces.add_models(partial.model);

    const std::string place = EncodeRekeyKey(partial.model, write.subject);
    records::PendingRekey rekey;
    rekey.set_erasure(write.erasure->sequence());
    rekey.set_shard(partial.shard);
    rekey.set_old_key_id(std::string(AsBytes(partial.old_key->id)));
    rekey.set_old_key(roots.Wrap(place, partial.old_key->key));
    for (const SampleKey& sample : partial.erased) rekey.add_samples(std::string(AsBytes(sample)));
    traces.add_wrapped_keys(rekey.old_key().substr(sizeof(uint32_t), kTraceBytes));
    batch->Put(place, EncodeRecord(rekey));
  }
  for (const Checkpoints& checkpoints : write.checkpoints) {
    const auto [place, first] = staging->dead_from.try_emplace(checkpoints.shard, checkpoints.first_slice);
    if (!first && place->second <= checkpoints.first_slice) continue;
    place->second = checkpoints.first_slice;
    RETURN_IF_ERROR(StageCheckpointDeaths(checkpoints, &traces, batch));
  }
  for (const ModelUid model : write.suppress_in) {
    const Digest name = write.suppress_samples.empty() ? SubjectName(write.subject) : SamplesName(write.subject);
    RETURN_IF_ERROR(suppressions->Stage(model, name, *write.erasure));
    for (const SampleKey& sample : write.suppress_samples) {
      RETURN_IF_ERROR(suppressions->Stage(model, SampleName(write.subject, sample), *write.erasure));
    }
  }
  const bool whole = write.partial.empty() && std::find(write.suppress_in.begin(), write.suppress_in.end(),
                                                        kEveryModel) != write.suppress_in.end();
  for (const std::string& nonce : write.seal_nonces) {
    if (whole && traces.seal_nonces_size() == kMaxNonceTraces) break;
    traces.add_seal_nonces(nonce);
  }
  if (traces.wrapped_keys_size() > 0 || !traces.pseudonym().empty()) {
    const ErasureSequence sequence = write.erasure->sequence();
    batch->Put(database->family(kTraces), EncodeTracesKey(sequence),
               FrameSealed(trace_key.Seal(TracesContext(sequence), traces.SerializeAsString())));
  }
  return absl::OkStatus();
}

absl::StatusOr<RekeyPlace> Keyring::Impl::ReadRekey(std::string_view key, std::string_view value,
                                                    records::PendingRekey* record) const {
  RETURN_IF_ERROR(DecodeRecord("a re-keying", value, record));
  RekeyPlace place;
  if (!DecodeRekeyKey(key, &place.model, &place.subject)) return CorruptStorage("a re-keying", "is malformed");
  place.shard = record->shard();
  place.erasure = record->erasure();
  return place;
}

absl::StatusOr<Rekey> Keyring::Impl::OpenRekey(std::string_view key, std::string_view value) const {
  records::PendingRekey record;
  ASSIGN_OR_RETURN(const RekeyPlace place, ReadRekey(key, value, &record));
  KeyId id;
  if (record.old_key_id().size() != id.size()) return CorruptStorage("a re-keying", "is malformed");
  std::copy(record.old_key_id().begin(), record.old_key_id().end(), id.begin());
  ASSIGN_OR_RETURN(DataKey old_key, roots.Unwrap(key, record.old_key()));
  Rekey rekey = {place, {id, std::move(old_key)}, {}};
  for (const std::string& sample : record.samples()) {
    if (sample.size() != SampleKey().size()) return CorruptStorage("a re-keying", "is malformed");
    rekey.erased.push_back(SampleKeyFromBytes(sample));
  }
  return rekey;
}

absl::StatusOr<std::vector<RekeyPlace>> Keyring::ListRekeys() const {
  const ReadEpochs::Read read(&impl_->reads);
  std::vector<RekeyPlace> places;
  RETURN_IF_ERROR(ScanRows(*impl_->database, kKeys, rocksdb::ReadOptions(), AllRekeys(), "a re-keying",
                           [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                             records::PendingRekey record;
                             ASSIGN_OR_RETURN(places.emplace_back(), impl_->ReadRekey(key, value, &record));
                             return true;
                           }));
  return places;
}

absl::StatusOr<std::optional<Rekey>> Keyring::GetRekey(ModelUid model, const Pseudonym& subject) const {
  const ReadEpochs::Read read(&impl_->reads);
  const std::string place = EncodeRekeyKey(model, subject);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, impl_->Find(kKeys, place, &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(Rekey rekey, impl_->OpenRekey(place, value.ToStringView()));
  return std::optional<Rekey>(std::move(rekey));
}

absl::Status Keyring::FinishRekey(ModelUid model, const Pseudonym& subject) {
  const std::string place = EncodeRekeyKey(model, subject);
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(FromRocks(batch.Delete(place), kKeyringName));
  return impl_->WriteDestruction(&batch, {OneKey(place)}, /*checkpoints=*/false);
}

absl::StatusOr<std::vector<ErasureSequence>> Keyring::ListTraces(ErasureSequence first, size_t limit) const {
  std::vector<ErasureSequence> sequences;
  RETURN_IF_ERROR(ScanRows(*impl_->database, kTraces, rocksdb::ReadOptions(), {EncodeTracesKey(first), ""},
                           "an erasure's traces", [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                             if (sequences.size() == limit) return false;
                             if (!DecodeTracesKey(key, &sequences.emplace_back())) {
                               return CorruptStorage("an erasure's traces", "have a malformed key");
                             }
                             return true;
                           }));
  return sequences;
}

absl::StatusOr<std::optional<records::ErasureTraces>> Keyring::GetTraces(ErasureSequence sequence) const {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found,
                   GetRow(*impl_->database, kTraces, EncodeTracesKey(sequence), "an erasure's traces", &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string_view sealed, UnframeSealed("an erasure's traces", value.ToStringView()));
  ASSIGN_OR_RETURN(const std::string plaintext, impl_->trace_key.Open(TracesContext(sequence), sealed));
  records::ErasureTraces traces;
  if (!traces.ParseFromString(plaintext)) return CorruptStorage("an erasure's traces", "are malformed");
  return std::optional<records::ErasureTraces>(std::move(traces));
}

}  // namespace expunge
