// R11, R12: a step that answers with the steps that are to run.
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;

ScriptedRunner::Script always(const Act& act) {
  return [act](const auto&) { return act; };
}

// A graft "g", what comes after it alone, and what comes after all of it.
constexpr const char* kGraft = R"("steps":[{"name":"g","graft":true,"max_retries":2},
  {"name":"beside","after":["g"]},{"name":"last","after_graft":["g"]}])";

Act two_children() {
  return expand({child("c1", "", R"({"n":1})"), child("c2", "", R"({"n":2})")}, R"({"files":2})");
}

// A child answers with its parameter.
Act its_number(const worker::Invocation& invocation) {
  const auto params = journal::parse_object(invocation.params);
  return ok("{\"n\":" + std::to_string(params->find("n")->value.as_integer()) + "}");
}

// The slots of these steps as an invocation may read them; "none": it does not descend from the step.
std::string slots(const worker::Invocation& invocation, std::initializer_list<std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    const journal::StepResult* slot = nullptr;
    switch (invocation.frame->result_of(invocation.step, name, slot)) {
      case worker::Frame::Access::ok:
        journal::append_result(out, *slot);
        break;
      case worker::Frame::Access::absent:
        out += "absent";
        break;
      case worker::Frame::Access::not_an_ancestor:
        out += "none";
    }
    out += " ";
  }
  return out;
}

TEST(Graft, R60ItsChildrenAreTakenUpInTheirOrder) {
  World world;
  world.publish(R"("step_concurrency":1,"steps":[{"name":"g","graft":true}])");
  std::vector<journal::Child> children;
  for (int i = 0; i < 9; ++i) children.push_back(child("c" + std::to_string(8 - i)));
  world.runner().by_function["g"] = always(expand(children));
  ASSERT_TRUE(world.start());
  world.run();
  std::string order;
  for (const Called& call : world.runner().calls) order += call.step + " ";
  EXPECT_EQ(order, "g c8 c7 c6 c5 c4 c3 c2 c1 c0 ");
}

TEST(Graft, R12ItsChildrenAreStepsThatRunAfterIt) {
  World world;
  world.publish(kGraft);
  world.runner().by_function["g"] = always(two_children());
  world.runner().by_function["child"] = [](const auto& invocation) {
    return after(kMinute, its_number(invocation));
  };
  const ExecutionId id = world.start(R"({"in":0})")->id;
  world.advance(kSecond);
  EXPECT_EQ(world.step_state(id, "beside"), "completed") << "after the graft alone";
  EXPECT_EQ(world.step_state(id, "c1"), "running");
  EXPECT_EQ(world.step_state(id, "last"), "pending");
  EXPECT_EQ(world.show(id).state.steps.size(), 5u) << "the total of the progress has grown";
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.step_state(id, "last"), "completed");
  for (const Called& call : world.runner().calls)
    if (call.function == "child") {
      EXPECT_EQ(call.context, R"({"files":2,"in":0})") << "what its graft sees and wrote";
    }
}

TEST(Graft, R11AChildsMapStandsUnderItsNameAndUnderEachOfItsKeys) {
  World world;
  world.publish(kGraft);
  world.runner().by_function["g"] =
      always(expand({child("c1", "", R"({"n":1})"), child("c2", R"({"context_key":"mine"})"), child("c3")}));
  world.runner().by_function["child"] = [](const auto& invocation) {
    return invocation.step_name == "c1" ? its_number(invocation) : value("7");
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.context(id), R"({"c1":{"n":1},"c1_n":1,"mine":7})")
      << "never flat; a value only under its key";
  EXPECT_EQ(world.runner().calls.back().context, world.context(id))
      << "the step after the graft sees all of it";
}

