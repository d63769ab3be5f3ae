#include "packager/error/printable.h"

#include <gtest/gtest.h>

#include "packager/error/error.h"

namespace pirn {
namespace {

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("plain, naïve, 日本語, ✓, 😀"), "plain, naïve, 日本語, ✓, 😀");
  EXPECT_EQ(printable("C:\\x1b"), "C:\\x1b");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, WritesControlsOut) {
  EXPECT_EQ(printable("\x1b[2J\x07\x7f"), "\\x1b[2J\\x07\\x7f");
  EXPECT_EQ(printable("a\rb\nc\td"), "a\\rb\\nc\\td");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\xc2\x80\xc2\x9b\xc2\x9f"), "\\u0080\\u009b\\u009f");
  EXPECT_EQ(printable("\xc2\xa0"), "\xc2\xa0");
}

TEST(Printable, KeepsLineFeedsAndTabsAsLayoutOnly) {
  EXPECT_EQ(printable("a\nb\tc\rd\x1b", Lines::many), "a\nb\tc\\rd\\x1b");
}

TEST(Printable, WritesOutWhatTurnsOrHidesText) {
  EXPECT_EQ(printable("\u202e\u2066\u2069\u200e\u200f\u061c"), "\\u202e\\u2066\\u2069\\u200e\\u200f\\u061c");
  EXPECT_EQ(printable("\u200b\u200d\u2028\u2029\u2060\ufeff"), "\\u200b\\u200d\\u2028\\u2029\\u2060\\ufeff");
  EXPECT_EQ(printable("\U000e0041\U000e0100\U000e01ef"), "\\U000e0041\\U000e0100\\U000e01ef");
  EXPECT_EQ(printable("\u00ad\u034f\u115f\u1160\u180e\u206f\u3164\uffa0\ufff9"),
            "\\u00ad\\u034f\\u115f\\u1160\\u180e\\u206f\\u3164\\uffa0\\ufff9");
  EXPECT_EQ(printable("\u00ae\u1161\u3163\U000e01f0"), "\u00ae\u1161\u3163\U000e01f0");
}

TEST(Printable, WritesOutBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\x9b"
                      "b\xff"),
            "a\\x9bb\\xff");
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");                    // overlong ESC
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xe2\x80"), "\\xe2\\x80");                    // cut off
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
}

TEST(Printable, IsItsOwnFixedPoint) {
  const std::string once = printable("\x1b\xff\u202e\n");
  EXPECT_EQ(printable(once), once);
}

TEST(Printable, EscapesJsonAsJsonDoes) {
  EXPECT_EQ(printable_json("{\"a\":\"\x7f\xc2\x9b\u202e\U000e0001\xff\"}"),
            "{\"a\":\"\\u007f\\u009b\\u202e\\udb40\\udc01\\ufffd\"}");
  EXPECT_EQ(printable_json("{\"a\":\"\\u001b\"}\n"), "{\"a\":\"\\u001b\"}\n");
  EXPECT_EQ(printable_json("{\"é\":1}"), "{\"é\":1}");
  EXPECT_EQ(printable_json("[\r\x1b]"), "[  ]");
}

TEST(Printable, KnowsWhereWholeCharactersEnd) {
  EXPECT_EQ(whole_characters(""), 0u);
  EXPECT_EQ(whole_characters("abc"), 3u);
  EXPECT_EQ(whole_characters("ab\xe2"), 2u);
  EXPECT_EQ(whole_characters("ab\xe2\x80"), 2u);
  EXPECT_EQ(whole_characters("ab\xe2\x80\xae"), 5u);
  EXPECT_EQ(whole_characters("ab\xf0\x9f\x98"), 2u);
  EXPECT_EQ(whole_characters("ab\xff"), 3u);
  EXPECT_EQ(whole_characters("\x80\x80\x80\x80"), 4u);
}

TEST(Describe, WritesOutWhatStrangersWrote) {
  Error error{Code::not_found, "there is no step '\x1b[2J'\nsecond\rline", "try '\u202e'"};
  error.where = {"a\x1b.json", 7, 12, "\t\"af\x1bter\": \"é\", 1"};
  error.causes.push_back({Code::conflict, "cause\x9b"});
  const std::string text = describe(error);
  EXPECT_NE(text.find("no step '\\x1b[2J'\n    second\\rline\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  at a\\x1b.json:7:12\n"), std::string::npos) << text;
  EXPECT_NE(text.find("hint: try '\\u202e'"), std::string::npos) << text;
  EXPECT_NE(text.find("cause\\x9b"), std::string::npos) << text;
  for (const unsigned char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c != 0x7f)) << text;
}

// The caret stands below the character that the column counts to, however wide its line was made.
TEST(Describe, PutsTheCaretBelowItsCharacter) {
  Error error{Code::not_found, "x"};
  error.where = {"f", 3, 6, "\té\x1b\xff!X"};
  const std::string text = describe(error);
  EXPECT_NE(text.find("  3 | \\té\\x1b\\xff!X\n"
                      "    |             ^\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace pirn
