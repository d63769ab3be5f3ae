// What asks about many executions, or does something to all of them, takes many bounded turns; and what is
// long to write is written seldom.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "host/simulate/world.h"
#include "tests/host/engine/slow_committer.h"

namespace pirn::sim {
namespace {

using journal::State;
using Ids = std::vector<ExecutionId>;

constexpr const char* kDocument = R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
  {"name":"w","steps":[{"name":"a"}]},
  {"name":"v","steps":[{"name":"a"}]}]})";

engine::Options with_few_looks(size_t looks) {
  engine::Options options;
  options.looks_per_turn = looks;
  return options;
}

struct Host : World {
  explicit Host(size_t looks) : World(with_few_looks(looks)) {
    for (const char* tenant : {"t", "other"}) releases.publish(tenant, kDocument);
    runner().limit = 10'000;
    runner().script = [](const auto&) { return hang(); };
  }
  Ids begin(size_t n, const char* tenant = "t") {
    Ids ids;
    for (size_t i = 0; i < n; ++i) ids.push_back(start("{}", "", "w", tenant)->id);
    settle();
    return ids;
  }
  // Leaves a command without a turn; its name is told when it is answered.
  template <class Answer, class Order>
  void leave(const std::string& name, Order order, Answer* answer = nullptr) {
    order.reply = [this, name, answer](Result<Answer> result) {
      told.push_back(name);
      if (answer) *answer = std::move(result).value();
    };
    engine::Command command = std::move(order);
    ASSERT_TRUE(engine().inbox().push(command));
  }
  void leave_cancel_all(const std::string& name, const char* tenant = "t", Ids* ids = nullptr) {
    engine::CancelAll all;
    all.tenant = tenant;
    leave<Ids>(name, std::move(all), ids);
  }
  // Of these, those that have been told to stop.
  size_t stopped(const Ids& ids) const {
    return static_cast<size_t>(std::count_if(
        ids.begin(), ids.end(), [&](ExecutionId id) { return !records_of<journal::Stopping>(id).empty(); }));
  }
  std::vector<std::string> told;
};

engine::ListOpen list_of(const char* workflow, uint32_t limit = 100) {
  engine::ListOpen list;
  list.tenant = "t";
  list.workflow = workflow;
  list.limit = limit;
  return list;
}

TEST(Walks, AListLooksAtSoManyInATurnAndFindsWhatItWouldFindAtOnce) {
  Host host(8);
  const Ids ids = host.begin(50);
  const ExecutionId only = host.start("{}", "", "v")->id;
  host.begin(50);
  const auto found = host.ask<std::vector<engine::ExecutionSummary>>(list_of("v")).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, only);
  EXPECT_EQ(host.most_looks(), 8u) << "in each turn but the last one";

  Ids all;
  const auto lines = host.ask<std::vector<engine::ExecutionSummary>>(list_of("w", 1000)).value();
  for (const engine::ExecutionSummary& line : lines) all.push_back(line.id);
  EXPECT_EQ(all.size(), 100u);
  EXPECT_TRUE(std::is_sorted(all.rbegin(), all.rend())) << "newest first";
}

TEST(Walks, ANewestPageLooksAtNoMoreThanItShows) {
  Host host(4096);
  host.begin(100);
  EXPECT_EQ(host.ask<std::vector<engine::ExecutionSummary>>(list_of("", 3)).value().size(), 3u);
  EXPECT_EQ(host.most_looks(), 3u);
}

TEST(Walks, WhatIsCountedNobodyLooksFor) {
  Host host(4096);
  host.begin(100);
  host.begin(20, "other");
  const auto stats = host.ask<engine::EngineStats>(engine::Stats{}).value();
  EXPECT_EQ(stats.open_executions, 120u);
  EXPECT_EQ(stats.running_steps, 120u);
  EXPECT_EQ(host.most_looks(), 0u);
}

TEST(Walks, WaitingStepsAreCountedByTenant) {
  Host host(4096);
  host.runner().limit = 1;
  host.begin(5);
  host.begin(3, "other");
  const auto stats = host.ask<engine::EngineStats>(engine::Stats{}).value();
  EXPECT_EQ(stats.running_steps, 1u);
  uint32_t waiting = 0;
  for (const engine::TenantSlots& tenant : stats.slots.tenants) waiting += tenant.waiting;
  EXPECT_EQ(waiting, 7u);
}

