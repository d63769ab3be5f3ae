// Somebody sets the system's clock: what counts in engine time does not notice, what calendars say follows,
// and nothing is early, lost or started twice; also across restarts (R72).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "host/engine/time_line.h"
#include "packager/schedule/instant.h"
#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using engine::Clocks;
using engine::TimeLine;
using journal::ClockState;

constexpr int64_t kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kBegin = 1'777'982'400 * kSecond;  // 2026-05-05T12:00:00Z

// ---- the line itself ----

TEST(TimeLine, IsTheWallClockAtTheStartAndTheSteadyClockSince) {
  TimeLine time;
  EXPECT_EQ(time.begin({1000 * kSecond, 5 * kSecond}, {}, 0), 0);
  EXPECT_EQ(time.now(), 1000 * kSecond);
  time.go_on({9000 * kSecond, 6 * kSecond});
  EXPECT_EQ(time.now(), 1001 * kSecond);
  EXPECT_EQ(time.wall(), 9000 * kSecond);
  EXPECT_EQ(time.of_wall(9010 * kSecond), 1011 * kSecond);
  time.go_on({1 * kSecond, 5 * kSecond});
  EXPECT_EQ(time.now(), 1001 * kSecond) << "it never goes back";
}

struct Restart {
  const char* what;
  Clocks clocks;
  ClockState known;
  int64_t newest;
  int64_t now, shift;
};

class TimeLineRestart : public testing::TestWithParam<Restart> {};

TEST_P(TimeLineRestart, TakesTheWallClocksWordAndMovesWhatIsPending) {
  const Restart& of = GetParam();
  TimeLine time;
  EXPECT_EQ(time.begin(of.clocks, of.known, of.newest), of.shift);
  EXPECT_EQ(time.now(), of.now);
}

ClockState known(int64_t offset, int64_t origin = 0, std::string boot = "") {
  ClockState state;
  state.offset = offset * kSecond;
  state.origin = origin * kSecond;
  state.boot = std::move(boot);
  return state;
}
Clocks clocks(int64_t wall, int64_t steady, std::string_view boot = "") {
  return {wall * kSecond, steady * kSecond, boot};
}

INSTANTIATE_TEST_SUITE_P(
    Restarts, TimeLineRestart,
    testing::Values(Restart{"nothing was set", clocks(5000, 7), {}, 4000 * kSecond, 5000 * kSecond, 0},
                    Restart{"it had been set forward", clocks(8600, 7), known(3600), 4900 * kSecond,
                            8600 * kSecond, 3600 * kSecond},
                    Restart{"it had been set back, long ago", clocks(5400, 7), known(-3600), 5000 * kSecond,
                            5400 * kSecond, -3600 * kSecond},
                    Restart{"it had been set back, just now", clocks(1400, 7), known(-3600), 4900 * kSecond,
                            5000 * kSecond, 0},
                    Restart{"it was set back while the host was down",
                            clocks(1400, 7),
                            {},
                            4900 * kSecond,
                            4900 * kSecond,
                            0},
                    Restart{"it was set forward while the host was down and the machine up",
                            clocks(8600, 1000, "b"), known(0, 4000, "b"), 4900 * kSecond, 8600 * kSecond,
                            3600 * kSecond},
                    Restart{"it was set back while the host was down and the machine up",
                            clocks(1400, 1000, "b"), known(0, 4000, "b"), 4900 * kSecond, 5000 * kSecond, 0},
                    Restart{"another boot, which counts from elsewhere", clocks(5000, 3, "c"),
                            known(0, 4000, "b"), 4900 * kSecond, 5000 * kSecond, 0},
                    Restart{"so little that it is none",
                            Clocks(5000 * kSecond + 9 * kSecond / 10, 1000 * kSecond, "b"),
                            known(0, 4000, "b"), 4900 * kSecond, 5000 * kSecond, 0}),
    [](const auto& info) {
      std::string name = info.param.what;
      for (char& c : name)
        if (c == ' ' || c == ',') c = '_';
      return name;
    });

