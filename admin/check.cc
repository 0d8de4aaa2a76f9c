#include "admin/check.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "admin/data_dir.h"
#include "admin/log_check.h"
#include "audit/log_signer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "catalog/catalog.h"
#include "storage/keyring.h"
#include "storage/keyring_match.h"
#include "storage/store.h"
#include "unlearning/checkpoint_codec.h"
#include "unlearning/shard_training.h"

namespace expunge {
namespace {

constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();

// What completed erasures certify as gone.
struct Retired {
  std::set<std::string> lineages;  // of checkpoints
  std::set<std::string> subjects;  // under the names that erasures know them by: erased whole, in every model
};

absl::StatusOr<Retired> ReadRetired(const DataDir& data) {
  Retired retired;
  // A restore brings rows and checkpoints back, rightly, until the next start has removed them.
  ASSIGN_OR_RETURN(const auto restored, data.store->GetRestoreTime());
  if (restored) return retired;
  RETURN_IF_ERROR(data.keyring->erasures().Scan(1, [&retired](const records::Erasure& erasure) {
    if (erasure.state() != records::Erasure::COMPLETED) return true;
    for (const auto& task : erasure.tasks()) {
      for (const auto& checkpoint : task.retired()) retired.lineages.insert(checkpoint.lineage());
    }
    if (!erasure.some_samples()) retired.subjects.insert(erasure.subject());
    return true;
  }));
  return retired;
}

LogSigner::Options LogFiles(const CheckOptions& options) {
  return {.key_file = options.log_key_file.empty() ? options.data_dir + "/log.key" : options.log_key_file,
          .checkpoint_file =
              options.log_checkpoint_file.empty() ? options.data_dir + "/log.checkpoint" : options.log_checkpoint_file};
}

// One shard of one model.
class ShardCheck {
 public:
  ShardCheck(ModelEntry& model, uint32_t shard, DataDir& data, const Retired& retired, CheckReport& report)
      : model_(model), id_{model.uid(), shard}, data_(data), retired_(retired), report_(report) {}

  absl::Status Run() {
    const std::unique_ptr<StoreView> view = data_.store->View();
    ASSIGN_OR_RETURN(const ShardMembership all,
                     ReadMembership(model_, id_.shard, kEverything, *view, *data_.keyring, ""));
    report_.subjects += all.subjects;
    report_.samples += all.samples_through.back();
    report_.dead_subjects += all.dead_subjects.size();
    RETURN_IF_ERROR(CheckDeadSubjects(all.dead_subjects));
    Note(LoadSamples(model_, id_.shard, kEverything, *view, *data_.keyring).status(), "samples");
    for (uint32_t slice = 0; slice < model_.spec().sisa.slices; ++slice) {
      ASSIGN_OR_RETURN(const auto header, data_.store->GetCheckpoint(id_, slice));
      if (header) RETURN_IF_ERROR(CheckCheckpoint(*view, slice, *header));
    }
    return absl::OkStatus();
  }

 private:
  // A key that is gone without an erasure was never in this keyring.
  absl::Status CheckDeadSubjects(const std::vector<Pseudonym>& subjects) {
    uint64_t unexplained = 0;
    for (const Pseudonym& subject : subjects) {
      ASSIGN_OR_RETURN(const auto suppression, data_.keyring->GetSuppression(id_.model, subject));
      ASSIGN_OR_RETURN(const auto newer_key, data_.keyring->GetSubjectKeyId(id_.model, subject));
      unexplained += !model_.deleting() && !suppression.subject && !suppression.some_samples && !newer_key;
    }
    RETURN_IF_ERROR(CheckReturned(subjects));
    if (unexplained == 0) return absl::OkStatus();
    Note(Error(absl::StatusCode::kDataLoss, "KEYS_MISSING",
               absl::StrCat(unexplained,
                            " of its subjects have no key, and no erasure says why: either the keyring is older than "
                            "the main store, or power was lost during an ingest. The next start removes them")),
         "subjects");
    return absl::OkStatus();
  }

  // Before an erasure is COMPLETED, what was erased has left the rows of its shards.
  absl::Status CheckReturned(const std::vector<Pseudonym>& subjects) {
    for (const Pseudonym& subject : subjects) {
      ASSIGN_OR_RETURN(const auto suppression, data_.keyring->GetSuppression(id_.model, subject));
      const std::string name(AsBytes(data_.keyring->ForgottenName(subject)));
      if (!suppression.subject || !retired_.subjects.contains(name)) continue;
      Note(Error(
               absl::StatusCode::kDataLoss, "FORGOTTEN_ROW_RETURNED",
               "a row of a subject that was forgotten is there again: somebody put it back. The next start removes it"),
           "subjects");
    }
    return absl::OkStatus();
  }

