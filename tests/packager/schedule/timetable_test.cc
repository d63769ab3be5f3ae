#include "packager/schedule/timetable.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/packager/schedule/at.h"

namespace pirn::schedule {
namespace {

constexpr int64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

Timetable timetable(const Terms& terms, int64_t registered_at = 0) {
  auto made = make_timetable(terms, registered_at);
  EXPECT_TRUE(made) << describe(made.error());
  return made ? *made : Timetable();
}

std::vector<std::string> fires_of(const DueFires& due) {
  std::vector<std::string> out;
  for (const int64_t fire : due.fires) out.push_back(print_instant(fire));
  return out;
}
using Fires = std::vector<std::string>;

TEST(Timetable, AGridWithoutAStartBeginsOneStepAfterItsRegistration) {
  const int64_t registered = at("2026-05-05T12:34:56.5Z");
  const Timetable grid = timetable({.every_ns = 5 * kMinute}, registered);
  EXPECT_EQ(show(grid.first(registered)), "2026-05-05T12:39:56.5Z");
  EXPECT_EQ(show(grid.next(at("2026-05-05T12:39:56.5Z"))), "2026-05-05T12:44:56.5Z");
  EXPECT_EQ(show(grid.next(at("2026-05-05T12:44:56Z"))), "2026-05-05T12:44:56.5Z");
}

TEST(Timetable, AGridFromItsStartToItsEndBothInclusive) {
  const Timetable grid =
      timetable({.every_ns = kHour, .start_at = "2025-01-01T00:00:00Z", .end_at = "2025-01-01T02:00:00Z"},
                at("2024-06-01T00:10:00Z"));
  EXPECT_EQ(show(grid.first(at("2024-06-01T00:10:00Z"))), "2025-01-01T00:00:00Z");
  EXPECT_EQ(show(grid.first(at("2025-01-01T00:00:00Z"))), "2025-01-01T00:00:00Z");
  EXPECT_EQ(show(grid.next(at("2025-01-01T00:00:00Z"))), "2025-01-01T01:00:00Z");
  EXPECT_EQ(show(grid.next(at("2025-01-01T01:30:00Z"))), "2025-01-01T02:00:00Z");
  EXPECT_EQ(show(grid.next(at("2025-01-01T02:00:00Z"))), "never");
}

TEST(Timetable, AGridNeverDrifts) {
  EXPECT_TRUE(rc::check([] {
    const int64_t every = *rc::gen::inRange<int64_t>(1, 400 * kDay);
    const int64_t registered = *rc::gen::inRange<int64_t>(0, 40'000 * kDay);
    const int64_t after = *rc::gen::inRange<int64_t>(0, 50'000 * kDay);
    const auto fire = timetable({.every_ns = every}, registered).next(after);
    RC_ASSERT(fire.has_value());
    RC_ASSERT(*fire > after);
    RC_ASSERT((*fire - registered) % every == 0 && *fire > registered);
    RC_ASSERT(*fire - every <= after || *fire == registered + every);
  }));
}

TEST(Timetable, AGridEndsWhereTimeCannotBeCounted) {
  EXPECT_EQ(show(timetable({.every_ns = 200 * 365 * kDay}, 0).next(at("2200-01-01T00:00:00Z"))), "never");
}

TEST(Timetable, OneInstant) {
  const Timetable once = timetable({.at = "2025-12-25T00:00:00Z"});
  EXPECT_EQ(show(once.first(at("2025-01-01T00:00:00Z"))), "2025-12-25T00:00:00Z");
  EXPECT_EQ(show(once.first(at("2026-01-01T00:00:00Z"))), "2025-12-25T00:00:00Z") << "due at once";
  EXPECT_EQ(show(once.next(at("2025-12-24T23:59:59Z"))), "2025-12-25T00:00:00Z");
  EXPECT_EQ(show(once.next(at("2025-12-25T00:00:00Z"))), "never");

  const Timetable later = timetable({.in_ns = 30 * kMinute}, at("2026-05-05T12:00:00Z"));
  EXPECT_EQ(show(later.first(at("2026-05-05T12:00:00Z"))), "2026-05-05T12:30:00Z");
}

TEST(Timetable, SeveralExpressionsInOneMinuteFireOnce) {
  const Timetable table = timetable({.cron = {"0 6 * * *", "0 12 * * *", "0 */6 * * *", "0 6 * * MON"}});
  Fires fires;
  std::optional<int64_t> fire = at("2026-05-04T00:00:00Z");  // a Monday
  for (int i = 0; i < 4; ++i) fires.push_back(show(fire = table.next(*fire)));
  EXPECT_EQ(fires, (Fires{"2026-05-04T06:00:00Z", "2026-05-04T12:00:00Z", "2026-05-04T18:00:00Z",
                          "2026-05-05T00:00:00Z"}));
}

TEST(Timetable, ExpressionsKeepToTheirZoneAndTheirBounds) {
  const Timetable table = timetable({.cron = {"0 6 * * *"},
                                     .timezone = "Europe/Berlin",
                                     .start_at = "2026-07-01T04:00:00Z",
                                     .end_at = "2026-07-02T04:00:00Z"});
  EXPECT_EQ(show(table.first(at("2026-01-01T00:00:00Z"))), "2026-07-01T04:00:00Z");
  EXPECT_EQ(show(table.next(at("2026-07-01T04:00:00Z"))), "2026-07-02T04:00:00Z");
  EXPECT_EQ(show(table.next(at("2026-07-02T04:00:00Z"))), "never");
}

TEST(Timetable, RefusesWhatContradictsItself) {
  const struct {
    Terms terms;
    Code code;
    std::string_view reason;
  } cases[] = {
      {{}, Code::invalid_schedule, "does not say when"},
      {{.cron = {"* * * * *"}, .every_ns = kHour}, Code::invalid_schedule, "\"cron\" and \"every\""},
      {{.at = "2026-01-01T00:00:00Z", .in_ns = kHour}, Code::invalid_schedule, "\"at\" and \"in\""},
      {{.every_ns = -1}, Code::invalid_schedule, "is not positive"},
      {{.in_ns = -1}, Code::invalid_schedule, "is not positive"},
      {{.at = "2026-01-01T00:00:00Z", .end_at = "2026-01-02T00:00:00Z"},
       Code::invalid_schedule,
       "fires once"},
      {{.timezone = "Europe/Berlin", .every_ns = kHour}, Code::invalid_schedule, "time zone"},
      {{.every_ns = kHour, .start_at = "2026-01-02T00:00:00Z", .end_at = "2026-01-01T00:00:00Z"},
       Code::invalid_schedule,
       "before it starts"},
      {{.cron = {"* * * * *", "61 * * * *"}}, Code::invalid_cron, "61"},
      {{.cron = {"* * * * *"}, .timezone = "Moon"}, Code::unknown_timezone, "Moon"},
      {{.at = "soon"}, Code::invalid_instant, "soon"},
      {{.every_ns = kHour, .start_at = "soon"}, Code::invalid_instant, "soon"},
      {{.every_ns = kHour, .end_at = "soon"}, Code::invalid_instant, "soon"},
      {{.in_ns = INT64_MAX}, Code::invalid_schedule, "2261"},
      {{.every_ns = INT64_MAX}, Code::invalid_schedule, "2261"},
  };
  for (const auto& [terms, code, reason] : cases) {
    const auto made = make_timetable(terms, at("2026-01-01T00:00:00Z"));
    ASSERT_FALSE(made) << reason;
    EXPECT_EQ(made.error().code, code) << reason;
    EXPECT_NE(made.error().message.find(reason), std::string::npos) << made.error().message;
  }
}

TEST(Due, NothingBeforeItsTime) {
  const Timetable daily = timetable({.cron = {"@daily"}});
  const DueFires result =
      due(daily, at("2026-05-06T00:00:00Z"), at("2026-05-05T23:59:59Z"), Misfire::all, 10);
  EXPECT_TRUE(result.fires.empty());
  EXPECT_EQ(show(result.next), "2026-05-06T00:00:00Z");
}

TEST(Due, OnTimeEveryPolicyFires) {
  const Timetable daily = timetable({.cron = {"@daily"}});
  for (const Misfire policy : {Misfire::once, Misfire::skip, Misfire::all}) {
    const DueFires result = due(daily, at("2026-05-06T00:00:00Z"), at("2026-05-06T00:00:02Z"), policy, 10);
    EXPECT_EQ(fires_of(result), Fires{"2026-05-06T00:00:00Z"});
    EXPECT_EQ(show(result.next), "2026-05-07T00:00:00Z");
    EXPECT_FALSE(result.passed_over);
  }
}

TEST(Due, AfterADowntimeThePolicyDecides) {
  const Timetable daily = timetable({.cron = {"@daily"}});
  const int64_t next_fire = at("2026-05-06T00:00:00Z"), now = at("2026-05-09T12:00:00Z");
  const DueFires once = due(daily, next_fire, now, Misfire::once, 10);
  EXPECT_EQ(fires_of(once), Fires{"2026-05-09T00:00:00Z"});
  EXPECT_EQ(show(once.next), "2026-05-10T00:00:00Z");
  ASSERT_TRUE(once.passed_over);
  EXPECT_EQ(once.passed_over->from, next_fire);
  EXPECT_EQ(once.passed_over->until, at("2026-05-09T00:00:00Z"));

  const DueFires skip = due(daily, next_fire, now, Misfire::skip, 10);
  EXPECT_EQ(fires_of(skip), Fires{});
  EXPECT_EQ(show(skip.next), "2026-05-10T00:00:00Z");
  ASSERT_TRUE(skip.passed_over);
  EXPECT_EQ(skip.passed_over->until, at("2026-05-09T00:00:00Z") + 1);

  const DueFires all = due(daily, next_fire, now, Misfire::all, 10);
  EXPECT_EQ(fires_of(all), (Fires{"2026-05-06T00:00:00Z", "2026-05-07T00:00:00Z", "2026-05-08T00:00:00Z",
                                  "2026-05-09T00:00:00Z"}));
  EXPECT_EQ(show(all.next), "2026-05-10T00:00:00Z");
}

TEST(Due, SkipKeepsTheOneThatIsPunctual) {
  const Timetable daily = timetable({.cron = {"@daily"}});
  const int64_t next_fire = at("2026-05-06T00:00:00Z");
  const DueFires result = due(daily, next_fire, at("2026-05-08T00:01:00Z"), Misfire::skip, 10);
  EXPECT_EQ(fires_of(result), Fires{"2026-05-08T00:00:00Z"});
  ASSERT_TRUE(result.passed_over);
  EXPECT_EQ(result.passed_over->until, at("2026-05-08T00:00:00Z"));
  EXPECT_EQ(fires_of(due(daily, next_fire, at("2026-05-08T00:01:00.000000001Z"), Misfire::skip, 10)),
            Fires{});
}

TEST(Due, WhatIsOwedIsHandedOutInPortions) {
  const Timetable grid = timetable({.every_ns = kSecond}, 0);
  const int64_t now = 30 * 365 * kDay;  // 946 million fires
  DueFires portion = due(grid, kSecond, now, Misfire::all, 3);
  EXPECT_EQ(portion.fires, (std::vector<int64_t>{kSecond, 2 * kSecond, 3 * kSecond}));
  EXPECT_EQ(portion.next, 4 * kSecond);
  portion = due(grid, *portion.next, now, Misfire::all, 2);
  EXPECT_EQ(portion.fires, (std::vector<int64_t>{4 * kSecond, 5 * kSecond}));
  EXPECT_EQ(due(grid, kSecond, now, Misfire::once, 3).fires, std::vector<int64_t>{now});
}

TEST(Newest, IsTheEndOfWhatFires) {
  const Timetable grid = make_timetable({.every_ns = 10}, 0).value();
  for (const auto& [from, until, n, first, count] :
       {std::tuple{10, 10, 3, 10, 1}, std::tuple{10, 39, 3, 10, 3}, std::tuple{10, 40, 3, 20, 3},
        std::tuple{10, 1'000'000, 3, 999'980, 3}, std::tuple{30, 30, 1, 30, 1},
        std::tuple{30, 49, 1, 40, 1}}) {
    NewestFires found(from, until, static_cast<size_t>(n));
    ASSERT_TRUE(found.go_on(grid, 1));
    EXPECT_EQ(found.first(), first) << from << ' ' << until << ' ' << n;
    EXPECT_EQ(found.count(), static_cast<size_t>(count));
  }
}

TEST(Newest, IsFoundInPiecesInDenseAndInSparseTimes) {
  const Terms all[] = {{.cron = {"* * * * *"}},
                       {.cron = {"* 9-16 * * 1-5"}, .timezone = "Europe/Berlin"},
                       {.cron = {"*/7 3 * * *", "30 2 * * *"}, .timezone = "America/New_York"},
                       {.cron = {"* * * 12 *"}},
                       {.cron = {"0 0 29 2 *"}},
                       {.cron = {"* * 1 1 *"}, .end_at = "2026-01-01T12:00:00Z"}};
  const int64_t until = at("2026-05-05T12:34:56Z");
  for (const Terms& terms : all) {
    const Timetable table = timetable(terms);
    for (const char* since : {"2026-05-05T12:00:00Z", "2025-12-31T00:00:00Z", "2024-02-01T00:00:00Z"}) {
      const int64_t from = table.next(at(since)).value_or(until + 1);
      if (from > until) continue;
      std::vector<int64_t> fires;
      for (auto fire = table.next(from - 1); fire && *fire <= until; fire = table.next(*fire))
        fires.push_back(*fire);
      for (const size_t most : {1, 63, 64, 65, 1'000}) {
        NewestFires found(from, until, most);
        size_t pieces = 1;
        while (!found.go_on(table, 1)) ++pieces;
        const size_t count = std::min(most, fires.size());
        EXPECT_EQ(found.count(), count) << terms.cron[0] << ' ' << since;
        EXPECT_EQ(found.first(), fires[fires.size() - count]) << terms.cron[0] << ' ' << since;
        EXPECT_LE(pieces, 100 + count) << terms.cron[0] << ": whatever lies before";
      }
    }
  }
}

TEST(Due, AnInstantThatPassedFiresOnceUnlessItIsToBeSkipped) {
  const Timetable past = timetable({.at = "2025-12-25T00:00:00Z"});
  const int64_t now = at("2026-05-05T00:00:00Z"), fire = *past.first(now);
  for (const Misfire policy : {Misfire::once, Misfire::all}) {
    const DueFires result = due(past, fire, now, policy, 10);
    EXPECT_EQ(fires_of(result), Fires{"2025-12-25T00:00:00Z"});
    EXPECT_FALSE(result.next);
  }
  const DueFires skipped = due(past, fire, now, Misfire::skip, 10);
  EXPECT_TRUE(skipped.fires.empty());
  EXPECT_FALSE(skipped.next);
  EXPECT_TRUE(skipped.passed_over);
}

// However the present advances: `all` owes exactly the timetable, `once` and `skip` a part of it in its
// order, and no instant fires twice.
TEST(Due, WhatFiresIsTheTimetable) {
  EXPECT_TRUE(rc::check([] {
    const Terms terms = *rc::gen::element(Terms{.every_ns = 7 * kMinute}, Terms{.cron = {"*/20 * * * *"}},
                                          Terms{.cron = {"30 2 * * *"}, .timezone = "Europe/Berlin"},
                                          Terms{.cron = {"30 * * * *"}, .timezone = "America/New_York"});
    const Misfire policy = *rc::gen::element(Misfire::once, Misfire::skip, Misfire::all);
    const int64_t registered = at("2026-10-24T12:34:56Z");
    const Timetable table = timetable(terms, registered);
    int64_t now = registered;
    std::optional<int64_t> next = table.first(now);
    std::vector<int64_t> fired, expected;
    const auto naps = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(1, 9 * kHour));
    for (const int64_t nap : naps) {
      now += nap;
      while (next && *next <= now) {
        const DueFires result = due(table, *next, now, policy, 3);
        RC_ASSERT(result.fires.size() <= (policy == Misfire::all ? 3u : 1u));
        RC_ASSERT(!result.next || *result.next > *next);
        fired.insert(fired.end(), result.fires.begin(), result.fires.end());
        next = result.next;
      }
    }
    for (auto fire = table.first(registered); fire && *fire <= now; fire = table.next(*fire))
      expected.push_back(*fire);
    if (policy == Misfire::all) RC_ASSERT(fired == expected);
    RC_ASSERT(std::includes(expected.begin(), expected.end(), fired.begin(), fired.end()));
    RC_ASSERT(std::adjacent_find(fired.begin(), fired.end(), std::greater_equal<>()) == fired.end());
    if (policy == Misfire::once && !expected.empty()) RC_ASSERT(fired.back() == expected.back());
  }));
}

}  // namespace
}  // namespace pirn::schedule