// ---- what counts in engine time ----

class Host : public TenantHost {
 public:
  Host() : TenantHost({}, kBegin) {}

  // When each step was called, and how it came out, by the steady clock since the beginning.
  std::vector<std::string> story() {
    std::vector<std::string> out;
    for (const Called& call : runner().calls)
      if (call.fate != Called::Fate::lost)
        out.push_back(call.step + " " + std::string(name_of(call.kind)) + " at " +
                      std::to_string((call.at - kBegin) / kSecond));
    return out;
  }
  std::vector<std::string> fired() {
    std::vector<std::string> out;
    for (const auto& record : of<journal::ScheduleFired>())
      out.push_back(schedule::print_instant(record.instant).substr(5, 11));
    return out;
  }
  engine::EngineStats::Clock clock() { return ask<engine::Stats, engine::EngineStats>({}).value().clock; }
};
using Texts = std::vector<std::string>;

// A timeout that is not reached and one that is, a backoff, a snooze, an await's deadline, a workflow's
// deadline, delayed starts by a schedule and by hand, a breaker, a dead letter.
void set_up(Host& host) {
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"long","steps":[{"name":"long","timeout":"10m"}]},
    {"name":"late","steps":[{"name":"late","timeout":"10m","max_retries":0}]},
    {"name":"again","steps":[{"name":"again","max_retries":2,"retry_delay":"30m","retry_backoff":"fixed"}]},
    {"name":"sleep","steps":[{"name":"sleep"}]},
    {"name":"wait","steps":[{"name":"wait","await_approval":true,"timeout":"40m","on_timeout":"missed"}]},
    {"name":"bound","timeout":"2h","steps":[{"name":"bound"}],"on_failure":"ended"},
    {"name":"outer","steps":[{"name":"inner","workflow":"hang","timeout":"50m","max_retries":0},
                             {"name":"after_inner","after":["inner"]}],"failure_mode":"continue","on_failure":"outer_ended"},
    {"name":"hang","steps":[{"name":"hang","timeout":"infinity"}]},
    {"name":"soon","schedule":{"in":"20m"},"steps":[{"name":"soon"}]},
    {"name":"delayed","steps":[{"name":"delayed"}]},
    {"name":"guarded","steps":[{"name":"guarded","max_retries":5,"retry_delay":"1s","retry_backoff":"fixed",
        "circuit_breaker":"b","circuit_breaker_opts":{"failure_threshold":1,"reset_timeout":"25m"}}]}]})");
  host.runner().script = [&host](const worker::Invocation& call) {
    const std::string_view step = call.step_name;
    if (call.kind != worker::Kind::task) return ok();
    if (step == "long") return after(9 * kMinute, ok());
    if (step == "late" || step == "hang") return hang();
    if (step == "again" && call.attempt < 3) return fail("not_yet");
    if (step == "guarded" && call.attempt == 1) return fail("down");
    if (step == "sleep") return host.runner().calls.back().nth == 1 ? snooze(35 * kMinute) : ok();
    if (step == "wait") return await();
    if (step == "bound") return await();
    return ok();
  };
  for (const char* workflow : {"long", "late", "again", "sleep", "wait", "bound", "outer", "guarded"})
    ASSERT_TRUE(host.start("{}", "", workflow)) << workflow;
  engine::Start start;
  start.tenant = "t";
  start.workflow = "delayed";
  start.beginning.delay = 30 * kMinute;
  ASSERT_TRUE((host.ask<engine::Start, engine::Started>(std::move(start))));
}

enum class When { running, before_a_crash, while_down };

struct Jump {
  int64_t by;
  When when;
  const char* boot;
};

// The clock is set after a minute; a host that is lost is lost after two and back after three.
Texts story_of(int64_t by, When when, const char* boot) {
  Host host;
  host.boot = boot;
  host.crash();  // a life that knows its boot
  set_up(host);
  host.advance(kMinute);
  if (when != When::while_down) host.set_clock(by);
  host.advance(kMinute);
  if (when != When::running) {
    host.lose();
    if (when == When::while_down) host.set_clock(by);
    host.pass_time(kMinute);
    host.come_back();
  }
  host.advance(4 * kHour);
  if (by != 0) {
    EXPECT_EQ(host.clock().jumps, 1u);
    EXPECT_EQ(host.clock().last_jump, by);
  }
  return host.story();
}