TEST(Graft, TheExpansionIsJournaledWithTheCompletionOfTheGraft) {
  World world;
  world.publish(kGraft);
  world.runner().by_function["g"] = always(two_children());
  const ExecutionId id = world.start()->id;
  world.run();
  std::vector<std::string> order;
  uint64_t at_expansion = 0;
  for (const Event& event : world.events_of(id)) {
    if (const auto* expanded = std::get_if<journal::GraftExpanded>(&event.record)) {
      at_expansion = event.seq;
      EXPECT_EQ(expanded->step, 0u);
      ASSERT_EQ(expanded->children->size(), 2u);
      EXPECT_EQ(expanded->children->at(1), (journal::Child{0, 1, "c2", "child", R"({"n":2})", ""}));
    }
    if (const auto* done = std::get_if<journal::StepCompleted>(&event.record); done && done->step == 0) {
      EXPECT_EQ(event.seq, at_expansion + 1);
    }
    if (const auto* ready = std::get_if<journal::StepReady>(&event.record); ready && ready->step != 0)
      order.push_back(world.show(id).step_names[ready->step]);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"c1", "c2", "beside", "last"}))
      << "children before what comes later";
}

TEST(Graft, SlotsAreReadByThoseWhoDescendFromThem) {
  World world;
  world.publish(
      R"("steps":[{"name":"root"},{"name":"g","graft":true,"after":["root"]},{"name":"h","graft":true},
    {"name":"beside","after":["g"]},{"name":"last","after_graft":["g"]},{"name":"end","after":["last"]}])");
  world.runner().by_function["root"] = always(value("0"));
  world.runner().by_function["g"] =
      always(expand({child("c1", "", R"({"n":1})"), child("c2", "", R"({"n":2})")}, R"({"g":1})"));
  world.runner().by_function["h"] = always(expand({child("d1", "", R"({"n":3})")}));
  std::map<std::string, std::string> seen;
  world.runner().script = [&](const auto& invocation) {
    const std::string name(invocation.step_name);
    seen[name] = slots(invocation, {"root", "g", "h", "c1", "c2", "d1"});
    return invocation.function == "child" ? after(kSecond, its_number(invocation)) : after(kMinute, ok());
  };
  (void)world.start();
  world.run();
  EXPECT_EQ(seen["c1"], R"(0 {"g":1} none none none none )");
  EXPECT_EQ(seen["d1"], R"(none none {} none none none )");
  EXPECT_EQ(seen["beside"], R"(0 {"g":1} none none none none )");
  EXPECT_EQ(seen["last"], R"(0 {"g":1} none {"n":1} {"n":2} none )");
  EXPECT_EQ(seen["end"], seen["last"]);
}

TEST(Graft, AnEmptyExpansionIsLegal) {
  World world;
  world.publish(kGraft);
  world.runner().by_function["g"] = always(expand({}, R"({"files":0})"));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "last"), "completed");
  EXPECT_EQ(world.records_of<journal::GraftExpanded>(id).size(), 1u);
  EXPECT_EQ(world.context(id), R"({"files":0})");
}

TEST(Graft, AnOrdinaryAnswerHasNoChildren) {
  World world;
  world.publish(kGraft);
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "last"), "completed");
  EXPECT_TRUE(world.records_of<journal::GraftExpanded>(id).empty());
}

struct Refusal {
  std::string name;
  Act act;
  std::string code;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }
class GraftRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(GraftRefuses, WithoutARetryAndWithoutATrace) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"g","graft":true,"max_retries":5},{"name":"other"},{"name":"last","after_graft":["g"]}])");
  world.runner().by_function["g"] = always(GetParam().act);
  const ExecutionId id = world.start()->id;
  world.run();
  const engine::View view = world.show(id);
  EXPECT_EQ(world.step_state(id, "g"), "failed");
  ASSERT_TRUE(view.state.error);
  EXPECT_EQ(view.state.error->code, GetParam().code) << view.state.error->message;
  EXPECT_EQ(view.state.steps.size(), 3u);
  EXPECT_EQ(view.state.steps[0].invocations, 1u);
  EXPECT_EQ(world.step_state(id, "last"), "skipped(upstream_failed)");
}
INSTANTIATE_TEST_SUITE_P(
    Rules, GraftRefuses,
    testing::Values(Refusal{"declared", expand({child("c"), child("other")}), "duplicate_step"},
                    Refusal{"twice", expand({child("c"), child("d"), child("c")}), "duplicate_step"},
                    Refusal{"name", expand({child("No Name")}), "invalid_child"},
                    Refusal{"task", expand({child("c", "", "", "nobody")}), "unknown_function"},
                    Refusal{"after", expand({child("c", R"({"after":["other"]})")}), "invalid_options"},
                    Refusal{"graft", expand({child("c", R"({"graft":true})")}), "invalid_options"},
                    Refusal{"option", expand({child("c", R"({"max_retries":-1})")}), "invalid_options"},
                    Refusal{"key", expand({child("c", R"({"nonsense":1})")}), "invalid_options"}),
    [](const auto& info) { return info.param.name; });

