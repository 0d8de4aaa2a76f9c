// The real server, killed again and again under a random workload. Three clients keep a ledger of what it acknowledged;
// in the end all of it must hold.
//
// EXPUNGE_CRASH_KILLS (30) and EXPUNGE_CRASH_SEED choose longer and other runs. The seed decides what the clients ask
// for; when a kill hits is up to the machine, so a run is repeated in kind, not to the instruction.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "tests/crash/service.h"
#include "tests/crash/subject_ledger.h"
#include "tests/testing/client_calls.h"
#include "tests/testing/server_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/stripes.h"

namespace expunge {
namespace {

constexpr int kClients = 3;
constexpr int kSubjectsEach = 24;
constexpr int kSamplesPerSubject = 6;
const std::vector<std::string> kModels = {"models/alpha", "models/beta"};

int NumberFrom(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  int number = otherwise;
  if (text != nullptr && !absl::SimpleAtoi(text, &number)) ADD_FAILURE() << variable << " must be a number";
  return number;
}

std::string IdOf(const std::string& model) { return model.substr(model.find('/') + 1); }

// One client: its own subjects, its own random numbers, its own ledger.
class Caller {
 public:
  Caller(int number, uint32_t seed, Service* service, std::atomic<int64_t>* erasures)
      : number_(number), random_(seed + static_cast<uint32_t>(number)), service_(service), erasures_(erasures) {}

  void Run() {
    while (!service_->stopping()) {
      switch (Below(12)) {
        case 0:
        case 1:
          Forget();
          break;
        case 2:
          ForgetAgain();
          break;
        case 3:
          Train();
          break;
        case 4:
        case 5:
          Predict();
          break;
        case 6:
          Audit();
          break;
        default:
          Ingest();
      }
    }
  }

  const SubjectLedger& ledger() const { return ledger_; }

 private:
  int Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  const std::string& AnyModel() { return kModels[static_cast<size_t>(Below(static_cast<int>(kModels.size())))]; }
  std::string AnySubject() { return absl::StrCat("client-", number_, "-subject-", Below(kSubjectsEach)); }

  void Ingest() {
    const std::string& model = AnyModel();
    const bool new_consent = Below(4) == 0;
    SubjectLedger::Samples samples;
    for (int i = 1 + Below(5); i > 0; --i) {
      std::set<int>& indices = samples[AnySubject()];
      for (int k = 1 + Below(3); k > 0; --k) indices.insert(Below(kSamplesPerSubject));
    }
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
        [&](Client& client) { return expunge::Ingest(client, IdOf(model), {batch}, new_consent); }, &attempts);
    ASSERT_THAT(reply, IsOk());
    ledger_.Ingested(model, samples, new_consent, attempts, *reply);
  }

  void Forget() {
    v1::ForgetRequest request = ForgetOf(AnySubject());
    if (Below(3) == 0) request.add_models(AnyModel());
    const auto reply = service_->Answer([&](Client& client) { return client.Forget(request); });
    ASSERT_THAT(reply, IsOk());
    ledger_.Forgot(request, kModels, *reply);
    ++*erasures_;
  }

  void ForgetAgain() {
    if (ledger_.erasures().empty()) return;
    const SubjectLedger::Erasure& earlier =
        ledger_.erasures()[static_cast<size_t>(Below(static_cast<int>(ledger_.erasures().size())))];
    const v1::ForgetRequest request = earlier.request;
    const auto reply = service_->Answer([&](Client& client) { return client.Forget(request); });
    ASSERT_THAT(reply, IsOk());
    ledger_.Forgot(request, kModels, *reply);
  }

  void Train() {
    const std::string& model = AnyModel();
    const absl::Status status = service_->Answer([&](Client& client) { return expunge::Train(client, IdOf(model)); });
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;  // there may be too few subjects yet
  }

  void Predict() {
    const auto reply = service_->Answer([&, request = StripesInputs(IdOf(AnyModel()), Below(99), 2)](Client& client) {
      return client.Predict(request);
    });
    if (reply.ok()) {
      EXPECT_EQ(reply->predictions_size(), 2);
    } else if (!absl::IsFailedPrecondition(reply.status())) {
      EXPECT_THAT(reply, Fails(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS"));
    }
  }

  void Audit() {
    const int64_t acknowledged = *erasures_;
    const auto report = service_->Answer([](Client& client) { return client.Audit({}); });
    ASSERT_THAT(report, IsOk());
    const auto& counts = report->erasures_by_state();
    EXPECT_GE(counts.in_progress() + counts.completed(), acknowledged) << "an acknowledged erasure is gone";
    EXPECT_EQ(counts.failed() + counts.denied() + counts.pending(), 0);
  }

  const int number_;
  std::mt19937 random_;
  Service* const service_;
  std::atomic<int64_t>* const erasures_;  // acknowledged, of all clients
  SubjectLedger ledger_;
};

class CrashTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(server_.Start(), IsOk());
    ASSERT_THAT(Create(*server_.client(), StripesModel("alpha", 4, 3)), IsOk());
    ASSERT_THAT(Create(*server_.client(), StripesModel("beta", 2, 2)), IsOk());
  }