class EngineTime : public testing::TestWithParam<Jump> {};

TEST(ClockOfABeginning, IsOneThatTheIdsCanFollow) {
  const auto begins = [](int64_t wall) {
    World world;
    engine::Engine engine({}, world.store(), world.runner(), world.releases, world, world);
    const Status begun = engine.recover(Clocks{wall, 5});
    if (!begun) {
      EXPECT_EQ(begun.error().code, Code::store_unopenable);
    }
    return static_cast<bool>(begun);
  };
  constexpr int64_t kMs = 1'000'000;
  EXPECT_TRUE(begins(kMs * 4'398'046'511'103)) << "2109-05-15T07:35:11.103Z";
  EXPECT_FALSE(begins(kMs * 4'398'046'511'104));
  EXPECT_FALSE(begins(-1));
}

TEST_P(EngineTime, R72DoesNotNoticeThatTheClockWasSet) {
  const auto [by, when, boot] = GetParam();
  const Texts usual = story_of(0, when, boot), found = story_of(by, when, boot);
  EXPECT_GT(usual.size(), 15u);
  EXPECT_EQ(found, usual);
}

std::vector<Jump> jumps() {
  std::vector<Jump> out;
  for (const int64_t by : {5 * kSecond, kHour, kDay, -5 * kSecond, -kHour, -kDay})
    for (const char* boot : {"", "b"}) {
      out.push_back({by, When::running, boot});
      out.push_back({by, When::before_a_crash, boot});
    }
  // Without the boot's name a clock that is set while the host is down looks like a longer or a shorter time.
  for (const int64_t by : {5 * kSecond, kHour, kDay, -5 * kSecond, -kHour, -kDay})
    out.push_back({by, When::while_down, "b"});
  return out;
}
INSTANTIATE_TEST_SUITE_P(Jumps, EngineTime, testing::ValuesIn(jumps()));

TEST(EngineTime, R72ASecondRestartMovesNothingTwice) {
  Host host;
  set_up(host);
  host.advance(kMinute);
  host.set_clock(kHour);
  host.advance(kMinute);
  for (int i = 0; i < 3; ++i) host.crash();
  host.set_clock(-kDay);
  host.advance(kMinute);
  for (int i = 0; i < 3; ++i) host.crash();
  host.advance(4 * kHour);
  Host other;
  set_up(other);
  other.advance(2 * kMinute);
  for (int i = 0; i < 3; ++i) other.crash();
  other.advance(kMinute);
  for (int i = 0; i < 3; ++i) other.crash();
  other.advance(4 * kHour);
  EXPECT_EQ(host.story(), other.story());
}

TEST(EngineTime, R72IsTheWallClockAgainAfterARestart) {
  Host host;
  host.publish(R"("steps":[{"name":"a"}])");
  host.set_clock(kDay);
  host.settle();
  const ExecutionId before = host.start()->id;
  EXPECT_EQ(host.show(before).state.created_at, kBegin) << "in this life it goes on as it was";
  host.crash();
  const ExecutionId after = host.start()->id;
  EXPECT_EQ(host.show(after).state.created_at, kBegin + kDay);
  EXPECT_EQ(host.clock().offset, 0);
}

TEST(EngineTime, R72BeginsNoEarlierThanTheJournalEnds) {
  Host host;
  host.publish(R"("steps":[{"name":"a","timeout":"infinity"}])");
  host.runner().script = [](const worker::Invocation&) { return after(30 * kMinute, await()); };
  ASSERT_TRUE(host.start());
  host.advance(31 * kMinute);  // it awaits, and its row says all of it
  host.lose();
  host.set_clock(-20 * kMinute);
  host.come_back();
  EXPECT_GE(host.show(host.start()->id).state.created_at, kBegin + 30 * kMinute);
}

