#include "packager/schedule/cron.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/packager/schedule/at.h"

namespace pirn::schedule {
namespace {

TEST(Cron, NextFire) {
  const struct {
    std::string_view expression, after, next;
  } cases[] = {
      // Strictly later, also within the minute.
      {"* * * * *", "2026-05-05T12:00:00Z", "2026-05-05T12:01:00Z"},
      {"* * * * *", "2026-05-05T12:00:00.000000001Z", "2026-05-05T12:01:00Z"},
      {"* * * * *", "2026-05-05T11:59:59.999999999Z", "2026-05-05T12:00:00Z"},
      {"0 6 * * *", "2026-05-05T06:00:00Z", "2026-05-06T06:00:00Z"},
      {"0 6 * * *", "2026-05-05T05:59:59Z", "2026-05-05T06:00:00Z"},
      // Lists, ranges, steps.
      {"0,15,40 * * * *", "2026-05-05T12:15:00Z", "2026-05-05T12:40:00Z"},
      {"*/20 * * * *", "2026-05-05T12:40:00Z", "2026-05-05T13:00:00Z"},
      {"10-30/7 * * * *", "2026-05-05T12:17:00Z", "2026-05-05T12:24:00Z"},
      {"10-30/7 * * * *", "2026-05-05T12:24:00Z", "2026-05-05T13:10:00Z"},
      {"59 23 * * *", "2026-05-05T23:59:00Z", "2026-05-06T23:59:00Z"},
      {"0 9-17 * * *", "2026-05-05T17:00:00Z", "2026-05-06T09:00:00Z"},
      {"30 8-10,14 * * *", "2026-05-05T10:30:00Z", "2026-05-05T14:30:00Z"},
      {"05 06 07 08 *", "2026-05-05T00:00:00Z", "2026-08-07T06:05:00Z"},
      // Names, in any case; 0 and 7.
      {"0 0 * JAN,jul *", "2026-02-01T00:00:00Z", "2026-07-01T00:00:00Z"},
      {"0 0 * * SUN", "2026-05-05T00:00:00Z", "2026-05-10T00:00:00Z"},
      {"0 0 * * 0", "2026-05-05T00:00:00Z", "2026-05-10T00:00:00Z"},
      {"0 0 * * 7", "2026-05-05T00:00:00Z", "2026-05-10T00:00:00Z"},
      {"0 0 * * MON-FRI", "2026-05-08T00:00:00Z", "2026-05-11T00:00:00Z"},
      {"0 0 * * 5-7", "2026-05-09T00:00:00Z", "2026-05-10T00:00:00Z"},
      {"0 0 * * Fri-Sun", "2026-05-10T00:00:00Z", "2026-05-15T00:00:00Z"},
      {"0 0 * * SUN-TUE", "2026-05-10T00:00:00Z", "2026-05-11T00:00:00Z"},
      {"0 0 * * */3", "2026-05-10T00:00:00Z", "2026-05-13T00:00:00Z"},
      {"0 0 * * */3", "2026-05-13T00:00:00Z", "2026-05-16T00:00:00Z"},
      // Both days restricted: one of them is enough. One of them with a star: both count.
      {"0 0 13 * FRI", "2026-05-05T00:00:00Z", "2026-05-08T00:00:00Z"},
      {"0 0 13 * FRI", "2026-05-08T00:00:00Z", "2026-05-13T00:00:00Z"},
      {"0 0 */2 * FRI", "2026-05-02T00:00:00Z", "2026-05-15T00:00:00Z"},
      {"0 0 13 * *", "2026-05-05T00:00:00Z", "2026-05-13T00:00:00Z"},
      {"0 0 * * FRI", "2026-05-08T00:00:00Z", "2026-05-15T00:00:00Z"},
      // Month and year ends, leap days.
      {"0 0 31 * *", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"},
      {"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"},
      {"0 0 1 1 *", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"},
      {"* * * * *", "2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z"},
      {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
      // Far before 1970, and where the count ends.
      {"0 0 1 1 *", "1900-06-01T00:00:00Z", "1901-01-01T00:00:00Z"},
      {"0 0 1 6 *", "2261-12-31T00:00:00Z", "never"},
  };
  for (const auto& [expression, after, next] : cases) {
    EXPECT_EQ(show(cron(expression).next(at(after), Zone())), next) << expression << " after " << after;
  }
}

TEST(Cron, ALeapDayThatIsAWeekday) {
  // With a star before the step both conditions hold: the next 29th of February on a Sunday, or a Thursday.
  EXPECT_EQ(show(cron("0 0 29 2 */4").next(at("2026-01-01T00:00:00Z"), Zone())), "2032-02-29T00:00:00Z");
  // Across 2100, which is no leap year: 2096 is a Wednesday, 2104 a Friday, 2108 a Wednesday, 2112 a Monday.
  EXPECT_EQ(show(cron("0 0 29 2 */6").next(at("2092-03-01T00:00:00Z"), Zone())), "2116-02-29T00:00:00Z");
}

TEST(Cron, Macros) {
  const struct {
    std::string_view macro, meaning;
  } cases[] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
               {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
               {"@hourly", "0 * * * *"}, {"  @daily\t", "0 0 * * *"}};
  for (const auto& [macro, meaning] : cases) EXPECT_EQ(cron(macro), cron(meaning)) << macro;
}

TEST(Cron, BlanksBetweenTheFieldsDoNotMatter) { EXPECT_EQ(cron(" \t0   6 *\t* * "), cron("0 6 * * *")); }

// What the clock of a place makes of an expression around a jump: all fires from `from` on.
struct Jump {
  std::string_view name, zone, expression, from;
  std::vector<std::string> fires;
};

TEST(Cron, AroundAJumpOfTheClock) {
  const Jump jumps[] = {
      {"spring, a time that is left out: after the leap",
       "Europe/Berlin",
       "30 2 * * *",
       "2026-03-27T12:00:00Z",
       {"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
      {"spring, several that are left out: once",
       "Europe/Berlin",
       "0,15,30 2 * * *",
       "2026-03-28T12:00:00Z",
       {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
      {"spring, one left out, and one right after the leap: once",
       "Europe/Berlin",
       "0 2,3 * * *",
       "2026-03-28T12:00:00Z",
       {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
      {"spring, hourly follows real time",
       "Europe/Berlin",
       "30 * * * *",
       "2026-03-28T23:45:00Z",
       {"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"}},
      {"spring, every second hour: the one left out has none",
       "Europe/Berlin",
       "0 */2 * * *",
       "2026-03-28T22:30:00Z",
       {"2026-03-28T23:00:00Z", "2026-03-29T02:00:00Z"}},
      {"autumn, a time that is repeated: the first",
       "Europe/Berlin",
       "30 2 * * *",
       "2026-10-24T12:00:00Z",
       {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
      {"autumn, from within the repeated hour",
       "Europe/Berlin",
       "15,45 2 * * *",
       "2026-10-25T01:20:00Z",
       {"2026-10-26T01:15:00Z"}},
      {"autumn, hourly fires in each",
       "Europe/Berlin",
       "30 * * * *",
       "2026-10-24T23:45:00Z",
       {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
      {"autumn, every second hour: in both",
       "Europe/Berlin",
       "0 */2 * * *",
       "2026-10-24T22:00:00Z",
       {"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T03:00:00Z"}},
      {"autumn, midnight is untouched",
       "Europe/Berlin",
       "0 0 * * *",
       "2026-10-24T12:00:00Z",
       {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}},
      {"New York, spring",
       "America/New_York",
       "30 2 * * *",
       "2026-03-07T12:00:00Z",
       {"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
      {"New York, spring, hourly",
       "America/New_York",
       "0 * * * *",
       "2026-03-08T05:30:00Z",
       {"2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"}},
      {"New York, autumn",
       "America/New_York",
       "30 1 * * *",
       "2026-10-31T12:00:00Z",
       {"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
      {"New York, autumn, hourly",
       "America/New_York",
       "30 * * * *",
       "2026-11-01T05:00:00Z",
       {"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"}},
      {"half an hour is left out",
       "Australia/Lord_Howe",
       "15 2 * * *",
       "2026-10-03T10:00:00Z",
       {"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
      {"a whole day is left out",
       "Pacific/Apia",
       "0 8 30 12 *",
       "2011-12-01T00:00:00Z",
       {"2011-12-30T10:00:00Z", "2012-12-29T18:00:00Z"}},
      {"a zone of quarter hours",
       "Asia/Kathmandu",
       "0 6 * * *",
       "2026-05-05T00:00:00Z",
       {"2026-05-05T00:15:00Z", "2026-05-06T00:15:00Z"}},
  };
  for (const Jump& jump : jumps) {
    int64_t after = at(jump.from);
    for (const std::string& expected : jump.fires) {
      const auto fire = cron(jump.expression).next(after, zone(jump.zone));
      ASSERT_EQ(show(fire), expected) << jump.name;
      after = *fire;
    }
  }
}

TEST(Cron, RefusesWithTheFieldTheColumnAndWhatIsAllowed) {
  const struct {
    std::string_view text, reason, hint;
  } cases[] = {
      {"60 * * * *", "minute, column 1: 60 is not between 0 and 59", "0-59, *, ranges"},
      {"0 24 * * *", "hour, column 3: 24 is not between 0 and 23", "0-23"},
      {"0 0 0 * *", "day of month, column 5: 0 is not between 1 and 31", "1-31"},
      {"0 0 32 * *", "day of month, column 5: 32 is not", "1-31"},
      {"0 0 * 13 *", "month, column 7: 13 is not between 1 and 12", "JAN-DEC"},
      {"0 0 * * 8", "weekday, column 9: 8 is not between 0 and 7", "0 and 7 are Sunday"},
      {"0 99999999999999999999 * * *", "hour, column 3: 99999999999999999999 is not", "0-23"},
      {"0 0 * JUNE *", "month, column 7: there is no \"JUNE\"", "Did you mean JUN?"},
      {"0 0 * * MONDAY", "weekday, column 9: there is no \"MONDAY\"", "Did you mean MON?"},
      {"0 0 * * MO", "there is no \"MO\"", "Did you mean MON?"},
      {"MON 0 * * *", "minute, column 1: unexpected character 'M'", "0-59"},
      {"0 0 * * FRI-MON", "weekday, column 9: the range FRI-MON goes backwards", "list of two ranges"},
      {"30-10 * * * *", "the range 30-10 goes backwards", "Swap its ends"},
      {"5/15 * * * *", "minute, column 2: a step needs a range before it", "\"5-59/n\" or \"*/n\""},
      {"*/0 * * * *", "minute, column 3: the step is 0", "1 or more"},
      {"*/60 * * * *", "a step of 60 leaves only the first value, 0", "Write 0"},
      {"0 0 * * */7", "a step of 7 leaves only the first value, 0", "Write 0"},
      {"10-20/11 * * * *", "a step of 11 leaves only the first value, 10", "Write 10"},
      {"*/ * * * *", "minute, column 3: a value is missing", "0-59"},
      {"1,,2 * * * *", "minute, column 3: a value is missing", "0-59"},
      {"1, * * * *", "minute, column 3: a value is missing", "0-59"},
      {",1 * * * *", "minute, column 1: a value is missing", "0-59"},
      {"1- * * * *", "minute, column 3: a value is missing", "0-59"},
      {"-5 * * * *", "minute, column 1: unexpected character '-'", "0-59"},
      {"*5 * * * *", "minute, column 2: unexpected character '5'", "0-59"},
      {"1-5-9 * * * *", "minute, column 4: unexpected character '-'", "0-59"},
      {"1.5 * * * *", "unexpected character '.'", "0-59"},
      {"0 0 ? * MON", "day of month, column 5: '?' is not supported; it belongs to another dialect", "1-31"},
      {"0 0 L * *", "'L' is not supported; it belongs to another dialect", "1-31"},
      {"0 0 * * 5#2", "'#' is not supported; it belongs to another dialect", "0-7"},
      {"\x01 * * * *", "unexpected character '?'", "0-59"},
      {"", "it has 0 fields instead of five", "minute, hour, day of month, month, weekday"},
      {"every day", "it has 2 fields instead of five", "minute, hour"},
      {"0", "it has 1 field instead of five", "minute, hour"},
      {"* * * *", "it has 4 fields instead of five", "minute, hour"},
      {"0 * * * * *", "it has 6 fields instead of five; this dialect has no seconds", "minute, hour"},
      {"* * *\n* *", "it has 4 fields", "minute, hour"},
      {"@dayly", "unknown macro", "Did you mean @daily?"},
      {"@often", "unknown macro", "@hourly"},
      {"@reboot", "@reboot does not name a time", "pirn run start"},
      {"0 0 30 2 *", "it never fires", "one of the months has"},
      {"0 0 31 4,6,9,11 *", "it never fires", "one of the months has"},
      {"0 0 30,31 FEB */2", "it never fires", "one of the months has"},
  };
  for (const auto& [text, reason, hint] : cases) {
    const auto parsed = parse_cron(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid_cron) << text;
    EXPECT_NE(parsed.error().message.find(reason), std::string::npos) << parsed.error().message;
    EXPECT_NE(parsed.error().hint.find(hint), std::string::npos) << text << ": " << parsed.error().hint;
  }
  EXPECT_FALSE(parse_cron(std::string(2000, '*')));
}

TEST(Cron, AWeekdaySavesADayThatTheMonthDoesNotHave) {
  EXPECT_EQ(show(cron("0 0 30 2 MON").next(at("2026-01-01T00:00:00Z"), Zone())), "2026-02-02T00:00:00Z");
}

}  // namespace
}  // namespace pirn::schedule
