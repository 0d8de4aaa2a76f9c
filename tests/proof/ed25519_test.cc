#include "proof/ed25519.h"

#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/proof/flips.h"
#include "tests/proof/test_keys.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const auto kWrong = Fails(absl::StatusCode::kFailedPrecondition, "SIGNING_KEY_WRONG");

// openssl genpkey -algorithm ed25519 -aes-256-cbc -pass pass:secret
constexpr char kEncryptedPem[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh9O3in0yRJKwICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOm5nuxRgbhsxLesYQ6cDvcEQIrm\n"
    "M6zH/Zz9uo/yNvKEdkFRAxy+Uz5U1LsbOQJ9IvaI/SYxKKMxEFECX5EimaMqX2q0\n"
    "E5x0S3/KyBK84uXLI8s=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

// RFC 8032, section 7.1.
struct Vector {
  const char* secret;
  const char* public_key;
  const char* message;
  const char* signature;
};
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c00"},
};

TEST(SigningKeyTest, SignsAsTheRfcsVectorsDo) {
  for (const Vector& vector : kVectors) {
    const SigningKey key = KeyOfSeed(absl::HexStringToBytes(vector.secret));
    const std::string message = absl::HexStringToBytes(vector.message);
    EXPECT_EQ(ToHex(AsBytes(key.public_key())), vector.public_key);
    EXPECT_EQ(ToHex(AsBytes(key.Sign(message))), vector.signature);
    EXPECT_TRUE(VerifyEd25519(key.public_key(), message, absl::HexStringToBytes(vector.signature)));
  }
}

TEST(SigningKeyTest, SurvivesItsPem) {
  const SigningKey key = SigningKey::Generate();
  const std::string pem = key.ToPem();
  EXPECT_THAT(pem, StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_THAT(pem, HasSubstr("-----END PRIVATE KEY-----\n"));
  const SigningKey again = SigningKey::FromPem(pem).value();
  EXPECT_EQ(again.public_key(), key.public_key());
  EXPECT_EQ(again.Sign("message"), key.Sign("message"));
  EXPECT_EQ(again.ToPem(), pem);
}

TEST(SigningKeyTest, EachGeneratedOneIsAnother) {
  EXPECT_NE(SigningKey::Generate().public_key(), SigningKey::Generate().public_key());
}

TEST(SigningKeyTest, IsMovedAndNotCopied) {
  static_assert(!std::is_copy_constructible_v<SigningKey> && !std::is_copy_assignable_v<SigningKey>);
  SigningKey key = SigningKey::Generate();
  const Ed25519Signature signature = key.Sign("message");
  SigningKey moved = std::move(key);
  EXPECT_EQ(moved.Sign("message"), signature);
}

TEST(SigningKeyTest, RefusesWhatIsNotAnUnencryptedEd25519Key) {
  EXPECT_THAT(SigningKey::FromPem(""), kWrong);
  EXPECT_THAT(SigningKey::FromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), kWrong);
  EXPECT_THAT(SigningKey::FromPem(SigningKey::Generate().ToPem().substr(0, 60)), kWrong);
  EXPECT_THAT(SigningKey::FromPem(std::string(1 << 20, 'x')), kWrong);
  EXPECT_THAT(SigningKey::FromPem(kEncryptedPem), kWrong);
  // openssl genpkey -algorithm x25519
  EXPECT_THAT(SigningKey::FromPem("-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VuBCIEIAioDeRCdxpAXqLKmmyBA/2YvzFZZxrIHlyrTQOXTaV0\n"
                                  "-----END PRIVATE KEY-----\n"),
              kWrong);
}

TEST(VerifyEd25519Test, RefusesEveryFlippedBit) {
  const SigningKey key = KeyOfSeed(std::string(32, 's'));
  const std::string signature(AsBytes(key.Sign("message")));
  ASSERT_TRUE(VerifyEd25519(key.public_key(), "message", signature));
  ForEachBitFlip(signature, [&](const std::string& flipped, size_t bit) {
    EXPECT_FALSE(VerifyEd25519(key.public_key(), "message", flipped)) << bit;
  });
  ForEachBitFlip("message", [&](const std::string& flipped, size_t bit) {
    EXPECT_FALSE(VerifyEd25519(key.public_key(), flipped, signature)) << bit;
  });
  ForEachBitFlip(std::string(AsBytes(key.public_key())), [&](const std::string& flipped, size_t bit) {
    EXPECT_FALSE(VerifyEd25519(*DigestFromBytes(flipped), "message", signature)) << bit;
  });
}

TEST(VerifyEd25519Test, RefusesASignatureOfAnotherLength) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature(AsBytes(key.Sign("message")));
  EXPECT_FALSE(VerifyEd25519(key.public_key(), "message", ""));
  EXPECT_FALSE(VerifyEd25519(key.public_key(), "message", signature.substr(1)));
  EXPECT_FALSE(VerifyEd25519(key.public_key(), "message", signature + "x"));
}

}  // namespace
}  // namespace expunge
