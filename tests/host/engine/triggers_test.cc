// Schedules and events (R35 to R40, R68): what starts by itself, exactly once.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "packager/digest/digest.h"
#include "packager/schedule/instant.h"
#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using engine::Backfill;
using engine::ControlSchedule;
using engine::Emit;
using engine::ScheduleView;
using journal::State;
using schedule::print_instant;

constexpr int64_t kHour = 60 * kMinute, kDay = 24 * kHour;

int64_t at(std::string_view text) { return schedule::parse_instant(text).value(); }

class Host : public TenantHost {
 public:
  explicit Host(std::string_view begin) : TenantHost({}, at(begin)) {}

  // Publishes and lets the host see it.
  registry::ReleasePtr deploy(const std::string& workflow_members) {
    auto release = publish(workflow_members + R"(,"steps":[{"name":"a"}])");
    settle();
    return release;
  }

  std::vector<ScheduleView> schedules(std::string tenant = "t") {
    return ask<engine::ListSchedules, std::vector<ScheduleView>>({std::move(tenant), {}}).value();
  }
  ScheduleView schedule() {
    const auto views = schedules();
    EXPECT_EQ(views.size(), 1u);
    return views.empty() ? ScheduleView() : views.front();
  }
  std::string next() { return text_of(schedule().state.next); }
  Result<ControlSchedule::Answer> control(ControlSchedule::Action action, std::string workflow = "w") {
    return ask<ControlSchedule, ControlSchedule::Answer>({"t", std::move(workflow), action, {}});
  }
  Result<std::vector<Backfill::Fire>> backfill(std::string_view from, std::string_view to,
                                               bool dry_run = false) {
    return ask<Backfill, std::vector<Backfill::Fire>>({"t", "w", at(from), at(to), dry_run, {}});
  }
  Result<Emit::Answer> emit(std::string event, std::string id = "", std::string payload = "{}",
                            std::string tenant = "t") {
    Emit command;
    command.tenant = std::move(tenant);
    command.event = std::move(event);
    command.id = std::move(id);
    command.payload = journal::parse_object(payload).value();
    command.payload_digest = sha256(payload);
    return ask<Emit, Emit::Answer>(std::move(command));
  }

  static std::string text_of(int64_t instant) {
    return instant == journal::kNever ? "never" : print_instant(instant);
  }

  std::vector<std::string> fired() {
    std::vector<std::string> out;
    for (const auto& record : of<journal::ScheduleFired>()) out.push_back(print_instant(record.instant));
    return out;
  }
  std::vector<std::string> skipped() {
    std::vector<std::string> out;
    for (const auto& record : of<journal::ScheduleSkipped>())
      out.push_back(std::string(name_of(record.reason)) + " " + print_instant(record.from));
    return out;
  }
};
using Texts = std::vector<std::string>;

TEST(Schedules, FireAtTheirInstantWithItInTheInput) {
  Host host("2026-05-05T12:00:30Z");
  host.deploy(R"("schedule":{"cron":"*/10 * * * *"})");
  EXPECT_EQ(host.next(), "2026-05-05T12:10:00Z");
  host.advance(25 * kMinute);
  EXPECT_EQ(host.fired(), (Texts{"2026-05-05T12:10:00Z", "2026-05-05T12:20:00Z"}));
  EXPECT_EQ(host.executions(), 2u);

  const ScheduleView view = host.schedule();
  EXPECT_EQ(view.state.fires, 2u);
  EXPECT_EQ(print_instant(view.state.last_fire), "2026-05-05T12:20:00Z");
  const engine::View run = host.show(view.state.last_execution);
  EXPECT_EQ(run.state.state, State::completed);
  EXPECT_EQ(run.state.trigger, "schedule");
  EXPECT_EQ(print_instant(run.state.created_at), "2026-05-05T12:20:00Z") << "neither early nor late";
  EXPECT_EQ(run.context, R"({"__scheduled_at__":"2026-05-05T12:20:00Z",)"
                         R"("__trigger__":{"scheduled_at":"2026-05-05T12:20:00Z","type":"schedule"}})");
}

