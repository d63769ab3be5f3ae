// Compares the search with a walk through every minute: what the clock on the wall shows, minute after
// minute, and what one reads off it.
#include <date/tz.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>
#include <string>
#include <vector>

#include "tests/packager/schedule/at.h"

namespace pirn::schedule {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;

// A field as values, and one of the ways of writing them.
struct Field {
  std::set<int> values;
  std::string text;
  bool star = false;
};

Field any_field(int least, int most) {
  Field field;
  const int items = *rc::gen::inRange(1, 4);
  for (int i = 0; i < items; ++i) {
    if (i > 0) field.text += ',';
    const int shape = *rc::gen::inRange(0, 5);
    const int first = *rc::gen::inRange(least, most + 1);
    const int last = *rc::gen::inRange(first, most + 1);
    if (shape == 0) {
      field.text += '*';
      for (int value = least; value <= most; ++value) field.values.insert(value);
    } else if (shape == 1) {
      const int step = *rc::gen::inRange(1, most - least + 1);
      field.text += "*/" + std::to_string(step);
      for (int value = least; value <= most; value += step) field.values.insert(value);
    } else if (shape == 2 && last > first) {
      const int step = *rc::gen::inRange(1, last - first + 1);
      field.text += std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(step);
      for (int value = first; value <= last; value += step) field.values.insert(value);
    } else if (shape == 3) {
      field.text += std::to_string(first) + "-" + std::to_string(last);
      for (int value = first; value <= last; ++value) field.values.insert(value);
    } else {
      field.text += std::to_string(first);
      field.values.insert(first);
    }
    if (i == 0) field.star = shape <= 1;
  }
  return field;
}

struct Expression {
  Field minute, hour, day, month, weekday;
  std::string text() const {
    return minute.text + " " + hour.text + " " + day.text + " " + month.text + " " + weekday.text;
  }

  // A minute of the wall clock, counted from 1970.
  bool names(int64_t local_minute) const {
    using namespace date;
    const local_days date{days(local_minute >= 0 ? local_minute / 1440 : (local_minute - 1439) / 1440)};
    const int64_t of_day = local_minute - int64_t(date.time_since_epoch().count()) * 1440;
    const year_month_day ymd{date};
    const bool by_day = day.values.count(int(unsigned(ymd.day()))) > 0;
    const int wd = int(date::weekday(date).c_encoding());
    const bool by_weekday = weekday.values.count(wd) > 0 || (wd == 0 && weekday.values.count(7) > 0);
    return minute.values.count(int(of_day % 60)) > 0 && hour.values.count(int(of_day / 60)) > 0 &&
           month.values.count(int(unsigned(ymd.month()))) > 0 &&
           (day.star || weekday.star ? by_day && by_weekday : by_day || by_weekday);
  }
};

class WallClock {
 public:
  explicit WallClock(const std::string& name) : zone_(date::locate_zone(name)) {}
  int64_t minute(int64_t real_minute) const {
    const date::sys_seconds instant{std::chrono::minutes(real_minute)};
    return date::floor<std::chrono::minutes>(zone_->to_local(instant)).time_since_epoch().count();
  }

 private:
  const date::time_zone* zone_;
};

// All real minutes of (from, until] in which it fires.
std::vector<int64_t> walk(const Expression& expression, const WallClock& clock, int64_t from, int64_t until) {
  std::vector<int64_t> fires;
  // What the clock has shown already: looked at from long enough before, for a repeated day at most.
  int64_t shown = clock.minute(from - 2 * 1440);
  for (int64_t real = from - 2 * 1440 + 1; real <= until; ++real) {
    const int64_t local = clock.minute(real);
    bool fire = false;
    if (expression.hour.star) {
      fire = expression.names(local);
    } else {
      for (int64_t passed = shown + 1; passed <= local; ++passed) fire = fire || expression.names(passed);
    }
    shown = std::max(shown, local);
    if (fire && real > from) fires.push_back(real);
  }
  return fires;
}

TEST(CronProperty, FiresAsOneReadsItOffTheClock) {
  EXPECT_TRUE(rc::check([] {
    // Minute and hour as they come; days mostly free, so that something fires in the days that are walked.
    Expression expression{any_field(0, 59), any_field(0, 23), {}, any_field(1, 12), {}};
    expression.day = *rc::gen::inRange(0, 2) ? any_field(1, 31) : Field{{}, "*", true};
    expression.weekday = *rc::gen::inRange(0, 2) ? any_field(0, 6) : Field{{}, "*", true};
    for (int i = 0; expression.day.values.empty() && i < 1;) {
      for (i = 1; i <= 31; ++i) expression.day.values.insert(i);
    }
    if (expression.weekday.values.empty()) expression.weekday.values = {0, 1, 2, 3, 4, 5, 6};
    const std::string name = *rc::gen::element<std::string>(
        "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
        "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca");
    // Days around a jump of one of the zones, or any.
    const int64_t start = *rc::gen::oneOf(
        rc::gen::element(at("2026-03-28T00:00:00Z"), at("2026-10-24T00:00:00Z"), at("2026-03-07T12:00:00Z"),
                         at("2026-10-31T12:00:00Z"), at("2026-04-04T00:00:00Z"), at("2018-11-03T00:00:00Z"),
                         at("2011-12-29T00:00:00Z"), at("2026-02-14T12:00:00Z")),
        rc::gen::map(rc::gen::inRange<int64_t>(0, 60 * 365 * 1440),
                     [](int64_t minute) { return minute * kMinuteNs; }));
    const int64_t from = start / kMinuteNs, until = from + 3 * 1440;
    const auto parsed = parse_cron(expression.text());
    if (!parsed) {  // only what never fires may be refused
      RC_ASSERT(parsed.error().message.find("never fires") != std::string::npos);
      return;
    }
    const auto expected = walk(expression, WallClock(name), from, until);
    std::vector<int64_t> found;
    std::optional<int64_t> fire = from * kMinuteNs;
    while ((fire = parsed->next(*fire, zone(name))) && *fire <= until * kMinuteNs)
      found.push_back(*fire / kMinuteNs);
    RC_CLASSIFY(!expected.empty(), "fires");
    RC_ASSERT(found == expected);
  }));
}

// A weekday never keeps a day from coming: whatever is accepted fires.
TEST(CronProperty, WhatIsAcceptedFires) {
  EXPECT_TRUE(rc::check([] {
    const Expression expression{any_field(0, 59), any_field(0, 23), any_field(1, 31), any_field(1, 12),
                                any_field(0, 6)};
    const auto parsed = parse_cron(expression.text());
    if (!parsed) return;
    const int64_t after = *rc::gen::inRange<int64_t>(0, at("2200-01-01T00:00:00Z"));
    const auto fire = parsed->next(after, Zone());
    RC_ASSERT(fire.has_value());
    RC_ASSERT(*fire > after);
  }));
}

TEST(CronProperty, NoTextBreaksTheReader) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(
        rc::gen::oneOf(rc::gen::element('*', ',', '-', '/', ' ', '0', '1', '5', '9', 'M', 'O', 'N', '@'),
                       rc::gen::arbitrary<char>()));
    const auto parsed = parse_cron(text);
    if (!parsed) RC_ASSERT(!parsed.error().message.empty() && !parsed.error().hint.empty());
  }));
}

}  // namespace
}  // namespace pirn::schedule
