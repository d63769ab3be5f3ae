#include "packager/json/json.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <bit>
#include <boost/json/value.hpp>
#include <cmath>

#include "packager/json/text.h"

namespace pirn {
namespace {

std::string round(std::string_view text) {
  auto value = parse_json(text, "t.json");
  return value ? canonical(*value) : std::string(value.error().name());
}

TEST(Json, SortsKeysByBytesAndDropsSpace) {
  EXPECT_EQ(round(R"( { "b" : 1 , "a" : [ true, null, "x" ], "B": {}, "é": 2 } )"),
            "{\"B\":{},\"a\":[true,null,\"x\"],\"b\":1,\"é\":2}");
}

TEST(Json, EscapesOnlyWhatItMust) {
  EXPECT_EQ(round(R"("\u0041\/\u00e9\u0001\n\"\\\u001f")"), "\"A/é\\u0001\\n\\\"\\\\\\u001f\"");
}

TEST(Json, TellsIntegersFromDoubles) {
  EXPECT_EQ(round("[1,1.0,-0.0,1e2,0.1,1e300]"), "[1,1.0,-0.0,100.0,0.1,1e+300]");
  EXPECT_EQ(round("[9223372036854775807,-9223372036854775808]"),
            "[9223372036854775807,-9223372036854775808]");
}

TEST(Json, ForReadersKeepsTheOrderAndHasNumbersAsPeopleWriteThem) {
  const auto value =
      parse_json(R"({"z":1.479E1,"a":[1,true,null,"x\ny",2.0,2.4105E4],"n":-5,"e":{}})", "t.json");
  EXPECT_EQ(json_text(*value), R"({"z":14.79,"a":[1,true,null,"x\ny",2.0,24105.0],"n":-5,"e":{}})");
  EXPECT_EQ(json_text(std::nan("")), "null");
}

TEST(Json, RefusesWhatItCannotKeep) {
  for (const char* text : {"9223372036854775808", "99999999999999999999999", "1e999", "{\"a\":1,\"a\":2}",
                           "{\"a\":{\"b\":1,\"b\":2}}", "[1,]", "{} {}", "", "01", "\"\xff\"", "nul"})
    EXPECT_EQ(round(text), "malformed_json") << text;
}

TEST(Json, AKeyMayOccurInEachOfTwoObjects) {
  EXPECT_EQ(round(R"([{"a":1},{"a":{"a":2}}])"), R"([{"a":1},{"a":{"a":2}}])");
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_EQ(round(std::string(32, '[') + std::string(32, ']')), std::string(32, '[') + std::string(32, ']'));
  EXPECT_EQ(round(std::string(100000, '[')), "malformed_json");
}

TEST(Json, NamesThePlace) {
  const auto value = parse_json("{\n  \"a\": 1,\n  \"a\": 2\n}", "t.json");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().where.line, 3u);
  EXPECT_EQ(value.error().where.text, "  \"a\": 2");
  EXPECT_NE(value.error().message.find("\"a\" occurs twice"), std::string::npos);
}

TEST(Json, CanonicalIsRefusedUnlessItIs) {
  EXPECT_TRUE(parse_canonical(R"({"a":1,"b":0.5})", "t"));
  for (const char* text :
       {R"({"b":1,"a":0})", R"({"a": 1})", "1.50", "1E2", "-0", "\"\\u0041\"", "\"\\/\"", "[1]\n"}) {
    const auto value = parse_canonical(text, "t");
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, Code::json_not_canonical) << text;
  }
}

TEST(Json, EveryDoubleSurvives) {
  EXPECT_TRUE(rc::check([](uint64_t bits) {
    const double number = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(number));
    const auto read = parse_canonical(canonical(boost::json::value(number)), "t");
    RC_ASSERT(bool(read));
    RC_ASSERT(read->is_double());
    RC_ASSERT(std::bit_cast<uint64_t>(read->as_double()) == bits);
  }));
}

}  // namespace
}  // namespace pirn
