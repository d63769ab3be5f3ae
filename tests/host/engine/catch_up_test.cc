// What a host missed while it was down is made up for at a bounded pace, behind what is due and what people
// start, in order, each instant once (R36).
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "packager/schedule/instant.h"
#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using journal::State;

constexpr int64_t kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kBegin = 1'777'982'400 * kSecond;  // on the minute
constexpr size_t kRound = scheduler::Pace().starts;
constexpr int64_t kEvery = scheduler::Pace().every_ns;

class Host : public TenantHost {
 public:
  Host() : TenantHost({}, kBegin) {}

  void deploy(const std::string& tenant, const std::string& workflows) {
    releases.publish(
        tenant, R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflows + "]}");
    settle();
  }
  void be_down(int64_t ns) {
    lose();
    pass_time(ns);
    come_back();
  }
  std::vector<int64_t> fired(std::string_view tenant = "t") {
    std::vector<int64_t> out;
    for (const auto& record : of<journal::ScheduleFired>(tenant)) out.push_back(record.instant);
    return out;
  }
  ExecutionId start_at(int64_t instant, std::string tenant = "t") {
    engine::Start command;
    command.tenant = std::move(tenant);
    command.workflow = "w";
    command.beginning.at = instant;
    return ask<engine::Start, engine::Started>(std::move(command))->id;
  }
  State state_of(ExecutionId id, std::string_view tenant = "t") { return show(id, tenant).state.state; }
  uint64_t behind() { return ask<engine::Stats, engine::EngineStats>({}).value().behind; }
};

std::string every_second(const std::string& name, const std::string& more = "") {
  return R"({"name":")" + name + R"(","steps":[{"name":"a"}],"schedule":{"every":"1s","misfire":"all"})" +
         more + "}";
}

TEST(CatchUp, OfADayOfMissedFiresIsBounded) {
  Host host;
  host.deploy("t", every_second("w"));
  host.be_down(kDay);
  host.settle();
  EXPECT_EQ(host.fired().size(), kRound);
  EXPECT_EQ(host.behind(), 1u);
  host.advance(kSecond);
  EXPECT_EQ(host.fired().size(), kRound * (1 + static_cast<size_t>(kSecond / kEvery)));
  // Until it is no longer behind; the fires of these minutes come on top.
  host.advance(10 * kMinute);
  const std::vector<int64_t> fired = host.fired();
  ASSERT_EQ(fired.size(), static_cast<size_t>((kDay + kSecond + 10 * kMinute) / kSecond));
  for (size_t i = 0; i < fired.size(); ++i)
    ASSERT_EQ(fired[i], kBegin + static_cast<int64_t>(i + 1) * kSecond) << "each instant once, and in order";
  EXPECT_EQ(host.executions(), fired.size());
  EXPECT_EQ(host.behind(), 0u);
}

TEST(CatchUp, GoesBehindWhatPeopleStartAndWhatIsDue) {
  Host host;
  host.runner().limit = 8;
  host.runner().script = [](const worker::Invocation&) { return after(10 * kSecond, ok()); };
  host.deploy("t", every_second("w") + R"(,{"name":"punctual","steps":[],"schedule":{"every":"1h"}})");
  host.be_down(kDay - kSecond);
  host.settle();
  // Every slot but the reserve runs what was missed, and more of that waits.
  EXPECT_EQ(host.runner().under_way(), 7u);
  const size_t begun = host.fired().size();
  const ExecutionId mine = host.start("{}", "", "p::w")->id;
  EXPECT_EQ(host.fired().size(), begun) << "slots are short: nothing is added to what waits for them";
  host.advance(2 * kSecond);
  const auto all = host.of<journal::ScheduleFired>();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(),
                          [](const auto& record) { return record.name.workflow == "punctual"; }));
  EXPECT_LE(host.fired().size(), begun + 1 + 3) << "one a second, so that it is not for ever";
  host.advance(40 * kSecond);
  EXPECT_EQ(host.state_of(mine), State::completed);
}

