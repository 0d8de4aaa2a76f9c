// What an auditor does: a certificate from the real server, judged without it; and a watch over its log.

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "proof/consistency_file.h"
#include "proof/log_checkpoint.h"
#include "proof/merkle.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class CertificateTest : public IntegrationTest {
 protected:
  // What a command prints, in a file.
  std::string Save(const std::string& name, const std::vector<std::string>& command) {
    const Outcome outcome = Expunge(command);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return files_.Write(name, outcome.out);
  }

  Outcome Verify(const std::vector<std::string>& more) {
    std::vector<std::string> command = {"verify", files_.PathOf("certificate.json"), "--key-file", key_};
    command.insert(command.end(), more.begin(), more.end());
    return Expunge(command);
  }

  Outcome Look() { return Expunge({"log", "watch", "--once", "--state", files_.PathOf("log.state")}); }

  v1::Erasure ForgetAndWait(const std::string& subject) {
    auto erasure = ExpungeJson<v1::Erasure>({"forget", subject, "--regulation", "gdpr", "--wait"});
    EXPECT_EQ(erasure.state(), v1::Erasure::COMPLETED);
    return erasure;
  }

  std::string key_;
};

TEST_F(CertificateTest, IsVerifiedWithoutTheServer) {
  MakeTrained(StripesModel("m", 2, 2), 30);
  key_ = Save("log.vkey", {"log", "key"});
  const std::string older = Save("older", {"log", "checkpoint"});
  const v1::Erasure erasure = ForgetAndWait(PersonName(4));
  const Outcome fetched = Expunge({"certificate", erasure.name(), "--out", files_.PathOf(""), "--key-file", key_});
  ASSERT_EQ(fetched.status, 0) << fetched.out << fetched.err;
  EXPECT_THAT(fetched.out, AllOf(HasSubstr("The certificate is genuine.\n"),
                                 HasSubstr(absl::StrCat("entry ", erasure.log_index(), " of "))));
  ForgetAndWait(PersonName(5));  // the log grows on
  const std::string proof = files_.PathOf("certificate.tlog-proof");
  const std::string consistency = Save("consistency", {"log", "consistency", "--from", older, "--to", proof});
  ASSERT_EQ(server_.Terminate(), 0);

  const std::string nonce = absl::BytesToHexString(erasure.subject_nonce());
  const Outcome genuine =
      Verify({"--subject", PersonName(4), "--nonce", nonce, "--older-checkpoint", older, "--consistency", consistency});
  EXPECT_EQ(genuine.status, 0) << genuine.out;
  EXPECT_THAT(genuine.out, AllOf(HasSubstr(erasure.name()), HasSubstr("ok    subject: "),
                                 HasSubstr("ok    consistency: "), EndsWith("The certificate is genuine.\n")));
  EXPECT_EQ(Verify({"--subject", PersonName(4), "--nonce", absl::Base64Escape(erasure.subject_nonce())}).status, 0);

  EXPECT_THAT(Verify({"--subject", PersonName(5), "--nonce", nonce}).out, HasSubstr("FAIL  subject: "));
  EXPECT_EQ(Verify({"--subject", PersonName(4), "--nonce", std::string(64, 'a')}).status, 3);
  for (const char* name : {"certificate.json", "certificate.tlog-proof", "log.vkey"}) {
    const std::string content = ReadWholeFile(files_.PathOf(name));
    for (const size_t at : {size_t{30}, content.size() / 2, content.size() - 9}) {
      std::string changed = content;
      changed[at] ^= 1;
      files_.Write(name, changed);
      const Outcome refused = Verify({});
      EXPECT_EQ(refused.status, 3) << name << " " << at;
      EXPECT_THAT(refused.out, AllOf(HasSubstr("FAIL  "), EndsWith("The certificate is NOT verified.\n")));
      EXPECT_TRUE(IsOneLineOf("expunge", refused.err));
    }
    files_.Write(name, content);
  }
  EXPECT_EQ(Verify({}).status, 0);
}

