// What the engine decides while a transaction is on its way to the disk.
#include <gtest/gtest.h>

#include "host/simulate/world.h"
#include "tests/host/engine/slow_committer.h"

namespace pirn::sim {
namespace {

using Told = std::vector<std::string>;

class SlowDisk : public World {
 public:
  SlowDisk() : World(with_a_small_batch()) {
    publish(R"("steps":[{"name":"a"}])");
    runner().script = [](const worker::Invocation&) {
      Act act;
      act.takes = kSecond;
      return act;
    };
    committers = [this](store::Store& store) {
      return std::make_unique<SlowCommitter>(
          store, [this] { return done; }, [this] { return losing() && loses; });
    };
    crash();
  }

  // Leaves a command; what came of it is told, in the order in which it came.
  void start(const std::string& name, const std::string& key = "") {
    engine::Start order;
    order.tenant = "t";
    order.workflow = "w";
    order.key = key;
    order.reply = [this, name](Result<engine::Started> started) {
      told.push_back(name + (started ? "" : " refused"));
      if (started) ids[name] = started->id;
    };
    leave(std::move(order));
  }
  void ask_for(const std::string& name) {
    leave(engine::Show{"t", ids[name], [this, name](Result<std::optional<engine::View>> view) {
                         told.push_back(name + " is " +
                                        (*view ? std::string(name_of((*view)->state.state)) : "not open"));
                       }});
  }
  void cancel(const std::string& name) {
    engine::Cancel order{"t", ids[name]};
    order.reply = [this, name](Result<journal::State> state) {
      told.push_back("cancel " + name + ": " +
                     (state ? std::string(name_of(*state)) : state.error().message));
    };
    leave(std::move(order));
  }
  void disk_is_done() {
    done = true;
    turn();
    done = false;
  }

  bool done = false;  // what is under way
  bool loses = true;  // it, when the host is lost
  Told told;
  std::map<std::string, ExecutionId> ids;

 private:
  static engine::Options with_a_small_batch() {
    engine::Options options;
    options.min_async_inputs = 1;
    options.inputs_per_turn = 3;
    return options;
  }
  void leave(engine::Command command) { ASSERT_TRUE(engine().inbox().push(command)); }
};

TEST(InFlight, NothingIsAcknowledgedOrCalledBeforeItIsDurable) {
  SlowDisk host;
  host.start("one");
  host.turn();
  host.turn();
  EXPECT_EQ(host.told, Told());
  EXPECT_TRUE(host.runner().calls.empty());
  EXPECT_EQ(host.published_commits(), 0u);
  host.disk_is_done();
  EXPECT_EQ(host.told, Told({"one"}));
  EXPECT_EQ(host.runner().calls.size(), 1u);
  EXPECT_EQ(host.published_commits(), 1u);
}

TEST(InFlight, WhatIsDecidedMeanwhileGoesIntoTheNextTransaction) {
  SlowDisk host;
  host.start("one");
  host.turn();
  host.start("two");
  host.turn();
  host.start("three");
  host.turn();
  host.disk_is_done();  // of "one"; the others are under way
  EXPECT_EQ(host.told, Told({"one"}));
  host.disk_is_done();
  EXPECT_EQ(host.told, Told({"one", "two", "three"}));
  EXPECT_EQ(host.runner().calls.size(), 3u);
}

// The engine waits for the disk and not for ever more memory.
TEST(InFlight, AFullBatchWaitsForTheOneBefore) {
  SlowDisk host;
  for (const char* name : {"one", "two", "three", "four", "five", "six", "seven"}) host.start(name);
  host.turn();
  EXPECT_EQ(host.told, Told());
  host.turn();
  EXPECT_EQ(host.told, Told({"one", "two", "three"}));
  host.turn();
  EXPECT_EQ(host.told, Told({"one", "two", "three"})) << "one command is no full batch";
}

TEST(InFlight, AnAnswerTellsWhatWasDecidedOnceItIsDurable) {
  SlowDisk host;
  host.start("one");
  host.turn();
  host.disk_is_done();
  host.pass_time(kSecond);
  host.turn();  // its step has completed, and that is under way
  host.ask_for("one");
  host.cancel("one");
  host.turn();
  EXPECT_EQ(host.told, Told({"one"}));
  host.disk_is_done();
  host.disk_is_done();
  const std::string id = host.ids["one"].text();
  EXPECT_EQ(host.told, Told({"one", "one is not open",
                             "cancel one: execution " + id + " is completed and cannot be cancelled"}));
  EXPECT_EQ(host.show(host.ids["one"]).state.state, journal::State::completed);
}

TEST(InFlight, AStartKeyIsTakenWhileItsExecutionEnds) {
  SlowDisk host;
  host.start("one", "key");
  host.turn();
  host.disk_is_done();
  host.pass_time(kSecond);
  host.turn();  // its end is under way
  host.start("again", "key");
  host.turn();
  host.disk_is_done();
  host.disk_is_done();
  host.start("later", "key");
  host.turn();
  host.disk_is_done();
  EXPECT_EQ(host.told, Told({"one", "again", "later"}));
  EXPECT_EQ(host.ids["again"], host.ids["one"]);
  EXPECT_EQ(host.ids["later"], host.ids["one"]);
}

// The call hears only when the timeout is durable that nobody waits for it.
TEST(InFlight, AnOutcomeThatComesAfterItsTimeoutWasDecidedIsNotBelieved) {
  SlowDisk host;
  host.publish(R"("steps":[{"name":"a","timeout":"500ms","max_retries":1,"retry_delay":"1h"}])");
  host.start("one");
  host.turn();
  host.disk_is_done();
  host.pass_time(kSecond / 2);
  host.turn();  // the timeout is under way
  host.pass_time(kSecond / 2);
  host.turn();  // the outcome has come
  host.disk_is_done();
  host.disk_is_done();
  host.done = true;
  EXPECT_EQ(host.step_state(host.ids["one"], "a"), "retry_wait");
  EXPECT_TRUE(host.records_of<journal::StepCompleted>(host.ids["one"]).empty());
  const auto diagnostics = host.records_of<journal::Diagnostic>(host.ids["one"]);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code, "stale_result");
}

// What was cancelled stays so, whatever it comes back with before that is durable.
TEST(InFlight, AnOutcomeThatComesAfterTheGraceWasOverIsNotBelieved) {
  SlowDisk host;
  host.publish(R"("steps":[{"name":"deaf"},{"name":"firm","cancellable":false,"timeout":"2h"}])");
  host.runner().script = [](const worker::Invocation& call) {
    Act act;
    act.takes = call.step_name == "deaf" ? 30 * kSecond + kSecond / 2 : 60 * kMinute;
    act.ignores_cancel = true;
    return act;
  };
  host.start("one");
  host.turn();
  host.disk_is_done();
  host.cancel("one");
  host.turn();
  host.disk_is_done();
  host.pass_time(30 * kSecond);
  host.turn();  // the end of the grace is under way
  host.pass_time(kSecond / 2);
  host.turn();  // the outcome has come
  host.disk_is_done();
  host.disk_is_done();
  host.done = true;
  EXPECT_EQ(host.step_state(host.ids["one"], "deaf"), "cancelled");
  EXPECT_EQ(host.step_state(host.ids["one"], "firm"), "running");
  EXPECT_TRUE(host.records_of<journal::StepCompleted>(host.ids["one"]).empty());
  const auto diagnostics = host.records_of<journal::Diagnostic>(host.ids["one"]);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code, "stale_result");
}

