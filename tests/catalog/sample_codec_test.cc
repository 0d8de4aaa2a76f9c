#include "catalog/sample_codec.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

Pseudonym Subject(std::string_view name) { return Sha256(name); }
SampleKey Key(uint8_t first) { return {first, 2, 3}; }

class SampleCodecTest : public testing::Test {
 protected:
  const DataKey key_ = DataKey::Random();
  const std::string sealed_ = SealSample(key_, 1, Subject("a"), Key(1), "input", 3);
};

TEST_F(SampleCodecTest, OpensWhatWasSealed) {
  const auto sample = OpenSample(key_, 1, Subject("a"), Key(1), sealed_);
  ASSERT_THAT(sample, IsOk());
  EXPECT_EQ(sample->input(), "input");
  EXPECT_EQ(sample->label(), 3);
}

TEST_F(SampleCodecTest, HidesTheInput) { EXPECT_EQ(sealed_.find("input"), std::string::npos); }

TEST_F(SampleCodecTest, AnotherSubjectsKeyDoesNotOpenIt) {
  EXPECT_THAT(OpenSample(DataKey::Random(), 1, Subject("a"), Key(1), sealed_),
              Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
}

TEST_F(SampleCodecTest, DoesNotOpenInAnotherPlace) {
  const auto corrupt = Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT");
  EXPECT_THAT(OpenSample(key_, 2, Subject("a"), Key(1), sealed_), corrupt);
  EXPECT_THAT(OpenSample(key_, 1, Subject("b"), Key(1), sealed_), corrupt);
  EXPECT_THAT(OpenSample(key_, 1, Subject("a"), Key(2), sealed_), corrupt);
}

TEST_F(SampleCodecTest, DoesNotOpenWhenAnyByteWasChanged) {
  for (size_t i = 0; i < sealed_.size(); ++i) {
    std::string changed = sealed_;
    changed[i] ^= 1;
    EXPECT_THAT(OpenSample(key_, 1, Subject("a"), Key(1), changed),
                Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"))
        << i;
  }
}

TEST_F(SampleCodecTest, WhatIsSealedThereButIsNoSampleIsDataLoss) {
  // The context in which SealSample seals, as a sample's format says; \xff is no protobuf.
  std::string context = "sample" + std::string("\1\0\0\0", 4);
  context.append(AsBytes(Subject("a"))).append(AsBytes(Key(1)));
  EXPECT_THAT(OpenSample(key_, 1, Subject("a"), Key(1), key_.Seal(context, "\xff")),
              Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
}

TEST_F(SampleCodecTest, TheDigestCoversKeyInputLabelAndSubject) {
  const Digest digest = SampleDigest(key_, Key(1), "input", 3);
  EXPECT_EQ(SampleDigest(key_, Key(1), "input", 3), digest);
  EXPECT_NE(SampleDigest(key_, Key(2), "input", 3), digest);
  EXPECT_NE(SampleDigest(key_, Key(1), "inpuu", 3), digest);
  EXPECT_NE(SampleDigest(key_, Key(1), "input", 4), digest);
  EXPECT_NE(SampleDigest(DataKey::Random(), Key(1), "input", 3), digest);
}

}  // namespace
}  // namespace expunge