TEST(Schedules, FollowTheClockOfTheirZone) {
  Host host("2026-10-24T12:00:00Z");
  host.deploy(R"("schedule":{"cron":"30 2 * * *","timezone":"Europe/Berlin"})");
  host.advance(3 * kDay);
  EXPECT_EQ(host.fired(), (Texts{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"}))
      << "the hour that is repeated fires once";
}

TEST(Schedules, AGridAnInstantAndADelay) {
  Host host("2026-05-05T12:00:30Z");
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"grid","steps":[],"schedule":{"every":"7m"}},
    {"name":"instant","steps":[],"schedule":{"at":"2026-05-05T12:05:00Z"}},
    {"name":"past","steps":[],"schedule":{"at":"2020-01-01T00:00:00Z"}},
    {"name":"skipped","steps":[],"schedule":{"at":"2020-01-01T00:00:00Z","misfire":"skip"}},
    {"name":"delay","steps":[],"schedule":{"in":"10m"}}]})");
  host.advance(5 * kMinute);
  host.crash();  // what counts is when they were registered
  host.advance(15 * kMinute);
  Texts fires;
  for (const auto& record : host.of<journal::ScheduleFired>())
    fires.push_back(record.name.workflow + " " + print_instant(record.instant));
  EXPECT_EQ(fires,
            (Texts{"past 2020-01-01T00:00:00Z", "instant 2026-05-05T12:05:00Z", "grid 2026-05-05T12:07:30Z",
                   "delay 2026-05-05T12:10:30Z", "grid 2026-05-05T12:14:30Z"}));
  EXPECT_EQ(host.skipped(), Texts{"misfire 2020-01-01T00:00:00Z"});
}

TEST(Schedules, AfterADowntimeThePolicyDecides) {
  const struct {
    std::string_view misfire;
    Texts fired;
    size_t skips;
  } cases[] = {
      {"once", {"2026-05-06T00:00:00Z", "2026-05-09T00:00:00Z", "2026-05-10T00:00:00Z"}, 1},
      {"skip", {"2026-05-06T00:00:00Z", "2026-05-10T00:00:00Z"}, 1},
      {"all",
       {"2026-05-06T00:00:00Z", "2026-05-07T00:00:00Z", "2026-05-08T00:00:00Z", "2026-05-09T00:00:00Z",
        "2026-05-10T00:00:00Z"},
       0},
  };
  for (const auto& [misfire, fired, skips] : cases) {
    Host host("2026-05-05T12:00:00Z");
    host.deploy(R"("schedule":{"cron":"@daily","misfire":")" + std::string(misfire) + R"("})");
    host.advance(kDay);
    host.lose();
    host.pass_time(3 * kDay);
    host.come_back();
    host.advance(kDay);
    EXPECT_EQ(host.fired(), fired) << misfire;
    EXPECT_EQ(host.skipped().size(), skips) << misfire;
    EXPECT_EQ(host.executions(), fired.size()) << misfire;
  }
}

TEST(Schedules, AnOverlapIsSkippedAndSaid) {
  Host host("2026-05-05T12:00:00Z");
  host.runner().script = [](const worker::Invocation&) { return after(25 * kMinute, ok()); };
  host.deploy(R"("schedule":{"every":"10m"},"max_running":1)");
  host.advance(50 * kMinute + kSecond);
  EXPECT_EQ(host.fired(), (Texts{"2026-05-05T12:10:00Z", "2026-05-05T12:40:00Z"}));
  EXPECT_EQ(host.skipped(), (Texts{"max_running 2026-05-05T12:20:00Z", "max_running 2026-05-05T12:30:00Z",
                                   "max_running 2026-05-05T12:50:00Z"}));
  EXPECT_EQ(host.schedule().state.skips, 3u);
  EXPECT_EQ(host.schedule().state.skip_reason, journal::ScheduleSkip::max_running);
}