// One transaction is durable that it has a part in, and the one in which it ends is not.
TEST(InFlight, AnEndThatIsNotDurableFreesNoKey) {
  SlowDisk host;
  host.publish(R"("steps":[{"name":"a"},{"name":"b","task":"slow"}])");
  host.runner().by_function["slow"] = [](const auto&) {
    Act act;
    act.takes = 2 * kSecond;
    return act;
  };
  host.start("one", "key");
  host.turn();
  host.disk_is_done();
  host.pass_time(kSecond);
  host.turn();  // the outcome of a is under way
  host.pass_time(kSecond);
  host.turn();  // that of b, and with it the end, is decided
  host.disk_is_done();
  host.start("again", "key");
  host.turn();
  host.disk_is_done();
  host.disk_is_done();
  EXPECT_EQ(host.told, Told({"one", "again"}));
  EXPECT_EQ(host.ids["again"], host.ids["one"]);
}

// Its turn in the queue comes while its end is under way; its memory must not become another one's.
TEST(InFlight, WhatHasEndedStaysUntilItsEndIsDurable) {
  SlowDisk host;
  host.runner().limit = 1;
  host.start("runs");
  host.turn();
  host.disk_is_done();
  host.start("waits");
  host.turn();
  host.disk_is_done();
  std::vector<ExecutionId> published;
  host.committed = [&](ExecutionId id, uint32_t, std::string_view) { published.push_back(id); };
  host.cancel("waits");
  host.turn();  // its end is under way
  host.pass_time(kSecond);
  host.turn();  // a place is free
  host.start("new");
  host.turn();
  EXPECT_TRUE(published.empty());
  host.disk_is_done();
  EXPECT_EQ(published, std::vector<ExecutionId>{host.ids["waits"]});
}

TEST(InFlight, WhatWasNotDurableIsGoneWithTheHostAndWasNeverSaid) {
  for (const bool lost : {true, false}) {
    SlowDisk host;
    host.loses = lost;
    host.start("one");
    host.turn();
    host.start("two");
    host.turn();
    host.lose();
    host.come_back();
    host.disk_is_done();
    host.disk_is_done();
    EXPECT_EQ(host.told, Told());
    // A transaction that was on its way may have arrived; what was to follow it has not.
    EXPECT_EQ(host.runner().calls.size(), lost ? 0u : 1u);
  }
}

TEST(InFlight, AFailedCommitEndsTheHostAndAcknowledgesNothing) {
  SlowDisk host;
  host.start("one");
  host.turn();
  host.fail_commit(1, false);
  const int before = host.crashes();
  host.disk_is_done();
  EXPECT_EQ(host.crashes(), before + 1);
  EXPECT_EQ(host.told, Told());
  EXPECT_TRUE(host.runner().calls.empty());
}

}  // namespace
}  // namespace pirn::sim
