// A store without room: nothing new starts, what has started goes on.
#include <gtest/gtest.h>

#include "packager/digest/digest.h"
#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using engine::Backfill;
using engine::ControlSchedule;
using engine::Emit;
using engine::Rerun;
using engine::RetryDeadLetters;
using engine::RetryResult;
using engine::Started;
using journal::State;

constexpr int64_t kBegin = 1'777'982'400 * kSecond;  // on the minute

class Host : public TenantHost {
 public:
  Host() : TenantHost({}, kBegin) {}

  Result<Emit::Answer> emit(std::string id = "") {
    Emit command;
    command.tenant = "t";
    command.event = "arrived";
    command.id = std::move(id);
    command.payload_digest = sha256("{}");
    return ask<Emit, Emit::Answer>(std::move(command));
  }
};

template <class Answer>
Code code_of(const Result<Answer>& answer) {
  EXPECT_FALSE(answer);
  return answer ? Code::internal : answer.error().code;
}

// A parent whose child, retries and delays begin after the disk is full.
TEST(WithoutRoom, WhatRunsGoesOnToItsEnd) {
  Host host;
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"inner","steps":[{"name":"c"}]},
    {"name":"w","steps":[{"name":"a","max_retries":2},{"name":"b","after":["a"],"workflow":"inner"}]}]})");
  host.settle();
  int calls = 0;
  host.runner().by_function["a"] = [&](const worker::Invocation&) {
    return ++calls == 1 ? fail("again") : ok();
  };
  const ExecutionId running = host.start()->id;
  host.engine().refuse_starts("2 MiB are left");
  const auto refused = host.start();
  ASSERT_EQ(code_of(refused), Code::store_full);
  EXPECT_EQ(refused.error().message, "2 MiB are left");
  host.run();
  EXPECT_EQ(host.show(running).state.state, State::completed);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(host.executions(), 2u) << "the run and its nested one";
}

TEST(WithoutRoom, NothingStartsInAnyWay) {
  Host host;
  host.publish(
      R"("schedule":{"every":"1m"},"on_event":["arrived"],"dead_letter":true,"steps":[{"name":"a","max_retries":0}])");
  host.settle();
  host.runner().by_function["a"] = [](const worker::Invocation&) { return fail("broken"); };
  const ExecutionId failed = host.start("{}", "monday")->id;
  host.settle();
  ASSERT_EQ(host.show(failed).state.state, State::failed);
  const size_t before = host.executions();
  host.engine().refuse_starts("no room");

  EXPECT_EQ(code_of(host.start()), Code::store_full);
  EXPECT_EQ(host.start("{}", "monday")->id, failed) << "a start that was made before is no new one";
  EXPECT_EQ(code_of(host.emit()), Code::store_full);
  EXPECT_EQ(code_of(host.emit("e-1")), Code::store_full);
  EXPECT_EQ(code_of(host.ask<Rerun, Started>({"t", failed, "", false, {}})), Code::store_full);
  EXPECT_EQ(code_of(host.ask<RetryDeadLetters, std::vector<RetryResult>>({.tenant = "t", .id = failed})),
            Code::store_full);
  EXPECT_EQ(code_of(host.ask<ControlSchedule, ControlSchedule::Answer>(
                {"t", "w", ControlSchedule::Action::trigger, {}})),
            Code::store_full);
  EXPECT_EQ(code_of(host.ask<Backfill, std::vector<Backfill::Fire>>(
                {"t", "w", kBegin - kMinute, kBegin, false, {}})),
            Code::store_full);
  host.advance(3 * kMinute);
  EXPECT_EQ(host.executions(), before) << "schedules wait";

  // Schedules can be paused and resumed all the same, and what is owed is made up for when there is room.
  host.engine().refuse_starts("");
  host.settle();
  host.advance(kMinute);
  EXPECT_GT(host.executions(), before);
  EXPECT_TRUE(host.emit("e-1")) << "an id that was refused was not taken";
  EXPECT_TRUE(host.start());
}

}  // namespace
}  // namespace pirn::sim
