#include "tests/crash/oracle.h"

#include <signal.h>

#include <set>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "tests/crash/settings.h"
#include "tests/testing/client_calls.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/stripes.h"

namespace expunge {
namespace {

// Only a defect takes so long.
constexpr absl::Duration kPatience = absl::Minutes(4);

// Ends the server, and with it every stream that waits for what never comes.
class Watchdog {
 public:
  explicit Watchdog(ServerProcess* server)
      : thread_([this, server] {
          if (done_.WaitForNotificationWithTimeout(kPatience)) return;
          ADD_FAILURE() << "the server does not finish what it owes";
          server->Signal(SIGKILL);
        }) {}
  ~Watchdog() {
    done_.Notify();
    thread_.join();
  }

 private:
  absl::Notification done_;
  std::thread thread_;
};

void ExpectCompleted(Client& client, SubjectLedger& ledger) {
  for (const SubjectLedger::Erasure& expected : ledger.erasures()) {
    if (expected.seen.state() == v1::Erasure::COMPLETED) continue;  // ExpectListed looks at it again
    const auto erasure = WaitUntilFinal(client, expected.seen.name());
    ASSERT_THAT(erasure, IsOk()) << "an acknowledged erasure is lost";
    EXPECT_EQ(erasure->state(), v1::Erasure::COMPLETED);
    ledger.Saw(*erasure);
  }
}

// Each erasure once, completed, and no other.
void ExpectListed(Client& client, const std::vector<SubjectLedger*>& ledgers) {
  std::set<std::string> expected;
  for (const SubjectLedger* ledger : ledgers) {
    for (const SubjectLedger::Erasure& erasure : ledger->erasures()) expected.insert(erasure.seen.name());
  }
  v1::ListErasuresRequest request;
  std::set<std::string> listed;
  uint64_t last_sequence = 0;
  do {
    const auto page = client.ListErasures(request);
    ASSERT_THAT(page, IsOk());
    for (const v1::Erasure& erasure : page->erasures()) {
      EXPECT_TRUE(listed.insert(erasure.name()).second) << "listed twice";
      EXPECT_GT(erasure.sequence(), last_sequence);
      last_sequence = erasure.sequence();
      EXPECT_EQ(erasure.state(), v1::Erasure::COMPLETED);
      EXPECT_TRUE(erasure.milestones().has_isolated_time());
      EXPECT_TRUE(erasure.milestones().has_retrained_time());
      EXPECT_TRUE(erasure.milestones().has_purged_time());
      for (SubjectLedger* ledger : ledgers) ledger->Saw(erasure);
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, expected);
}

// The server has come to the right parameters by itself: by what it was asked for before.
void ExpectRightBits(Client& client, const std::vector<SubjectLedger*>& ledgers, const std::string& model) {
  const auto found = GetModel(client, IdOfModel(model));
  ASSERT_THAT(found, IsOk());
  for (const SubjectLedger* ledger : ledgers) ledger->Saw(*found);
  if (found->state() == v1::Model::CREATED) return;
  ASSERT_THAT(WaitUntilReady(client, IdOfModel(model)), IsOk());
  EXPECT_THAT(ReplayAll(client, IdOfModel(model)), IsOk());
}

void ExpectForgottenAreRefused(Client& client, const SubjectLedger& ledger, const std::string& model) {
  v1::SampleBatch batch;
  for (const std::string& subject : ledger.ForgottenIn(model)) {
    batch.add_samples()->set_subject_id(subject);
    batch.mutable_samples()->rbegin()->set_sample_id("0");
    batch.mutable_inputs()->append(StripesImage(0));
  }
  if (batch.samples_size() == 0) return;
  const auto reply = Ingest(client, IdOfModel(model), {batch});
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->samples_forgotten(), batch.samples_size());
}

}  // namespace

void ExpectWhatWasAcknowledged(ServerProcess& server, const std::vector<SubjectLedger*>& ledgers) {
  const Watchdog watchdog(&server);
  Client& client = *server.client();
  for (SubjectLedger* ledger : ledgers) ExpectCompleted(client, *ledger);
  if (testing::Test::HasFatalFailure()) return;  // the rest would only say it again
  ExpectListed(client, ledgers);
  for (const std::string& model : kCrashModels) {
    SCOPED_TRACE(model);
    ExpectRightBits(client, ledgers, model);
    int64_t samples = 0, subjects = 0;
    for (const SubjectLedger* ledger : ledgers) {
      ExpectForgottenAreRefused(client, *ledger, model);
      samples += ledger->SamplesIn(model);
      subjects += ledger->SubjectsIn(model);
    }
    const auto trained = TrainAndWait(client, IdOfModel(model));
    ASSERT_THAT(trained, IsOk());
    EXPECT_EQ(trained->samples(), samples);
    EXPECT_EQ(trained->subjects(), subjects);
    EXPECT_THAT(ReplayAll(client, IdOfModel(model)), IsOk());
  }
}

}  // namespace expunge
