#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "serving/predictor.h"
#include "sisa/placement.h"
#include "tests/faults/client.h"

namespace expunge {
namespace {

using Fact = Ledger::Fact;

constexpr int kFirstFreshSubject = 100;

}  // namespace

void Client::CheckErasures() {
  if (engine_ == nullptr) return;
  const std::map<int, Ledger::Erasure> erasures = ledger_.erasures();  // what is asked for again is noted there, too
  for (const auto& [number, erasure] : erasures) {
    if (!erasure.reply) continue;
    const std::string what = absl::StrCat("erasure of subject ", erasure.subject);
    const auto found = engine_->ledger().Find(erasure.reply->uuid());
    if (absl::IsNotFound(found.status())) {
      Complain(what, "it was acknowledged and is lost");
    } else if (Note(found.status(), what)) {
      Complain(what, ledger_.NoteForget(number, erasure.request, erasure.subject, erasure.samples, *found));
    }
    TryForget(number, erasure.request, erasure.subject, erasure.samples, [] {});
  }
  CheckAudit();
}

void Client::CheckAudit() {
  const auto report = engine_->auditor().Report();
  const auto page = engine_->auditor().List({}, 0, 1000);
  if (!Note(report.status(), "audit") || !Note(page.status(), "audit")) return;
  std::map<std::string, int> listed;
  for (const records::Erasure& erasure : page->erasures) ++listed[erasure.uuid()];
  for (const auto& [uuid, times] : listed) {
    if (times != 1) Complain("audit", absl::StrCat("an erasure is listed ", times, " times"));
  }
  for (const auto& [number, erasure] : ledger_.erasures()) {
    if (erasure.reply && !listed.contains(erasure.reply->uuid()))
      Complain("audit", "an acknowledged one is not listed");
  }
  uint64_t counted = 0;
  for (const uint64_t count : report->erasures_by_state) counted += count;
  const uint64_t most = ledger_.erasures().size();
  if (counted != listed.size() || counted > most) {
    Complain("audit", absl::StrCat(counted, " erasures are counted, ", listed.size(), " listed, ", most, " asked for"));
  }
}

void Client::CheckSamples() {
  for (auto& [name, model] : ledger_.models()) {
    const std::shared_ptr<ModelEntry> entry = Find(name);
    if (entry == nullptr || model.exists != Fact::kYes) continue;
    for (auto& [subject, standing] : model.subjects) {
      std::set<int> samples = standing.All();
      samples.insert(standing.forgotten_samples.begin(), standing.forgotten_samples.end());
      if (standing.forgotten == Fact::kYes) samples.insert(0);
      if (samples.empty()) continue;
      TryIngest(name, subject, samples, /*new_consent=*/standing.consented, [] {});
    }
  }
  CheckKeys();
  Commit();
}

void Client::CheckKeys() {
  for (auto& [name, model] : ledger_.models()) {
    const std::shared_ptr<ModelEntry> entry = Find(name);
    if (entry == nullptr) continue;
    const Keyring& keyring = engine_->keyring();
    for (const auto& [subject, standing] : model.subjects) {
      const auto key = keyring.GetSubjectKeyId(entry->uid(), keyring.PseudonymOf(SubjectName(subject)));
      if (!Note(key.status(), "key") || !*key) continue;
      if (standing.forgotten == Fact::kYes || standing.dead_keys.contains(std::string(AsBytes(**key)))) {
        Complain("key", absl::StrCat("subject ", subject, "'s is back in ", name));
      }
    }
    for (const auto& [id, checkpoint] : model.checkpoints) {
      const std::set<uint32_t> known = trainer_.KnownBy(checkpoint.parameters_digest);
      if (std::none_of(known.begin(), known.end(), [&](uint32_t owner) { return model.forgotten.contains(owner); })) {
        continue;
      }
      CheckpointKeyId key_id;
      std::copy_n(id.begin(), key_id.size(), key_id.begin());
      const auto key = keyring.GetCheckpointKey(checkpoint.shard, checkpoint.slice, key_id);
      if (Note(key.status(), "key") && *key) Complain("key", "one of a checkpoint of " + name + " is back");
    }
  }
  if (engine_ == nullptr) return;
  const auto rekeys = engine_->keyring().ListRekeys();
  const bool all_acknowledged = ledger_.acknowledged() == static_cast<int>(ledger_.erasures().size());
  if (Note(rekeys.status(), "key") && all_acknowledged && !rekeys->empty()) Complain("key", "an old one is kept");
}

void Client::RememberCheckpoints() {
  for (const std::shared_ptr<ModelEntry>& entry : engine_->catalog().List()) {
    for (uint32_t shard = 0; shard < entry->spec().sisa.shards; ++shard) {
      for (uint32_t slice = 0; slice < entry->spec().sisa.slices; ++slice) {
        const ShardId id = {entry->uid(), shard};
        const auto checkpoint = engine_->store().GetCheckpoint(id, slice);
        if (!Note(checkpoint.status(), "checkpoint") || !*checkpoint) continue;
        ledger_.models()[entry->name()].checkpoints[(*checkpoint)->key_id()] = {
            id, slice, DigestFromBytes((*checkpoint)->parameters_digest()).value_or(Digest())};
      }
    }
  }
}

std::map<std::string, std::string> Client::SubjectKeyIds(const ForgetRequest& request) {
  std::map<std::string, std::string> ids;
  const Keyring& keyring = engine_->keyring();
  for (const std::shared_ptr<ModelEntry>& entry : engine_->catalog().List()) {
    if (!Ledger::Covers(request, entry->name())) continue;
    const auto id = keyring.GetSubjectKeyId(entry->uid(), keyring.PseudonymOf(request.subject_id));
    if (Note(id.status(), "key") && *id) ids[entry->name()] = std::string(AsBytes(**id));
  }
  return ids;
}

std::set<uint32_t> Client::KnownIn(ModelEntry& entry) const {
  std::set<uint32_t> known;
  const std::shared_ptr<const Snapshot> snapshot = entry.ensemble().Current();
  for (const Constituent& constituent : snapshot->constituents) {
    known.merge(trainer_.KnownBy(constituent.parameters_digest));
  }
  return known;
}

void Client::CheckVotes() {
  if (engine_ == nullptr) return;
  for (const std::shared_ptr<ModelEntry>& entry : engine_->catalog().List()) {
    const Ledger::Model& model = ledger_.models()[entry->name()];
    const std::vector<uint8_t> input(entry->spec().input.SampleBytes());
    const auto prediction = Predict(entry->spec(), entry->ensemble().Current(), {input.data()});
    if (!prediction.ok()) {
      if (ReasonOf(prediction.status()) != "NO_CONSTITUENTS") Note(prediction.status(), "predict");
      continue;
    }
    for (const Constituent& constituent : prediction->snapshot->constituents) {
      const std::set<uint32_t> known = trainer_.KnownBy(constituent.parameters_digest);
      const std::string what = absl::StrCat("shard ", constituent.shard, " of ", entry->name());
      if (known.empty()) Complain(what, "parameters that no training made vote");
      for (const uint32_t owner : known) {
        if (!model.forgotten.contains(owner)) continue;
        Complain(what, absl::StrCat("knows sample ", owner >> 16, " of subject ", owner & 0xff));
      }
    }
  }
}

void Client::CheckTraining() {
  for (auto& [name, model] : ledger_.models()) {
    const std::shared_ptr<ModelEntry> entry = Find(name);
    if (entry == nullptr || model.exists != Fact::kYes) continue;
    // A new subject in a shard's first slice: everything in the shard is read and trained again.
    for (uint32_t shard = 0; shard < model.spec.sisa.shards; ++shard) {
      int fresh = kFirstFreshSubject;
      while (Place(model.spec, engine_->keyring().PseudonymOf(SubjectName(fresh)), ErasureLikelihood::kUnspecified) !=
             Placement{shard, 0}) {
        ++fresh;
      }
      Ingest(name, {fresh}, 1);
    }
    Commit();
    Train(name);
  }
  WaitIdle();
  if (engine_ == nullptr || errors_ > 0) return;  // what could not be read was said
  for (auto& [name, model] : ledger_.models()) {
    const std::shared_ptr<ModelEntry> entry = Find(name);
    if (entry == nullptr) continue;
    std::set<uint32_t> expected;
    for (const auto& [subject, standing] : model.subjects) {
      for (const int sample : standing.All()) expected.insert(Owner{subject, standing.life, sample}.packed());
    }
    const std::set<uint32_t> known = KnownIn(*entry);
    if (known != expected) {
      Complain(name, absl::StrCat("its constituents know ", known.size(), " samples, not the ", expected.size(),
                                  " that there are"));
    }
    for (const Constituent& constituent : entry->ensemble().Current()->constituents) {
      if (constituent.slices != model.spec.sisa.slices) Complain(name, "a shard is not trained to the end");
    }
  }
}

void Client::CheckCompleted() {
  if (engine_ == nullptr || errors_ > 0) return;
  const uint64_t completed = engine_->ledger().CountsByState()[records::Erasure::COMPLETED];
  if (completed != ledger_.erasures().size()) {
    Complain("erasures", absl::StrCat(completed, " are completed, not ", ledger_.erasures().size()));
  }
}

}  // namespace expunge