TEST(Graft, OnlyADeclaredGraftMayExpand) {
  World world;
  world.publish(R"("steps":[{"name":"g","graft":true,"max_retries":0},{"name":"a","after":["g"]}])");
  world.runner().by_function["g"] = always(expand({child("c")}));
  world.runner().by_function["child"] = always(expand({child("deeper")}));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "expand_not_allowed") << "a child is no graft";
  EXPECT_EQ(world.show(id).state.steps[2].invocations, 1u) << "and it is not tried again";
}

TEST(Graft, ANameOfAnotherGraftsChildIsTaken) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"g","graft":true},{"name":"h","graft":true,"after_graft":["g"],"max_retries":0}])");
  world.runner().by_function["g"] = always(expand({child("c")}));
  world.runner().by_function["h"] = always(expand({child("c")}));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "duplicate_step");
  EXPECT_EQ(world.show(id).state.steps.size(), 3u);
}

TEST(Graft, TheOptionsOfAChildAreThoseOfAStep) {
  World world;
  world.publish(R"("steps":[{"name":"g","graft":true},{"name":"last","after_graft":["g"]}])");
  world.runner().by_function["g"] = always(expand(
      {child("c1", R"({"max_retries":1,"retry_delay":"1m","retry_backoff":"fixed","on_error":"continue"})"),
       child("c2", R"({"timeout":"2s","max_retries":0,"on_error":"skip"})"),
       child("c3", R"({"when":{"path":"no","exists":true}})"),
       child("c4", R"({"label":"Four","priority":3,"description":"the fourth"})")}));
  world.runner().by_function["child"] = [](const auto& invocation) {
    return invocation.step_name == "c1" ? fail("x") : invocation.step_name == "c2" ? hang() : ok();
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "c1"), "failed(tolerated)");
  EXPECT_EQ(world.step_state(id, "c2"), "skipped(on_error)");
  EXPECT_EQ(world.step_state(id, "c3"), "skipped(condition)");
  EXPECT_EQ(world.step_state(id, "c4"), "completed");
  EXPECT_EQ(world.show(id).state.steps[2].invocations, 2u);
  EXPECT_EQ(world.runner().calls[1].step, "c4") << "its priority";
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Graft, AChildAwaitsLikeAnyStep) {
  World world;
  world.publish(kGraft);
  world.runner().by_function["g"] = always(two_children());
  world.runner().by_function["child"] = [](const auto& invocation) {
    return invocation.step_name == "c2" ? await() : its_number(invocation);
  };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_EQ(world.waiting().size(), 1u);
  EXPECT_EQ(world.waiting()[0].step, "c2");
  EXPECT_EQ(world.step_state(id, "last"), "pending");
  ASSERT_TRUE(world.resume(id, R"({"by":"hand"})", "c2"));
  world.run();
  EXPECT_EQ(world.step_state(id, "last"), "completed");
  EXPECT_NE(world.show(id).context.find(R"("c2_by":"hand")"), std::string::npos) << world.show(id).context;
}

