#include "proof/log_checkpoint.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proof/text_codec.h"
#include "tests/proof/flips.h"
#include "tests/proof/test_keys.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "LOG_CHECKPOINT_MALFORMED");

// The example of c2sp.org/tlog-checkpoint.
constexpr char kPublished[] = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

LogCheckpoint Sample() { return {.origin = "log.example", .tree_size = 7, .root = Sha256("root")}; }

TEST(LogCheckpointTest, ReadsThePublishedExample) {
  const LogCheckpoint checkpoint = ParseLogCheckpoint(kPublished).value();
  EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint.tree_size, 20852163);
  EXPECT_EQ(EncodeBase64(AsBytes(checkpoint.root)), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
  EXPECT_EQ(FormatLogCheckpoint(checkpoint), kPublished);
}

TEST(LogCheckpointTest, PassesOverFurtherLines) {
  EXPECT_EQ(ParseLogCheckpoint(FormatLogCheckpoint(Sample()) + "something else\n").value(), Sample());
}

TEST(LogCheckpointTest, RefusesAnotherForm) {
  const std::string root = EncodeBase64(AsBytes(Sample().root));
  for (const std::string& text :
       {std::string(), std::string("log\n7\n"), absl::StrCat("\n7\n", root, "\n"),
        absl::StrCat("log\n07\n", root, "\n"), absl::StrCat("log\n-7\n", root, "\n"), absl::StrCat("log\n7\n", root),
        absl::StrCat("log\n7\n", root, " \n"), std::string("log\n7\nAAAA\n"), absl::StrCat("log\n7\n", root, "\n\n"),
        absl::StrCat("log\n7\n", root, "\nmore"), absl::StrCat("log\n18446744073709551616\n", root, "\n")}) {
    EXPECT_THAT(ParseLogCheckpoint(text), kMalformed) << text;
  }
}

TEST(LogCheckpointTest, IsSignedByTheKeyOfItsOrigin) {
  const SigningKey key = KeyOfSeed(std::string(32, 'k'));
  const std::string note = SignLogCheckpoint(Sample(), key).value();
  const VerifierKey verifier = MakeVerifierKey("log.example", key.public_key());
  EXPECT_EQ(OpenLogCheckpoint(note, verifier).value(), Sample());
  ForEachBitFlip(note, [&](const std::string& flipped, size_t bit) {
    EXPECT_FALSE(OpenLogCheckpoint(flipped, verifier).ok()) << bit;
  });
}

TEST(LogCheckpointTest, RefusesThatOfAnotherLog) {
  const SigningKey key = KeyOfSeed(std::string(32, 'k'));
  const VerifierKey verifier = MakeVerifierKey("log.example", key.public_key());
  LogCheckpoint other = Sample();
  other.origin = "another.example";
  const std::string note = SignNote(FormatLogCheckpoint(other), "log.example", key).value();
  EXPECT_THAT(OpenLogCheckpoint(note, verifier), Fails(absl::StatusCode::kFailedPrecondition, "LOG_ORIGIN_WRONG"));
  EXPECT_THAT(OpenLogCheckpoint(SignLogCheckpoint(other, key).value(), verifier),
              Fails(absl::StatusCode::kFailedPrecondition, "NOTE_KEY_UNKNOWN"));
  EXPECT_THAT(OpenLogCheckpoint(SignNote("text\n", "log.example", key).value(), verifier), kMalformed);
}

TEST(LogCheckpointTest, AnOriginIsAKeysName) {
  const SigningKey key = SigningKey::Generate();
  LogCheckpoint checkpoint = Sample();
  checkpoint.origin = "two\nlines";
  EXPECT_THAT(SignLogCheckpoint(checkpoint, key), Fails(absl::StatusCode::kInvalidArgument, "KEY_NAME"));
}

}  // namespace
}  // namespace expunge
