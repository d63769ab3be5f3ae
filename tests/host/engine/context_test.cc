// What steps see and write (R8 to R10).
#include <gtest/gtest.h>

#include "tests/host/engine/diagnostics.h"

namespace pirn::sim {
namespace {

using journal::State;

TEST(Context, R9AStepSeesItsAncestorsAndNothingElse) {
  World world;
  world.publish(
      R"("steps":[{"name":"a"},{"name":"side"},{"name":"b","after":["a"]},{"name":"c","after":["b"]}])");
  world.runner().by_function["a"] = [](const auto&) { return ok(R"({"a":1})"); };
  world.runner().by_function["side"] = [](const auto&) { return ok(R"({"side":1})"); };
  world.runner().by_function["b"] = [](const auto&) { return after(kSecond, ok(R"({"b":1})")); };
  const ExecutionId id = world.start(R"({"in":0})")->id;
  world.run();
  for (const Called& call : world.runner().calls)
    if (call.step == "c") {
      EXPECT_EQ(call.context, R"({"a":1,"b":1,"in":0})");
    }
  EXPECT_EQ(world.context(id), R"({"a":1,"b":1,"in":0,"side":1})");
}

TEST(Context, R8TheCanonicallyLaterWriteWinsWhateverFinishesLast) {
  for (const bool first_is_slow : {true, false}) {
    World world;
    world.publish(R"("steps":[{"name":"one"},{"name":"two"},{"name":"join","after":["one","two"]}])");
    world.runner().by_function["one"] = [&](const auto&) {
      return after(first_is_slow ? kSecond : 0, ok(R"({"k":"one"})"));
    };
    world.runner().by_function["two"] = [&](const auto&) {
      return after(first_is_slow ? 0 : kSecond, ok(R"({"k":"two"})"));
    };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.context(id), R"({"k":"two"})");
    EXPECT_EQ(world.runner().calls.back().context, R"({"k":"two"})");
    const auto diagnostics = world.records_of<journal::Diagnostic>(id);
    ASSERT_EQ(diagnostics.size(), 1u);
    EXPECT_EQ(diagnostics[0].code, "context_conflict");
  }
}

TEST(Context, AnOrderedOverwriteIsNoConflict) {
  World world;
  world.publish(R"("steps":[{"name":"one"},{"name":"two","after":["one"]}])");
  world.runner().script = [](const auto& invocation) {
    return ok("{\"k\":\"" + std::string(invocation.step_name) + "\"}");
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.context(id), R"({"k":"two"})");
  EXPECT_TRUE(world.records_of<journal::Diagnostic>(id).empty());
}

TEST(Context, R10ContextKeyUnsetReservedKeysAndValuesThatAreNoMap) {
  World world;
  world.publish(R"("steps":[{"name":"keyed","context_key":"all"},{"name":"number","after":["keyed"]},
    {"name":"keyed_number","context_key":"n","after":["number"]},{"name":"eraser","after":["keyed_number"]}])");
  world.runner().by_function["keyed"] = [](const auto&) { return ok(R"({"x":1,"y":2})"); };
  world.runner().by_function["number"] = [](const auto&) { return value("5"); };
  world.runner().by_function["keyed_number"] = [](const auto&) { return value("6"); };
  world.runner().by_function["eraser"] = [](const auto&) {
    Act act;
    journal::StepResult result;
    result.map.unset("gone");
    result.map.put("kept", journal::Value());
    result.map.put("__reserved", journal::Value::of_integer(1));
    act.outcome.result = std::make_shared<const journal::StepResult>(std::move(result));
    return act;
  };
  const ExecutionId id = world.start(R"({"gone":1})")->id;
  world.run();
  EXPECT_EQ(world.context(id), R"({"all":{"x":1,"y":2},"kept":null,"n":6})");
  EXPECT_EQ(world.show(id).state.steps[1].result->value.as_integer(), 5);
  EXPECT_FALSE(world.show(id).state.steps[3].result->map.find("__reserved")) << "dropped, and not kept apart";
  EXPECT_EQ(diagnostics_of(world, id, "reserved_key"), 1u);
}

TEST(Context, R10AnEmptyMapIsAResultAndNoneIsNot) {
  World world;
  world.publish(
      R"("steps":[{"name":"empty","context_key":"e"},{"name":"none","context_key":"n"},{"name":"plain"},
    {"name":"instead","context_key":"i","max_retries":0,"fallback":{"value":{}}},
    {"name":"person","context_key":"p"}])");
  world.runner().script = [](const worker::Invocation& call) {
    if (call.function == "none") return ok();
    if (call.function == "instead") return fail("bad");
    return call.function == "person" ? await() : ok("{}");
  };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash();
  ASSERT_TRUE(world.resume(id, "{}", "person"));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"e":{},"i":{},"p":{}})");
  EXPECT_TRUE(world.show(id).state.steps[0].result);
  EXPECT_FALSE(world.show(id).state.steps[1].result);
}

TEST(Context, R10ReservedKeysAreDroppedWhoeverGivesThem) {
  World world;
  world.publish(R"("steps":[{"name":"keyed","context_key":"k"},
    {"name":"instead","max_retries":0,"fallback":{"value":{"__a":1,"b":2}}},{"name":"g","graft":true}])");
  world.runner().script = [](const worker::Invocation& call) {
    if (call.function == "keyed") return ok(R"({"__x":1,"y":2})");
    if (call.function == "g") return expand({child("c")}, R"({"__g":1})");
    return call.function == "instead" ? fail("bad")
                                      : ok(R"({"__1":1,"__2":2,"__3":3,"__4":4,"__5":5,"__6":6,"z":0})");
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.context(id), R"({"b":2,"c":{"z":0},"c_z":0,"k":{"y":2}})");
  EXPECT_EQ(diagnostics_of(world, id, "reserved_key"), 4u) << "one for each result";
  const auto all = world.records_of<journal::Diagnostic>(id);
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const auto& one) {
    return one.message.ends_with("'__1', '__2', '__3', '__4', '__5' and 1 more");
  }));
}

}  // namespace
}  // namespace pirn::sim
