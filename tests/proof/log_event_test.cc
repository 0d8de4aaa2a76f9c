#include "proof/log_event.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proof/statement.h"
#include "tests/proof/sample_certificate.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "LOG_EVENT_MALFORMED");
const auto kNotCanonical = Fails(absl::StatusCode::kInvalidArgument, "LOG_EVENT_NOT_CANONICAL");

constexpr char kErasure[] = "erasures/0f5cb5a6-92d5-4c5b-8b7f-5f0f0c6a0e11";

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(1'780'000'000 + seconds); }

std::vector<LogEvent> Samples() {
  return {ErasureReceived{.erasure = kErasure,
                          .regulation = "CCPA",
                          .received_time = At(0),
                          .due_time = At(86'400 * 45),
                          .subject_commitment = Sha256("commitment")},
          ErasureFailed{.erasure = kErasure, .time = At(1), .reason = "TRAINING_FAILED"},
          ErasureResumed{.erasure = kErasure, .time = At(2)},
          ModelTrained{.model = 1,
                       .time = At(3),
                       .ensemble_version = 4,
                       .shards = {{.shard = 0, .lineage = Sha256("l0"), .sha256 = Sha256("p0")},
                                  {.shard = 2, .lineage = Sha256("l2"), .sha256 = Sha256("p2")}}},
          ModelTrained{.model = 2, .time = At(3)},
          RestoredFromBackup{.time = At(4)},
          LogRollbackAccepted{.time = At(5), .lost_size = 12, .lost_root = Sha256("root")},
          Replayed{.model = 1,
                   .shard = 2,
                   .time = At(6),
                   .match = true,
                   .served_digest = Sha256("p2"),
                   .replayed_digest = Sha256("p2"),
                   .lineage = Sha256("l2")},
          Replayed{.model = 1, .shard = 3, .time = At(7)}};
}

TEST(LogEventTest, EqualTheGoldenFile) {
  std::ifstream file(EXPUNGE_TEST_DATA "/proof_log_events_v1.jsonl");
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  std::string lines;
  for (const LogEvent& event : Samples()) lines += FormatLogEvent(event) + "\n";
  EXPECT_EQ(lines, golden);
}

TEST(LogEventTest, SurviveTheirJson) {
  for (const LogEvent& event : Samples()) {
    const absl::StatusOr<LogEvent> parsed = ParseLogEvent(FormatLogEvent(event));
    ASSERT_THAT(parsed, IsOk());
    EXPECT_EQ(*parsed, event);
  }
}

TEST(LogEventTest, RefusesEventsThatLackAField) {
  for (const LogEvent& event : Samples()) {
    const std::string json = FormatLogEvent(event);
    EXPECT_THAT(ParseLogEvent(absl::StrReplaceAll(json, {{"ime\":", "imes\":"}})), kMalformed) << json;
  }
}

TEST(LogEventTest, RefusesOtherBytes) {
  const std::string json = FormatLogEvent(ErasureResumed{.erasure = kErasure, .time = At(2)});
  EXPECT_THAT(ParseLogEvent(json + " "), kNotCanonical);
  EXPECT_THAT(ParseLogEvent(absl::StrReplaceAll(json, {{"}", ",\"more\":1}"}})), kNotCanonical);
  const std::string replayed = FormatLogEvent(Samples().back());
  EXPECT_THAT(ParseLogEvent(absl::StrReplaceAll(replayed, {{"MISMATCH", "UNKNOWN"}})), kNotCanonical);
  for (const char* text : {"", "{}", "null", "[]", "{\"event\":1}", "{\"event\":\"other\"}"}) {
    EXPECT_THAT(ParseLogEvent(text), kMalformed) << text;
  }
}

TEST(LogEventTest, RefusesTextThatIsNotOurs) {
  const ErasureFailed event{.erasure = kErasure, .time = At(1), .reason = "TRAINING_FAILED"};
  const std::string json = FormatLogEvent(event);
  EXPECT_THAT(ParseLogEvent(absl::StrReplaceAll(json, {{"TRAINING_FAILED", "loss is nan"}})), kMalformed);
  EXPECT_THAT(ParseLogEvent(absl::StrReplaceAll(json, {{"erasures/", "subjects/"}})), kMalformed);
}

TEST(DescribeLeafTest, TellsEveryEntryInALine) {
  std::vector<std::string> lines;
  for (const LogEvent& event : Samples()) lines.push_back(DescribeLeaf(FormatLogEvent(event)).value());
  lines.push_back(DescribeLeaf(FormatStatement(SampleStatement())).value());
  EXPECT_THAT(lines,
              testing::ElementsAre(
                  "2026-05-28T20:26:40Z received erasures/0f5cb5a6-92d5-4c5b-8b7f-5f0f0c6a0e11, CCPA, due "
                  "2026-07-12T20:26:40Z",
                  "2026-05-28T20:26:41Z failed erasures/0f5cb5a6-92d5-4c5b-8b7f-5f0f0c6a0e11: TRAINING_FAILED",
                  "2026-05-28T20:26:42Z resumed erasures/0f5cb5a6-92d5-4c5b-8b7f-5f0f0c6a0e11",
                  "2026-05-28T20:26:43Z trained model-1, shards: 2", "2026-05-28T20:26:43Z trained model-2, shards: 0",
                  "2026-05-28T20:26:44Z restored from a backup",
                  "2026-05-28T20:26:45Z accepted the loss of a log of 12 entries",
                  "2026-05-28T20:26:46Z replayed model-1 shard 2: MATCH",
                  "2026-05-28T20:26:47Z replayed model-1 shard 3: MISMATCH",
                  "2026-05-28T20:26:47.9Z certified erasures/0f5cb5a6-92d5-4c5b-8b7f-5f0f0c6a0e11, samples: 12, "
                  "shards: 2"));
}

TEST(DescribeLeafTest, RefusesWhatItDoesNotKnow) { EXPECT_THAT(DescribeLeaf("entry"), kMalformed); }

}  // namespace
}  // namespace expunge
