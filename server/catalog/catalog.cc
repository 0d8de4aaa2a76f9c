#include "catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {

absl::Status ValidateModelName(std::string_view name) {
  const auto allowed = [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; };
  if (name.empty() || name.size() > kMaxModelNameBytes || !absl::ascii_islower(name.front()) || name.back() == '-' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return InvalidField("name",
                        absl::StrCat("must be models/ and 1 to ", kMaxModelNameBytes,
                                     " of a-z, 0-9 and hyphen, starting with a letter and not ending with a hyphen"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Open(Store* store, Keyring* keyring, const Clock* clock) {
  Models models;
  ASSIGN_OR_RETURN(const std::vector<Keyring::DeadModel> dead, keyring->ListDeadModels());
  ASSIGN_OR_RETURN(auto stored, store->ListModels());
  for (auto& [uid, record] : stored) {
    const bool is_dead = std::any_of(dead.begin(), dead.end(),
                                     [uid = uid](const Keyring::DeadModel& model) { return model.model == uid; });
    if (is_dead) record.set_deleting(true);
    ASSIGN_OR_RETURN(ModelSpec spec, ModelSpecFromRecord(record.spec()));
    // A name is free again as soon as its model's deletion was begun: a later model may have it. No name holds a slash.
    std::string key = record.deleting() ? absl::StrCat(record.name(), "/", uid) : record.name();
    models[std::move(key)] = std::make_shared<ModelEntry>(uid, record, std::move(spec), clock);
  }
  return std::unique_ptr<Catalog>(new Catalog(store, keyring, clock, std::move(models)));
}

Catalog::Catalog(Store* store, Keyring* keyring, const Clock* clock, Models models)
    : store_(store), keyring_(keyring), clock_(clock), models_(std::make_shared<const Models>(std::move(models))) {}

absl::StatusOr<std::shared_ptr<ModelEntry>> Catalog::Create(std::string_view name, const ModelSpec& spec) {
  RETURN_IF_ERROR(ValidateModelName(name));
  RETURN_IF_ERROR(ValidateSpec(spec));
  // Held over the write: two callers must not create one name, and creating models is rare.
  MutexLock lock(&mutex_);
  Models models = *models_.Get();
  if (models.contains(name)) {
    return Error(absl::StatusCode::kAlreadyExists, "MODEL_EXISTS",
                 absl::StrCat("there is a model models/", ToAbsl(name), " already"));
  }
  if (models.size() >= kMaxModels) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_MODELS",
                 absl::StrCat("a server holds at most ", kMaxModels, " models"));
  }
  uint64_t slices = uint64_t{spec.sisa.shards} * spec.sisa.slices;
  for (const auto& [other, entry] : models) slices += uint64_t{entry->spec().sisa.shards} * entry->spec().sisa.slices;
  if (slices > kMaxSlicesInAll) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_SLICES",
                 absl::StrCat("the models of a server have at most ", kMaxSlicesInAll,
                              " slices (sisa.shards x sisa.slices) together, with this one ", slices));
  }
  ASSIGN_OR_RETURN(const ModelUid uid, keyring_->NextModelUid());
  records::Model record;
  record.set_name(std::string(name));
  *record.mutable_spec() = ModelSpecToRecord(spec);
  record.set_create_time_micros(absl::ToUnixMicros(clock_->Now()));
  RETURN_IF_ERROR(store_->PutModel(uid, record));
  auto entry = std::make_shared<ModelEntry>(uid, record, spec, clock_);
  for (uint32_t k = 0; k < spec.sisa.shards; ++k) {
    MutexLock shard_lock(&entry->shard(k).mutex);
    entry->shard(k).counted = true;
  }
  models[std::string(name)] = entry;
  models_.Set(std::make_shared<const Models>(std::move(models)));
  return entry;
}

absl::StatusOr<std::shared_ptr<ModelEntry>> Catalog::Find(std::string_view name) const {
  const std::shared_ptr<const Models> models = models_.Get();
  const auto found = models->find(name);
  if (found == models->end()) return Error(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND", "there is no such model");
  return found->second;
}

std::shared_ptr<ModelEntry> Catalog::FindByUid(ModelUid uid) const {
  const std::shared_ptr<const Models> models = models_.Get();
  for (const auto& [name, entry] : *models) {
    if (entry->uid() == uid) return entry;
  }
  return nullptr;
}

std::vector<std::shared_ptr<ModelEntry>> Catalog::List() const {
  std::vector<std::shared_ptr<ModelEntry>> entries;
  const std::shared_ptr<const Models> models = models_.Get();
  for (const auto& [name, entry] : *models) entries.push_back(entry);
  return entries;
}

void Catalog::Remove(const ModelEntry& entry) {
  MutexLock lock(&mutex_);
  Models models = *models_.Get();
  std::erase_if(models, [&entry](const auto& model) { return model.second->uid() == entry.uid(); });
  models_.Set(std::make_shared<const Models>(std::move(models)));
}

}  // namespace expunge