TEST(EngineTime, R72TheJournalSaysHowFarTheClockWasSet) {
  Host host;
  host.publish(R"("steps":[{"name":"a"}])");
  host.runner().script = [](const worker::Invocation& call) {
    return call.attempt == 1 ? snooze(kHour) : ok();
  };
  const ExecutionId id = host.start()->id;
  host.advance(kSecond);
  host.set_clock(kSecond / 2);
  host.settle();
  EXPECT_TRUE(host.records(journal::kHostStream).empty()) << "so little is none";
  host.set_clock(kHour);
  host.settle();
  host.settle();
  const auto jumps = host.of<journal::ClockJumped>(journal::kHostStream);
  ASSERT_EQ(jumps.size(), 1u) << "once";
  EXPECT_EQ(jumps[0].by, kHour + kSecond / 2);
  host.crash();
  const auto starts = host.of<journal::ClockStarted>(journal::kHostStream);
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].shift, kHour + kSecond / 2);
  ASSERT_EQ(host.records_of<journal::ClockShifted>(id).size(), 1u);
  EXPECT_EQ(host.records_of<journal::ClockShifted>(id)[0].by, kHour + kSecond / 2);
}

TEST(EngineTime, R72DeadLettersExpireWhenTheirTimeIsOver) {
  for (const int64_t by : {kHour, -kHour}) {
    Host host;
    host.publish(R"("dead_letter":true,"dead_letter_ttl":"2h","steps":[{"name":"a"}])");
    host.runner().script = [](const worker::Invocation&) {
      return fail("no", journal::ErrorClass::terminal);
    };
    ASSERT_TRUE(host.start());
    host.advance(kMinute);
    host.set_clock(by);
    host.advance(kMinute);
    host.crash();
    host.advance(kHour + 57 * kMinute);
    EXPECT_TRUE(host.of<journal::DeadLettersPruned>().empty()) << by;
    host.advance(2 * kMinute);
    EXPECT_EQ(host.of<journal::DeadLettersPruned>().size(), 1u) << by;
  }
}

// ---- what follows the wall clock ----

TEST(WallClock, R72ACronThatComesByAgainDoesNotFireAgain) {
  for (const bool restart : {false, true}) {
    Host host;
    host.publish(R"("steps":[],"schedule":{"cron":"0 * * * *"})");
    host.advance(90 * kMinute);  // 13:30
    EXPECT_EQ(host.fired(), (Texts{"05-05T12:00", "05-05T13:00"}));
    host.set_clock(-kHour);  // 12:30
    host.settle();
    if (restart) host.crash();
    host.advance(85 * kMinute);  // 13:55
    EXPECT_EQ(host.fired(), (Texts{"05-05T12:00", "05-05T13:00"}));
    host.advance(10 * kMinute);
    EXPECT_EQ(host.fired(), (Texts{"05-05T12:00", "05-05T13:00", "05-05T14:00"}));
  }
}

TEST(WallClock, R72AfterAJumpForwardThePolicyDecidesAsAfterADowntime) {
  const std::pair<const char*, Texts> policies[] = {
      {"once", {"05-05T12:00", "05-05T15:00", "05-05T16:00"}},
      {"skip", {"05-05T12:00", "05-05T16:00"}},
      {"all", {"05-05T12:00", "05-05T13:00", "05-05T14:00", "05-05T15:00", "05-05T16:00"}}};
  for (const auto& [policy, fires] : policies) {
    Host host;
    host.publish(R"("steps":[],"schedule":{"cron":"0 * * * *","misfire":")" + std::string(policy) + "\"}");
    host.advance(30 * kMinute);
    host.set_clock(3 * kHour);
    host.advance(31 * kMinute);
    EXPECT_EQ(host.fired(), fires) << policy;
  }
}

