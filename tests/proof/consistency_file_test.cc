#include "proof/consistency_file.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "proof/text_codec.h"
#include "tests/proof/flips.h"
#include "tests/proof/sample_certificate.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "CONSISTENCY_PROOF_MALFORMED");

class ConsistencyFileTest : public testing::Test {
 protected:
  ConsistencyFileTest() {
    log_.GrowTo(20);
    key_ = ParseVerifierKey(log_.VerifierKeyText()).value();
  }

  SampleLog log_;
  VerifierKey key_;
};

TEST_F(ConsistencyFileTest, HasTheFormOfTheHeader) {
  const ConsistencyFile file{.from = 3, .to = 20, .hashes = {Sha256("a")}, .checkpoint = "note\n"};
  const std::string text = FormatConsistencyFile(file);
  EXPECT_EQ(text, absl::StrCat("expunge consistency proof v1\nfrom 3\nto 20\n", EncodeBase64(AsBytes(Sha256("a"))),
                               "\n\nnote\n"));
  EXPECT_EQ(ParseConsistencyFile(text).value(), file);
}

TEST_F(ConsistencyFileTest, RefusesAnotherForm) {
  for (const char* text :
       {"", "expunge consistency proof v1\n", "expunge consistency proof v2\nfrom 1\nto 2\n\nn\n",
        "expunge consistency proof v1\nto 2\nfrom 1\n\nn\n", "expunge consistency proof v1\nfrom 01\nto 2\n\nn\n",
        "expunge consistency proof v1\nfrom 1\nto 2\nn\n", "expunge consistency proof v1\nfrom 1\nto 2\nAAAA\n\nn\n"}) {
    EXPECT_THAT(ParseConsistencyFile(text), kMalformed) << text;
  }
}

TEST_F(ConsistencyFileTest, LeadsFromEveryCheckpointToEveryLaterOne) {
  for (uint64_t to = 0; to <= 20; ++to) {
    for (uint64_t from = 0; from <= to; ++from) {
      EXPECT_EQ(VerifyConsistencyFile(log_.Checkpoint(from), log_.Consistency(from, to), key_).value(),
                log_.Checkpoint(to));
    }
  }
}

TEST_F(ConsistencyFileTest, RefusesALogThatWasRewritten) {
  SampleLog rewritten;
  rewritten.Append("another first entry");
  rewritten.GrowTo(20);
  EXPECT_THAT(VerifyConsistencyFile(log_.Checkpoint(7), rewritten.Consistency(7, 20), key_),
              Fails(absl::StatusCode::kFailedPrecondition, "PROOF_MISMATCH"));
  EXPECT_THAT(VerifyConsistencyFile(log_.Checkpoint(20), rewritten.Consistency(20, 20), key_),
              Fails(absl::StatusCode::kFailedPrecondition, "PROOF_MISMATCH"));
}

TEST_F(ConsistencyFileTest, RefusesAProofBetweenOtherSizes) {
  const auto other_sizes = Fails(absl::StatusCode::kFailedPrecondition, "CONSISTENCY_PROOF_SIZES");
  EXPECT_THAT(VerifyConsistencyFile(log_.Checkpoint(8), log_.Consistency(7, 20), key_), other_sizes);
  const std::string text = absl::StrReplaceAll(log_.Consistency(7, 20), {{"to 20\n", "to 19\n"}});
  EXPECT_THAT(VerifyConsistencyFile(log_.Checkpoint(7), text, key_), other_sizes);
}

TEST_F(ConsistencyFileTest, RefusesEveryFlippedBit) {
  ForEachBitFlip(log_.Consistency(7, 20), [this](const std::string& flipped, size_t bit) {
    EXPECT_FALSE(VerifyConsistencyFile(log_.Checkpoint(7), flipped, key_).ok()) << bit;
  });
}

}  // namespace
}  // namespace expunge
