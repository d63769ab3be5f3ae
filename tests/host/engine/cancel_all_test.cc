// Many executions cancelled at once.
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;

constexpr const char* kDocument = R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
  {"name":"w","tags":["daily"],"steps":[{"name":"a"}]},
  {"name":"v","steps":[{"name":"a"}]},
  {"name":"outer","steps":[{"name":"child","workflow":"w"}]}]})";

struct Host : World {
  Host() {
    releases.publish("t", kDocument);
    releases.publish("other", kDocument);
    runner().script = [](const auto&) { return hang(); };
  }
  ExecutionId begin(const char* workflow, const char* tenant = "t") {
    const ExecutionId id = start("{}", "", workflow, tenant)->id;
    settle();
    return id;
  }
  std::vector<ExecutionId> cancel_all(engine::CancelAll command) {
    std::vector<ExecutionId> ids;
    command.tenant = "t";
    command.reply = [&](Result<std::vector<ExecutionId>> cancelled) { ids = *cancelled; };
    engine::Command order = std::move(command);
    EXPECT_TRUE(engine().inbox().push(order));
    turn();
    return ids;
  }
  bool stopped(ExecutionId id, const char* tenant = "t") {
    const State state = show(id, tenant).state.state;
    return state == State::stopping || state == State::cancelled;
  }
};
using Ids = std::vector<ExecutionId>;

TEST(CancelAll, TakesAllOfATenantAndNobodyElses) {
  Host host;
  const ExecutionId first = host.begin("w"), second = host.begin("v"), others = host.begin("w", "other");
  EXPECT_EQ(host.cancel_all({}), (Ids{first, second}));
  EXPECT_TRUE(host.stopped(first));
  EXPECT_TRUE(host.stopped(second));
  EXPECT_FALSE(host.stopped(others, "other"));
  host.run();
  EXPECT_EQ(host.show(first).state.state, State::cancelled);
}

TEST(CancelAll, R82AWorkflowThatNobodyKnowsIsAnError) {
  Host host;
  const auto refusal = [&](const char* package, const char* workflow) {
    engine::CancelAll command;
    command.tenant = "t";
    command.package = package;
    command.workflow = workflow;
    const auto cancelled = host.ask<std::vector<ExecutionId>>(std::move(command));
    return cancelled ? std::string() : std::string(cancelled.error().name());
  };
  EXPECT_EQ(refusal("", "nosuch"), "not_found");
  EXPECT_EQ(refusal("q", "w"), "not_found");
  EXPECT_EQ(refusal("", "w"), "") << "nothing of it is open";
  EXPECT_EQ(refusal("p", "w"), "");
  // What runs is known, also when a deployment has removed it.
  const ExecutionId id = host.begin("v");
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"2.0.0"},"workflows":[
    {"name":"w","steps":[{"name":"a"}]}]})");
  host.crash();
  engine::CancelAll by;
  by.workflow = "v";
  EXPECT_EQ(host.cancel_all(by), Ids{id});
}

TEST(CancelAll, TakesWhatFits) {
  Host host;
  const ExecutionId w = host.begin("w"), v = host.begin("v");
  engine::CancelAll by;
  by.workflow = "v";
  by.dry_run = true;
  EXPECT_EQ(host.cancel_all(by), Ids{v});
  by = {};
  by.tag = "daily";
  by.dry_run = true;
  EXPECT_EQ(host.cancel_all(by), Ids{w});
  by = {};
  by.package = "q";
  EXPECT_EQ(host.cancel_all(by), Ids{});
  by = {};
  by.states = {"paused"};
  EXPECT_EQ(host.cancel_all(by), Ids{});
  ASSERT_TRUE(host.pause(w));
  EXPECT_EQ(host.cancel_all(by), Ids{w});
  EXPECT_FALSE(host.stopped(v));
}

TEST(CancelAll, TakesWhatWasCreatedSince) {
  Host host;
  const ExecutionId old = host.begin("w");
  host.advance(kMinute);
  engine::CancelAll by;
  by.since = host.now();
  const ExecutionId young = host.begin("w");
  EXPECT_EQ(host.cancel_all(by), Ids{young});
  EXPECT_FALSE(host.stopped(old));
}

TEST(CancelAll, TakesTheOldestFirst) {
  Host host;
  const ExecutionId first = host.begin("w"), second = host.begin("v"), third = host.begin("w");
  EXPECT_EQ(host.cancel_all({}), (Ids{first, second, third}));
}

TEST(CancelAll, ATrialChangesNothing) {
  Host host;
  const ExecutionId id = host.begin("w");
  engine::CancelAll trial;
  trial.dry_run = true;
  EXPECT_EQ(host.cancel_all(trial), Ids{id});
  EXPECT_FALSE(host.stopped(id));
}

TEST(CancelAll, WhatIsNestedEndsWithWhatItBelongsTo) {
  Host host;
  const ExecutionId outer = host.begin("outer");
  const ExecutionId child = host.show(outer).state.steps[0].extra->child;
  engine::CancelAll trial;
  trial.dry_run = true;
  EXPECT_EQ(host.cancel_all(trial), Ids{outer});
  trial.workflow = "w";
  EXPECT_EQ(host.cancel_all(trial), Ids{child}) << "it is named";
  EXPECT_EQ(host.cancel_all({}), Ids{outer});
  host.run();
  EXPECT_EQ(host.show(outer).state.state, State::cancelled);
  EXPECT_EQ(host.show(child).state.state, State::cancelled);
}

TEST(CancelAll, TellsTheReasonAndRollsBackIfAsked) {
  Host host;
  const ExecutionId id = host.begin("w");
  engine::CancelAll command;
  command.reason = "maintenance";
  command.rollback = true;
  command.cleanup = false;
  host.cancel_all(command);
  const journal::ExecutionState state = host.show(id).state;
  EXPECT_EQ(state.reason, "maintenance");
  EXPECT_TRUE(state.rollback);
  EXPECT_FALSE(state.cleanup);
}

TEST(CancelAll, WhatIsStoppingIsLeftAlone) {
  Host host;
  const ExecutionId id = host.begin("w");
  ASSERT_TRUE(host.cancel(id));
  EXPECT_EQ(host.cancel_all({}), Ids{});
}

}  // namespace
}  // namespace pirn::sim
