#include "base/digest.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

std::string Hex(const Digest& digest) { return ToHex(AsBytes(digest)); }

// HMAC as RFC 2104 writes it.
Digest ReferenceHmac(std::string key, const std::string& message) {
  if (key.size() > 64) key = std::string(AsBytes(Sha256(key)));
  key.resize(64);
  std::string inner = key;
  std::string outer = key;
  for (char& byte : inner) byte ^= 0x36;
  for (char& byte : outer) byte ^= 0x5c;
  return Sha256(outer + std::string(AsBytes(Sha256(inner + message))));
}

TEST(Sha256Test, GivesThePublishedValues) {  // FIPS 180-2, appendix B; the empty message: NIST's test vectors
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hex(Sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(KeyedHashTest, ReferenceGivesTheValuesOfRfc4231) {
  EXPECT_EQ(Hex(ReferenceHmac(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(ReferenceHmac("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(ReferenceHmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(KeyedHashTest, IsHmacOverPartsPrecededByTheirLengths) {
  using std::string_literals::operator""s;
  EXPECT_EQ(KeyedHash("key", {"ab", "", "c"}),
            ReferenceHmac("key", "\2\0\0\0\0\0\0\0ab\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0c"s));
  EXPECT_EQ(KeyedHash("key", {}), ReferenceHmac("key", ""));
  EXPECT_EQ(KeyedHash("", {"a"}), ReferenceHmac("", "\1\0\0\0\0\0\0\0a"s));
  EXPECT_EQ(KeyedHash({}, {{}}), ReferenceHmac("", "\0\0\0\0\0\0\0\0"s));
  EXPECT_EQ(KeyedHash(std::string(100, 'k'), {"a"}), ReferenceHmac(std::string(100, 'k'), "\1\0\0\0\0\0\0\0a"s));
}

TEST(KeyedHashTest, DifferentListsOfPartsAndKeysGiveDifferentValues) {
  std::set<Digest> seen;
  EXPECT_TRUE(seen.insert(KeyedHash("k", {})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("k", {""})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("k", {"", ""})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("k", {"ab"})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("k", {"a", "b"})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("k", {"b", "a"})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("k", {"ab", ""})).second);
  EXPECT_TRUE(seen.insert(KeyedHash("l", {"ab"})).second);
}

TEST(LittleEndianTest, PutsTheLowestByteFirst) {
  EXPECT_EQ(ToHex(LittleEndian(0)), "0000000000000000");
  EXPECT_EQ(ToHex(LittleEndian(0x0123456789abcdef)), "efcdab8967452301");
}

TEST(DigestFromBytesTest, TakesExactly32Bytes) {
  const Digest digest = Sha256("abc");
  EXPECT_EQ(*DigestFromBytes(AsBytes(digest)), digest);
  for (size_t size : {0, 31, 33}) {
    EXPECT_EQ(DigestFromBytes(std::string(size, 'x')).status().code(), absl::StatusCode::kInternal) << size;
  }
}

TEST(DigestBuilderTest, HashesItsDocumentedEncoding) {
  const std::string bytes = LittleEndian(6) + "domain" + LittleEndian(7) + LittleEndian(2) + "ab" + "fixed";
  EXPECT_EQ(DigestBuilder("domain").AddInt(7).AddBytes("ab").AddFixed("fixed").Finish(), Sha256(bytes));
}

TEST(DigestBuilderTest, DifferentFieldsGiveDifferentValues) {
  std::set<Digest> seen;
  EXPECT_TRUE(seen.insert(DigestBuilder("").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddBytes("").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddBytes("").AddBytes("").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddBytes("ab").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddBytes("a").AddBytes("b").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("da").AddBytes("b").Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddInt(1).AddInt(0).Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddInt(0).AddInt(1).Finish()).second);
  EXPECT_TRUE(seen.insert(DigestBuilder("d").AddInt(256).Finish()).second);
}

TEST(DigestBuilderTest, StreamingInPiecesEqualsHashingAtOnce) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string all = LittleEndian(1) + "d";
    DigestBuilder builder("d");
    for (uint64_t pieces = random() % 20; pieces > 0; --pieces) {
      std::string piece(random() % 200, '\0');
      for (char& byte : piece) byte = static_cast<char>(random());
      builder.AddFixed(piece);
      all += piece;
    }
    ASSERT_EQ(builder.Finish(), Sha256(all));
  }
}

}  // namespace
}  // namespace expunge
