#include "proof/tlog_proof.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proof/text_codec.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "TLOG_PROOF_MALFORMED");

constexpr char kHeader[] = "c2sp.org/tlog-proof@v1\n";

TlogProof Sample() {
  return {.index = 73894, .hashes = {Sha256("a"), Sha256("b")}, .checkpoint = "log\n109482\nroot\n\n\u2014 log sig\n"};
}

std::string Line(const std::string& data) { return EncodeBase64(AsBytes(Sha256(data))) + "\n"; }

TEST(TlogProofTest, HasTheFormOfTheSpecification) {
  EXPECT_EQ(FormatTlogProof(Sample()), absl::StrCat(kHeader, "index 73894\n", Line("a"), Line("b"), "\n",
                                                    "log\n109482\nroot\n\n\u2014 log sig\n"));
  TlogProof with_extra = Sample();
  with_extra.extra = "hello";
  EXPECT_EQ(FormatTlogProof(with_extra),
            absl::StrCat(kHeader, "extra aGVsbG8=\nindex 73894\n", Line("a"), Line("b"), "\n", with_extra.checkpoint));
}

TEST(TlogProofTest, SurvivesItsText) {
  TlogProof proof = Sample();
  EXPECT_EQ(ParseTlogProof(FormatTlogProof(proof)).value(), proof);
  proof.extra = std::string("\0\xff", 2);
  EXPECT_EQ(ParseTlogProof(FormatTlogProof(proof)).value(), proof);
  proof.hashes.clear();
  proof.index = 0;
  EXPECT_EQ(ParseTlogProof(FormatTlogProof(proof)).value(), proof);
}

TEST(TlogProofTest, HasAtMost63Hashes) {
  TlogProof proof = Sample();
  proof.hashes.assign(63, Sha256("h"));
  EXPECT_EQ(ParseTlogProof(FormatTlogProof(proof)).value(), proof);
  proof.hashes.assign(64, Sha256("h"));
  EXPECT_THAT(ParseTlogProof(FormatTlogProof(proof)), kMalformed);
  proof.hashes.clear();
  proof.checkpoint.assign(kMaxProofBytes, 'x');
  EXPECT_THAT(ParseTlogProof(FormatTlogProof(proof)), kMalformed);
}

TEST(TlogProofTest, RefusesAnotherForm) {
  for (const std::string& text :
       {std::string(), std::string("c2sp.org/tlog-proof@v1"), std::string("c2sp.org/tlog-proof@v2\nindex 0\n\nlog\n"),
        absl::StrCat(kHeader, "index 01\n\nlog\n"), absl::StrCat(kHeader, "index \n\nlog\n"),
        absl::StrCat(kHeader, "index -1\n\nlog\n"), absl::StrCat(kHeader, "index 0\nlog\n"),
        absl::StrCat(kHeader, "index 0\n", Line("a"), "log\n"), absl::StrCat(kHeader, "index 0\nAAAA\n\nlog\n"),
        absl::StrCat(kHeader, "index 0\nextra AAAA\n\nlog\n"), absl::StrCat(kHeader, "extra \nindex 0\n\nlog\n"),
        absl::StrCat(kHeader, "extra AAA\nindex 0\n\nlog\n"),
        absl::StrCat(kHeader, "extra AAAA\nextra AAAA\nindex 0\n\nlog\n"),
        absl::StrCat(kHeader, "\nindex 0\n\nlog\n")}) {
    EXPECT_THAT(ParseTlogProof(text), kMalformed) << text;
  }
}

}  // namespace
}  // namespace expunge
