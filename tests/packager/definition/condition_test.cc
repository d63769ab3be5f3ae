#include "packager/definition/condition.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace pirn::definition {
namespace {

Condition condition(const std::string& json) {
  const Result<Definition> definition = parse(
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[{"name":"s","when":)" +
          json + "}]}]}",
      "test", nullptr);
  EXPECT_TRUE(definition) << (definition ? "" : describe(definition.error()));
  return definition ? definition->workflows[0].steps[0].when : Condition();
}

const std::map<std::string, ContextValue, std::less<>> kContext = {
    {"null", std::monostate()},
    {"yes", true},
    {"seven", int64_t{7}},
    {"max", int64_t{INT64_MAX}},
    {"big", uint64_t{UINT64_MAX}},
    {"half", 7.5},
    {"whole", 7.0},
    {"text", "abc"},
    {"order", JsonView{R"({"total":120.5,"items":[{"sku":"a"},{"sku":"b"}],"0":"zero","none":null})"}},
    {"list", JsonView{"[1,2,[3]]"}},
    {"damaged", JsonView{"[1,2"}},
};

bool holds(const std::string& json) {
  return evaluate(condition(json), [](std::string_view key) -> std::optional<ContextValue> {
    const auto found = kContext.find(key);
    if (found == kContext.end()) return std::nullopt;
    return found->second;
  });
}

TEST(Condition, ComparesNumbersByValue) {
  EXPECT_TRUE(holds(R"({"path":"seven","equals":7.0})"));
  EXPECT_TRUE(holds(R"({"path":"whole","equals":7})"));
  EXPECT_TRUE(holds(R"({"path":"half","greater":7})"));
  EXPECT_TRUE(holds(R"({"path":"seven","less":7.5})"));
  EXPECT_FALSE(holds(R"({"path":"seven","less":7})"));
  EXPECT_TRUE(holds(R"({"path":"seven","less_or_equal":7})"));
  EXPECT_TRUE(holds(R"({"path":"seven","greater_or_equal":7})"));
  EXPECT_TRUE(holds(R"({"path":"big","greater":9223372036854775807})"));
  // As doubles these two would be equal.
  EXPECT_FALSE(holds(R"({"path":"max","equals":9223372036854775808.0})"));
  EXPECT_TRUE(holds(R"({"path":"max","less":9223372036854775808.0})"));
  EXPECT_TRUE(holds(R"({"path":"big","less":18446744073709551616.0})"));
  EXPECT_TRUE(holds(R"({"path":"order.total","greater":120})"));
}

TEST(Condition, ComparesStringsByBytes) {
  EXPECT_TRUE(holds(R"({"path":"text","equals":"abc"})"));
  EXPECT_TRUE(holds(R"({"path":"text","less":"abd"})"));
  EXPECT_TRUE(holds(R"({"path":"text","greater":"abC"})"));
  EXPECT_TRUE(holds(R"({"path":"text","less":"ä"})"));
}

TEST(Condition, ValuesOfDifferentTypesAreUnequalAndHaveNoOrder) {
  EXPECT_FALSE(holds(R"({"path":"seven","equals":"7"})"));
  EXPECT_TRUE(holds(R"({"path":"seven","not_equals":"7"})"));
  EXPECT_FALSE(holds(R"({"path":"text","less":9})"));
  EXPECT_FALSE(holds(R"({"path":"text","greater_or_equal":9})"));
  EXPECT_FALSE(holds(R"({"path":"yes","equals":1})"));
  EXPECT_TRUE(holds(R"({"path":"yes","equals":true})"));
  EXPECT_TRUE(holds(R"({"path":"null","equals":null})"));
  EXPECT_FALSE(holds(R"({"path":"null","equals":false})"));
}

TEST(Condition, AMissingPathEqualsNothing) {
  for (const char* path : {"nowhere", "order.nowhere", "order.items.2", "order.items.01", "order.items.-1",
                           "seven.x", "list.2.1", "damaged", "damaged.0"}) {
    const std::string begin = R"({"path":")" + std::string(path) + "\",";
    EXPECT_FALSE(holds(begin + R"("equals":null})")) << path;
    EXPECT_TRUE(holds(begin + R"("not_equals":null})")) << path;
    EXPECT_FALSE(holds(begin + R"("less":1})")) << path;
    EXPECT_FALSE(holds(begin + R"("greater_or_equal":""})")) << path;
    EXPECT_FALSE(holds(begin + R"("in":[null,1]})")) << path;
    EXPECT_FALSE(holds(begin + R"("exists":true})")) << path;
    EXPECT_TRUE(holds(begin + R"("exists":false})")) << path;
  }
}

TEST(Condition, WalksIntoDocuments) {
  EXPECT_TRUE(holds(R"({"path":"order.items.1.sku","equals":"b"})"));
  EXPECT_TRUE(holds(R"({"path":"order.0","equals":"zero"})"));
  EXPECT_TRUE(holds(R"({"path":"order.none","exists":true})"));
  EXPECT_TRUE(holds(R"({"path":"list","equals":[1.0,2,[3]]})"));
  EXPECT_FALSE(holds(R"({"path":"list","equals":[1,2]})"));
  EXPECT_TRUE(holds(R"({"path":"order.items.0","in":[{"sku":"b"},{"sku":"a"}]})"));
}

TEST(Condition, Combines) {
  EXPECT_TRUE(holds(R"({"all":[{"path":"yes","equals":true},{"not":{"path":"x","exists":true}}]})"));
  EXPECT_FALSE(holds(R"({"all":[{"path":"yes","equals":true},{"path":"x","exists":true}]})"));
  EXPECT_TRUE(holds(R"({"any":[{"path":"yes","equals":false},{"path":"seven","in":[1,7]}]})"));
  EXPECT_FALSE(holds(R"({"any":[{"path":"yes","equals":false}]})"));
}

TEST(Condition, OrdersIntegersAndDoublesExactly) {
  EXPECT_TRUE(rc::check([](int64_t left, int64_t nudge) {
    const int64_t value = left ^ (left << 40);
    const double right = static_cast<double>(value) + static_cast<double>(nudge % 4);
    Condition less{Condition::Kind::compare, Condition::Op::less, "x", "", "", {}};
    char text[64];
    std::snprintf(text, sizeof text, "%.17e", right);
    less.value = text;
    const bool got = evaluate(less, [&](std::string_view) { return ContextValue(value); });
    RC_ASSERT(got == (static_cast<long double>(value) < static_cast<long double>(right)));
  }));
}

}  // namespace
}  // namespace pirn::definition
