// Predict goes on while people are forgotten.

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

constexpr uint32_t kShards = 4;
constexpr int kPeople = 80;

class PredictWhileForgettingTest : public IntegrationTest {
 protected:
  PredictWhileForgettingTest() : IntegrationTest({"--workers", "2", "--predict-threads", "2"}) {}

  void SetUp() override {
    IntegrationTest::SetUp();
    MakeTrained(StripesModel("m", kShards, 2), kPeople);
  }

  // Calls Predict in three threads while `work` runs, `check` on each reply. Returns the number of replies.
  int PredictDuring(const std::function<void()>& work,
                    const std::function<void(const absl::StatusOr<v1::PredictResponse>&)>& check) {
    std::atomic<bool> done = false;
    std::atomic<int> replies = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&, i] {
        uint64_t version = 0;
        while (!done) {
          const auto response = client().Predict(StripesInputs("m", i, 3));
          check(response);
          if (!response.ok()) continue;
          ++replies;
          EXPECT_GE(response->ensemble_version(), version) << "an older ensemble answered later";
          version = response->ensemble_version();
          EXPECT_EQ(response->predictions_size(), 3);
          EXPECT_GE(response->constituents_voting(), 1);
          EXPECT_LE(response->constituents_voting(), kShards);
          EXPECT_LE(response->constituents_clean(), response->constituents_voting());
          EXPECT_EQ(response->constituents_total(), kShards);
        }
      });
    }
    work();
    done = true;
    for (std::thread& caller : callers) caller.join();
    return replies;
  }
};

TEST_F(PredictWhileForgettingTest, OneAfterTheOtherLeavesAllButOneConstituentVoting) {
  const int replies = PredictDuring(
      [&] {
        for (int person = 0; person < 20; ++person) {
          const auto erasure = client().Forget(ForgetOf(PersonName(person)));
          ASSERT_THAT(erasure, IsOk());
          ASSERT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
        }
      },
      [](const absl::StatusOr<v1::PredictResponse>& response) {
        ASSERT_THAT(response, IsOk());
        EXPECT_GE(response->constituents_voting(), kShards - 1);
      });
  EXPECT_GT(replies, 20);
  const auto after = client().Predict(StripesInputs("m", 0, 1));
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->constituents_clean(), kShards);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(PredictWhileForgettingTest, ManyAtOnceFailNothingButForWantOfConstituents) {
  PredictDuring(
      [&] {
        std::vector<std::thread> forgetters;
        for (int i = 0; i < 2; ++i) {
          forgetters.emplace_back([&, i] {
            for (int person = i; person < 40; person += 2) {
              EXPECT_THAT(client().Forget(ForgetOf(PersonName(person))), IsOk());
            }
          });
        }
        for (std::thread& forgetter : forgetters) forgetter.join();
        const auto erasures = client().ListErasures({});
        ASSERT_THAT(erasures, IsOk());
        EXPECT_EQ(erasures->erasures_size(), 40);
        for (const v1::Erasure& erasure : erasures->erasures()) {
          EXPECT_EQ(WaitUntilFinal(client(), erasure.name())->state(), v1::Erasure::COMPLETED);
        }
      },
      [](const absl::StatusOr<v1::PredictResponse>& response) {
        if (response.ok()) return;
        EXPECT_THAT(response, Fails(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS"));
      });
  EXPECT_EQ(GetModel(client(), "m")->subjects(), kPeople - 40);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

}  // namespace
}  // namespace expunge
