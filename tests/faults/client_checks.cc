#include <algorithm>

#include "absl/strings/str_cat.h"
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
      Complain(what, ledger_.NoteForget(number, erasure.request, erasure.subject, *found));
    }
    TryForget(number, erasure.request, erasure.subject, [] {});
  }
  uint64_t counted = 0;
  for (const uint64_t count : engine_->ledger().CountsByState()) counted += count;
  const uint64_t least = ledger_.acknowledged(), most = ledger_.erasures().size();
  if (counted < least || counted > most) {
    Complain("erasures", absl::StrCat(counted, " are counted, not ", least, " to ", most));
  }
}

void Client::CheckSamples() {
  for (auto& [name, model] : ledger_.models()) {
    const std::shared_ptr<ModelEntry> entry = Find(name);
    if (entry == nullptr || model.exists != Fact::kYes) continue;
    for (auto& [subject, standing] : model.subjects) {
      std::set<int> samples = standing.All();
      if (standing.forgotten == Fact::kYes) samples.insert(0);
      if (samples.empty()) continue;
      TryIngest(name, subject, samples, /*new_consent=*/standing.consented, [] {});
      if (!standing.key_destroyed) continue;
      const auto key =
          engine_->keyring().HasSubjectKey(entry->uid(), engine_->keyring().PseudonymOf(SubjectName(subject)));
      if (Note(key.status(), "key") && *key) Complain("key", absl::StrCat("subject ", subject, "'s is back"));
    }
  }
  Commit();
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
    const std::shared_ptr<const Snapshot> snapshot = entry->ensemble().Current();
    for (const Constituent& constituent : snapshot->constituents) {
      const std::set<uint32_t> known = trainer_.KnownBy(constituent.parameters_digest);
      const std::string what = absl::StrCat("shard ", constituent.shard, " of ", entry->name());
      if (known.empty()) Complain(what, "parameters that no training made vote");
      for (const uint32_t owner : known) {
        if (model.forgotten.contains(owner)) Complain(what, absl::StrCat("knows subject ", owner & 0xff));
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
      if (!standing.All().empty()) expected.insert(Owner{subject, standing.life}.packed());
    }
    const std::set<uint32_t> known = KnownIn(*entry);
    if (known != expected) {
      Complain(name, absl::StrCat("its constituents know ", known.size(), " subjects, not the ", expected.size(),
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
