#include "packager/schedule/instant.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/packager/schedule/at.h"

namespace pirn::schedule {
namespace {

TEST(Instant, Reads) {
  EXPECT_EQ(at("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(at("1970-01-01T00:00:00.000000001Z"), 1);
  EXPECT_EQ(at("1970-01-01t00:00:01z"), 1'000'000'000);
  EXPECT_EQ(at("1970-01-01 01:00:00+01:00"), 0);
  EXPECT_EQ(at("1969-12-31T19:00:00-05:00"), 0);
  EXPECT_EQ(at("1969-12-31T23:59:59.5Z"), -500'000'000);
  EXPECT_EQ(at("2024-02-29T12:00:00Z"), 1'709'208'000'000'000'000);
  EXPECT_EQ(at("2026-12-24T18:00:00+05:30"), at("2026-12-24T12:30:00Z"));
}

TEST(Instant, Prints) {
  EXPECT_EQ(print_instant(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(print_instant(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(print_instant(1'500'000'000), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(print_instant(1'709'208'000'000'000'000), "2024-02-29T12:00:00Z");
}

TEST(Instant, RefusesWithTheReason) {
  const struct {
    std::string_view text, reason;
  } cases[] = {
      {"", "it must start with a date such as 2026-12-24 (column 1)"},
      {"tomorrow", "a date such as"},
      {"2026-1-2T00:00:00Z", "(column 6)"},
      {"2026-12-24", "the time of day is missing"},
      {"2026-12-24T18:00Z", "a time of day such as T18:00:00 must follow the date (column 17)"},
      {"2026-12-24T18:00:00", "the offset from UTC is missing"},
      {"2026-12-24T18:00:00 CET", "Z or an offset such as +01:00 must follow the time (column 20)"},
      {"2026-12-24T18:00:00+0100", "Z or an offset such as +01:00"},
      {"2026-12-24T18:00:00+24:00", "is at most 23:59"},
      {"2026-12-24T18:00:00Z ", "unexpected text after its end (column 21)"},
      {"2026-12-24T18:00:00.Z", "1 to 9 digits"},
      {"2026-12-24T18:00:00.1234567890Z", "1 to 9 digits"},
      {"2026-13-24T18:00:00Z", "there is no month 13"},
      {"2026-00-24T18:00:00Z", "there is no month 0"},
      {"2026-02-29T18:00:00Z", "its month has no day 29"},
      {"2026-12-24T24:00:00Z", "the time of day is not between 00:00:00 and 23:59:59"},
      {"2026-12-24T18:60:00Z", "the time of day is not between 00:00:00 and 23:59:59"},
      {"2016-12-31T23:59:60Z", "a leap second"},
      {"1677-12-31T23:59:59Z", "its year is not between 1678 and 2261"},
      {"9999-12-31T23:59:59Z", "its year is not between 1678 and 2261"},
  };
  for (const auto& [text, reason] : cases) {
    const auto instant = parse_instant(text);
    ASSERT_FALSE(instant) << text;
    EXPECT_EQ(instant.error().code, Code::invalid_instant) << text;
    EXPECT_NE(instant.error().message.find(reason), std::string::npos) << instant.error().message;
  }
}

TEST(Instant, WhatIsPrintedIsReadAgain) {
  EXPECT_TRUE(rc::check([] {
    // 1679 to 2261, so that every second is a legal text.
    const int64_t ns = *rc::gen::inRange<int64_t>(-9'150'000'000'000'000'000, 9'150'000'000'000'000'000);
    const auto read = parse_instant(print_instant(ns));
    RC_ASSERT(bool(read));
    RC_ASSERT(*read == ns);
  }));
}

}  // namespace
}  // namespace pirn::schedule