// R48: a host that came back with less starts by itself no more than by hand, and says so.
TEST(Schedules, WhatTheHostHasTooLittleForIsSkippedAndSaid) {
  Host host("2026-05-05T12:00:00Z");
  host.options().capacity = engine::Capacity::of({{"gpu", 0}});
  host.crash();
  host.publish(R"("schedule":{"every":"10m"},"steps":[{"name":"a","resources":{"gpu":1}}])");
  host.advance(20 * kMinute + kSecond);
  EXPECT_EQ(host.fired(), Texts{});
  EXPECT_EQ(host.skipped(), (Texts{"resources_insufficient 2026-05-05T12:10:00Z",
                                   "resources_insufficient 2026-05-05T12:20:00Z"}));
  EXPECT_EQ(host.control(ControlSchedule::Action::trigger).error().code, Code::resources_insufficient);
  EXPECT_EQ(host.backfill("2026-05-05T12:05:00Z", "2026-05-05T12:15:00Z").error().code,
            Code::resources_insufficient);
  EXPECT_EQ(host.executions(), 0u);
  host.crash();
  EXPECT_EQ(host.schedule().state.skip_reason, journal::ScheduleSkip::resources_insufficient);
  host.options().capacity = engine::Capacity();
  host.crash();
  host.advance(10 * kMinute);
  EXPECT_EQ(host.fired(), Texts{"2026-05-05T12:30:00Z"}) << "what was skipped is not made up for";
}

TEST(Schedules, WithoutALimitExecutionsOverlap) {
  Host host("2026-05-05T12:00:00Z");
  host.runner().script = [](const worker::Invocation&) { return hang(); };
  host.deploy(R"("schedule":{"every":"10m"})");
  host.advance(30 * kMinute);
  EXPECT_EQ(host.fired().size(), 3u);
}

TEST(Schedules, DeploymentsKeepWhatIsUnchangedAndStartAnewWhatIsNot) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"})");
  host.advance(10 * kMinute);
  host.deploy(R"("schedule":{"every":"1h"},"label":"another release")");
  EXPECT_EQ(host.next(), "2026-05-05T13:00:00Z") << "unchanged: it keeps its next fire";
  host.deploy(R"("schedule":{"every":"2h"})");
  EXPECT_EQ(host.next(), "2026-05-05T14:10:00Z") << "changed: it starts anew";
  host.advance(10 * kMinute);
  host.deploy(R"("schedule":{"every":"1h"})");
  EXPECT_EQ(host.next(), "2026-05-05T13:20:00Z") << "undone: likewise";
  host.deploy(R"("label":"no schedule")");
  EXPECT_TRUE(host.schedules().empty());
  host.advance(kDay);
  EXPECT_EQ(host.fired(), Texts{}) << "removed: it stops";
}

TEST(Schedules, R68TheGridKeepsItsPhaseWhateverElseChanges) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"})");
  host.advance(110 * kMinute);
  host.deploy(R"("schedule":{"every":"1h","misfire":"all"})");
  EXPECT_EQ(host.next(), "2026-05-05T14:00:00Z");
  EXPECT_EQ(host.schedule().state.fires, 1u) << "it is the same schedule";
  host.deploy(R"("schedule":{"every":"1h","end_at":"2026-05-05T16:30:00Z"})");
  host.advance(4 * kHour);
  EXPECT_EQ(host.fired(), (Texts{"2026-05-05T13:00:00Z", "2026-05-05T14:00:00Z", "2026-05-05T15:00:00Z",
                                 "2026-05-05T16:00:00Z"}));
  EXPECT_EQ(host.next(), "never") << "its end has passed";
  host.deploy(R"("schedule":{"every":"1h"})");
  EXPECT_EQ(host.next(), "2026-05-05T18:00:00Z") << "it goes on, on its grid; what lay between is gone";
  host.deploy(R"("schedule":{"every":"1h","start_at":"2026-05-05T12:20:00Z"})");
  EXPECT_EQ(host.next(), "2026-05-05T18:20:00Z") << "another start is another grid";
}

TEST(Schedules, R68WhatIsDueAtADeploymentStaysDue) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h","misfire":"all"})");
  host.lose();
  host.publish(R"("schedule":{"every":"1h","end_at":"2026-05-06T00:00:00Z","misfire":"all"},"steps":[])");
  host.pass_time(150 * kMinute);
  host.come_back();
  host.advance(kSecond);
  EXPECT_EQ(host.fired(), (Texts{"2026-05-05T13:00:00Z", "2026-05-05T14:00:00Z"}));
}

