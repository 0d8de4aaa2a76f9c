#include "tests/faults/ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace expunge {
namespace {

bool Covers(const ForgetRequest& request, const std::string& model) {
  return request.models.empty() ||
         std::find(request.models.begin(), request.models.end(), model) != request.models.end();
}

std::string Text(const IngestCounts& counts) {
  return absl::StrCat(counts.ingested, " ingested, ", counts.unchanged, " unchanged, ", counts.forgotten,
                      " forgotten, ", counts.conflicting, " conflicting");
}

}  // namespace

std::string SubjectName(int subject) { return "subject " + std::to_string(subject); }

std::set<int> Ledger::Standing::All() const {
  std::set<int> all = committed;
  all.insert(taken.begin(), taken.end());
  all.insert(unsure.begin(), unsure.end());
  return all;
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
    if (new_consent && standing.forgotten == Fact::kYes) {
      standing.forgotten = Fact::kMaybe;
      standing.key_destroyed = false;
    }
    return "";
  }
  if (!new_consent && standing.forgotten != Fact::kNo && reply->forgotten == samples.size()) return "";
  if (!new_consent && standing.forgotten == Fact::kYes) return "a forgotten subject was taken in: " + Text(*reply);
  const uint64_t known = count(standing.committed) + count(standing.taken);
  if (standing.forgotten == Fact::kMaybe && !new_consent) {
    // An erasure that was not acknowledged may have taken them, or not.
  } else if (reply->forgotten != 0 || reply->conflicting != 0 || reply->ingested + reply->unchanged != samples.size() ||
             reply->unchanged < known || reply->unchanged > known + count(standing.unsure)) {
    return absl::StrCat("of ", samples.size(), " samples, ", known, " acknowledged before and ", count(standing.unsure),
                        " asked for: ", Text(*reply));
  }
  for (const int sample : samples) {
    standing.unsure.erase(sample);
    if (!standing.committed.contains(sample)) standing.taken.insert(sample);
  }
  if (new_consent) {
    standing.forgotten = Fact::kNo;
    standing.consented = true;
    standing.key_destroyed = false;
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

std::string Ledger::NoteForget(int number, const ForgetRequest& request, int subject,
                               const std::optional<records::Erasure>& reply) {
  Erasure& erasure = erasures_.try_emplace(number, Erasure{.request = request, .subject = subject}).first->second;
  uint64_t least = 0, most = 0;
  for (auto& [name, model] : models_) {
    if (!Covers(request, name)) continue;
    const Standing& standing = model.subjects[subject];
    const uint64_t stored = standing.committed.size() + standing.taken.size();
    if (model.exists == Fact::kYes) least += stored;
    most += stored + standing.unsure.size();
  }
  erasure.most = std::max(erasure.most, most);
  const std::string complaint = reply ? CheckReply(erasure, least, *reply) : "";
  if (erasure.reply) return complaint;
  for (auto& [name, model] : models_) {
    if (!Covers(request, name)) continue;
    Standing& standing = model.subjects[subject];
    if (!reply) {
      if (standing.forgotten == Fact::kNo) standing.forgotten = Fact::kMaybe;
      continue;
    }
    model.forgotten.insert(Owner{subject, standing.life}.packed());
    const bool held = !standing.committed.empty() || !standing.taken.empty();
    standing = {.forgotten = Fact::kYes, .key_destroyed = held || standing.key_destroyed, .life = standing.life};
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