TEST_F(CertificateTest, ThereIsNoneBeforeTheErasureIsCompleted) {
  MakeTrained(StripesModel("m", 1, 1), 12);
  ASSERT_EQ(server_.Terminate(), 0);
  server_.options().insert(server_.options().end(), {"--retrain-delay", "600"});
  ASSERT_THAT(server_.Start(), IsOk());
  const auto erasure = ExpungeJson<v1::Erasure>({"forget", PersonName(4)});
  const std::string directory = files_.PathOf("none");
  EXPECT_THAT(Expunge({"certificate", erasure.name(), "--out", directory}).err, HasSubstr("ERASURE_NOT_COMPLETED"));
  EXPECT_THAT(Expunge({"certificate", "5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10", "--out", directory}).err,
              HasSubstr("ERASURE_NOT_FOUND"));
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST_F(CertificateTest, TheLogIsReadEntryByEntry) {
  MakeTrained(StripesModel("m", 2, 2), 30);
  const std::string older_note = Expunge({"log", "checkpoint"}).out;
  const v1::Erasure erasure = ForgetAndWait(PersonName(4));
  const std::string key_text = Expunge({"log", "key"}).out;
  ASSERT_THAT(key_text, EndsWith("\n"));
  const auto key = ParseVerifierKey(key_text.substr(0, key_text.size() - 1));
  ASSERT_THAT(key, IsOk());
  const auto older = OpenLogCheckpoint(older_note, *key);
  ASSERT_THAT(older, IsOk());
  const auto newest = OpenLogCheckpoint(Expunge({"log", "checkpoint"}).out, *key);
  ASSERT_THAT(newest, IsOk());
  EXPECT_GT(newest->tree_size, erasure.log_index());

  const Outcome consistency = Expunge({"log", "consistency", "--from", absl::StrCat(older->tree_size)});
  const auto proven = VerifyConsistencyFile(*older, consistency.out, *key);
  ASSERT_THAT(proven, IsOk()) << consistency.err;
  EXPECT_EQ(*proven, *newest);

  const std::string text = Expunge({"log", "entries"}).out;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), newest->tree_size) << text;
  EXPECT_THAT(lines[erasure.log_index()], HasSubstr(erasure.name())) << text;
  EXPECT_EQ(text.find(PersonName(4)), std::string::npos);
  EXPECT_EQ(Expunge({"log", "entries", "--from", "1", "--limit", "1"}).out, lines[1] + "\n");
  EXPECT_EQ(Expunge({"log", "entries", "--from", "1000"}).out, "no entries\n");

  // Whoever has all entries can compute the root.
  const auto all = ExpungeJson<v1::ListLogEntriesResponse>({"log", "entries"});
  MerkleFrontier frontier;
  for (const v1::LogEntry& entry : all.entries()) {
    frontier.Append(LeafHash(entry.data()), [](const MerkleNode&, const Digest&) {});
  }
  EXPECT_EQ(frontier.Root(), newest->root);
}

TEST_F(CertificateTest, AWatchNoticesADataDirectoryThatWasPutBack) {
  MakeTrained(StripesModel("m", 2, 2), 30);
  ASSERT_EQ(server_.Terminate(), 0);
  const std::string old_copy = files_.PathOf("old");
  std::filesystem::copy(server_.data_dir(), old_copy, std::filesystem::copy_options::recursive);
  ASSERT_THAT(server_.Start(), IsOk());
  ForgetAndWait(PersonName(4));
  EXPECT_THAT(Look().out, HasSubstr("(first look)"));
  EXPECT_THAT(Look().out, HasSubstr("(as before)"));
  const std::string state = ReadWholeFile(files_.PathOf("log.state"));

  // All of it, the log's key and its newest checkpoint too: the server has nothing left to notice it by.
  ASSERT_EQ(server_.Terminate(), 0);
  std::filesystem::remove_all(server_.data_dir());
  std::filesystem::copy(old_copy, server_.data_dir(), std::filesystem::copy_options::recursive);
  ASSERT_THAT(server_.Start(), IsOk());
  const Outcome rolled_back = Look();
  EXPECT_EQ(rolled_back.status, 3);
  EXPECT_THAT(rolled_back.err, HasSubstr("LOG_ROLLED_BACK"));
  ForgetAndWait(PersonName(5));
  ForgetAndWait(PersonName(6));
  const Outcome rewritten = Look();
  EXPECT_EQ(rewritten.status, 3);
  EXPECT_THAT(rewritten.err, HasSubstr("LOG_REWRITTEN"));
  EXPECT_THAT(rewritten.out, HasSubstr("--- what the server answers now:\n" + Expunge({"log", "checkpoint"}).out));
  EXPECT_EQ(ReadWholeFile(files_.PathOf("log.state")), state);
}

TEST_F(CertificateTest, AWatchEndsWhenAskedTo) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string directory = files_.PathOf(absl::StrCat("watch-", signal));
    std::filesystem::create_directory(directory);
    const std::string out = files_.PathOf(absl::StrCat("out-", signal));
    ChildProcess watch({.arguments = {kClientProgram, "--address", server_.address(), "log", "watch", "--state",
                                      directory + "/state", "--interval", "1h"},
                        .stdout_path = out});
    ASSERT_TRUE(WaitForText(out, "(first look)"));
    watch.Signal(signal);
    EXPECT_EQ(watch.Wait(absl::Seconds(60)), 128 + signal);
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) left.push_back(entry.path().filename());
    EXPECT_THAT(left, ElementsAre("state"));
  }
}

}  // namespace
}  // namespace expunge