// A machine whose clock is not set yet begins in 1970.
TEST(WallClock, R36OfWhatALeapOfYearsMissesTheNewestAreMadeUpForAndNoTurnIsLong) {
  for (const bool limited : {false, true}) {
    Host host;
    host.set_clock(-50 * 365 * kDay);
    host.publish(std::string(limited ? R"("max_running":1,)" : "") +
                 R"("steps":[],"schedule":{"cron":"* * * * *","misfire":"all"})");
    host.settle();
    host.set_clock(50 * 365 * kDay);
    const int64_t most = limited ? 1'000 : 100'000, first = host.wall() - (most - 1) * kMinute;
    host.settle();
    EXPECT_EQ(host.of<journal::ScheduleSkipped>().empty(), !limited)
        << "so long a search takes several turns";
    host.advance(30 * kSecond);
    const auto skipped = host.of<journal::ScheduleSkipped>();
    ASSERT_EQ(skipped.size(), 1u);
    EXPECT_EQ(skipped[0].reason, journal::ScheduleSkip::backlog);
    EXPECT_EQ(skipped[0].until, first) << schedule::print_instant(skipped[0].until);
    std::vector<int64_t> fires, expected;
    for (const auto& record : host.of<journal::ScheduleFired>())
      if (record.instant >= first) fires.push_back(record.instant);
    for (size_t i = 0; i < fires.size(); ++i) expected.push_back(first + static_cast<int64_t>(i) * kMinute);
    EXPECT_EQ(fires, expected);
    EXPECT_GT(fires.size(), limited ? 900u : 1'000u);
  }
}

// Somebody errs by a day and corrects it: what was passed over meanwhile gets its turn, what fired does not.
TEST(WallClock, R72NothingIsLostWhenTheClockWasWrongForAWhile) {
  for (const bool restart : {false, true}) {
    Host host;
    host.publish(R"("steps":[],"schedule":{"cron":"0 * * * *"})");
    host.advance(30 * kMinute);
    host.set_clock(kDay);
    host.advance(kMinute);
    EXPECT_EQ(host.fired(), (Texts{"05-05T12:00", "05-06T12:00"})) << "the last one missed";
    if (restart) host.lose();
    host.set_clock(-kDay);
    if (restart) host.come_back();
    host.advance(25 * kHour);
    Texts fires = {"05-05T12:00", "05-06T12:00"};
    for (int hour = 13; hour < 24; ++hour) fires.push_back("05-05T" + std::to_string(hour) + ":00");
    for (int hour = 0; hour < 12; ++hour)
      fires.push_back((hour < 10 ? "05-06T0" : "05-06T") + std::to_string(hour) + ":00");
    fires.push_back("05-06T13:00");
    EXPECT_EQ(host.fired(), fires) << restart;
  }
}

// A machine without a clock of its own begins in the past until the network tells it the time.
TEST(WallClock, R72WhatTheClockLeapsOverAgainIsNotMissedAgain) {
  for (const bool restart : {false, true})
    for (const char* schedule : {R"("cron":"0 * * * *")", R"("every":"1h")"}) {
      Host host;
      host.publish(R"("steps":[],"schedule":{"misfire":"all",)" + std::string(schedule) + "}");
      host.advance(150 * kMinute);  // 14:30
      const auto fired = host.fired();
      constexpr int64_t kBack = 26 * 365 * kDay;
      if (restart) host.lose();
      host.set_clock(-kBack);
      if (restart) host.come_back();
      host.advance(kMinute);
      if (restart) host.crash();
      host.set_clock(kBack);
      host.advance(kMinute);
      EXPECT_EQ(host.fired(), fired) << schedule << restart;
      EXPECT_LE(host.of<journal::ScheduleSkipped>().size(), 1u) << schedule << restart;
      host.advance(kHour);
      EXPECT_EQ(host.fired().size(), fired.size() + 1) << schedule << restart;
    }
}

TEST(WallClock, R72AnInstantIsOneOfTheWallClockAndADelayIsNot) {
  for (const int64_t by : {kHour, -kHour}) {
    for (const bool restart : {false, true}) {
      Host host;
      host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
        {"name":"instant","steps":[],"schedule":{"at":"2026-05-05T15:00:00Z"}},
        {"name":"delay","steps":[],"schedule":{"in":"3h"}},
        {"name":"w","steps":[{"name":"a"}]}]})");
      const auto start = [&](engine::When when) {
        engine::Start command;
        command.tenant = "t";
        command.workflow = "w";
        command.beginning = when;
        return host.ask<engine::Start, engine::Started>(std::move(command))->id;
      };
      const ExecutionId at = start({.delay = 0, .at = kBegin + 3 * kHour}),
                        in = start({.delay = 3 * kHour, .at = 0});
      host.advance(30 * kMinute);
      host.set_clock(by);
      host.settle();
      if (restart) host.crash();
      std::map<std::string, int64_t> began;
      const auto look = [&] {
        const int64_t now = host.now() - kBegin;
        if (host.show(at).state.started_at != 0) began.try_emplace("start at", now);
        if (host.show(in).state.started_at != 0) began.try_emplace("start in", now);
        for (const auto& record : host.of<journal::ScheduleFired>())
          began.try_emplace(record.name.workflow, now);
      };
      for (int i = 0; i < 12 * 6; ++i) look(), host.advance(5 * kMinute);
      const int64_t by_wall = 3 * kHour - by;
      EXPECT_EQ(
          began,
          (std::map<std::string, int64_t>{
              {"delay", 3 * kHour}, {"instant", by_wall}, {"start at", by_wall}, {"start in", 3 * kHour}}))
          << by << restart;
      host.set_clock(-4 * kHour);
      host.advance(5 * kHour);
      EXPECT_EQ(host.of<journal::ScheduleFired>().size(), 2u) << "an instant that has fired is over";
    }
  }
}

