#include "host/journal/value.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>

#include "tests/host/journal/generate.h"

namespace pirn::journal {
namespace {

std::string print(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

TEST(Value, HasOneTextForEachType) {
  EXPECT_EQ(print(Value()), "null");
  EXPECT_EQ(print(Value::of_bool(true)), "true");
  EXPECT_EQ(print(Value::of_integer(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(print(Value::of_real(1)), "1.0") << "a double stays a double";
  EXPECT_EQ(print(Value::of_real(1e300)), "1e+300");
  EXPECT_EQ(print(Value::of_real(-0.0)), "-0.0");
  EXPECT_EQ(print(Value::of_text("a\"\\\n\x01é")), "\"a\\\"\\\\\\n\\u0001é\"");
  EXPECT_EQ(print(Value::of_bytes(std::string_view("\0\xff", 2))), R"({"$bytes":"AP8="})");
  EXPECT_EQ(print(Value::of_bytes("")), R"({"$bytes":""})");
  EXPECT_EQ(print(Value::of_json("[1,2]")), "[1,2]");
}

RC_GTEST_PROP(Value, SurvivesBeingPrintedAndRead, ()) {
  const Value value = any_value();
  const auto read = parse_value(print(value));
  RC_ASSERT(bool(read));
  RC_ASSERT(read->type() == value.type());
  RC_ASSERT(*read == value);
}

RC_GTEST_PROP(Value, DoublesKeepEveryBit, (uint64_t bits)) {
  const double number = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(number));
  const auto read = parse_value(print(Value::of_real(number)));
  RC_ASSERT(bool(read) && read->type() == Value::Type::real);
  RC_ASSERT(std::bit_cast<uint64_t>(read->as_real()) == bits);
}

RC_GTEST_PROP(Value, DocumentsAreReadAsTheirCanonicalText, ()) {
  const auto value = parse_value(any_json());
  RC_ASSERT(bool(value));
  const auto again = parse_value(print(*value));
  RC_ASSERT(bool(again));
  RC_ASSERT(print(*again) == print(*value));
}

TEST(Value, OnlyOurOwnBase64MeansBytes) {
  for (const char* text : {R"({"$bytes":"    AAAA"})", R"({"$bytes":"AAAA    "})", R"({"$bytes":"AP9="})",
                           R"({"$bytes":"===="})", R"({"$bytes":"A"})", R"({"$bytes":"????"})",
                           R"({"$bytes":1})", R"({"$bytes":"AA==","b":1})"}) {
    const auto value = parse_value(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(value->type(), Value::Type::json) << text;
    EXPECT_EQ(print(*value), text);
  }
  EXPECT_EQ(parse_value(R"({"$bytes":"AP8="})")->type(), Value::Type::bytes);
}

TEST(Value, WhatIsNoJsonIsRefused) {
  for (const char* text : {"", "{", "[1,]", "nul", "1 2", "NaN", "{\"a\":1,\"a\":2}", "9223372036854775808",
                           "\"\xff\"", "1e999"})
    EXPECT_FALSE(parse_value(text)) << text;
  EXPECT_TRUE(parse_value("[[[[[[[[[[1]]]]]]]]]]"));
  EXPECT_FALSE(parse_value(std::string(33, '[') + std::string(33, ']')));
}

TEST(Value, AnObjectIsAskedFor) {
  EXPECT_FALSE(parse_object("[1]"));
  EXPECT_FALSE(parse_object("1"));
  const auto delta = parse_object(R"({"b":1,"a":{"c":[]}})");
  ASSERT_TRUE(delta);
  ASSERT_EQ(delta->entries.size(), 2u);
  EXPECT_EQ(delta->find("b")->value, Value::of_integer(1));
  EXPECT_EQ(delta->find("a")->value, Value::of_json(R"({"c":[]})"));
}

TEST(Value, EqualityTellsTypesApart) {
  EXPECT_NE(Value::of_integer(1), Value::of_real(1));
  EXPECT_NE(Value::of_integer(1), Value::of_bool(true));
  EXPECT_NE(Value::of_text("a"), Value::of_bytes("a"));
  EXPECT_NE(Value(), Value::of_integer(0));
  EXPECT_EQ(Value::of_text("a"), Value::of_text("a"));
}

TEST(Utf8, WellFormedTextOnly) {
  for (std::string_view text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "aé日😀z"})
    EXPECT_TRUE(valid_utf8(text)) << text;
  for (std::string_view text : {"\x80",
                                "\xbf",
                                "\xc0\x80",
                                "\xc1\xbf",
                                "\xc2",
                                "\xc2\x41",
                                "\xc2\xc0",
                                "\xe0\x80\x80",
                                "\xe0\x9f\xbf",
                                "\xe0\xa0",
                                "\xed\xa0\x80",
                                "\xed\xbf\xbf",
                                "\xe1\x80\x41",
                                "\xf0\x80\x80\x80",
                                "\xf0\x8f\xbf\xbf",
                                "\xf0\x90\x80",
                                "\xf4\x90\x80\x80",
                                "\xf5\x80\x80\x80",
                                "\xf8\x88\x80\x80\x80",
                                "\xfe",
                                "\xff",
                                "ok\xff",
                                "\xc2\x80\x80"})
    EXPECT_FALSE(valid_utf8(text)) << ::testing::PrintToString(text);
}

TEST(Delta, TheLastWriteOfAKeyWins) {
  Delta delta;
  delta.put("a", Value::of_integer(1));
  delta.put("b", Value::of_integer(2));
  delta.put("a", Value::of_integer(3));
  ASSERT_EQ(delta.entries.size(), 2u);
  EXPECT_EQ(delta.entries[0].key, "a");
  EXPECT_EQ(delta.find("a")->value, Value::of_integer(3));
  delta.unset("b");
  EXPECT_TRUE(delta.find("b")->unset);
  EXPECT_EQ(delta.find("b")->value, Value());
  delta.put("b", Value());
  EXPECT_FALSE(delta.find("b")->unset) << "null is a value, not a deletion";
  EXPECT_EQ(delta.find("c"), nullptr);
}

}  // namespace
}  // namespace pirn::journal
