// `expunge log watch` and `log consistency`, against servers that lie.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/log_monitor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proof/consistency_file.h"
#include "tests/client/run_expunge.h"
#include "tests/client/sample_audit_server.h"
#include "tests/client/test_files.h"
#include "tests/proof/test_keys.h"
#include "tests/testing/child_process.h"

namespace expunge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LogWatchTest : public testing::Test {
 protected:
  LogWatchTest() {
    // Of another history from entry 3 on.
    other_.GrowTo(3);
    for (int i = 3; i < 20; ++i) other_.Append(absl::StrCat("another entry ", i));
  }

  Outcome RunAt(const std::vector<std::string>& command) const {
    const std::string address = server_.address();
    std::vector<const char*> arguments = {"--address", address.c_str()};
    for (const std::string& argument : command) arguments.push_back(argument.c_str());
    return RunExpunge(arguments);
  }

  Outcome Look(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command = {"log", "watch", "--state", state_, "--once"};
    command.insert(command.end(), more.begin(), more.end());
    return RunAt(command);
  }

  std::string State() const { return ReadWholeFile(state_); }

  // That the next look raises the alarm, and the one after it again.
  void ExpectAlarm(const std::string& reason) {
    const std::string before = State();
    for (int look = 0; look < 2; ++look) {
      const Outcome outcome = Look();
      EXPECT_EQ(outcome.status, kExitRefused);
      EXPECT_THAT(outcome.err, AllOf(HasSubstr("FAILED_PRECONDITION (" + reason + "): THE LOG CANNOT BE TRUSTED: "),
                                     HasSubstr(state_)));
      EXPECT_THAT(outcome.out, HasSubstr("--- signed before:\n" + server_log_.SignedCheckpoint(11) +
                                         "\n--- what the server answers now:\n"));
      evidence_ = outcome.out;
    }
    EXPECT_EQ(State(), before);
  }

  const TestFiles files_;
  const std::string state_ = files_.PathOf("log.state");
  SampleAuditServer server_;
  const SampleLog& server_log_ = *server_.log;
  SampleLog other_;
  std::string evidence_;
};

TEST_F(LogWatchTest, RemembersTheKeyAtTheFirstLookAndSaysSo) {
  const Outcome first = Look();
  EXPECT_EQ(first.status, kExitOk);
  EXPECT_THAT(first.err, AllOf(HasSubstr("no --key was given: trusting"), HasSubstr(server_log_.VerifierKeyText())));
  EXPECT_THAT(first.out, HasSubstr("  expunge.example/log  11 entries (first look), root "));
  const auto state = ParseFollowedLog(State());
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->checkpoint, server_log_.Checkpoint(11));

  const Outcome second = Look();
  EXPECT_EQ(second.status, kExitOk);
  EXPECT_EQ(second.err, "");
  EXPECT_THAT(second.out, HasSubstr("11 entries (as before)"));
  server_.size = 14;
  EXPECT_THAT(Look().out, HasSubstr("14 entries (3 more, the others as before)"));
  EXPECT_EQ(ParseFollowedLog(State())->note, server_log_.SignedCheckpoint(14));
}

TEST_F(LogWatchTest, AGivenKeyIsTheOneThatCounts) {
  const std::string other =
      FormatVerifierKey(MakeVerifierKey(kSampleOrigin, KeyOfSeed(std::string(32, 'x')).public_key()));
  const Outcome refused = Look({"--key", other});
  EXPECT_EQ(refused.status, kExitRefused);
  EXPECT_THAT(refused.err, HasSubstr("NOTE_KEY_UNKNOWN"));
  EXPECT_FALSE(std::filesystem::exists(state_));
  EXPECT_EQ(Look({"--key", server_log_.VerifierKeyText()}).err, "");
  const Outcome another = Look({"--key", other});
  EXPECT_EQ(another.status, kExitError);
  EXPECT_THAT(another.err, HasSubstr("LOG_STATE_KEY"));
}

TEST_F(LogWatchTest, ALogThatWasRewrittenRaisesTheAlarm) {
  ASSERT_EQ(Look().status, kExitOk);
  server_.log = &other_;
  ExpectAlarm("LOG_REWRITTEN");
  EXPECT_THAT(evidence_, HasSubstr(other_.SignedCheckpoint(11)));
  server_.size = 20;
  ExpectAlarm("LOG_REWRITTEN");
  EXPECT_THAT(evidence_, HasSubstr(other_.SignedCheckpoint(20)));
  server_.proves_nothing = true;
  ExpectAlarm("LOG_REWRITTEN");
}

TEST_F(LogWatchTest, ALogThatWasRolledBackRaisesTheAlarm) {
  ASSERT_EQ(Look().status, kExitOk);
  server_.size = 10;
  ExpectAlarm("LOG_ROLLED_BACK");
  EXPECT_THAT(evidence_, HasSubstr(server_log_.SignedCheckpoint(10)));
}

