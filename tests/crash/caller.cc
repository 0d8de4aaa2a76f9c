#include "tests/crash/caller.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "tests/crash/settings.h"
#include "tests/testing/client_calls.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/stripes.h"

namespace expunge {
namespace {

constexpr int kSubjectsEach = 24;
constexpr int kSamplesPerSubject = 6;

// The names of a subject's erasures, of all pages.
absl::StatusOr<std::set<std::string>> AuditSubject(Client& client, const std::string& subject) {
  v1::AuditRequest request;
  request.mutable_filter()->set_subject_id(subject);
  std::set<std::string> names;
  do {
    ASSIGN_OR_RETURN(const v1::AuditReport page, client.Audit(request));
    for (const v1::Erasure& erasure : page.erasures()) names.insert(erasure.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return names;
}

}  // namespace

Caller::Caller(int number, uint32_t seed, Service* service, std::atomic<int64_t>* erasures)
    : number_(number), service_(service), erasures_(erasures) {
  std::seed_seq both{seed, static_cast<uint32_t>(number)};
  random_.seed(both);
}

void Caller::Run() {
  if (!std::exchange(has_begun_, true)) IngestEverySubject();
  while (service_->going_on()) {
    CallAny();
    if (testing::Test::HasFatalFailure()) service_->Abandon();
  }
}

int Caller::Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

std::string Caller::Subject(int index) const { return absl::StrCat("client-", number_, "-subject-", index); }

std::string Caller::AnySubject() { return Subject(Below(kSubjectsEach)); }

void Caller::CallAny() {
  switch (Below(15)) {
    case 0:
    case 1:
      return Forget();
    case 2:
      return ForgetAgain();
    case 3:
      return Train();
    case 4:
    case 5:
      return Predict();
    case 6:
      return Audit();
    case 7:
      return AuditOneSubject();
    case 8:
      return LookAtErasure();
    case 9:
      return Reclaim();
    default:
      return IngestSome();
  }
}

void Caller::IngestEverySubject() {
  for (const std::string& model : kCrashModels) {
    SubjectLedger::Samples samples;
    for (int subject = 0; subject < kSubjectsEach; ++subject) samples[Subject(subject)] = {0, 1};
    Ingest(model, samples, false);
  }
}

void Caller::IngestSome() {
  SubjectLedger::Samples samples;
  for (int i = 1 + Below(5); i > 0; --i) {
    std::set<int>& indices = samples[AnySubject()];
    for (int k = 1 + Below(3); k > 0; --k) indices.insert(Below(kSamplesPerSubject));
  }
  Ingest(AnyOf(kCrashModels), samples, /*new_consent=*/Below(4) == 0);
}

void Caller::Ingest(const std::string& model, const SubjectLedger::Samples& samples, bool new_consent) {
  v1::SampleBatch batch;
  for (const auto& [subject, indices] : samples) {
    for (const int index : indices) {
      v1::SampleDescriptor& sample = *batch.add_samples();
      sample.set_subject_id(subject);
      sample.set_sample_id(absl::StrCat(index));
      sample.set_label(StripesLabel(index));
      batch.mutable_inputs()->append(StripesImage(index));
    }
  }
  int attempts = 0;
  const auto reply = service_->Answer(
      [&](Client& client) { return expunge::Ingest(client, IdOfModel(model), {batch}, new_consent); }, &attempts);
  ASSERT_THAT(reply, IsOk());
  ledger_.Ingested(model, samples, new_consent, attempts, *reply);
}

void Caller::Forget() {
  v1::ForgetRequest request = ForgetOf(AnySubject());
  if (Below(3) == 0) request.add_models(AnyOf(kCrashModels));
  if (Below(3) == 0) request.add_sample_ids(absl::StrCat(Below(kSamplesPerSubject)));
  const auto send = [&](Client& client) { return client.Forget(request); };
  const auto reply = Below(2) == 0 ? service_->Answer(send) : service_->AnswerOrNot(send);
  if (Service::IsAway(reply.status())) return LearnWhetherForgotten(request);
  ASSERT_THAT(reply, IsOk());
  ledger_.Forgot(request, kCrashModels, *reply);
  ++*erasures_;
}

void Caller::LearnWhetherForgotten(const v1::ForgetRequest& request) {
  auto names = service_->Answer([&](Client& client) { return AuditSubject(client, request.subject_id()); });
  ASSERT_THAT(names, IsOk());
  for (const std::string& known : ledger_.ErasuresOf(request.subject_id())) names->erase(known);
  if (names->empty()) return;
  ASSERT_EQ(names->size(), 1u);
  const auto erasure = GetErasure(*names->begin());
  ASSERT_THAT(erasure, IsOk());
  ledger_.Forgot(request, kCrashModels, *erasure);
  ++*erasures_;
}

absl::StatusOr<v1::Erasure> Caller::GetErasure(const std::string& name) {
  v1::GetErasureRequest request;
  request.set_name(name);
  return service_->Answer([&](Client& client) { return client.GetErasure(request); });
}

void Caller::ForgetAgain() {
  if (ledger_.erasures().empty()) return;
  const v1::ForgetRequest request = AnyOf(ledger_.erasures()).request;
  const auto reply = service_->Answer([&](Client& client) { return client.Forget(request); });
  ASSERT_THAT(reply, IsOk());
  ledger_.Forgot(request, kCrashModels, *reply);
}

void Caller::LookAtErasure() {
  if (ledger_.erasures().empty()) return;
  const auto erasure = GetErasure(AnyOf(ledger_.erasures()).seen.name());
  ASSERT_THAT(erasure, IsOk());
  ledger_.Saw(*erasure);
}

void Caller::Reclaim() {
  if (Below(4) != 0) return;  // it takes long
  EXPECT_THAT(service_->Answer([](Client& client) { return client.Reclaim({}); }), IsOk());
}

void Caller::Train() {
  v1::TrainModelRequest request;
  request.set_name(AnyOf(kCrashModels));
  const auto model = service_->Answer([&](Client& client) { return client.TrainModel(request); });
  if (model.ok()) {
    ledger_.Trained(*model);
  } else {
    EXPECT_THAT(model, Fails(absl::StatusCode::kFailedPrecondition, "MORE_SLICES_THAN_SUBJECTS"));
  }
}

void Caller::Predict() {
  const std::string& model = AnyOf(kCrashModels);
  const auto reply = service_->Answer(
      [request = StripesInputs(IdOfModel(model), Below(99), 2)](Client& client) { return client.Predict(request); });
  if (absl::IsFailedPrecondition(reply.status())) {
    EXPECT_THAT(reply, Fails(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED"));
    EXPECT_FALSE(ledger_.IsTrained(model) && ledger_.SubjectsIn(model) > 0) << "an acknowledged training is gone";
  } else if (!reply.ok()) {
    EXPECT_THAT(reply, Fails(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS"));
  } else {
    EXPECT_GE(reply->constituents_voting(), 1);
    EXPECT_GE(reply->constituents_voting(), reply->constituents_clean());
    EXPECT_LE(reply->constituents_voting(), reply->constituents_total());
    EXPECT_EQ(reply->predictions_size(), 2);
    for (const v1::Prediction& prediction : reply->predictions()) {
      float sum = 0;
      for (const float probability : prediction.probabilities()) sum += probability;
      EXPECT_NEAR(sum, 1, 1e-4);
    }
  }
}

void Caller::Audit() {
  const int64_t before = *erasures_;
  const auto report = service_->Answer([](Client& client) { return client.Audit({}); });
  ASSERT_THAT(report, IsOk());
  const auto& counts = report->erasures_by_state();
  const int64_t counted = counts.in_progress() + counts.completed();
  EXPECT_GE(counted, before) << "an acknowledged erasure is gone";
  EXPECT_LE(counted, *erasures_ + kCallers) << "there are erasures that nobody asked for";
  EXPECT_EQ(counts.failed() + counts.denied() + counts.pending(), 0);
  EXPECT_EQ(report->models_size(), static_cast<int>(kCrashModels.size()));
  for (const v1::Model& model : report->models()) ledger_.Saw(model);
}

void Caller::AuditOneSubject() {
  const std::string subject = AnySubject();
  const auto names = service_->Answer([&](Client& client) { return AuditSubject(client, subject); });
  ASSERT_THAT(names, IsOk());
  EXPECT_EQ(*names, ledger_.ErasuresOf(subject));
}

}  // namespace expunge