// The clock is set again and again, and the host lost: each instant that the wall clock has shown or leapt
// over fires once, however often it has. What it leaps over from before the schedule began was not missed.
TEST(WallClock, R72EveryInstantFiresOnceWhateverIsDoneToTheClock) {
  for (const uint32_t seed : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}) {
    std::mt19937 random(seed);
    Host host;
    host.boot = seed % 2 ? "b" : "";
    const bool grid = seed % 3 != 0;
    host.publish(grid ? R"("steps":[],"schedule":{"every":"10m","misfire":"all"})"
                      : R"("steps":[],"schedule":{"cron":"*/10 * * * *","misfire":"all"})");
    host.settle();
    constexpr int64_t kStep = 10 * kMinute;
    std::set<int64_t> expected;
    int64_t before =
        host.wall() - (grid ? 0 : 1);  // a cron fires on its instant, a grid begins one step later
    const auto look = [&](bool leapt) {
      for (int64_t at = (before / kStep + 1) * kStep; at <= host.wall(); at += kStep)
        if ((!grid || at > kBegin) && !(leapt && at < kBegin && at < host.wall() - kMinute))
          expected.insert(at);
      before = host.wall();
    };
    for (int i = 0; i < 30; ++i) {
      host.advance(static_cast<int64_t>(random() % 3000) * kSecond);
      look(false);
      const bool down = random() % 4 == 0;
      if (down) host.lose();
      constexpr int64_t kBy[] = {0, 3 * kSecond, -3 * kSecond, kHour, -kHour, 5 * kHour, -5 * kHour};
      host.set_clock(kBy[random() % std::size(kBy)]);
      look(true);
      if (down) host.come_back();
      host.advance(kMinute);
      look(false);
    }
    std::vector<int64_t> fires;
    for (const auto& record : host.of<journal::ScheduleFired>()) fires.push_back(record.instant);
    std::sort(fires.begin(), fires.end());
    EXPECT_EQ(fires.size(), expected.size()) << seed;
    for (const int64_t at : fires) {
      EXPECT_EQ(expected.erase(at), 1u) << seed << ": too much or twice: " << schedule::print_instant(at);
    }
    for (const int64_t at : expected) ADD_FAILURE() << seed << ": lost: " << schedule::print_instant(at);
  }
}

}  // namespace
}  // namespace pirn::sim