TEST(Schedules, R68ADelayAnInstantAndACronKeepTheirFire) {
  Host host("2026-05-05T12:00:00Z");
  const auto deploy = [&](const std::string& more) {
    host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
          {"name":"cron","steps":[],"schedule":{"cron":"30 * * * *")" +
                                   more + R"(}},
          {"name":"delay","steps":[],"schedule":{"in":"40m")" +
                                   more + R"(}},
          {"name":"gone","steps":[],"schedule":{"in":"1m")" +
                                   more + R"(}},
          {"name":"instant","steps":[],"schedule":{"at":"2026-05-05T12:50:00Z")" +
                                   more + "}}]}");
    host.settle();
  };
  deploy("");
  host.advance(10 * kMinute);
  deploy(R"(,"misfire":"all")");
  host.advance(10 * kMinute);
  deploy("");
  host.advance(kHour);
  Texts fires;
  for (const auto& record : host.of<journal::ScheduleFired>())
    fires.push_back(record.name.workflow + " " + print_instant(record.instant));
  EXPECT_EQ(fires, (Texts{"gone 2026-05-05T12:01:00Z", "cron 2026-05-05T12:30:00Z",
                          "delay 2026-05-05T12:40:00Z", "instant 2026-05-05T12:50:00Z"}));
}

TEST(Schedules, ACronThatIsDeployedOnItsInstantFiresAtIt) {
  Host host("2026-05-05T12:30:00Z");
  host.deploy(R"("schedule":{"cron":"30 * * * *"})");
  EXPECT_EQ(host.fired(), Texts{"2026-05-05T12:30:00Z"});
  host.deploy(R"("schedule":{"cron":"30 * * * *","misfire":"all"})");
  host.deploy(R"("schedule":{"cron":"30 12 * * *"})");
  host.crash();
  EXPECT_EQ(host.fired(), Texts{"2026-05-05T12:30:00Z"}) << "once, whatever is deployed at that instant";
}

TEST(Schedules, ADeploymentThatTheHostDidNotSeeIsTakenUpWhenItIsBack) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"})");
  host.lose();
  host.publish(R"("schedule":{"every":"2h"},"steps":[])");
  host.pass_time(90 * kMinute);
  host.come_back();
  host.settle();
  EXPECT_EQ(host.fired(), Texts{}) << "the schedule that was due is in force no more";
  EXPECT_EQ(host.next(), "2026-05-05T15:30:00Z");
}

TEST(Schedules, ArePausedAndResumed) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h","misfire":"all"})");
  ASSERT_TRUE(host.control(ControlSchedule::Action::pause));
  EXPECT_EQ(host.control(ControlSchedule::Action::pause).error().code, Code::invalid_transition);
  host.advance(150 * kMinute);
  host.crash();
  EXPECT_TRUE(host.schedule().state.paused) << "durable";
  EXPECT_EQ(host.fired(), Texts{});
  const auto resumed = host.control(ControlSchedule::Action::resume);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(print_instant(resumed->schedule.state.next), "2026-05-05T15:00:00Z")
      << "what fell into the pause does not fire";
  EXPECT_EQ(host.control(ControlSchedule::Action::resume).error().code, Code::invalid_transition);
  host.advance(kHour);
  EXPECT_EQ(host.fired(), Texts{"2026-05-05T15:00:00Z"});
}

// Their timers are kept in places that are used again, the last that became free first.
TEST(Schedules, OfOneInstantFireInTheOrderOfTheirNames) {
  Host host("2026-03-02T08:30:00Z");
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"a","schedule":{"cron":"0 * * * *"},"steps":[{"name":"s"}]},
    {"name":"b","schedule":{"cron":"0 * * * *"},"steps":[{"name":"s"}]}]})");
  host.settle();
  for (const auto action : {ControlSchedule::Action::pause, ControlSchedule::Action::resume})
    for (const char* workflow : {"a", "b"}) ASSERT_TRUE(host.control(action, workflow));
  host.advance(kHour);
  std::vector<std::string> fired;
  for (const auto& record : host.of<journal::ScheduleFired>()) fired.push_back(record.name.workflow);
  EXPECT_EQ(fired, (Texts{"a", "b"}));
}