TEST(Walks, WhatAwaitsSomebodyIsFoundInSlices) {
  Host host(4);
  host.runner().script = [](const auto&) { return await({}); };
  const Ids ids = host.begin(30);
  const auto waiting = host.waiting();
  ASSERT_EQ(waiting.size(), 30u);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(waiting[i].id, ids[i]) << "oldest first";
  EXPECT_EQ(host.most_looks(), 4u);
}

TEST(Walks, CancelAllIsDoneInSlicesAndTakesAll) {
  Host host(64);
  const Ids ids = host.begin(40);
  Ids cancelled;
  host.leave_cancel_all("cancel", "t", &cancelled);
  host.turn();
  const size_t first = host.stopped(ids);
  EXPECT_GT(first, 0u);
  EXPECT_LT(first, 5u) << "each cancel counts for many looks";
  size_t n_turns = 1;
  for (size_t before = first; host.told.empty(); ++n_turns) {
    host.turn();
    const size_t now = host.stopped(ids);
    EXPECT_LE(now - before, first);
    before = now;
  }
  EXPECT_GT(n_turns, 10u);
  EXPECT_EQ(cancelled, ids) << "all of them, oldest first";
  EXPECT_EQ(host.stopped(ids), ids.size());
}

TEST(Walks, WhatIsStartedMeanwhileIsLeftAlone) {
  Host host(64);
  const Ids ids = host.begin(20);
  Ids cancelled;
  host.leave_cancel_all("cancel", "t", &cancelled);
  host.turn();
  const Ids later = {host.start()->id};
  while (host.told.empty()) host.turn();
  EXPECT_EQ(cancelled, ids);
  EXPECT_EQ(host.stopped(later), 0u);
}

TEST(Walks, BetweenSlicesOthersAreServed) {
  Host host(64);
  const Ids ids = host.begin(40);
  host.leave_cancel_all("cancel");
  host.turn();
  engine::Start start;
  start.tenant = "other";
  start.workflow = "w";
  host.leave<engine::Started>("start", std::move(start));
  host.turn();
  EXPECT_EQ(host.told, std::vector<std::string>{"start"});
  EXPECT_LT(host.stopped(ids), ids.size() / 2);
}

TEST(Walks, TenantsTakeTurns) {
  Host host(64);
  const Ids mine = host.begin(40), others = host.begin(4, "other");
  host.leave_cancel_all("mine");
  host.leave_cancel_all("the others'", "other");
  while (host.told.empty()) host.turn();
  EXPECT_EQ(host.told.front(), "the others'");
  EXPECT_EQ(host.stopped(others), others.size());
  EXPECT_LT(host.stopped(mine), mine.size());
}

TEST(Walks, OfOneTenantStayInTheirOrder) {
  Host host(64);
  host.begin(40);
  host.leave_cancel_all("cancel");
  host.leave<std::vector<engine::ExecutionSummary>>("list", list_of("", 1));
  while (host.told.size() < 2) host.turn();
  EXPECT_EQ(host.told, (std::vector<std::string>{"cancel", "list"}));
}

TEST(Walks, ACrashBetweenSlicesLeavesTheOldestCancelledAndAskingAgainTakesTheRest) {
  for (const bool without_trace : {false, true}) {
    Host host(64);
    const Ids ids = host.begin(40);
    host.leave_cancel_all("cancel");
    for (int i = 0; i < 3; ++i) host.turn();
    const size_t n = host.stopped(ids);
    ASSERT_GT(n, 0u);
    ASSERT_LT(n, ids.size());
    if (without_trace)
      host.crash_without_trace();
    else
      host.crash();
    EXPECT_TRUE(host.told.empty()) << "what was not finished is not acknowledged";
    EXPECT_EQ(host.stopped(Ids(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(n))), n);
    EXPECT_EQ(host.stopped(ids), n);
    Ids rest;
    host.leave_cancel_all("again", "t", &rest);
    while (host.told.empty()) host.turn();
    EXPECT_EQ(rest, Ids(ids.begin() + static_cast<ptrdiff_t>(n), ids.end()));
    host.run();
    for (const ExecutionId id : ids) EXPECT_EQ(host.show(id).state.state, State::cancelled);
  }
}

