#include "proof/dsse.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "proof/text_codec.h"
#include "tests/proof/flips.h"
#include "tests/proof/test_keys.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

constexpr char kType[] = "http://example.com/HelloWorld";
constexpr char kName[] = "log.example";

const auto kMalformed = Fails(absl::StatusCode::kInvalidArgument, "ENVELOPE_MALFORMED");
const auto kNotCanonical = Fails(absl::StatusCode::kFailedPrecondition, "ENVELOPE_NOT_CANONICAL");
const auto kTypeWrong = Fails(absl::StatusCode::kFailedPrecondition, "ENVELOPE_TYPE_WRONG");
const auto kKeyUnknown = Fails(absl::StatusCode::kFailedPrecondition, "ENVELOPE_KEY_UNKNOWN");
const auto kSignatureWrong = Fails(absl::StatusCode::kFailedPrecondition, "ENVELOPE_SIGNATURE_WRONG");

class DsseTest : public testing::Test {
 protected:
  std::string Sign(const std::string& payload) { return SignEnvelope(payload, kType, kName, key_).value(); }
  absl::StatusOr<std::string> Open(const std::string& envelope) { return OpenEnvelope(envelope, kType, verifier_); }

  const SigningKey key_ = KeyOfSeed(std::string(32, 'd'));
  const VerifierKey verifier_ = MakeVerifierKey(kName, key_.public_key());
};

// The example of the specification.
TEST_F(DsseTest, EncodesWhatIsSignedAsTheSpecificationDoes) {
  EXPECT_EQ(PreAuthenticationEncoding(kType, "hello world"), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(PreAuthenticationEncoding("", ""), "DSSEv1 0  0 ");
  EXPECT_EQ(PreAuthenticationEncoding("t", "\u00e9"), "DSSEv1 1 t 2 \u00e9");
}

TEST_F(DsseTest, HasTheMembersOfTheSpecification) {
  const Ed25519Signature signature = key_.Sign("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(Sign("hello world"),
            absl::StrCat(R"({"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld","signatures":)",
                         R"([{"keyid":")", EnvelopeKeyId(verifier_), R"(","sig":")", EncodeBase64(AsBytes(signature)),
                         R"("}]})"));
  EXPECT_EQ(EnvelopeKeyId(verifier_), FormatVerifierKey(verifier_).substr(0, EnvelopeKeyId(verifier_).size()));
}

TEST_F(DsseTest, OpensWhatItSigned) {
  for (const std::string& payload : {std::string(), std::string("x"), std::string("\0\xff\n", 3)}) {
    EXPECT_EQ(Open(Sign(payload)).value(), payload);
  }
}

TEST_F(DsseTest, RefusesEveryFlippedBit) {
  ForEachBitFlip(Sign("hello world"),
                 [this](const std::string& flipped, size_t bit) { EXPECT_FALSE(Open(flipped).ok()) << bit; });
}

TEST_F(DsseTest, SaysWhatIsWrong) {
  const std::string envelope = Sign("hello world");
  EXPECT_THAT(OpenEnvelope(envelope, "another type", verifier_), kTypeWrong);
  EXPECT_THAT(OpenEnvelope(envelope, kType, MakeVerifierKey("other.example", key_.public_key())), kKeyUnknown);
  EXPECT_THAT(OpenEnvelope(envelope, kType, MakeVerifierKey(kName, SigningKey::Generate().public_key())), kKeyUnknown);
  EXPECT_THAT(Open(absl::StrReplaceAll(envelope, {{"aGVsbG8g", "aGVsbG9g"}})), kSignatureWrong);
  EXPECT_THAT(Open(SignEnvelope("hello world", kType, "other.example", key_).value()), kKeyUnknown);
}

TEST_F(DsseTest, RefusesWhatMeansTheSameInOtherBytes) {
  const std::string envelope = Sign("hello world");
  for (const std::string& other :
       {envelope + "\n", " " + envelope, absl::StrReplaceAll(envelope, {{"{\"payload\"", "{ \"payload\""}}),
        absl::StrReplaceAll(envelope, {{"\"payloadType\"", "\"more\":1,\"payloadType\""}}),
        absl::StrReplaceAll(envelope, {{"\"payloadType\"", "\"payload\":\"aGVsbG8gd29ybGQ=\",\"payloadType\""}}),
        absl::StrReplaceAll(envelope, {{"hello", "hello"}, {"HelloWorld", "\\u0048elloWorld"}}),
        absl::StrReplaceAll(envelope, {{"}]}", ",\"cert\":\"\"}]}"}})}) {
    EXPECT_THAT(Open(other), kNotCanonical) << other;
  }
}

TEST_F(DsseTest, RefusesWhatIsNoEnvelope) {
  for (const char* text :
       {"", "{", "[]", "1", "null", "{}", R"({"payload":"","payloadType":""})",
        R"({"payload":"","payloadType":"","signatures":[]})", R"({"payload":"","payloadType":"","signatures":{}})",
        R"({"payload":"","payloadType":"","signatures":[1]})", R"({"payload":1,"payloadType":"","signatures":[{}]})",
        R"({"payload":"","payloadType":"","signatures":[{"keyid":"","sig":"A"}]})",
        R"({"payload":"!","payloadType":"","signatures":[{"keyid":"","sig":""}]})",
        R"({"payload":"","payloadType":"","signatures":[{"keyid":"","sig":""},{"keyid":"","sig":""}]})"}) {
    EXPECT_THAT(Open(text), kMalformed) << text;
  }
  EXPECT_THAT(Open(std::string(1 << 20, '[')), kMalformed);
  EXPECT_THAT(Open(std::string(65 << 20, ' ')), kMalformed);
  EXPECT_THAT(Open("\xff"), kMalformed);
}

TEST_F(DsseTest, DoesNotSignInANameThatIsNone) {
  EXPECT_THAT(SignEnvelope("", kType, "a b", key_), Fails(absl::StatusCode::kInvalidArgument, "KEY_NAME"));
}

}  // namespace
}  // namespace expunge
