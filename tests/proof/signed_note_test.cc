#include "proof/signed_note.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "proof/text_codec.h"
#include "tests/proof/flips.h"
#include "tests/proof/test_keys.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "NOTE_MALFORMED");
const auto kKeyMalformed = Fails(absl::StatusCode::kInvalidArgument, "VERIFIER_KEY_MALFORMED");
const auto kUnknown = Fails(absl::StatusCode::kFailedPrecondition, "NOTE_KEY_UNKNOWN");
const auto kWrong = Fails(absl::StatusCode::kFailedPrecondition, "NOTE_SIGNATURE_WRONG");

// The example of Go's golang.org/x/mod/sumdb/note, the format's first implementation.
constexpr char kGoName[] = "PeterNeumann";
constexpr char kGoVerifierKey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kGoSecret[] = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";  // behind a type byte
constexpr char kGoText[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr char kGoSignatures[] =
    "\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

SigningKey GoKey() { return KeyOfSeed(DecodeBase64(kGoSecret)->substr(1)); }
std::string GoNote() { return absl::StrCat(kGoText, kGoSignatures); }

struct Signer {
  explicit Signer(std::string its_name) : name(std::move(its_name)), key(SigningKey::Generate()) {}

  VerifierKey verifier() const { return MakeVerifierKey(name, key.public_key()); }
  std::string Sign(const std::string& text) const { return SignNote(text, name, key).value(); }
  // Its signature line of a note with this text.
  std::string Line(const std::string& text) const { return Sign(text).substr(text.size() + 1); }

  std::string name;
  SigningKey key;
};

TEST(SignedNoteTest, SignsAsGoDoes) {
  EXPECT_EQ(SignNote(kGoText, kGoName, GoKey()).value(), GoNote());
  EXPECT_EQ(FormatVerifierKey(MakeVerifierKey(kGoName, GoKey().public_key())), kGoVerifierKey);
}

TEST(SignedNoteTest, OpensWhatGoSigned) {
  EXPECT_EQ(OpenNote(GoNote(), ParseVerifierKey(kGoVerifierKey).value()).value(), kGoText);
}

TEST(SignedNoteTest, RefusesEveryFlippedBitOfANote) {
  const VerifierKey key = ParseVerifierKey(kGoVerifierKey).value();
  ForEachBitFlip(GoNote(),
                 [&key](const std::string& flipped, size_t bit) { EXPECT_FALSE(OpenNote(flipped, key).ok()) << bit; });
}

TEST(SignedNoteTest, ATextMayHaveEmptyLines) {
  const Signer signer("log.example");
  for (const char* text : {"\n", "a\n", "\na\n", "a\n\nb\n", "a\n\n", "a\n\n\u2014 b c\n"}) {
    EXPECT_EQ(OpenNote(signer.Sign(text), signer.verifier()).value(), text);
  }
}

TEST(SignedNoteTest, IgnoresSignaturesByOthers) {
  const Signer ours("log.example");
  const Signer same_name("log.example");
  const Signer witness("witness.example");
  const std::string note =
      absl::StrCat("text\n\n", witness.Line("text\n"), same_name.Line("other\n"), ours.Line("text\n"));
  EXPECT_EQ(OpenNote(note, ours.verifier()).value(), "text\n");
  EXPECT_THAT(OpenNote(note, same_name.verifier()), kWrong);
  EXPECT_THAT(OpenNote(note, Signer("log.example").verifier()), kUnknown);
}

TEST(SignedNoteTest, OneWrongSignatureByTheKeyIsOneTooMany) {
  const Signer ours("log.example");
  const std::string right = ours.Line("text\n");
  const std::string wrong = ours.Line("another text\n");
  EXPECT_EQ(OpenNote(absl::StrCat("text\n\n", right, right), ours.verifier()).value(), "text\n");
  EXPECT_THAT(OpenNote(absl::StrCat("text\n\n", right, wrong), ours.verifier()), kWrong);
  EXPECT_THAT(OpenNote(absl::StrCat("text\n\n", wrong, right), ours.verifier()), kWrong);
}

TEST(SignedNoteTest, RefusesMalformedNotes) {
  const Signer ours("log.example");
  const VerifierKey key = ours.verifier();
  const std::string line = ours.Line("text\n");
  for (const std::string& note :
       {std::string(), std::string("\n"), std::string("text\n"), std::string("text\n\n"), "text\n" + line,
        "text\n\n" + line + "\n", "text\n\n" + line.substr(0, line.size() - 1), "text\n\n" + line + "garbage\n",
        "text\n\n" + line + "- log.example AAAAAAAA\n", "text\n\n" + line + "\u2014 log.example\n",
        "text\n\n" + line + "\u2014  AAAAAAAA\n", "text\n\n" + line + "\u2014 log.example AAAA AAAA\n",
        "text\n\n" + line + "\u2014 a+b AAAAAAAA\n", "text\n\n" + line + "\u2014 log.example AAAAAA\n",
        "text\n\n" + line + "\u2014 log.example AAAAAA==\n", "te\tt\n\n" + line, "te\xff\n\n" + line}) {
    EXPECT_THAT(OpenNote(note, key), kMalformed) << absl::CEscape(note);
  }
}

TEST(SignedNoteTest, RefusesNotesOverTheLimits) {
  const Signer ours("log.example");
  std::string note = "text\n\n" + ours.Line("text\n");
  for (size_t i = 1; i < kMaxNoteSignatures; ++i) note += "\u2014 other AAAAAAAA\n";
  EXPECT_THAT(OpenNote(note, ours.verifier()), IsOk());
  EXPECT_THAT(OpenNote(note + "\u2014 other AAAAAAAA\n", ours.verifier()), kMalformed);
  EXPECT_THAT(OpenNote(ours.Sign(std::string(kMaxNoteBytes, 'x') + "\n"), ours.verifier()), kMalformed);
}

TEST(SignedNoteTest, DoesNotSignWhatCouldNotBeOpened) {
  const SigningKey key = SigningKey::Generate();
  for (const char* text : {"", "no newline", "tab\t\n", "\xff\n"}) {
    EXPECT_THAT(SignNote(text, "log.example", key), kMalformed);
  }
  EXPECT_THAT(SignNote("text\n", "log example", key), Fails(absl::StatusCode::kInvalidArgument, "KEY_NAME"));
}

TEST(VerifierKeyTest, SurvivesItsText) {
  const VerifierKey key = Signer("log.example/7").verifier();
  EXPECT_EQ(ParseVerifierKey(FormatVerifierKey(key)).value(), key);
}

TEST(VerifierKeyTest, RefusesEveryFlippedBit) {
  ForEachBitFlip(kGoVerifierKey, [](const std::string& flipped, size_t bit) {
    EXPECT_THAT(ParseVerifierKey(flipped), kKeyMalformed) << bit;
  });
}

TEST(VerifierKeyTest, RefusesEveryPartAndMore) {
  const std::string key = kGoVerifierKey;
  for (size_t begin = 0; begin < key.size(); ++begin) {
    for (size_t length = 0; begin + length < key.size(); ++length) {
      EXPECT_THAT(ParseVerifierKey(key.substr(begin, length)), kKeyMalformed);
    }
    EXPECT_THAT(ParseVerifierKey(key.substr(begin + 1)), kKeyMalformed);
  }
  EXPECT_THAT(ParseVerifierKey(key + "\n"), kKeyMalformed);
  EXPECT_THAT(ParseVerifierKey(absl::StrReplaceAll(key, {{"c74f20a3", "C74F20A3"}})), kKeyMalformed);
}

}  // namespace
}  // namespace expunge
