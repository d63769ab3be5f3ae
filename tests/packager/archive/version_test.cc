#include "packager/archive/version.h"

#include <gtest/gtest.h>

namespace pirn::archive {
namespace {

TEST(Version, OrdersAsSemverSays) {
  const std::vector<std::string> ascending = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                              "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                              "1.0.0-rc.1",  "1.0.0",         "1.0.1",
                                              "1.1.0",       "1.10.0",        "2.0.0"};
  for (size_t i = 0; i < ascending.size(); ++i)
    for (size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(*parse_version(ascending[i]) < *parse_version(ascending[j]), i < j)
          << ascending[i] << " " << ascending[j];
}

TEST(Version, BuildsAreEqual) { EXPECT_EQ(*parse_version("1.0.0+a"), *parse_version("1.0.0+b")); }

TEST(Version, PrintsWhatItRead) {
  for (const char* text : {"0.0.0", "1.2.3", "1.2.3-rc.1", "1.2.3-x-y.0+build.007"})
    EXPECT_EQ(parse_version(text)->text(), text);
}

TEST(Version, RefusesOtherText) {
  for (const char* text : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-01", "1.2.3+",
                           "1.2.3-a..b", "v1.2.3", " 1.2.3", "1.2.3 ", "-1.2.3", "1.2.99999999999999999999"})
    EXPECT_FALSE(parse_version(text)) << text;
}

TEST(Version, SerialsGrowWithVersions) {
  EXPECT_EQ(*serial_of(*parse_version("1.4.2")), 1'000'004'000'002);
  EXPECT_LT(*serial_of(*parse_version("1.999999.999999")), *serial_of(*parse_version("2.0.0")));
  for (const char* text : {"1.0.0-rc.1", "1000000.0.0", "1.1000000.0"})
    EXPECT_EQ(serial_of(*parse_version(text)).error().code, Code::serial_underivable);
}

TEST(VersionRange, ContainsWhatItNames) {
  struct Case {
    const char *range, *version;
    bool contained;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"*", "9.9.9", true},        {"1.2.3", "1.2.3", true},     {"1.2.3", "1.2.4", false},
           {"1.2", "1.2.9", true},      {"1.2", "1.3.0", false},      {"1", "1.9.0", true},
           {"^1.2.3", "1.9.0", true},   {"^1.2.3", "1.2.2", false},   {"^1.2.3", "2.0.0", false},
           {"^0.2.3", "0.2.9", true},   {"^0.2.3", "0.3.0", false},   {"^0.0.3", "0.0.4", false},
           {"~1.2.3", "1.2.9", true},   {"~1.2.3", "1.3.0", false},   {"~1", "1.9.0", true},
           {">=1.2 <2", "1.5.0", true}, {">=1.2 <2", "2.0.0", false}, {">1.0.0", "1.0.0", false},
           {"<=1.0.0", "1.0.0", true},  {"=1.0.0", "1.0.0", true}})
    EXPECT_EQ(parse_range(c.range)->contains(*parse_version(c.version)), c.contained)
        << c.range << " " << c.version;
}

TEST(VersionRange, RefusesOtherText) {
  for (const char* text : {"", " ", "1.x", "^", ">=", "=>1.0.0", "1.2.3.4", "a"})
    EXPECT_FALSE(parse_range(text)) << text;
}

TEST(Serial, ThatWouldBlockLaterVersionsIsTold) {
  struct Case {
    int64_t serial, floor;
    const char* version;
    bool blocks;
  };
  constexpr int64_t kBound = kMostSerialsAhead;
  for (const Case& each :
       std::initializer_list<Case>{{1, 0, "1.0.0", false},
                                   {kBound, 0, "0.0.0", false},
                                   {kBound + 1, 0, "0.0.0", true},
                                   {kBound + 1, 1, "0.0.0", false},
                                   {2'026'000'000'000'000, 0, "2026.0.0", false},
                                   {2'026'000'000'000'000, 0, "2026.0.0-rc.1", false},
                                   {2'026'000'000'000'000, 0, "1.0.0", true},
                                   {20'261'130, 0, "20261130.0.0", false},
                                   {INT64_MAX - kBound, INT64_MAX - kBound - 1, "1.0.0", false},
                                   {INT64_MAX - kBound + 1, INT64_MAX - kBound, "1.0.0", true},
                                   {INT64_MAX, INT64_MAX - 1, "1.0.0", true},
                                   {INT64_MIN, 0, "1.0.0", false}})
    EXPECT_EQ(!why_serial_blocks(each.serial, each.floor, *parse_version(each.version)).empty(), each.blocks)
        << each.serial << " " << each.floor << " " << each.version;
}

TEST(VersionRange, HasAtMost255Bytes) {
  std::string text = "<9";
  while (text.size() + 3 <= 255) text += " <9";
  EXPECT_TRUE(parse_range(text)) << text.size();
  while (text.size() <= 255) text += " <9";
  const auto refused = parse_range(text);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the version range has " + std::to_string(text.size()) + " bytes; the limit is 255");
  // A list of comparators as long as a manifest may be is refused as it comes, and not after each one of it.
  while (text.size() < 900'000) text += " <9";
  EXPECT_FALSE(parse_range(text));
}

}  // namespace
}  // namespace pirn::archive