TEST(Schedules, AreTriggeredWithoutLosingTheirPlace) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"},"max_running":1)");
  ASSERT_TRUE(host.control(ControlSchedule::Action::pause));
  const auto triggered = host.control(ControlSchedule::Action::trigger);
  ASSERT_TRUE(triggered) << "also while it is paused";
  EXPECT_EQ(host.show(triggered->execution).state.trigger, "trigger");
  EXPECT_EQ(print_instant(triggered->schedule.state.next), "2026-05-05T13:00:00Z");
  EXPECT_EQ(host.control(ControlSchedule::Action::trigger, "nowhere").error().code, Code::not_found);
  host.deploy(R"("label":"none")");
  EXPECT_EQ(host.control(ControlSchedule::Action::trigger).error().code, Code::not_found);
}

TEST(Schedules, ABackfillStartsWhatHasNotStartedYet) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"cron":"0 * * * *"},"max_running":1)");
  host.advance(kHour);
  const auto dry = host.backfill("2026-05-05T10:00:00Z", "2026-05-05T13:00:00Z", true);
  ASSERT_TRUE(dry);
  ASSERT_EQ(dry->size(), 4u);
  EXPECT_EQ(host.executions(), 2u) << "12:00 and 13:00; a dry run starts nothing";
  const auto real = host.backfill("2026-05-05T10:00:00Z", "2026-05-05T13:00:00Z");
  ASSERT_TRUE(real);
  Texts shown;
  for (const Backfill::Fire& fire : *real)
    shown.push_back(print_instant(fire.instant) + (fire.existing ? " existing" : " started"));
  EXPECT_EQ(shown, (Texts{"2026-05-05T10:00:00Z started", "2026-05-05T11:00:00Z started",
                          "2026-05-05T12:00:00Z existing", "2026-05-05T13:00:00Z existing"}));
  host.settle();
  EXPECT_EQ(host.executions(), 4u);
  EXPECT_EQ(host.show(real->front().execution).state.trigger, "backfill");
  host.crash();
  const auto again = host.backfill("2026-05-05T10:00:00Z", "2026-05-05T13:00:00Z");
  ASSERT_TRUE(again);
  for (const Backfill::Fire& fire : *again) EXPECT_TRUE(fire.existing);
  EXPECT_EQ(again->front().execution, real->front().execution);
  EXPECT_EQ(host.next(), "2026-05-05T14:00:00Z");

  EXPECT_EQ(host.backfill("2026-05-05T10:00:00Z", "2026-05-05T14:00:00Z").error().code,
            Code::invalid_argument);
  EXPECT_EQ(host.backfill("2026-05-05T10:00:00Z", "2026-05-05T09:00:00Z").error().code,
            Code::invalid_argument);
  EXPECT_EQ(host.backfill("2020-01-01T00:00:00Z", "2026-05-05T09:00:00Z").error().code, Code::too_large);
}

TEST(Schedules, AFireThatWasFilledInEarlierIsNotStartedAgain) {
  Host host("2026-05-05T12:00:30Z");
  host.deploy(R"("schedule":{"cron":"0 * * * *","misfire":"all"})");
  host.lose();
  host.pass_time(2 * kHour);
  host.come_back();
  // Before the turn that fires: 13:00 and 14:00 are owed.
  ASSERT_TRUE(host.backfill("2026-05-05T13:00:00Z", "2026-05-05T13:00:00Z"));
  host.settle();
  EXPECT_EQ(host.executions(), 2u);
  EXPECT_EQ(host.skipped(), Texts{"fired_before 2026-05-05T13:00:00Z"});
}

TEST(Schedules, BelongToTheirTenant) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"})");
  host.releases.publish("other", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","steps":[],"schedule":{"every":"30m"}}]})");
  host.settle();
  ASSERT_TRUE(host.control(ControlSchedule::Action::pause));
  EXPECT_FALSE(host.schedules("other").front().state.paused);
  EXPECT_TRUE(host.schedules("nobody").empty());
  host.advance(kHour);
  EXPECT_EQ(host.executions("other"), 2u);
  EXPECT_EQ(host.executions("t"), 0u);
}