TEST_F(LogWatchTest, AnotherKeyOrABadSignatureRaisesTheAlarm) {
  ASSERT_EQ(Look().status, kExitOk);
  const SigningKey other = KeyOfSeed(std::string(32, 'x'));
  server_.note = SignLogCheckpoint(server_log_.Checkpoint(12), other).value();
  server_.key = FormatVerifierKey(MakeVerifierKey(kSampleOrigin, other.public_key()));
  ExpectAlarm("NOTE_KEY_UNKNOWN");
  server_.note = server_log_.SignedCheckpoint(12);
  server_.note[server_.note.find("\n12\n") + 2] = '3';
  ExpectAlarm("NOTE_SIGNATURE_WRONG");
  server_.note = "no note \x1b[2J";
  ExpectAlarm("NOTE_MALFORMED");
  EXPECT_THAT(evidence_, AllOf(HasSubstr("no note \\x1b[2J"), Not(HasSubstr("\x1b"))));
}

TEST_F(LogWatchTest, ADamagedStateIsRefusedAndKept) {
  ASSERT_EQ(Look().status, kExitOk);
  const std::string good = State();
  for (const std::string& bad :
       {std::string(), good.substr(0, good.size() - 1), good.substr(1), good + "x", std::string(100, '\0')}) {
    files_.Write("log.state", bad);
    const Outcome outcome = Look();
    EXPECT_EQ(outcome.status, kExitError);
    EXPECT_THAT(outcome.err, HasSubstr("FAILED_PRECONDITION (LOG_STATE_DAMAGED): " + state_));
    EXPECT_EQ(State(), bad);
  }
}

TEST_F(LogWatchTest, NothingIsLeftBesideTheState) {
  ASSERT_EQ(Look().status, kExitOk);
  server_.size = 12;
  ASSERT_EQ(Look().status, kExitOk);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(files_.PathOf(""))) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 1);
}

TEST_F(LogWatchTest, AStateThatCannotBeWrittenIsAnError) {
  const Outcome outcome = RunAt({"log", "watch", "--once", "--state", files_.PathOf("no/such/directory")});
  EXPECT_EQ(outcome.status, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("NOT_FOUND (FILE_NOT_WRITTEN)"));
}

TEST_F(LogWatchTest, AnswersInJsonLines) {
  const Outcome first = Look({"--output", "json"});
  EXPECT_THAT(first.out, AllOf(HasSubstr("\"origin\": \"expunge.example/log\", \"treeSize\": 11, \"rootHash\": \""),
                               Not(HasSubstr("knownTreeSize"))));
  server_.size = 10;
  const Outcome alarm = Look({"--output", "json"});
  EXPECT_EQ(alarm.status, kExitRefused);
  EXPECT_THAT(alarm.out, AllOf(HasSubstr("\"reason\": \"LOG_ROLLED_BACK\""), HasSubstr("\"known\": \"expunge.example"),
                               HasSubstr("\"answer\": \"expunge.example")));
}

// A watch that goes on is ended by its alarm alone.
TEST_F(LogWatchTest, GoesOnWithoutItsServerAndSeesWhatItComesBackWith) {
  ASSERT_EQ(Look().status, kExitOk);
  const int port = server_.port();
  server_.Stop();
  EXPECT_EQ(Look().status, kExitError);
  std::optional<Outcome> ended;
  std::thread watch([&] { ended = RunAt({"log", "watch", "--state", state_, "--interval", "20ms"}); });
  const SampleAuditServer back(port, &other_);
  watch.join();
  EXPECT_EQ(ended->status, kExitRefused);
  EXPECT_THAT(ended->err, HasSubstr("LOG_REWRITTEN"));
}

TEST_F(LogWatchTest, AConsistencyProofIsBetweenWhatTheFilesSay) {
  const std::string older = files_.Write("older", server_log_.SignedCheckpoint(8));
  const std::string proof = files_.Write("proof", SampleFiles().tlog_proof);
  server_.size = 14;
  EXPECT_EQ(RunAt({"log", "consistency", "--from", older, "--to", proof}).out, server_log_.Consistency(8, 11));
  EXPECT_EQ(RunAt({"log", "consistency", "--from", "8"}).out, server_log_.Consistency(8, 14));
  EXPECT_EQ(RunAt({"log", "consistency", "--from", "8", "--to", "14"}).out, server_log_.Consistency(8, 14));
  EXPECT_THAT(RunAt({"log", "consistency", "--from", "8", "--to", "11"}).err, HasSubstr("LOG_CHECKPOINT_MISSING"));
  server_.log = &other_;
  const Outcome forked = RunAt({"log", "consistency", "--from", older});
  EXPECT_EQ(forked.status, kExitRefused);
  EXPECT_EQ(forked.out, "");
  EXPECT_THAT(forked.err, HasSubstr("PROOF_MISMATCH"));
}

}  // namespace
}  // namespace expunge::cli
