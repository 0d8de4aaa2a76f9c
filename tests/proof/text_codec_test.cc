#include "proof/text_codec.h"

#include <string>

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(TextCodecTest, Base64HasOneSpelling) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("aGVsbG8="), "hello");
  EXPECT_EQ(DecodeBase64("//4+"), "\xff\xfe\x3e");
  // Without padding, with stray bits, spaces, the other alphabet, more padding, something behind.
  for (const char* text :
       {"aGVsbG8", "aGVsbG9=", "aGVs bG8=", "aGVsbG8=\n", "__4-", "aGVsbG8==", "aGVsbG8=x", "=", "a"}) {
    EXPECT_FALSE(DecodeBase64(text)) << text;
  }
}

TEST(TextCodecTest, HexIsLowerCaseAndEven) {
  EXPECT_EQ(DecodeHex("00ff7a"), std::string("\0\xff\x7a", 3));
  for (const char* text : {"0", "0F", "zz", " 0", "0x"}) EXPECT_FALSE(DecodeHex(text)) << text;
}

TEST(TextCodecTest, DigestsHave32Bytes) {
  const Digest digest = Sha256("x");
  EXPECT_EQ(DigestFromHex(ToHex(AsBytes(digest))), digest);
  EXPECT_EQ(DigestFromBase64(EncodeBase64(AsBytes(digest))), digest);
  EXPECT_FALSE(DigestFromHex("00"));
  EXPECT_FALSE(DigestFromBase64("AAAA"));
}

TEST(TextCodecTest, DecimalsHaveNoSignAndNoLeadingZeros) {
  EXPECT_EQ(ParseDecimal("0"), 0);
  EXPECT_EQ(ParseDecimal("109482"), 109482);
  EXPECT_EQ(ParseDecimal("18446744073709551615"), 18446744073709551615u);
  for (const char* text :
       {"", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "99999999999999999999"}) {
    EXPECT_FALSE(ParseDecimal(text)) << text;
  }
}

TEST(TextCodecTest, KnowsUtf8) {
  for (const char* text : {"", "plain", "\u00e9\u2014\U0001F600", "\ud7ff\ue000", "\U0010FFFF"})
    EXPECT_TRUE(IsUtf8(text));
  for (const char* text : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                           "\xf4\x90\x80\x80", "\xff", "a\xe2\x80"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

TEST(TextCodecTest, NoteTextHasNoControlCharactersButNewline) {
  EXPECT_TRUE(IsNoteText("two\nlines\n"));
  for (const std::string& text :
       {std::string("a\tb"), std::string("a\r\n"), std::string("a\0b", 3), std::string("\x1f")}) {
    EXPECT_FALSE(IsNoteText(text));
  }
}

TEST(TextCodecTest, KeyNamesHaveNoSpacesAndNoPlus) {
  EXPECT_TRUE(IsKeyName("expunge.example/log"));
  EXPECT_TRUE(IsKeyName("\u00fcber"));
  for (const char* name : {"", "a b", "a+b", "a\nb", "a\tb", "a\u00a0b", "\u3000", "a\u2028", "\x85", "a\u0085"}) {
    EXPECT_FALSE(IsKeyName(name)) << name;
  }
}

TEST(LineReaderTest, TakesLinesThatEndInNewlines) {
  LineReader lines("one\n\ntwo words\nrest");
  EXPECT_EQ(lines.Next(), "one");
  EXPECT_EQ(lines.Next(), "");
  EXPECT_FALSE(lines.NextAfter("three "));
  EXPECT_EQ(lines.NextAfter("two "), "words");
  EXPECT_EQ(lines.rest(), "rest");
  EXPECT_FALSE(lines.Next());
  EXPECT_FALSE(lines.NextAfter("re"));
}

}  // namespace
}  // namespace expunge
