#include "client/cli/erasure_text.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/string_view.h"
#include "client/cli/format.h"
#include "client/cli/proto_time.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

struct Milestone {
  std::string_view name;
  bool reached;
  google::protobuf::Timestamp time;
};

std::array<Milestone, 6> MilestonesOf(const v1::Erasure& erasure) {
  const auto& steps = erasure.milestones();
  return {{{"isolated", steps.has_isolated_time(), steps.isolated_time()},
           {"shredded", steps.has_shredded_time(), steps.shredded_time()},
           {"retrained", steps.has_retrained_time(), steps.retrained_time()},
           {"purged", steps.has_purged_time(), steps.purged_time()},
           {"certified", steps.has_certified_time(), steps.certified_time()},
           {"reclaimed", steps.has_reclaimed_time(), steps.reclaimed_time()}}};
}

std::string AfterReceipt(const v1::Erasure& erasure, const google::protobuf::Timestamp& time) {
  return absl::StrCat("+", ShowDuration(FromProto(time) - FromProto(erasure.received_time())));
}

std::string ShardCount(const v1::Erasure& erasure) { return Plural(erasure.tasks_size(), "shard"); }

std::string SamplesText(const v1::Erasure& erasure) {
  const auto samples = static_cast<int64_t>(erasure.samples_erased());
  return samples == 0 && erasure.tasks().empty() ? "nothing was held"
                                                 : absl::StrCat(Plural(samples, "sample"), " in ", ShardCount(erasure));
}

bool IsOpen(const v1::Erasure& erasure) {
  return erasure.state() == v1::Erasure::PENDING || erasure.state() == v1::Erasure::IN_PROGRESS ||
         erasure.state() == v1::Erasure::FAILED;
}

// Why shards are not retrained yet, where that failed.
std::string Problems(const v1::Erasure& erasure) {
  std::string text;
  for (const v1::Erasure::Task& task : erasure.tasks()) {
    if (task.problem().empty()) continue;
    absl::StrAppend(&text, ToAbsl(ShortName(task.model())), " shard ", task.shard(), ": ", task.problem(), "\n");
  }
  return text;
}

std::string DueText(const v1::Erasure& erasure, absl::Time now) {
  std::string text = ShowTime(erasure.has_due_time(), erasure.due_time());
  if (!erasure.has_due_time() || !IsOpen(erasure)) return text;
  const absl::Duration left = FromProto(erasure.due_time()) - now;
  if (left < absl::ZeroDuration()) return absl::StrCat(text, "  (OVERDUE by ", ShowDuration(-left), ")");
  return absl::StrCat(text, "  (in ", ShowDuration(left), ")");
}

std::string TaskTable(const v1::Erasure& erasure) {
  Table table({"MODEL", "SHARD", "SAMPLES", "FROM SLICE", "TRAINED", "RETRAINED", "WORKER TIME"});
  for (const v1::Erasure::Task& task : erasure.tasks()) {
    table.AddRow({std::string(ShortName(task.model())), absl::StrCat(task.shard()),
                  ShowCount(static_cast<int64_t>(task.samples_erased())),
                  task.first_slice() == task.slices_total() ? "none" : absl::StrCat(task.first_slice()),
                  absl::StrCat(task.slices_trained(), "/", task.slices_total()), task.retrained() ? "yes" : "no",
                  task.retrained() ? ShowDuration(absl::Seconds(task.worker_seconds())) : "-"});
  }
  return table.ToString();
}

const v1::Erasure::Task* FindTask(const v1::Erasure& erasure, const v1::Erasure::Task& like) {
  for (const v1::Erasure::Task& task : erasure.tasks()) {
    if (task.model() == like.model() && task.shard() == like.shard()) return &task;
  }
  return nullptr;
}

}  // namespace

std::string ErasureTable(absl::Span<const v1::Erasure* const> erasures) {
  Table table({"ERASURE", "STATE", "LAW", "RECEIVED", "DUE", "SAMPLES", "SHARDS", "DONE AFTER"});
  for (const v1::Erasure* erasure : erasures) {
    table.AddRow({std::string(ShortName(erasure->name())), v1::Erasure::State_Name(erasure->state()),
                  v1::Regulation_Name(erasure->regulation()),
                  ShowTime(erasure->has_received_time(), erasure->received_time()),
                  ShowTime(erasure->has_due_time(), erasure->due_time()),
                  ShowCount(static_cast<int64_t>(erasure->samples_erased())), absl::StrCat(erasure->tasks_size()),
                  erasure->has_complete_time() ? AfterReceipt(*erasure, erasure->complete_time()).substr(1) : "-"});
  }
  return table.ToString();
}

