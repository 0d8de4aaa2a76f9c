#include "client/load_generator.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "expunge/v1/prediction_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr char kReply[] = "reply";

grpc::Status Overloaded() {
  google::rpc::ErrorInfo info;
  info.set_reason("TOO_MANY_PREDICTS");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many", details.SerializeAsString()};
}

// Lets a test decide what becomes of each Predict, by its number. Thread-safe.
class ScriptedPredictions
    : public v1::PredictionService::WithRawCallbackMethod_Predict<v1::PredictionService::Service> {
 public:
  using Reactor = grpc::ServerUnaryReactor;

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override {
    const grpc::Slice slice(kReply);
    *response = grpc::ByteBuffer(&slice, 1);
    Reactor* const reactor = context->DefaultReactor();
    MutexLock lock(&mutex_);
    peers_.insert(context->peer());
    std::vector<grpc::Slice> slices;
    request->Dump(&slices);
    if (!slices.empty()) requests_.emplace(reinterpret_cast<const char*>(slices[0].begin()), slices[0].size());
    held_.push_back(reactor);
    most_held_ = std::max(most_held_, held_.size());
    script(arrived_++);
    if (!stalled_ && answers_at_once) AnswerHeld(grpc::Status::OK);
    return reactor;
  }

  // Called with the mutex held, for each Predict.
  std::function<void(int number)> script = [](int) {};
  bool answers_at_once = true;  // what the script has left

  void AnswerHeld(const grpc::Status& status) {
    for (Reactor* const reactor : held_) reactor->Finish(status);
    held_.clear();
  }

  // For a script: nothing is answered at once until the time has passed.
  void Stall(absl::Duration time) {
    stalled_ = true;
    alarm_.Set(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(time), [this](bool) {
      MutexLock lock(&mutex_);
      stalled_ = false;
      AnswerHeld(grpc::Status::OK);
    });
  }

  void AnswerHeldAtLast() {
    MutexLock lock(&mutex_);
    AnswerHeld(grpc::Status::OK);
  }

  size_t connections() const { return peers_.size(); }
  size_t most_held() const { return most_held_; }
  const std::set<std::string>& requests() const { return requests_; }

 private:
  Mutex mutex_;
  std::vector<Reactor*> held_;
  std::set<std::string> peers_;
  std::set<std::string> requests_;
  size_t most_held_ = 0;
  int arrived_ = 0;
  bool stalled_ = false;
  grpc::Alarm alarm_;
};

class LoadGeneratorTest : public testing::Test {
 protected:
  void SetUp() override {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    load_.address = "127.0.0.1:" + std::to_string(port);
    load_.method = kPredictMethod;
    load_.requests = {"request"};
    load_.concurrency = 1000;
  }

  void TearDown() override {
    service_.AnswerHeldAtLast();
    server_->Shutdown();
  }

  LoadReport Generate() {
    auto report = GenerateLoad(load_);
    EXPECT_THAT(report, IsOk());
    return report.ok() ? *std::move(report) : LoadReport();
  }

  ScriptedPredictions service_;
  std::unique_ptr<grpc::Server> server_;
  Load load_;
};

TEST_F(LoadGeneratorTest, WithARateItSendsSoManyRequestsAndNoneBeforeItIsDue) {
  load_.rate = 500;
  load_.duration = absl::Milliseconds(400);
  const LoadReport report = Generate();
  EXPECT_EQ(report.answered, 200);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.latency.count(), 200);
  EXPECT_EQ(report.reply_bytes, 200 * (sizeof(kReply) - 1));
  EXPECT_GE(report.elapsed, absl::Milliseconds(400));
  EXPECT_LE(report.AnsweredPerSecond(), 500);
}

// The server answers nothing until the last request has come, which was not due before 398 ms.
TEST_F(LoadGeneratorTest, WhoComesEarlyIntoAStallWaitsLongest) {
  load_.rate = 500;
  load_.duration = absl::Milliseconds(400);
  service_.answers_at_once = false;
  service_.script = [this](int number) {
    if (number == 199) service_.AnswerHeld(grpc::Status::OK);
  };
  const LoadReport report = Generate();
  EXPECT_EQ(report.answered, 200);
  EXPECT_GE(report.latency.max(), absl::Milliseconds(398));
  EXPECT_GE(report.latency.Percentile(50), absl::Milliseconds(198));
}