TEST(Graft, APatchLiesOverWhatChildrenWroteBeforeIt) {
  for (const bool crash : {false, true}) {
    World world;
    world.publish(kGraft);
    world.runner().by_function["g"] = always(two_children());
    world.runner().by_function["child"] = [](const auto& invocation) {
      return after(invocation.step_name == "c2" ? kMinute : 0, its_number(invocation));
    };
    std::string seen;
    world.runner().by_function["last"] = [&seen](const auto& invocation) {
      seen.clear();
      invocation.context.append_json(seen);
      return ok();
    };
    const ExecutionId id = world.start()->id;
    world.advance(kSecond);
    ASSERT_EQ(world.step_state(id, "c1"), "completed");
    ASSERT_TRUE(world.pause(id));
    ASSERT_TRUE(world.resume(id, R"({"c1_n":7,"c2_n":7,"files":7})"));
    if (crash) world.crash();
    world.run();
    EXPECT_NE(seen.find(R"("c1_n":7)"), std::string::npos) << seen;
    EXPECT_NE(seen.find(R"("c2_n":2)"), std::string::npos) << "what came after the patch: " << seen;
    EXPECT_NE(seen.find(R"("files":7)"), std::string::npos) << seen;
  }
}

TEST(Graft, AChildThatFailsHardBlocksWhatAwaitsIt) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"g","graft":true},{"name":"beside","after":["g"]},{"name":"last","after_graft":["g"]}])");
  world.runner().by_function["g"] = always(expand({child("c1", R"({"max_retries":0})"), child("c2")}));
  world.runner().by_function["child"] = [](const auto& invocation) {
    return invocation.step_name == "c1" ? fail("x") : ok();
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "beside"), "completed");
  EXPECT_EQ(world.step_state(id, "last"), "skipped(upstream_failed)");
  EXPECT_EQ(world.show(id).state.steps[2].extra->reason, "dependency c1 failed: x: told to");
}

TEST(Graft, BringsItsChildrenIntoItsGroup) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"a","group":"all"},{"name":"g","graft":true,"group":"all"},{"name":"next","after_group":"all"}])");
  world.runner().by_function["g"] = always(two_children());
  world.runner().by_function["child"] = [](const auto& invocation) {
    return after(kMinute, invocation.step_name == "c2" ? its_number(invocation) : fail("x"));
  };
  std::string seen;
  world.runner().by_function["next"] = [&](const auto& invocation) {
    seen = slots(invocation, {"a", "g", "c1", "c2"});
    return ok();
  };
  const ExecutionId failed = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.step_state(failed, "next"), "pending");
  world.run();
  EXPECT_EQ(world.step_state(failed, "next"), "skipped(upstream_failed)");
  world.runner().by_function["child"] = [](const auto& invocation) {
    return after(kMinute, its_number(invocation));
  };
  const ExecutionId done = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(done, "next"), "completed");
  EXPECT_EQ(seen, R"({} {"files":2} {"n":1} {"n":2} )");
  EXPECT_EQ(world.runner().calls.back().context,
            R"({"c1":{"n":1},"c1_n":1,"c2":{"n":2},"c2_n":2,"files":2})");
}

TEST(Graft, AfterAnyOfAGraftIsFiredByTheGraftAlone) {
  World world;
  world.publish(
      R"("steps":[{"name":"g","graft":true},{"name":"slow"},{"name":"first","after_any":["g","slow"]}])");
  world.runner().by_function["g"] = always(two_children());
  world.runner().by_function["slow"] = always(after(kMinute, ok()));
  world.runner().by_function["child"] = always(after(kMinute, ok()));
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.step_state(id, "first"), "completed");
}

TEST(Graft, ARetriedGraftExpandsOnce) {
  World world;
  world.publish(kGraft);
  world.runner().by_function["g"] = [](const auto& invocation) {
    return invocation.attempt == 1 ? fail("x") : two_children();
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.records_of<journal::GraftExpanded>(id).size(), 1u);
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Graft, AnExpansionWhileTheWorkflowStopsIsDropped) {
  World world;
  world.publish(R"("steps":[{"name":"g","graft":true,"cancellable":false},{"name":"bad","max_retries":0}])");
  world.runner().by_function["g"] = always(after(kSecond, two_children()));
  world.runner().by_function["bad"] = always(fail("x"));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "g"), "cancelled");
  EXPECT_EQ(world.show(id).state.steps.size(), 2u);
}

