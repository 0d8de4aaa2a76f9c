#include "tests/faults/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace expunge {
namespace {

std::string Text(const IngestCounts& counts) {
  return absl::StrCat(counts.ingested, " ingested, ", counts.unchanged, " unchanged, ", counts.forgotten,
                      " forgotten, ", counts.conflicting, " conflicting");
}

}  // namespace

std::string SubjectName(int subject) { return "subject " + std::to_string(subject); }
std::string SampleName(int sample) { return "sample " + std::to_string(sample); }

bool Ledger::Covers(const ForgetRequest& request, const std::string& model) {
  return request.models.empty() ||
         std::find(request.models.begin(), request.models.end(), model) != request.models.end();
}

std::set<int> Ledger::Standing::All() const {
  std::set<int> all = committed;
  all.insert(taken.begin(), taken.end());
  all.insert(unsure.begin(), unsure.end());
  return all;
}

void Ledger::Model::Clear() {
  for (auto& [subject, standing] : subjects) {
    standing = {.forgotten = standing.forgotten == Fact::kNo ? Fact::kNo : Fact::kMaybe};
  }
}

int Ledger::acknowledged() const {
  return static_cast<int>(std::count_if(erasures_.begin(), erasures_.end(),
                                        [](const auto& entry) { return entry.second.reply.has_value(); }));
}

std::string Ledger::NoteIngest(Standing& standing, const std::set<int>& samples, bool new_consent,
                               const std::optional<IngestCounts>& reply) {
  const auto count = [&](const std::set<int>& among) {
    return static_cast<uint64_t>(
        std::count_if(samples.begin(), samples.end(), [&](int sample) { return among.contains(sample); }));
  };
  if (!reply) {
    for (const int sample : samples) {
      if (!standing.committed.contains(sample) && !standing.taken.contains(sample)) standing.unsure.insert(sample);
    }
    if (new_consent && standing.forgotten == Fact::kYes) standing.forgotten = Fact::kMaybe;
    return "";
  }
  if (!new_consent && standing.forgotten != Fact::kNo && reply->forgotten == samples.size()) return "";
  if (!new_consent && standing.forgotten == Fact::kYes) return "a forgotten subject was taken in: " + Text(*reply);
  const uint64_t known = count(standing.committed) + count(standing.taken);
  const uint64_t maybe_gone = count(standing.maybe_gone);
  const uint64_t forgotten = new_consent ? 0 : count(standing.forgotten_samples);
  if (standing.forgotten == Fact::kMaybe && !new_consent) {
    // An erasure that was not acknowledged may have taken them, or not.
  } else if (reply->conflicting != 0 || reply->ingested + reply->unchanged + reply->forgotten != samples.size() ||
             reply->forgotten < forgotten || reply->forgotten > forgotten + maybe_gone ||
             reply->unchanged + maybe_gone < known || reply->unchanged > known + count(standing.unsure)) {
    return absl::StrCat("of ", samples.size(), " samples, ", known, " acknowledged before, ", count(standing.unsure),
                        " asked for, ", forgotten, " forgotten, ", maybe_gone, " perhaps: ", Text(*reply));
  }
  // Where it is not sure whether a sample was forgotten, it comes alone.
  if (reply->forgotten == samples.size()) return "";
  for (const int sample : samples) {
    if (!new_consent && standing.forgotten_samples.contains(sample)) continue;
    standing.unsure.erase(sample);
    if (!standing.committed.contains(sample)) standing.taken.insert(sample);
  }
  if (new_consent) {
    standing.forgotten = Fact::kNo;
    standing.consented = true;
    for (const int sample : samples) standing.forgotten_samples.erase(sample);
  }
  return "";
}

void Ledger::NoteCommit() {
  for (auto& [name, model] : models_) {
    for (auto& [subject, standing] : model.subjects) {
      standing.committed.merge(standing.taken);
      standing.consented = false;
    }
  }
}

void Ledger::NotePowerLoss() {
  for (auto& [name, model] : models_) {
    for (auto& [subject, standing] : model.subjects) {
      standing.unsure.merge(standing.taken);
      if (standing.consented) standing.forgotten = Fact::kMaybe;
    }
  }
}

std::string Ledger::NoteForget(int number, const ForgetRequest& request, int subject, const std::set<int>& samples,
                               const std::optional<records::Erasure>& reply) {
  const bool whole = samples.empty();
  Erasure& erasure =
      erasures_.try_emplace(number, Erasure{.request = request, .subject = subject, .samples = samples}).first->second;
  uint64_t least = 0, most = 0;
  for (auto& [name, model] : models_) {
    if (!Covers(request, name)) continue;
    const Standing& standing = model.subjects[subject];
    for (const int sample : standing.All()) {
      if (!whole && !samples.contains(sample)) continue;
      ++most;
      const bool stored = standing.committed.contains(sample) || standing.taken.contains(sample);
      least += stored && model.exists == Fact::kYes && !standing.maybe_gone.contains(sample);
    }
  }
  erasure.most = std::max(erasure.most, most);
  const std::string complaint = reply ? CheckReply(erasure, least, *reply) : "";
  if (erasure.reply) return complaint;
  for (auto& [name, model] : models_) {
    if (!Covers(request, name)) continue;
    Standing& standing = model.subjects[subject];
    if (!reply && whole) {
      if (standing.forgotten == Fact::kNo) standing.forgotten = Fact::kMaybe;
    } else if (!reply) {
      standing.maybe_gone.insert(samples.begin(), samples.end());
    } else if (whole) {
      for (int sample = 0; sample < kMaxSamples; ++sample) {
        model.forgotten.insert(Owner{subject, standing.life, sample}.packed());
      }
      standing = {.forgotten = Fact::kYes,
                  .forgotten_samples = std::move(standing.forgotten_samples),
                  .dead_keys = std::move(standing.dead_keys),
                  .life = standing.life};
    } else {
      for (const int sample : samples) {
        model.forgotten.insert(Owner{subject, standing.life, sample}.packed());
        standing.forgotten_samples.insert(sample);
        for (std::set<int>* const set :
             {&standing.committed, &standing.taken, &standing.unsure, &standing.maybe_gone}) {
          set->erase(sample);
        }
      }
    }
  }
  erasure.reply = reply;
  return complaint;
}

std::string Ledger::CheckReply(const Erasure& erasure, uint64_t least, const records::Erasure& reply) const {
  const std::string text = absl::StrCat("erasure ", reply.sequence(), " of ", reply.samples_erased(), " samples");
  if (erasure.reply) {
    if (reply.uuid() == erasure.reply->uuid() && reply.sequence() == erasure.reply->sequence() &&
        reply.samples_erased() == erasure.reply->samples_erased()) {
      return "";
    }
    return absl::StrCat("repeated, it became ", text, " and was ", erasure.reply->sequence(), " of ",
                        erasure.reply->samples_erased());
  }
  if (reply.samples_erased() < least || reply.samples_erased() > erasure.most) {
    return absl::StrCat(text, " instead of ", least, " to ", erasure.most);
  }
  if (reply.isolated_time_micros() == 0) return text + " is not isolated";
  for (const auto& [number, other] : erasures_) {
    if (other.reply && (other.reply->uuid() == reply.uuid() || other.reply->sequence() == reply.sequence())) {
      return absl::StrCat(text, " was given to another request, too");
    }
  }
  return "";
}

}  // namespace expunge