TEST(CatchUp, TakesTenantsInTurn) {
  Host host;
  host.deploy("t", every_second("w") + "," + every_second("v") + "," + every_second("x"));
  host.deploy("u", every_second("w"));
  host.be_down(kHour);
  host.settle();
  EXPECT_EQ(host.fired("t").size(), kRound / 2);
  EXPECT_EQ(host.fired("u").size(), kRound / 2);
}

// A tenant that has more to run than slots slows down nobody's catching up but its own.
TEST(CatchUp, OfOneTenantDoesNotWaitForAnother) {
  Host host;
  host.runner().limit = 16;
  host.runner().by_function["a"] = [](const worker::Invocation& call) {
    return call.frame->release->tenant == "t" ? after(kHour, ok()) : ok();
  };
  host.deploy("t", every_second("w"));
  host.deploy("u", every_second("w"));
  host.be_down(10 * kMinute);
  host.advance(10 * kSecond);
  EXPECT_GT(host.fired("u").size(), 600u);
  EXPECT_LT(host.fired("t").size(), 40u);
}

TEST(CatchUp, OfDelayedStartsIsBoundedToo) {
  Host host;
  host.deploy("t", R"({"name":"w","steps":[{"name":"a"}]})");
  std::vector<ExecutionId> ids;
  for (size_t i = 0; i < 3 * kRound; ++i) ids.push_back(host.start_at(host.now() + kHour));
  const ExecutionId cancelled = host.start_at(host.now() + kHour);
  const ExecutionId soon = host.start_at(host.now() + kHour + kMinute);
  host.be_down(kHour + kMinute + kSecond);
  host.settle();
  const auto completed = [&] {
    return static_cast<size_t>(std::count_if(
        ids.begin(), ids.end(), [&](ExecutionId id) { return host.state_of(id) == State::completed; }));
  };
  EXPECT_EQ(completed(), kRound);
  EXPECT_EQ(host.state_of(soon), State::completed) << "it is a second late, and goes first";
  ASSERT_TRUE(host.cancel(cancelled));
  EXPECT_EQ(host.state_of(cancelled), State::cancelled);
  host.crash();
  host.advance(kSecond);
  EXPECT_EQ(completed(), ids.size());
  EXPECT_EQ(host.state_of(cancelled), State::cancelled);
  EXPECT_EQ(host.behind(), 0u);
}

TEST(CatchUp, LeavesWhatIsPausedOrGone) {
  using engine::ControlSchedule;
  Host host;
  host.deploy("t", every_second("w") + "," + every_second("v"));
  host.be_down(kHour);
  host.settle();
  const auto control = [&](ControlSchedule::Action action) {
    return host.ask<ControlSchedule, ControlSchedule::Answer>({"t", "w", action, {}});
  };
  ASSERT_TRUE(control(ControlSchedule::Action::pause));
  const size_t before = host.fired().size();
  host.deploy("t", every_second("w"));  // v has gone
  host.advance(kSecond);
  EXPECT_LE(host.fired().size(), before + 1);
  ASSERT_TRUE(control(ControlSchedule::Action::resume));
  host.advance(kMinute);
  EXPECT_LE(host.fired().size(), before + 62) << "what fell into a pause is gone; it goes on from now";
  EXPECT_GE(host.fired().size(), before + 58);
  EXPECT_EQ(host.behind(), 0u);
}

TEST(CatchUp, MayBeInterrupted) {
  EXPECT_TRUE(rc::check([] {
    Host host;
    host.deploy("t", every_second("w"));
    const auto moves = *rc::gen::container<std::vector<std::pair<int, int>>>(
        5, rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(1, 30)));
    for (const auto& [what, n] : moves) {
      if (what == 0) host.be_down(n * 6 * kSecond);
      if (what == 1) host.fail_commit(static_cast<uint64_t>(n), false);
      if (what == 2) host.fail_commit(static_cast<uint64_t>(n), true);
      host.advance(n * kEvery);
    }
    host.crash();
    host.advance(10 * kSecond);
    const std::vector<int64_t> fired = host.fired();
    for (size_t i = 0; i < fired.size(); ++i)
      RC_ASSERT(fired[i] == kBegin + static_cast<int64_t>(i + 1) * kSecond);
    RC_ASSERT(fired.size() == static_cast<size_t>((host.now() - kBegin) / kSecond));
    RC_ASSERT(host.executions() == fired.size());
  }));
}