TEST(Schedules, AShutdownLeavesWhatIsDueToTheNextHost) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"})");
  host.engine().stop_dispatching();
  host.advance(kHour);
  EXPECT_EQ(host.fired(), Texts{});
  host.crash();
  EXPECT_EQ(host.fired(), Texts{"2026-05-05T13:00:00Z"});
}

TEST(Schedules, TheStartKeysOfFiresAreNobodyElses) {
  Host host("2026-05-05T12:00:00Z");
  host.deploy(R"("schedule":{"every":"1h"})");
  EXPECT_EQ(host.start("{}", "__fire/p::w/2026-05-05T13:00:00Z").error().code, Code::invalid_argument);
}

// Whatever fails and whenever: each fire of the timetable has one execution, and each execution one fire.
TEST(Schedules, StartExactlyOnceAcrossCrashes) {
  EXPECT_TRUE(rc::check([] {
    const std::string misfire = *rc::gen::element<std::string>("once", "skip", "all");
    const std::string when =
        *rc::gen::element<std::string>(R"("every":"11m")", R"("cron":"*/20 * * * *")",
                                       R"("cron":["30 2 * * *","0 */3 * * *"],"timezone":"Europe/Berlin")");
    Host host("2026-03-28T20:00:10Z");  // the clock of Berlin jumps at 01:00
    host.runner().script = [](const worker::Invocation&) { return after(5 * kMinute, ok()); };
    host.deploy("\"schedule\":{" + when + R"(,"misfire":")" + misfire + "\"}");
    const auto moves = *rc::gen::container<std::vector<std::pair<int, int>>>(
        20, rc::gen::pair(rc::gen::inRange(0, 6), rc::gen::inRange(1, 90)));
    for (const auto& [what, minutes] : moves) {
      if (what == 0) host.fail_commit(static_cast<uint64_t>(minutes % 5 + 1), false);
      if (what == 1) host.fail_commit(static_cast<uint64_t>(minutes % 5 + 1), true);
      if (what == 2) host.crash();
      if (what == 3) {
        host.lose();
        host.pass_time(minutes * kMinute);
        host.come_back();
      }
      host.advance(minutes * kMinute);
    }
    host.crash();           // a failure that is still armed goes with the store
    host.advance(kMinute);  // what was missed is made up for

    ASSERT_TRUE(host.control(ControlSchedule::Action::pause));
    host.advance(kHour);  // what was started has ended, and is in the store

    std::multiset<int64_t> fired;
    std::set<ExecutionId> started;
    for (const auto& record : host.of<journal::ScheduleFired>()) {
      fired.insert(record.instant);
      RC_ASSERT(started.insert(record.execution).second);
      const std::string context = host.show(record.execution).context;
      RC_ASSERT(context.find(print_instant(record.instant)) != std::string::npos);
    }
    RC_ASSERT(host.executions() == started.size());

    const ScheduleView view = host.schedule();
    std::multiset<int64_t> expected;
    for (auto fire = view.timetable->first(view.state.registered_at); fire && *fire < view.state.next;
         fire = view.timetable->next(*fire))
      expected.insert(*fire);
    if (misfire == "all") RC_ASSERT(fired == expected);
    // Each at most once: `expected` has no instant twice.
    RC_ASSERT(std::includes(expected.begin(), expected.end(), fired.begin(), fired.end()));
  }));
}

// ---- events ----

constexpr const char* kSubscribers = R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"welcome","steps":[],"on_event":"user.created"},
    {"name":"count","steps":[],"on_event":["user.created","user.deleted"]},
    {"name":"other","steps":[]}]})";