std::string ErasureText(const v1::Erasure& erasure, absl::Time now) {
  Fields fields;
  fields.Add("erasure", erasure.name());
  fields.Add("state", v1::Erasure::State_Name(erasure.state()));
  if (!erasure.denial_reason().empty()) fields.Add("denied because", erasure.denial_reason());
  if (!erasure.failure().empty()) fields.Add("failed because", erasure.failure());
  fields.Add("regulation", v1::Regulation_Name(erasure.regulation()));
  fields.Add("erased", SamplesText(erasure));
  if (erasure.has_submitted_time()) fields.Add("submitted", ShowTime(true, erasure.submitted_time()));
  fields.Add("received", ShowTime(erasure.has_received_time(), erasure.received_time()));
  fields.Add("due", DueText(erasure, now));
  for (const Milestone& milestone : MilestonesOf(erasure)) {
    if (!milestone.reached) continue;
    fields.Add(milestone.name,
               absl::StrCat(ShowTime(true, milestone.time), "  ", AfterReceipt(erasure, milestone.time)));
  }
  if (erasure.has_complete_time()) {
    fields.Add("completed", absl::StrCat(ShowTime(true, erasure.complete_time()), "  ",
                                         AfterReceipt(erasure, erasure.complete_time())));
  }
  if (!erasure.subject_nonce().empty()) {
    fields.Add("subject nonce", absl::StrCat(ToHex(erasure.subject_nonce()), "  (keep it: not stored here)"));
  }
  return absl::StrCat(fields.ToString(), erasure.tasks().empty() ? "" : "\n",
                      erasure.tasks().empty() ? "" : TaskTable(erasure), Problems(erasure));
}

std::vector<std::string> DescribeChanges(const v1::Erasure& before, const v1::Erasure& now) {
  std::vector<std::string> lines;
  if (before.name().empty()) {
    lines.push_back(absl::StrCat(now.name(), "  ", v1::Regulation_Name(now.regulation()), ", ", SamplesText(now),
                                 ", due ", ShowTime(now.has_due_time(), now.due_time())));
  }
  for (const v1::Erasure::Task& task : now.tasks()) {
    const v1::Erasure::Task* old = FindTask(before, task);
    if (task.slices_trained() == task.slices_total()) continue;  // the milestone says it
    if (old != nullptr && old->slices_trained() == task.slices_trained()) continue;
    lines.push_back(absl::StrCat("  ", ToAbsl(ShortName(task.model())), " shard ", task.shard(), ": ",
                                 task.slices_trained(), " of ", Plural(task.slices_total(), "slice"), " trained"));
  }
  const auto earlier = MilestonesOf(before);
  const auto later = MilestonesOf(now);
  for (size_t i = 0; i < later.size(); ++i) {
    if (!later[i].reached || earlier[i].reached) continue;
    lines.push_back(absl::StrFormat("%-11s %s", later[i].name, AfterReceipt(now, later[i].time)));
  }
  if (now.state() != before.state()) {
    std::string line = v1::Erasure::State_Name(now.state());
    if (now.has_complete_time()) line = absl::StrFormat("%-11s %s", line, AfterReceipt(now, now.complete_time()));
    if (!now.denial_reason().empty()) absl::StrAppend(&line, "  ", now.denial_reason());
    lines.push_back(line);
  }
  return lines;
}

bool IsFinal(const v1::Erasure& erasure) {
  return erasure.state() == v1::Erasure::COMPLETED || erasure.state() == v1::Erasure::DENIED ||
         erasure.state() == v1::Erasure::FAILED;
}

absl::Status CheckOutcome(const v1::Erasure& erasure) {
  switch (erasure.state()) {
    case v1::Erasure::DENIED:
      return Error(absl::StatusCode::kFailedPrecondition, "ERASURE_DENIED",
                   absl::StrCat(erasure.name(), " was denied: ", erasure.denial_reason()));
    case v1::Erasure::FAILED:
      return Error(
          absl::StatusCode::kFailedPrecondition, "ERASURE_FAILED",
          absl::StrCat(erasure.name(), " could not be carried out: ", erasure.failure(),
                       "; when that is mended, go on with: expunge erasure retry ", ToAbsl(ShortName(erasure.name()))));
    default:
      return absl::OkStatus();
  }
}

}  // namespace expunge::cli