// R40 holds as it did.
std::string hourly(const std::string& more) {
  return R"({"name":"w","steps":[{"name":"a","timeout":"infinity"}],"schedule":{"every":"1h","misfire":"all"},)" +
         more + "}";
}

// What falls due while others wait stands behind them; when all have run, a fire that finds no room is
// skipped as ever.
TEST(CatchUp, R36MissedFiresWaitForRoomAndAllRun) {
  Host host;
  host.runner().script = [](const worker::Invocation&) { return after(25 * kMinute, ok()); };
  host.deploy("t", hourly(R"("max_running":1)"));
  const int64_t begin = host.now();
  host.be_down(5 * kHour + 10 * kMinute);
  host.advance(20 * kMinute);
  EXPECT_EQ(host.fired(), (std::vector<int64_t>{begin + kHour})) << "one at a time";
  host.crash();
  host.advance(20 * kHour);
  std::vector<int64_t> all;
  for (int n = 1; n <= 25; ++n) all.push_back(begin + n * kHour);
  EXPECT_EQ(host.fired(), all) << "in order, each once";
  EXPECT_TRUE(host.of<journal::ScheduleSkipped>().empty());
}

TEST(CatchUp, R36WhatWaitsForRoomGivesWayWhenThereIsMore) {
  Host host;
  host.runner().script = [](const worker::Invocation&) { return after(100 * kHour, ok()); };
  host.deploy("t", hourly(R"("max_running":1)"));
  host.be_down(5 * kHour + 10 * kMinute);
  host.advance(kMinute);
  EXPECT_EQ(host.fired().size(), 1u);
  host.deploy("t", hourly(R"("max_running":3)"));
  host.advance(kMinute);
  EXPECT_EQ(host.fired().size(), 3u) << "a deployment makes room";
  host.deploy("t", hourly(R"("label":"no limit")"));
  host.advance(kMinute);
  EXPECT_EQ(host.fired().size(), 5u);
}

TEST(CatchUp, R36OfWhatWaitsForRoomTheOldestBeyondAThousandAreSkipped) {
  Host host;
  host.runner().script = [](const worker::Invocation&) { return after(kHour, ok()); };
  host.deploy("t", every_second("w", R"(,"max_running":1)"));
  const int64_t begin = host.now();
  host.be_down(2'000 * kSecond);
  host.advance(2 * kHour);
  const auto skips = host.of<journal::ScheduleSkipped>();
  ASSERT_FALSE(skips.empty());
  EXPECT_EQ(skips.front().reason, journal::ScheduleSkip::backlog);
  EXPECT_EQ(skips.front().from, begin + kSecond);
  EXPECT_EQ(skips.front().until, begin + 1'001 * kSecond) << "the newest thousand are left";
  int64_t next = begin + kSecond;  // every fire was started or passed over, none twice
  for (const auto& record : host.records("t")) {
    if (const auto* fired = std::get_if<journal::ScheduleFired>(&record)) {
      EXPECT_EQ(fired->instant, next);
      EXPECT_LE(host.show(fired->execution).state.created_at - fired->instant, 1'000 * kSecond);
      next += kSecond;
    } else if (const auto* skipped = std::get_if<journal::ScheduleSkipped>(&record)) {
      EXPECT_EQ(skipped->from, next);
      EXPECT_EQ(skipped->reason, journal::ScheduleSkip::backlog);
      next = skipped->until;
    }
  }
  EXPECT_GE(host.fired().size(), 2u);
}

}  // namespace
}  // namespace pirn::sim