  absl::Status CheckCheckpoint(StoreView& view, uint32_t slice, const records::Checkpoint& header) {
    if (retired_.lineages.contains(header.lineage())) {
      Note(
          Error(absl::StatusCode::kDataLoss, "RETIRED_CHECKPOINT_RETURNED",
                "a checkpoint that an erasure retired is there again: somebody put it back. The next start removes it"),
          absl::StrCat("slice ", slice));
    }
    ASSIGN_OR_RETURN(const Lineage lineage, LineageOf(view, slice, header.numeric_environment()));
    if (header.lineage() != AsBytes(lineage)) {
      ++report_.stale_checkpoints;
      return absl::OkStatus();
    }
    const auto state = ReadCheckpoint(*data_.store, *data_.keyring, model_.spec(), id_, slice, header);
    if (state.ok()) {
      ++report_.checkpoints;
    } else if (absl::IsNotFound(state.status())) {
      ++report_.stale_checkpoints;
    } else {
      Note(state.status(), absl::StrCat("slice ", slice));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Lineage> LineageOf(StoreView& view, uint32_t slice, const std::string& environment) {
    if (const auto known = lineages_.find(environment); known != lineages_.end()) return known->second[slice];
    ASSIGN_OR_RETURN(const ShardMembership membership,
                     ReadMembership(model_, id_.shard, model_.trained_through(), view, *data_.keyring, environment));
    return lineages_.emplace(environment, membership.lineages).first->second[slice];
  }

  void Note(const absl::Status& status, const std::string& where) {
    if (status.ok()) return;
    report_.problems.push_back(
        absl::StrCat("models/", model_.name(), " shard ", id_.shard, " ", where, ": ", status.message()));
  }

  ModelEntry& model_;
  const ShardId id_;
  DataDir& data_;
  const Retired& retired_;
  CheckReport& report_;
  std::map<std::string, std::vector<Lineage>> lineages_;  // by numeric environment
};

absl::Status CheckErasures(const Keyring& keyring, CheckReport& report) {
  const ErasureRecords& erasures = keyring.erasures();
  absl::Status status;
  RETURN_IF_ERROR(erasures.Scan(1, [&](const records::Erasure& erasure) {
    ++report.erasures;
    const auto named = erasures.Find(erasure.uuid());
    if (!named.ok() || !*named || (*named)->sequence() != erasure.sequence()) {
      report.problems.push_back(absl::StrCat("erasure ", erasure.sequence(), ": its name leads to another record"));
    }
    const bool final = erasure.state() == records::Erasure::COMPLETED;
    for (const auto& task : erasure.tasks()) {
      if (!final || task.retrained()) continue;
      report.problems.push_back(absl::StrCat("erasure ", erasure.sequence(), ": it is COMPLETED, but not retrained"));
    }
    if (const auto traces = keyring.GetTraces(erasure.sequence()); !traces.ok()) {
      report.problems.push_back(absl::StrCat("erasure ", erasure.sequence(), ": ", traces.status().message()));
    }
    return true;
  }));
  return erasures.ScanUnfinished([&](const records::Erasure&) {
    ++report.unfinished_erasures;
    return true;
  });
}

}  // namespace

absl::StatusOr<CheckReport> CheckDataDir(const CheckOptions& options) {
  ASSIGN_OR_RETURN(DataDir data, OpenDataDir(options.data_dir, options.master_key_file));
  RETURN_IF_ERROR(CheckKeyringMatches(*data.store, *data.keyring));
  CheckReport report;
  const auto note = [&report](const absl::Status& status) {
    if (!status.ok()) report.problems.emplace_back(status.message());
  };
  note(data.store->VerifyChecksums());
  note(data.keyring->VerifyChecksums());
  note(data.keyring->VerifyKeys(note, &report.subject_keys, &report.checkpoint_keys));
  note(data.keyring->ListRekeys().status());
  note(CheckErasures(*data.keyring, report));
  report.log_entries = data.keyring->log().size();
  const absl::Status compared = CheckSignedLog(LogFiles(options), *data.keyring);
  report.log_compared = compared.ok();
  note(compared);
  note(CheckLog(*data.keyring, note));
  ASSIGN_OR_RETURN(const Retired retired, ReadRetired(data));
  ASSIGN_OR_RETURN(const std::unique_ptr<Catalog> catalog,
                   Catalog::Open(data.store.get(), data.keyring.get(), &SystemClock()));
  for (const std::shared_ptr<ModelEntry>& model : catalog->List()) {
    ++report.models;
    for (uint32_t shard = 0; shard < model->spec().sisa.shards; ++shard) {
      const absl::Status checked = ShardCheck(*model, shard, data, retired, report).Run();
      if (!checked.ok()) {
        report.problems.push_back(absl::StrCat("models/", model->name(), " shard ", shard, ": ", checked.message()));
      }
    }
  }
  report.keys_without_samples = report.subject_keys - std::min(report.subject_keys, report.subjects);
  return report;
}

}  // namespace expunge