// What is cancelled while the disk is busy gathers for the next transaction, and that has its bounds.
TEST(Walks, CancelAllWaitsForTheDiskAndTheEngineDoesNot) {
  engine::Options options;
  options.min_async_inputs = 1;
  bool done = true;
  Host host(4096);
  host.options() = options;
  host.committers = [&](store::Store& store) {
    return std::make_unique<SlowCommitter>(
        store, [&] { return done; }, [] { return false; });
  };
  host.crash();
  const Ids ids = host.begin(900);
  done = false;
  host.leave_cancel_all("cancel");
  for (int i = 0; i < 50; ++i) host.turn();
  EXPECT_EQ(host.stopped(ids), 0u) << "nothing is durable yet";
  EXPECT_TRUE(host.told.empty());
  done = true;
  host.turn();
  done = false;
  host.turn();
  const size_t n = host.stopped(ids);
  EXPECT_GT(n, 0u);
  EXPECT_LT(n, 300u) << "one transaction's";
  done = true;
  host.turn();
  done = false;
  host.turn();
  EXPECT_LT(host.stopped(ids), 700u) << "and what has gathered meanwhile";
  done = true;
  host.settle();
  EXPECT_EQ(host.told, std::vector<std::string>{"cancel"});
  EXPECT_EQ(host.stopped(ids), ids.size());
}

// ---- long rows ----

struct LongRows : World {
  explicit LongRows(bool apart) : World(with_long_rows()) {
    publish(R"("steps":[{"name":"a","retry_delay":"7d"},{"name":"b","after":["a"]}])");
    if (apart) {
      committers = [this](store::Store& store) {
        return std::make_unique<SlowCommitter>(
            store, [] { return true; }, [this] { return losing(); });
      };
      crash();
    }
    runner().by_function["a"] = [this](const auto&) { return fails ? fail("later") : ok(R"({"a":1})"); };
    runner().by_function["b"] = [](const auto&) { return ok(R"({"k":"v"})"); };
  }
  static engine::Options with_long_rows() {
    engine::Options options;
    options.long_row_bytes = 0;
    return options;
  }
  bool fails = true;
};

TEST(LongRow, IsNotWrittenWheneverTheExecutionWaits) {
  for (const bool apart : {false, true}) {
    LongRows host(apart);
    const ExecutionId id = host.start()->id;
    host.settle();
    ASSERT_TRUE(host.pause(id));
    ASSERT_TRUE(host.resume(id, R"({"p":1})"));
    ASSERT_TRUE(host.pause(id));
    EXPECT_FALSE(*host.store().find("t", id)) << "there is no row of it yet";
    host.crash();
    EXPECT_EQ(host.visible(id), "paused") << "the journal knows";
    EXPECT_EQ(host.context(id), R"({"p":1})");
  }
}

TEST(LongRow, IsWrittenAtTheEnd) {
  for (const bool apart : {false, true}) {
    LongRows host(apart);
    host.fails = false;
    const ExecutionId id = host.start(R"({"in":1})")->id;
    host.run();
    const auto row = *host.store().find("t", id);
    ASSERT_TRUE(row);
    EXPECT_FALSE(row->open);
    const auto decoded = journal::decode_state(row->columns(), row->body);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->context, R"({"a":1,"in":1,"k":"v"})");
    EXPECT_EQ(decoded->step_names, (std::vector<std::string>{"a", "b"}));
  }
}

TEST(LongRow, IsWrittenWhenTheProjectionIsCompleted) {
  for (const bool apart : {false, true}) {
    LongRows host(apart);
    host.options().flush_after_commits = 1;
    host.crash();
    const ExecutionId id = host.start()->id;
    host.settle();
    const auto row = *host.store().find("t", id);
    ASSERT_TRUE(row);
    EXPECT_TRUE(row->open);
  }
}

}  // namespace
}  // namespace pirn::sim