TEST(Events, StartEverySubscribedWorkflowOfTheTenant) {
  Host host("2026-05-05T12:00:00Z");
  host.releases.publish("t", kSubscribers);
  host.releases.publish("u", kSubscribers);
  const auto emitted = host.emit("user.created", "e-1", R"({"name":"Ada"})");
  ASSERT_TRUE(emitted);
  ASSERT_EQ(emitted->executions.size(), 2u);
  EXPECT_FALSE(emitted->existing);
  EXPECT_EQ(host.executions("u"), 0u);
  const engine::View run = host.show(emitted->executions.front());
  EXPECT_EQ(run.state.origin->workflow, "welcome");
  EXPECT_EQ(run.state.trigger, "event");
  EXPECT_EQ(run.context,
            R"({"__trigger__":{"event":"user.created","id":"e-1","type":"event"},"name":"Ada"})");
  EXPECT_EQ(host.emit("user.deleted")->executions.size(), 1u);
  EXPECT_EQ(host.emit("user.renamed")->executions.size(), 0u) << "nobody listens, which is no error";
  EXPECT_EQ(host.of<journal::EventEmitted>().size(), 3u);
  EXPECT_EQ(host.emit("user.created", "", R"({"__x":1})").error().code, Code::invalid_argument);
}

TEST(Events, WhoeverCannotStartIsNamedAndTheOthersStart) {
  Host host("2026-05-05T12:00:00Z");
  host.options().capacity = engine::Capacity::of({{"gpu", 0}});
  host.crash();
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"small","steps":[],"on_event":["new"]},
    {"name":"large","steps":[{"name":"a","resources":{"gpu":1}}],"on_event":["new"]}]})");
  const auto emitted = host.emit("new", "e-1");
  ASSERT_TRUE(emitted);
  EXPECT_EQ(emitted->executions.size(), 1u);
  ASSERT_EQ(emitted->refused.size(), 1u);
  EXPECT_EQ(emitted->refused[0].workflow.workflow, "large");
  EXPECT_EQ(emitted->refused[0].error.code, Code::resources_insufficient);
  const auto told = host.of<journal::EventEmitted>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].refused,
            (std::vector<journal::EventEmitted::Refused>{{{"p", "large"}, "resources_insufficient"}}));
}

TEST(Events, AnIdIsTakenOnceAlsoAfterACrash) {
  Host host("2026-05-05T12:00:00Z");
  host.releases.publish("t", kSubscribers);
  host.releases.publish("u", kSubscribers);
  const auto first = host.emit("user.created", "e-1");
  ASSERT_TRUE(first);
  host.crash();
  const auto again = host.emit("user.created", "e-1");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->existing);
  EXPECT_EQ(again->executions, first->executions);
  EXPECT_EQ(host.executions(), 2u);
  EXPECT_FALSE(host.emit("user.created", "e-1", "{}", "u")->existing) << "an id is the tenant's own";
  EXPECT_FALSE(host.emit("user.created")->existing);
  EXPECT_FALSE(host.emit("user.created")->existing) << "without an id each one counts";
  EXPECT_EQ(host.executions(), 6u);
  // Remembered also when nobody listened.
  EXPECT_FALSE(host.emit("user.renamed", "e-2")->existing);
  EXPECT_TRUE(host.emit("user.renamed", "e-2")->existing);
}

TEST(Events, R39TheIdsOfTwoEventsAreApart) {
  Host host("2026-05-05T12:00:00Z");
  host.releases.publish("t", kSubscribers);
  EXPECT_FALSE(host.emit("user.renamed", "e-1")->existing);
  host.crash();
  EXPECT_FALSE(host.emit("user.created", "e-1")->existing);
  EXPECT_TRUE(host.emit("user.created", "e-1")->existing);
  EXPECT_FALSE(host.emit(R"(user.created","e)", "1")->existing) << "nor does a name reach into the id";
}

TEST(Events, R39OnesThatAQuarantinedPackageMayWaitForAreNotLost) {
  Host host("2026-05-05T12:00:00Z");
  const auto release = host.releases.publish("t", kSubscribers);
  host.releases.set_aside("t", release->package);
  const auto refused = host.emit("user.created", "e-1", R"({"n":1})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::blob_damaged);
  host.releases.restore(release);
  const auto again = host.emit("user.created", "e-1", R"({"n":1})");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->executions.empty()) << "its id was not used up";
}

