#include "proof/statement.h"

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/proof/sample_certificate.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "STATEMENT_MALFORMED");
const auto kNotCanonical = Fails(absl::StatusCode::kInvalidArgument, "STATEMENT_NOT_CANONICAL");

ErasureStatement OfNothingHeld() {
  ErasureStatement statement = SampleStatement();
  statement.submitted_time.reset();
  statement.samples_erased = 0;
  statement.tasks.clear();
  return statement;
}

TEST(StatementTest, EqualsTheGoldenFile) {
  std::ifstream file(EXPUNGE_TEST_DATA "/proof_statement_v1.json");
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(FormatStatement(SampleStatement()) + "\n", golden);
}

TEST(StatementTest, SurvivesItsJson) {
  for (const ErasureStatement& statement : {SampleStatement(), OfNothingHeld()}) {
    const std::string json = FormatStatement(statement);
    const absl::StatusOr<ErasureStatement> parsed = ParseStatement(json);
    ASSERT_THAT(parsed, IsOk());
    EXPECT_EQ(*parsed, statement);
    EXPECT_EQ(FormatStatement(*parsed), json);
  }
}

TEST(StatementTest, ItsSubjectsAreTheNewCheckpoints) {
  const std::string json = FormatStatement(SampleStatement());
  EXPECT_THAT(json, HasSubstr(absl::StrCat(R"("subject":[{"name":"model-17/shard-3/slice-2","digest":{"sha256":")",
                                           ToHex(AsBytes(Sha256("new a parameters"))), R"("}},)",
                                           R"({"name":"model-17/shard-3/slice-3","digest":{"sha256":")",
                                           ToHex(AsBytes(Sha256("new b parameters"))), R"("}}],)")));
}

TEST(StatementTest, OneOfNothingHeldHasItselfAsTheSubject) {
  const ErasureStatement statement = OfNothingHeld();
  EXPECT_THAT(FormatStatement(statement),
              HasSubstr(absl::StrCat(R"("subject":[{"name":")", statement.erasure, R"(","digest":{"sha256":")",
                                     ToHex(AsBytes(statement.subject_commitment)), R"("}}],)")));
}

TEST(StatementTest, TimesAreInUtcAndCutToMicroseconds) {
  ErasureStatement statement = SampleStatement();
  statement.received_time = absl::FromCivil(absl::CivilSecond(2026, 2, 28, 23, 59, 59), absl::UTCTimeZone());
  EXPECT_THAT(FormatStatement(statement), HasSubstr(R"("receivedTime":"2026-02-28T23:59:59Z")"));
  statement.received_time += absl::Microseconds(1'500) + absl::Nanoseconds(999);
  EXPECT_THAT(FormatStatement(statement), HasSubstr(R"("receivedTime":"2026-02-28T23:59:59.0015Z")"));
}

TEST(StatementTest, TheCommitmentIsTheHashOfNonceAndSubject) {
  EXPECT_EQ(CommitToSubject(SampleNonce(), "subject"), Sha256(std::string(AsBytes(SampleNonce())) + "subject"));
  EXPECT_THAT(FormatStatement(SampleStatement()), Not(HasSubstr(kSampleSubject)));
}

// The sample's JSON with `from`, which it has, as `to`.
std::string With(const std::string& from, const std::string& to) {
  const std::string json = FormatStatement(SampleStatement());
  const std::string changed = absl::StrReplaceAll(json, {{from, to}});
  EXPECT_NE(changed, json) << from;
  return changed;
}

TEST(StatementTest, RefusesFieldsOfAnotherForm) {
  for (const std::string& json :
       {std::string("null"), std::string("{}"), std::string("[1"), std::string(), With("Statement/v1", "Statement/v2"),
        With("erasure/v1", "erasure/v2"), With("erasures/0f", "erasures/0F"), With("GDPR", "gdpr"),
        With("\"model-17\"", "\"model-017\""), With("\"model-17\"", "\"model-4294967296\""),
        With("\"shard\":3", "\"shard\":4294967296"), With("\"shard\":3", "\"shard\":-3"),
        With("\"shard\":3", "\"shard\":3.0"), With("\"shard\":3", "\"shard\":\"3\""), With("\"shard\":3,", ""),
        With("\"wholeSubject\":true", "\"wholeSubject\":1"), With("Z\",\"dueTime", "+00:00\",\"dueTime"),
        With("\"tasks\":[", "\"tasks\":[[],"), With("\"origin\":\"expunge", "\"origin\":\"a b")}) {
    EXPECT_THAT(ParseStatement(json), kMalformed) << json;
  }
}

TEST(StatementTest, RefusesTimesOfAnotherForm) {
  const std::string good = "2026-05-28T20:26:40Z";  // of the sample's receipt
  for (const char* time :
       {"infinite-future", "infinite-past", "2026-05-28T20:26:40.0Z", "2026-05-28t20:26:40z", "12026-05-28T20:26:40Z",
        "2026-5-28T20:26:40Z", "2026-05-28T20:26:60Z", " 2026-05-28T20:26:40Z", "2026-05-28T20:26:40.1234567Z",
        "2026-02-30T20:26:40Z", "-026-05-28T20:26:40Z", ""}) {
    EXPECT_THAT(ParseStatement(With(good, time)), kMalformed) << time;
  }
}

TEST(StatementTest, RefusesWhatItWouldWriteInOtherBytes) {
  for (const std::string& json : {With("\"shard\":3", "\"shard\": 3"), With("\"shard\":3", "\"shard\":3,\"more\":1"),
                                  With("\"shard\":3", "\"shard\":4,\"shard\":3"), With("slice-2\"", "slice-1\""),
                                  With("GDPR", "\\u0047DPR"), FormatStatement(SampleStatement()) + "\n"}) {
    EXPECT_THAT(ParseStatement(json), kNotCanonical) << json;
  }
}

}  // namespace
}  // namespace expunge
