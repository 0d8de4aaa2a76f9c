#include "tests/crash/subject_ledger.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace expunge {
namespace {

// Each milestone that was reached is one still, at the same time.
void ExpectKept(const v1::Erasure::Milestones& before, const v1::Erasure::Milestones& now) {
  const google::protobuf::Reflection& fields = *before.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> reached;
  fields.ListFields(before, &reached);
  for (const google::protobuf::FieldDescriptor* field : reached) {
    EXPECT_EQ(fields.GetMessage(now, field).ShortDebugString(), fields.GetMessage(before, field).ShortDebugString())
        << field->name();
  }
}

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

}  // namespace

void SubjectLedger::Ingested(const std::string& model, const Samples& samples, bool new_consent, int attempts,
                             const v1::IngestSamplesResponse& reply) {
  int64_t refused = 0, accepted = 0, is_new = 0;
  for (const auto& [subject, indices] : samples) {
    Standing& standing = standings_[model][subject];
    if (standing.forgotten && !new_consent) {
      refused += static_cast<int64_t>(indices.size());
      continue;
    }
    for (const int index : indices) {
      if (standing.forgotten_samples.contains(index) && !new_consent) {
        ++refused;
        continue;
      }
      ++accepted;
      is_new += standing.samples.insert(index).second;
      standing.forgotten_samples.erase(index);
    }
    standing.forgotten = false;
  }
  EXPECT_EQ(reply.samples_forgotten(), refused);
  EXPECT_EQ(reply.samples_ingested() + reply.samples_unchanged(), accepted);
  EXPECT_EQ(reply.samples_conflicting(), 0);
  // An attempt whose reply was lost may have stored them.
  if (attempts == 1) {
    EXPECT_EQ(reply.samples_ingested(), is_new);
  } else {
    EXPECT_LE(reply.samples_ingested(), is_new);
  }
}

void SubjectLedger::Forgot(const v1::ForgetRequest& request, const std::vector<std::string>& models,
                           const v1::Erasure& reply) {
  for (const Erasure& erasure : erasures_) {
    if (erasure.request.request_id() != request.request_id()) continue;
    EXPECT_EQ(reply.name(), erasure.seen.name()) << "a repeated request made another erasure";
    Saw(reply);
    return;
  }
  uint64_t samples = 0;
  for (const std::string& model : models) {
    if (request.models_size() > 0 &&
        std::find(request.models().begin(), request.models().end(), model) == request.models().end()) {
      continue;
    }
    Standing& standing = standings_[model][request.subject_id()];
    if (request.sample_ids().empty()) {
      samples += standing.samples.size();
      standing.samples.clear();
      standing.forgotten = true;
    }
    for (const std::string& id : request.sample_ids()) {
      samples += standing.samples.erase(std::stoi(id));
      standing.forgotten_samples.insert(std::stoi(id));
    }
  }
  EXPECT_EQ(reply.samples_erased(), samples);
  EXPECT_TRUE(reply.state() == v1::Erasure::IN_PROGRESS || reply.state() == v1::Erasure::COMPLETED);
  EXPECT_TRUE(reply.milestones().has_isolated_time());
  erasures_.push_back({request, reply});
}

void SubjectLedger::Saw(const v1::Erasure& erasure) {
  for (Erasure& known : erasures_) {
    if (known.seen.name() != erasure.name()) continue;
    EXPECT_EQ(erasure.sequence(), known.seen.sequence());
    EXPECT_EQ(erasure.samples_erased(), known.seen.samples_erased()) << "an erasure was applied twice";
    EXPECT_TRUE(erasure.state() == v1::Erasure::COMPLETED || known.seen.state() != v1::Erasure::COMPLETED);
    ExpectKept(known.seen.milestones(), erasure.milestones());
    known.seen = erasure;
  }
}

void SubjectLedger::Trained(const v1::Model& reply) {
  Saw(reply);
  EXPECT_TRUE(reply.has_train_time());
  train_times_[reply.name()] = TimeOf(reply.train_time());
}

void SubjectLedger::Saw(const v1::Model& model) const {
  const auto trained = train_times_.find(model.name());
  if (trained == train_times_.end()) return;
  EXPECT_GE(TimeOf(model.train_time()), trained->second) << "an acknowledged training is gone";
}

std::set<std::string> SubjectLedger::ErasuresOf(const std::string& subject) const {
  std::set<std::string> names;
  for (const Erasure& erasure : erasures_) {
    if (erasure.request.subject_id() == subject) names.insert(erasure.seen.name());
  }
  return names;
}

int64_t SubjectLedger::SamplesIn(const std::string& model) const {
  int64_t samples = 0;
  const auto found = standings_.find(model);
  if (found == standings_.end()) return 0;
  for (const auto& [subject, standing] : found->second) samples += static_cast<int64_t>(standing.samples.size());
  return samples;
}

int64_t SubjectLedger::SubjectsIn(const std::string& model) const {
  const auto found = standings_.find(model);
  if (found == standings_.end()) return 0;
  return std::count_if(found->second.begin(), found->second.end(),
                       [](const auto& entry) { return !entry.second.samples.empty(); });
}

std::vector<std::string> SubjectLedger::ForgottenIn(const std::string& model) const {
  std::vector<std::string> forgotten;
  const auto found = standings_.find(model);
  if (found == standings_.end()) return forgotten;
  for (const auto& [subject, standing] : found->second) {
    if (standing.forgotten) forgotten.push_back(subject);
  }
  return forgotten;
}

}  // namespace expunge