// A client that counts from when it sends sees one slow request here, and 199 fast ones.
TEST_F(LoadGeneratorTest, AStallIsInTheLatencyOfThoseThatCouldNotBeSentMeanwhile) {
  load_.rate = 500;
  load_.duration = absl::Milliseconds(400);
  load_.concurrency = 1;
  service_.script = [this](int number) {
    if (number == 0) service_.Stall(absl::Milliseconds(300));
  };
  const LoadReport report = Generate();
  EXPECT_EQ(report.answered, 200);
  EXPECT_EQ(service_.most_held(), 1u);
  // Request i was due at 2 i ms and not answered before 300 ms: 150 of them waited, 100 of these 100 ms or more.
  EXPECT_GE(report.latency.max(), absl::Milliseconds(299));
  EXPECT_GE(report.latency.Percentile(50), absl::Milliseconds(99));
  EXPECT_GE(report.longest_wait, absl::Milliseconds(297));
}

TEST_F(LoadGeneratorTest, TellsThatARateWasNotKept) {
  load_.rate = 1000;
  load_.duration = absl::Milliseconds(100);
  load_.concurrency = 1;
  service_.script = [this](int number) {
    if (number == 0) service_.Stall(absl::Milliseconds(200));
  };
  const LoadReport late = Generate();
  EXPECT_EQ(late.answered, 100);
  EXPECT_LE(late.sent_in_time, 1);
  EXPECT_FALSE(late.KeptRate());

  load_.rate = 0.01;
  load_.duration = absl::Seconds(100);  // nothing is waited for after the only request
  EXPECT_TRUE(Generate().KeptRate());
}

TEST_F(LoadGeneratorTest, WithoutARateItKeepsSoManyRequestsInFlight) {
  load_.concurrency = 8;
  load_.connections = 3;
  load_.duration = absl::Milliseconds(50);
  service_.answers_at_once = false;
  service_.script = [this](int number) {
    if (number >= 7) service_.AnswerHeld(grpc::Status::OK);
  };
  const LoadReport report = Generate();
  EXPECT_GE(report.answered, 8);
  EXPECT_EQ(service_.most_held(), 8u);
  EXPECT_EQ(service_.connections(), 3u);
  EXPECT_TRUE(report.KeptRate());
}

TEST_F(LoadGeneratorTest, SendsTheRequestsInTurn) {
  load_.requests = {"a", "b", "c"};
  load_.rate = 100;
  load_.duration = absl::Milliseconds(30);
  Generate();
  EXPECT_THAT(service_.requests(), ElementsAre("a", "b", "c"));
}

TEST_F(LoadGeneratorTest, CountsErrorsByCodeAndReason) {
  load_.rate = 1000;
  load_.duration = absl::Milliseconds(90);
  service_.script = [this](int number) {
    if (number % 3 == 1) service_.AnswerHeld(Overloaded());
    if (number % 3 == 2) service_.AnswerHeld({grpc::StatusCode::INTERNAL, "broken"});
  };
  const LoadReport report = Generate();
  EXPECT_EQ(report.answered, 30);
  EXPECT_EQ(report.failed, 60);
  EXPECT_EQ(report.latency.count(), 30);
  EXPECT_THAT(report.errors, ElementsAre(Pair(Pair(absl::StatusCode::kResourceExhausted, "TOO_MANY_PREDICTS"), 30),
                                         Pair(Pair(absl::StatusCode::kInternal, ""), 30)));
}

TEST_F(LoadGeneratorTest, EveryRequestEndsAtItsDeadlineThoseThatHadToWaitToo) {
  load_.rate = 500;
  load_.duration = absl::Milliseconds(100);
  load_.timeout = absl::Milliseconds(200);
  load_.concurrency = 2;  // the others are not even sent until these have ended
  service_.answers_at_once = false;
  const LoadReport report = Generate();
  EXPECT_EQ(report.answered, 0);
  EXPECT_THAT(report.errors, ElementsAre(Pair(Pair(absl::StatusCode::kDeadlineExceeded, "NO_ANSWER_IN_TIME"), 50)));
}

TEST_F(LoadGeneratorTest, AServerThatIsNotThereIsAnErrorThatSaysSo) {
  load_.address = "127.0.0.1:1";
  EXPECT_THAT(GenerateLoad(load_), Fails(absl::StatusCode::kUnavailable, "SERVER_UNREACHABLE"));
}

}  // namespace
}  // namespace expunge
