#include "packager/schedule/zone.h"

#include <gtest/gtest.h>

#include "tests/packager/schedule/at.h"

namespace pirn::schedule {
namespace {

int64_t seconds_at(std::string_view text) { return at(text) / 1'000'000'000; }

TEST(Zone, UtcNeverJumps) {
  for (const char* name : {"", "UTC"}) {
    const Zone utc = zone(name);
    EXPECT_EQ(utc.name(), "UTC");
    EXPECT_EQ(utc.period_at(0).offset_s, 0);
    EXPECT_EQ(utc.first_instant(12'345), 12'345);
  }
}

TEST(Zone, KnowsTheClockOfAPlace) {
  const Zone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.name(), "Europe/Berlin");
  const Zone::Period summer = berlin.period_at(seconds_at("2026-07-01T00:00:00Z"));
  EXPECT_EQ(summer.offset_s, 7200);
  EXPECT_EQ(summer.begin_s, seconds_at("2026-03-29T01:00:00Z"));
  EXPECT_EQ(summer.end_s, seconds_at("2026-10-25T01:00:00Z"));
  EXPECT_EQ(berlin.period_at(summer.end_s).offset_s, 3600);
}

TEST(Zone, TheFirstInstantOfALocalTime) {
  const Zone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.first_instant(seconds_at("2026-07-01T12:00:00Z")), seconds_at("2026-07-01T10:00:00Z"));
  // 2:30 does not exist on this day; the clock goes on at 3:00, which is 1:00 UTC.
  EXPECT_EQ(berlin.first_instant(seconds_at("2026-03-29T02:30:00Z")), seconds_at("2026-03-29T01:00:00Z"));
  // 2:30 exists twice on this day; the first is in summer time.
  EXPECT_EQ(berlin.first_instant(seconds_at("2026-10-25T02:30:00Z")), seconds_at("2026-10-25T00:30:00Z"));
}

TEST(Zone, AnUnknownOneIsRefusedWithASuggestion) {
  const struct {
    std::string_view name, hint;
  } cases[] = {
      {"Europe/Berln", "\"Europe/Berlin\""},
      {"europe/berlin", "\"Europe/Berlin\""},
      {"New_York", "\"America/New_York\""},
      {"utc", "UTC"},
      {"localtime", "Name the zone itself"},
      {"Mars/Olympus_Mons", "IANA"},
      {"../../etc/passwd", "IANA"},
      {"posixrules", "IANA"},
      {"Europe", "IANA"},
  };
  for (const auto& [name, hint] : cases) {
    const auto found = find_zone(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, Code::unknown_timezone) << name;
    EXPECT_NE(found.error().message.find(name), std::string::npos) << found.error().message;
    EXPECT_NE(found.error().hint.find(hint), std::string::npos) << name << ": " << found.error().hint;
  }
}

}  // namespace
}  // namespace pirn::schedule
