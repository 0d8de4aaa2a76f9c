#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proof/consistency_file.h"
#include "proof/dsse.h"
#include "proof/ed25519.h"
#include "proof/log_checkpoint.h"
#include "proof/log_event.h"
#include "proof/signed_note.h"
#include "proof/statement.h"
#include "proof/tlog_proof.h"
#include "proof/verify.h"
#include "tests/proof/sample_certificate.h"

namespace expunge {
namespace {

// Whatever bytes a parser is given, it comes back; and what it takes, it would write the same.

class Mutator {
 public:
  // A few changes of `text`, such as damage and attackers make.
  std::string operator()(std::string text) {
    for (size_t changes = 1 + random_() % 4; changes > 0; --changes) Change(&text);
    return text;
  }

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void Change(std::string* text) {
    const size_t at = Below(text->size());
    const size_t length = Below(std::min<size_t>(text->size() - at, 40));
    switch (random_() % 6) {
      case 0:
        if (!text->empty()) (*text)[at] = static_cast<char>(random_());
        break;
      case 1:
        text->erase(at, length);
        break;
      case 2:
        text->insert(at, text->substr(Below(text->size()), length));
        break;
      case 3:
        text->resize(at);
        break;
      case 4:
        text->insert(at, kTokens[random_() % std::size(kTokens)]);
        break;
      default:
        text->replace(at, length, std::string(length, "\n\0{[\"9=+"[random_() % 8]));
    }
  }

  static constexpr const char* kTokens[] = {"\n",   "\n\n", "{",     "}",       "[", "\"",
                                            "null", "-1",   "1e999", "\u2014 ", "+", "\\ud800"};

  std::mt19937 random_{20261123};
};

struct Parser {
  const char* name;
  std::function<std::string()> seed;
  // What it writes for what it took; nothing when it refused.
  std::function<std::optional<std::string>(const std::string&)> again;
  int mutations = 20'000;
};

template <typename T>
std::optional<std::string> Again(const absl::StatusOr<T>& parsed, std::string (*format)(const T&)) {
  if (!parsed.ok()) return std::nullopt;
  return format(*parsed);
}

const VerifierKey& Key() {
  static const auto& key = *new VerifierKey(ParseVerifierKey(SampleLog().VerifierKeyText()).value());
  return key;
}

const SampleFiles& Files() {
  static const auto& files = *new SampleFiles();
  return files;
}

class RandomBytesTest : public testing::TestWithParam<Parser> {
 protected:
  void Try(const std::string& bytes) {
    const std::optional<std::string> again = GetParam().again(bytes);
    ASSERT_EQ(again.value_or(bytes), bytes);
  }
};

TEST_P(RandomBytesTest, AreRefusedOrUnderstoodWhole) {
  const std::string seed = GetParam().seed();
  Try(seed);
  Mutator mutate;
  for (int i = 0; i < GetParam().mutations; ++i) Try(mutate(seed));
  std::mt19937 random(1);
  for (int i = 0; i < GetParam().mutations / 4; ++i) {
    std::string noise(random() % 200, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    Try(noise);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , RandomBytesTest,
    testing::Values(
        Parser{"VerifierKey", [] { return FormatVerifierKey(Key()); },
               [](const std::string& bytes) { return Again(ParseVerifierKey(bytes), FormatVerifierKey); }},
        Parser{"LogCheckpoint", [] { return FormatLogCheckpoint(SampleLog().Checkpoint(0)); },
               // Further lines are passed over.
               [](const std::string& bytes) -> std::optional<std::string> {
                 const auto again = Again(ParseLogCheckpoint(bytes), FormatLogCheckpoint);
                 if (again && bytes.starts_with(*again)) return bytes;
                 return again;
               }},
        Parser{"SignedNote", [] { return Files().known_checkpoint; },
               // Signatures by others are, too.
               [](const std::string& bytes) -> std::optional<std::string> {
                 const absl::StatusOr<std::string> text = OpenNote(bytes, Key());
                 if (!text.ok()) return std::nullopt;
                 EXPECT_TRUE(Files().known_checkpoint.starts_with(*text));
                 return bytes;
               }},
        Parser{"TlogProof", [] { return Files().tlog_proof; },
               [](const std::string& bytes) { return Again(ParseTlogProof(bytes), FormatTlogProof); }},
        Parser{"ConsistencyFile", [] { return Files().consistency; },
               [](const std::string& bytes) { return Again(ParseConsistencyFile(bytes), FormatConsistencyFile); }},
        Parser{"Statement", [] { return FormatStatement(SampleStatement()); },
               [](const std::string& bytes) { return Again(ParseStatement(bytes), FormatStatement); }},
        Parser{"LogEvent", [] { return FormatLogEvent(ModelTrained{.model = 3, .shards = {{.shard = 1}}}); },
               [](const std::string& bytes) { return Again(ParseLogEvent(bytes), FormatLogEvent); }},
        Parser{"Envelope", [] { return Files().envelope; },
               [](const std::string& bytes) -> std::optional<std::string> {
                 if (!OpenEnvelope(bytes, kStatementPayloadType, Key()).ok()) return std::nullopt;
                 return Files().envelope;
               }},
        Parser{"SigningKey", [] { return SampleLog().key().ToPem(); },
               // OpenSSL takes text before and behind, and other line breaks.
               [](const std::string& bytes) -> std::optional<std::string> {
                 (void)SigningKey::FromPem(bytes);
                 return std::nullopt;
               },
               1'000}),
    [](const auto& info) { return info.param.name; });

TEST(RandomFilesTest, VerifyNothing) {
  Mutator mutate;
  const SampleFiles& files = Files();
  for (int i = 0; i < 2'000; ++i) {
    const std::string envelope = mutate(files.envelope);
    const std::string tlog_proof = mutate(files.tlog_proof);
    const std::string known = mutate(files.known_checkpoint);
    const std::string consistency = mutate(files.consistency);
    const Verification verification = VerifyCertificate({.envelope = envelope,
                                                         .tlog_proof = tlog_proof,
                                                         .verifier_key = files.verifier_key,
                                                         .known_checkpoint = known,
                                                         .consistency = consistency});
    EXPECT_EQ(verification.ok(), false);
    EXPECT_FALSE(RenderVerification(verification).empty());
  }
}

}  // namespace
}  // namespace expunge