  // Kills the server and starts it again. Every sixth end is a SIGTERM.
  void KillAtRandomInstants(int kills, Service& service) {
    std::mt19937 random(seed_);
    service.Up(server_.client());
    for (int i = 0; i < kills && !HasFatalFailure(); ++i) {
      service.WaitForAnswers(static_cast<int>(random() % 40));
      // Not to wait for anything, but for the kill to hit any instant of what goes on.
      absl::Notification never;
      never.WaitForNotificationWithTimeout(absl::Microseconds(random() % 50'000));
      if (i % 6 == 5) {
        EXPECT_EQ(server_.Terminate(), 0);
      } else {
        server_.Kill();
      }
      ASSERT_THAT(server_.Start(), IsOk()) << "after end " << i;
      service.Up(server_.client());
    }
  }

  void ExpectErasures(const SubjectLedger& ledger) {
    Client& client = *server_.client();
    for (const SubjectLedger::Erasure& expected : ledger.erasures()) {
      const auto erasure = WaitUntilFinal(client, expected.name);
      ASSERT_THAT(erasure, IsOk()) << "an acknowledged erasure is lost";
      EXPECT_EQ(erasure->state(), v1::Erasure::COMPLETED);
      EXPECT_EQ(erasure->samples_erased(), expected.samples_erased);
      EXPECT_TRUE(erasure->milestones().has_retrained_time());
      EXPECT_TRUE(erasure->milestones().has_purged_time());
    }
  }

  void ExpectForgottenAreRefused(const SubjectLedger& ledger, const std::string& model) {
    v1::SampleBatch batch;
    for (const std::string& subject : ledger.ForgottenIn(model)) {
      batch.add_samples()->set_subject_id(subject);
      batch.mutable_samples()->rbegin()->set_sample_id("0");
      batch.mutable_inputs()->append(StripesImage(0));
    }
    if (batch.samples_size() == 0) return;
    const auto reply = Ingest(*server_.client(), IdOf(model), {batch});
    ASSERT_THAT(reply, IsOk());
    EXPECT_EQ(reply->samples_forgotten(), batch.samples_size());
  }

  // Each erasure once, and no other.
  void ExpectListed(const std::vector<const SubjectLedger*>& ledgers) {
    std::set<std::string> expected, listed;
    uint64_t samples_expected = 0, samples_listed = 0;
    for (const SubjectLedger* ledger : ledgers) {
      for (const SubjectLedger::Erasure& erasure : ledger->erasures()) {
        expected.insert(erasure.name);
        samples_expected += erasure.samples_erased;
      }
    }
    v1::ListErasuresRequest request;
    uint64_t last_sequence = 0;
    do {
      const auto page = server_.client()->ListErasures(request);
      ASSERT_THAT(page, IsOk());
      for (const v1::Erasure& erasure : page->erasures()) {
        EXPECT_TRUE(listed.insert(erasure.name()).second) << "listed twice";
        EXPECT_GT(erasure.sequence(), last_sequence);
        last_sequence = erasure.sequence();
        samples_listed += erasure.samples_erased();
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(listed, expected);
    EXPECT_EQ(samples_listed, samples_expected);
  }

  const uint32_t seed_ = static_cast<uint32_t>(NumberFrom("EXPUNGE_CRASH_SEED", 20'260'101));
  ServerProcess server_{EXPUNGE_SERVER_PROGRAM, {"--workers", "2", "--predict-threads", "1"}};
};

TEST_F(CrashTest, WhatWasAcknowledgedHoldsThroughKillsAtAnyInstant) {
  const int kills = NumberFrom("EXPUNGE_CRASH_KILLS", 30);
  std::cout << "EXPUNGE_CRASH_SEED=" << seed_ << " EXPUNGE_CRASH_KILLS=" << kills << std::endl;
  Service service;
  std::atomic<int64_t> erasures = 0;
  std::vector<std::unique_ptr<Caller>> callers;
  service.Up(server_.client());
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    callers.push_back(std::make_unique<Caller>(i, seed_, &service, &erasures));
    threads.emplace_back([caller = callers.back().get()] { caller->Run(); });
  }
  KillAtRandomInstants(kills, service);
  service.Stop();
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(HasFatalFailure());

  std::vector<const SubjectLedger*> ledgers;
  for (const auto& caller : callers) ledgers.push_back(&caller->ledger());
  for (const SubjectLedger* ledger : ledgers) ExpectErasures(*ledger);
  ExpectListed(ledgers);
  for (const std::string& model : kModels) {
    int64_t samples = 0, subjects = 0;
    for (const SubjectLedger* ledger : ledgers) {
      ExpectForgottenAreRefused(*ledger, model);
      samples += ledger->SamplesIn(model);
      subjects += ledger->SubjectsIn(model);
    }
    const auto trained = TrainAndWait(*server_.client(), IdOf(model));
    ASSERT_THAT(trained, IsOk());
    EXPECT_EQ(trained->samples(), samples);
    EXPECT_EQ(trained->subjects(), subjects);
    EXPECT_THAT(ReplayAll(*server_.client(), IdOf(model)), IsOk());
  }
  std::cout << erasures << " erasures" << std::endl;
  EXPECT_EQ(server_.Terminate(), 0);
}

}  // namespace
}  // namespace expunge