TEST(Events, R39AnotherPayloadUnderTheSameIdIsAConflict) {
  Host host("2026-05-05T12:00:00Z");
  host.releases.publish("t", kSubscribers);
  const auto first = host.emit("user.created", "e-1", R"({"n":1})");
  ASSERT_TRUE(first);
  for (int i = 0; i < 2; ++i) {
    const auto other = host.emit("user.created", "e-1", R"({"n":2})");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::event_conflict);
    EXPECT_EQ(catalogue_entry(other.error().code).exit_code, 5);
    EXPECT_EQ(host.emit("user.created", "e-1", R"({"n":1})")->executions, first->executions);
    host.crash();
  }
  EXPECT_EQ(host.executions(), 2u);
  EXPECT_EQ(host.of<journal::EventEmitted>().size(), 1u) << "what was refused has not happened";
}

// Versions before these rules kept an event under its id alone, and nothing of its payload.
TEST(Events, R39WhatAnOlderVersionHasSeenStartsNothingAgain) {
  Host host("2026-05-05T12:00:00Z");
  host.releases.publish("t", kSubscribers);
  host.settle();
  const store::EventRow row{"t", "e-1", host.now(), R"({"event":"user.created","executions":[]})"};
  store::Change change{};
  change.lease = host.store().lease();
  change.events = {&row, 1};
  ASSERT_TRUE(host.store().commit(change));
  EXPECT_TRUE(host.emit("user.created", "e-1", R"({"n":1})")->existing);
  EXPECT_FALSE(host.emit("user.renamed", "e-1")->existing) << "it is another event's";
}

TEST(Events, TwoOfOneTurnWithOneIdAreOne) {
  Host host("2026-05-05T12:00:00Z");
  host.releases.publish("t", kSubscribers);
  host.settle();
  std::vector<Emit::Answer> answers;
  for (int i = 0; i < 2; ++i) {
    engine::Command command = Emit{
        "t", "user.created", "e-1", {}, {}, [&](Result<Emit::Answer> answer) { answers.push_back(*answer); }};
    ASSERT_TRUE(host.engine().inbox().push(command));
  }
  host.turn();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_FALSE(answers[0].existing);
  EXPECT_TRUE(answers[1].existing);
  EXPECT_EQ(answers[0].executions, answers[1].executions);
}

TEST(Events, ALostHostTookTheEventWhollyOrNotAtAll) {
  for (const bool uncertain : {false, true}) {
    Host host("2026-05-05T12:00:00Z");
    host.releases.publish("t", kSubscribers);
    host.settle();
    host.fail_commit(1, uncertain);
    EXPECT_FALSE(host.emit("user.created", "e-1")) << "nothing was acknowledged";
    const auto again = host.emit("user.created", "e-1");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->existing, uncertain);
    EXPECT_EQ(again->executions.size(), 2u);
    EXPECT_EQ(host.executions(), 2u);
  }
}

// ---- starts in the future ----

TEST(DelayedStart, HasItsIdAtOnceAndBeginsAtItsInstant) {
  Host host("2026-05-05T12:00:00Z");
  host.publish(R"("steps":[{"name":"a"}])");
  const auto start = [&](int64_t wake_at, std::string key) {
    engine::Start command;
    command.tenant = "t";
    command.workflow = "w";
    command.key = std::move(key);
    command.beginning.at = wake_at;
    return host.ask<engine::Start, engine::Started>(std::move(command));
  };
  const ExecutionId id = start(host.now() + kHour, "k")->id;
  EXPECT_TRUE(start(host.now() + 2 * kHour, "k")->existing);
  EXPECT_EQ(host.show(id).state.state, State::pending);
  host.advance(30 * kMinute);
  host.crash();
  EXPECT_EQ(host.show(id).state.state, State::pending);
  host.advance(30 * kMinute);
  const engine::View begun = host.show(id);
  EXPECT_EQ(begun.state.state, State::completed);
  EXPECT_EQ(print_instant(begun.state.started_at), "2026-05-05T13:00:00Z");

  const ExecutionId cancelled = start(host.now() + kHour, "")->id;
  ASSERT_TRUE(host.cancel(cancelled));
  host.advance(2 * kHour);
  EXPECT_EQ(host.show(cancelled).state.state, State::cancelled);
  EXPECT_EQ(host.show(cancelled).state.started_at, 0);

  const ExecutionId past = start(host.now() - kHour, "")->id;
  host.settle();
  EXPECT_EQ(host.show(past).state.state, State::completed) << "an instant that has passed is now";
}

}  // namespace
}  // namespace pirn::sim