TEST(Graft, ChildrenAreStoppedLikeAnyStep) {
  World world;
  world.publish(
      R"("step_concurrency":2,"steps":[{"name":"g","graft":true},{"name":"last","after_graft":["g"]}])");
  world.runner().by_function["g"] =
      always(expand({child("c1", R"({"max_retries":0})"), child("c2"), child("c3")}));
  world.runner().by_function["child"] = [](const auto& invocation) {
    return invocation.step_name == "c1" ? after(kSecond, fail("x")) : after(kMinute, ok());
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "c2"), "cancelled");
  EXPECT_EQ(world.step_state(id, "c3"), "skipped(aborted)") << "it never started";
  EXPECT_EQ(world.step_state(id, "last"), "skipped(upstream_failed)");
  EXPECT_EQ(world.show(id).state.state, State::failed);
}

TEST(Graft, ItsChildrenCountAgainstTheLimitOfTheExecution) {
  engine::Options options;
  options.execution_limit_bytes = 2000;
  World world(options);
  world.publish(kGraft);
  world.runner().by_function["g"] =
      always(expand({child("c1", "", "{\"text\":\"" + std::string(1500, 'x') + "\"}"),
                     child("c2", "", "{\"text\":\"" + std::string(1500, 'x') + "\"}")}));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "execution_too_large");
}

TEST(Graft, IsRebuiltFromTheJournalAtEveryCommit) {
  for (uint64_t lost = 1; lost <= 9; ++lost) {
    for (const bool uncertain : {false, true}) {
      engine::Options options;
      options.flush_after_commits = lost % 2 ? 1 : 50'000;  // from the projection, and from the journal
      World world(options);
      world.publish(
          R"("steps":[{"name":"a","group":"all"},{"name":"g","graft":true,"group":"all","after":["a"]},
        {"name":"next","after_group":"all"},{"name":"last","after_graft":["g"],"after":["next"]}])");
      world.runner().by_function["g"] =
          always(expand({child("c1", R"({"max_retries":1})", R"({"n":1})"), child("c2", "", R"({"n":2})")},
                        R"({"files":2})"));
      std::string seen;
      world.runner().by_function["child"] = [](const auto& invocation) {
        return invocation.step_name == "c1" && invocation.attempt == 1
                   ? fail("x")
                   : after(kSecond, its_number(invocation));
      };
      world.runner().by_function["last"] = [&](const auto& invocation) {
        seen = slots(invocation, {"g", "c1", "c2"});
        return ok();
      };
      world.fail_commit(lost, uncertain);
      auto started = world.start("{}", "key");
      if (!started) started = world.start("{}", "key");
      world.run();
      const ExecutionId id = started->id;
      EXPECT_EQ(world.show(id).state.state, State::completed) << lost;
      EXPECT_EQ(world.context(id), R"({"c1":{"n":1},"c1_n":1,"c2":{"n":2},"c2_n":2,"files":2})") << lost;
      EXPECT_EQ(world.records_of<journal::GraftExpanded>(id).size(), 1u) << "it is never computed again";
      EXPECT_EQ(seen, R"({"files":2} {"n":1} {"n":2} )") << lost;
      EXPECT_EQ(world.runner().calls.back().context, world.context(id)) << lost;
      EXPECT_EQ(world.show(id).step_names, (std::vector<std::string>{"a", "g", "next", "last", "c1", "c2"}));
    }
  }
}

TEST(Graft, AnExecutionWhoseChildrenDoNotFitItsDefinitionIsLeftAside) {
  World world;
  const auto release = world.publish(kGraft);
  world.runner().by_function["g"] = always(two_children());
  world.runner().by_function["child"] = always(after(kMinute, ok()));
  (void)world.start();
  world.settle();
  // A host that knows no such task any more: what the journal says cannot be run, and is not run otherwise.
  std::const_pointer_cast<registry::Release>(release)->functions.clear();
  world.crash();
  ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
  EXPECT_NE(world.engine().damaged_executions()[0].message.find("the package has no task 'child'"),
            std::string::npos)
      << world.engine().damaged_executions()[0].message;
}

}  // namespace
}  // namespace pirn::sim
