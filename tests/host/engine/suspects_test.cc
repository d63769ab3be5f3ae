// A process that ends and nobody knows why: suspects run again one at a time, and only what was alone is
// blamed (S17, section 2.8).
#include "host/engine/trials.h"

#include <algorithm>
#include <map>

#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using journal::State;
using Names = std::vector<std::string>;

constexpr int64_t kWindow = engine::Trials::kFirstWindowNs;

// Ends the process after a while, as SIGKILL or a thread of its own would, and nobody sees it.
Act poison(int64_t takes = kMillisecond) {
  Act act = after(takes, ok());
  act.kills_host = act.without_trace = true;
  return act;
}

std::vector<std::string> under_way(World& world) {
  std::vector<std::string> names;
  for (const Called& call : world.runner().calls)
    if (call.fate == Called::Fate::under_way) names.push_back(call.function);
  return names;
}

class SuspectsTest : public ::testing::Test {
 protected:
  ~SuspectsTest() override { EXPECT_EQ(world_.runner().breaches, Names()); }

  // A workflow of one step of its own, for a tenant of that name.
  ExecutionId start(const std::string& name, ScriptedRunner::Script script, const std::string& options = "") {
    world_.releases.publish(
        name, R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":")" + name +
                  R"(","steps":[{"name":")" + name + R"(","timeout":"infinity")" + options + "}]}]}");
    world_.runner().by_function[name] = std::move(script);
    return world_.start("{}", "", name, name)->id;
  }
  journal::Step step(ExecutionId id, const std::string& name) { return world_.show(id, name).state.steps[0]; }
  State state(ExecutionId id, const std::string& name) { return world_.show(id, name).state.state; }

  World world_;
};

TEST_F(SuspectsTest, APoisonStepFailsAndItsNeighboursComplete) {
  const ExecutionId before = start("before", [](const auto&) { return after(kSecond, ok()); });
  const ExecutionId bomb = start(
      "bomb", [](const auto&) { return poison(); }, R"(,"max_retries":5)");
  const ExecutionId behind = start("behind", [](const auto&) { return after(kSecond, ok()); });
  world_.run();
  EXPECT_EQ(state(before, "before"), State::completed);
  EXPECT_EQ(state(behind, "behind"), State::completed);
  EXPECT_EQ(step(before, "before").extra->crashes, 0u);
  EXPECT_EQ(step(behind, "behind").extra->crashes, 0u);
  EXPECT_EQ(world_.show(bomb, "bomb").state.error->code, "crashed");
  EXPECT_EQ(step(bomb, "bomb").extra->crashes, 4u) << "max_crashes and one more";
  // Once with the others, once beside `before`, and then it was alone.
  EXPECT_EQ(world_.crashes(), 6);
}

TEST_F(SuspectsTest, NothingElseRunsDuringATrial) {
  const ExecutionId a = start("a", [](const auto&) { return after(kWindow / 2, ok()); });
  const ExecutionId b = start("b", [](const auto&) { return after(kWindow / 2, ok()); });
  world_.settle();
  world_.crash_without_trace();
  EXPECT_EQ(under_way(world_), (Names{"a"}));
  const ExecutionId late = start("late", [](const auto&) { return ok(); });
  EXPECT_EQ(under_way(world_), (Names{"a"})) << "who comes now waits, too";
  world_.advance(kWindow / 2);
  EXPECT_EQ(under_way(world_), (Names{"b"}));
  EXPECT_EQ(state(late, "late"), State::running);
  world_.advance(kWindow / 2);
  EXPECT_EQ(state(a, "a"), State::completed);
  EXPECT_EQ(state(b, "b"), State::completed);
  EXPECT_EQ(state(late, "late"), State::completed);
}

// The process ends between the return of the function and the commit of its outcome: by a thread that it left
// behind, or by a signal that another thread of the host got. No call was under way then.
TEST_F(SuspectsTest, APoisonStepThatReturnsBeforeTheProcessEndsIsFoundToo) {
  const ExecutionId slow = start("slow", [](const auto&) { return after(kHour, ok()); });
  const ExecutionId bomb = start("bomb", [](const auto&) { return after(kMillisecond, ok()); });
  world_.settle();
  int deaths = 0;
  for (int i = 0; i < 5'000 && !journal::terminal(state(bomb, "bomb")); ++i) {
    const Names names = under_way(world_);
    if (std::find(names.begin(), names.end(), "bomb") == names.end()) {
      world_.advance(kMillisecond);
      continue;
    }
    world_.pass_time(kMillisecond);  // it has returned, and no turn has heard of that
    world_.crash_without_trace();
    ++deaths;
  }
  ASSERT_EQ(state(bomb, "bomb"), State::failed);
  EXPECT_EQ(world_.show(bomb, "bomb").state.error->code, "crashed");
  EXPECT_LT(deaths, 15);
  EXPECT_EQ(step(slow, "slow").extra->crashes, 0u);
  world_.run();
  EXPECT_EQ(state(slow, "slow"), State::completed);
}

TEST_F(SuspectsTest, ALongInnocentStepDelaysOthersForItsWindowOnly) {
  const ExecutionId slow = start("slow", [](const auto&) { return after(kHour, ok()); });
  world_.settle();
  world_.crash_without_trace();
  const ExecutionId quick = start("quick", [](const auto&) { return ok(); });
  world_.advance(kWindow - 1);
  EXPECT_EQ(state(quick, "quick"), State::running);
  world_.advance(1);
  EXPECT_EQ(state(quick, "quick"), State::completed);
  EXPECT_EQ(under_way(world_), (Names{"slow"})) << "it goes on beside the others";
  // Its window has grown: it was there when the process ended again.
  world_.crash_without_trace();
  const ExecutionId next = start("quick", [](const auto&) { return ok(); });
  world_.advance(2 * kWindow - 1);
  EXPECT_EQ(state(next, "quick"), State::running);
  world_.advance(1);
  EXPECT_EQ(state(next, "quick"), State::completed);
  EXPECT_EQ(step(slow, "slow").extra->crashes, 0u);
  world_.run();
  EXPECT_EQ(state(slow, "slow"), State::completed);
}

TEST_F(SuspectsTest, AllTrialsOfALifeTogetherTakeFourWindows) {
  std::vector<std::string> names;
  for (char name = 'a'; name <= 'j'; ++name)
    start(names.emplace_back(1, name), [](const auto&) { return after(kMinute, ok()); });
  world_.settle();
  world_.crash_without_trace();
  const ExecutionId other = start("other", [](const auto&) { return ok(); });
  for (size_t tried = 1; tried <= 4; ++tried) {
    EXPECT_EQ(under_way(world_).size(), tried);
    EXPECT_EQ(state(other, "other"), State::running);
    world_.advance(kWindow);
  }
  EXPECT_EQ(state(other, "other"), State::completed);
  EXPECT_EQ(under_way(world_).size(), names.size()) << "the others have waited long enough";
  // Those that had no turn have theirs first in the next life.
  world_.crash_without_trace();
  EXPECT_EQ(under_way(world_), (Names{"e"}));
}

// The step kills late, and beside steps that take longer than any trial.
TEST_F(SuspectsTest, APoisonStepThatTakesItsTimeIsFoundAfterFinitelyManyLives) {
  std::vector<ExecutionId> slow;
  for (const char* name : {"a", "b", "c", "d", "e"})
    slow.push_back(start(name, [](const auto&) { return after(kHour, ok()); }));
  const ExecutionId bomb = start("bomb", [](const auto&) { return poison(7 * kSecond); });
  for (int life = 0; life < 100 && !journal::terminal(state(bomb, "bomb")); ++life) world_.advance(kMinute);
  EXPECT_EQ(world_.show(bomb, "bomb").state.error->code, "crashed");
  EXPECT_LT(world_.crashes(), 30);
  for (size_t i = 0; i < slow.size(); ++i)
    EXPECT_EQ(step(slow[i], std::string(1, static_cast<char>('a' + i))).extra->crashes, 0u);
  world_.run();
  for (size_t i = 0; i < slow.size(); ++i)
    EXPECT_EQ(state(slow[i], std::string(1, static_cast<char>('a' + i))), State::completed);
}

TEST_F(SuspectsTest, APowerLossAccusesNobody) {
  const ExecutionId a = start("a", [](const auto&) { return after(kSecond, ok()); });
  const ExecutionId b = start("b", [](const auto&) { return after(kSecond, ok()); });
  world_.settle();
  for (int life = 0; life < 20; ++life) {
    world_.crash();
    EXPECT_EQ(under_way(world_), (Names{"a", "b"}));
  }
  EXPECT_EQ(step(a, "a").extra->crashes + step(b, "b").extra->crashes, 0u);
}

// Whoever was under way when somebody is known to have done it is no suspect.
TEST_F(SuspectsTest, AKnownCulpritClearsTheOthers) {
  start("a", [](const auto&) { return after(kSecond, ok()); });
  const ExecutionId bomb = start("bomb", [](const auto&) { return hang(); });
  world_.settle();
  world_.crash({{world_.runner().calls.back().id, {}}});
  EXPECT_EQ(under_way(world_), (Names{"a", "bomb"}));
  EXPECT_EQ(step(bomb, "bomb").extra->crashes, 1u);
}

// The first death in a trial that was not the first of its life blames nobody: what ran before may have left
// a thread behind.
TEST_F(SuspectsTest, WhoeverWasNotAloneInTheWholeLifeIsNotBlamed) {
  const ExecutionId a = start("a", [](const auto&) { return after(kMillisecond, ok()); });
  const ExecutionId b = start("b", [](const auto&) { return after(kSecond, ok()); });
  world_.settle();
  world_.crash_without_trace();
  world_.advance(kMillisecond);
  ASSERT_EQ(state(a, "a"), State::completed);
  ASSERT_EQ(under_way(world_), (Names{"b"}));
  world_.crash_without_trace();
  EXPECT_EQ(step(b, "b").extra->crashes, 0u);
  world_.crash_without_trace();
  EXPECT_EQ(step(b, "b").extra->crashes, 1u) << "it was, this time";
}

TEST_F(SuspectsTest, AfterItsWindowAStepIsNotAloneAnyMore) {
  const ExecutionId slow = start("slow", [](const auto&) { return after(kHour, ok()); });
  world_.settle();
  for (int life = 0; life < 6; ++life) {
    world_.crash_without_trace();
    world_.advance(kWindow << life);
  }
  EXPECT_EQ(step(slow, "slow").extra->crashes, 0u);
}

TEST_F(SuspectsTest, ASuspectThatReturnsIsCleared) {
  int calls = 0;
  const ExecutionId a = start(
      "a", [&](const auto&) { return ++calls < 3 ? after(kMillisecond, fail("no")) : after(kMinute, ok()); },
      R"(,"max_retries":5,"retry_delay":"1s")");
  world_.settle();
  world_.crash_without_trace();
  world_.advance(kMillisecond);
  ASSERT_EQ(step(a, "a").state, journal::StepState::retry_wait);
  const ExecutionId b = start("b", [](const auto&) { return after(kMinute, ok()); });
  world_.advance(2 * kSecond);
  EXPECT_EQ(under_way(world_).size(), 2u) << "its next try is nobody's trial";
  (void)b;
}

TEST_F(SuspectsTest, ASuspectThatIsPausedDelaysNobody) {
  const ExecutionId a = start("a", [](const auto&) { return after(kMinute, ok()); });
  world_.settle();
  ASSERT_TRUE(world_.pause(a, "a"));
  world_.crash_without_trace();
  const ExecutionId b = start("b", [](const auto&) { return ok(); });
  world_.settle();
  EXPECT_EQ(state(b, "b"), State::completed);
}

// A step that takes an hour is on trial for so long, and an execution begins whose first step asks a
// function.
class HeldBackTest : public SuspectsTest {
 protected:
  void try_for(int64_t at_least, int64_t question_takes) {
    slow_ = start("slow", [](const auto&) { return after(kHour, ok()); });
    world_.settle();
    world_.crash_without_trace();
    for (int64_t window = kWindow; window < at_least; window *= 2) {
      world_.advance(window);
      world_.crash_without_trace();
    }
    ASSERT_EQ(under_way(world_), (Names{"slow"}));
    world_.publish(R"("steps":[{"name":"asked","when":{"function":"question"}}])");
    world_.runner().by_function["question"] = [=](const auto&) {
      return after(question_takes, answer(true));
    };
    asked_ = world_.start()->id;
    world_.settle();
    ASSERT_EQ(calls_of(world_, "question"), 0u);
    ASSERT_EQ(world_.step_state(asked_, "asked"), "asking");
  }

  ExecutionId slow_, asked_;
};

TEST_F(HeldBackTest, AHostThatDrainsLetsEverythingGo) {
  try_for(kWindow, kSecond);
  world_.engine().stop_dispatching();
  world_.settle();
  EXPECT_EQ(calls_of(world_, "question"), 1u);
}

// A consultation has five seconds, and it is held back for longer.
TEST_F(HeldBackTest, TheLimitOfACallDoesNotRun) {
  try_for(8 * kSecond, 4 * kSecond);
  world_.advance(8 * kSecond);
  EXPECT_EQ(calls_of(world_, "question"), 1u);
  world_.advance(4 * kSecond);
  EXPECT_EQ(world_.step_state(asked_, "asked"), "completed");
}

TEST_F(HeldBackTest, TheLimitOfACallRunsAfterwards) {
  try_for(8 * kSecond, kMinute);
  world_.advance(8 * kSecond + 5 * kSecond - 1);
  EXPECT_EQ(world_.step_state(asked_, "asked"), "asking");
  world_.advance(1);
  EXPECT_EQ(world_.step_state(asked_, "asked"), "skipped(condition)");
}

TEST_F(HeldBackTest, ACallThatIsNotWantedAnyMoreIsNotMade) {
  try_for(kWindow, kSecond);
  ASSERT_TRUE(world_.cancel(asked_));
  world_.run();
  EXPECT_EQ(world_.show(asked_).state.state, State::cancelled);
  EXPECT_EQ(calls_of(world_, "question"), 0u);
  EXPECT_EQ(state(slow_, "slow"), State::completed);
}

TEST_F(SuspectsTest, AConditionThatKillsTheHostIsItsDefaultAfterwards) {
  world_.publish(R"("steps":[{"name":"a","when":{"function":"bomb"}},{"name":"b"}])");
  world_.runner().by_function["bomb"] = [](const auto&) { return poison(); };
  world_.runner().by_function["b"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world_.start()->id;
  world_.run();
  EXPECT_EQ(world_.step_state(id, "a"), "skipped(condition)");
  EXPECT_EQ(world_.step_state(id, "b"), "completed");
  EXPECT_EQ(world_.show(id).state.steps[1].extra->crashes, 0u);
  EXPECT_LE(world_.crashes(), 3);
}

TEST_F(SuspectsTest, AHookThatKillsTheHostIsTheLastOneOfItsExecution) {
  world_.publish(R"("hooks":{"on_start":"bomb"},"steps":[{"name":"a","timeout":"infinity"}])");
  world_.runner().by_function["bomb"] = [](const auto&) { return poison(); };
  world_.runner().by_function["a"] = [](const auto&) { return after(kHour, ok()); };
  const ExecutionId id = world_.start()->id;
  world_.run();
  EXPECT_EQ(world_.show(id).state.state, State::completed);
  EXPECT_EQ(world_.show(id).state.steps[0].extra->crashes, 0u);
  EXPECT_EQ(world_.records_of<journal::HookCrashed>(id).size(), 1u);
  EXPECT_LE(world_.crashes(), 4);
}

TEST_F(SuspectsTest, RollbacksHandlersAndMappersThatKillTheHostHaveHadTheirTurn) {
  const char* const workflows[] = {
      R"("steps":[{"name":"a","rollback":"bomb","max_retries":0},{"name":"z","after":["a"],"max_retries":0}])",
      R"("steps":[{"name":"z","max_retries":0}],"on_failure":"bomb")",
      R"("steps":[{"name":"z","max_retries":0,"on_error":"continue"}],"on_step_error":"bomb")",
      R"("steps":[{"name":"z","max_retries":0,"fallback":"bomb","max_crashes":0}])",
  };
  for (const char* workflow : workflows) {
    SCOPED_TRACE(workflow);
    World world;
    world.publish(workflow);
    world.runner().by_function["z"] = [](const auto&) { return fail("no"); };
    world.runner().by_function["bomb"] = [](const auto&) { return poison(); };
    const ExecutionId id = world.start()->id;
    for (int life = 0; life < 20 && !world.idle(); ++life) world.advance(kMinute);
    EXPECT_TRUE(journal::terminal(world.show(id).state.state));
    EXPECT_LE(world.crashes(), 4);
    EXPECT_EQ(world.runner().breaches, Names());
  }
}

TEST_F(SuspectsTest, AFunctionThatMapsIntoOrOutOfANestedWorkflowIsFoundToo) {
  for (const std::string function : {"input", "result"}) {
    World world;
    world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","steps":[{"name":"n","workflow":"inner","max_retries":0,")" +
                                    function + R"(":"bomb"}]},{"name":"inner","steps":[{"name":"x"}]}]})");
    world.runner().by_function["bomb"] = [](const auto&) { return poison(); };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.show(id).state.error->code, "crashed") << function;
    EXPECT_LE(world.crashes(), 3) << function;
    EXPECT_EQ(world.runner().breaches, Names());
  }
}

TEST_F(SuspectsTest, AStepThatNeedsResourcesHasItsTrialToo) {
  World world(engine::Options{.capacity = engine::Capacity::of({{"cpu", 1}})});
  world.publish(R"("steps":[{"name":"bomb","resources":{"cpu":1},"max_crashes":1,"on_error":"continue"},
                            {"name":"b","resources":{"cpu":1}}])");
  world.runner().by_function["bomb"] = [](const auto&) { return poison(); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "bomb"), "failed(tolerated)");
  EXPECT_EQ(world.step_state(id, "b"), "completed");
  EXPECT_EQ(world.crashes(), 3);
}

TEST_F(SuspectsTest, TheLogIsToldWhatRan) {
  const ExecutionId a = start("a", [](const auto&) { return after(kSecond, ok()); });
  world_.settle();
  EXPECT_TRUE(world_.engine().lost_calls().empty());
  world_.crash_without_trace();
  ASSERT_EQ(world_.engine().lost_calls().size(), 1u);
  const engine::LostCall suspect = world_.engine().lost_calls()[0];
  EXPECT_EQ(suspect.execution, a);
  EXPECT_EQ(suspect.tenant + " " + suspect.workflow + " " + suspect.step + " " + suspect.function,
            "a p::a a a");
  EXPECT_EQ(suspect.role, engine::LostCall::Role::suspect);
  world_.crash_without_trace();
  EXPECT_EQ(world_.engine().lost_calls()[0].role, engine::LostCall::Role::culprit) << "it was alone";
  world_.crash();
  EXPECT_EQ(world_.engine().lost_calls()[0].role, engine::LostCall::Role::bystander);
}

// "a" is given up after its limit and tried again; "z" keeps the execution open.
class CalledAgainTest : public SuspectsTest {
 protected:
  void lose_while_a_runs(const std::string& limit) {
    world_.publish(R"("steps":[{"name":"a","timeout":")" + limit + R"(","max_retries":5,"retry_delay":"0s"},
                               {"name":"z","after":["a"],"timeout":"infinity"}])");
    // The first call is the host's before, the second one its trial.
    world_.runner().by_function["a"] = [this](const auto&) {
      return ++calls_ <= 2 ? hang() : after(kMillisecond, ok());
    };
    world_.runner().by_function["z"] = [](const auto&) { return after(kHour, ok()); };
    id_ = world_.start()->id;
    world_.settle();
  }
  std::vector<worker::Suspect> suspects() { return world_.runner().last_life().suspects; }

  int calls_ = 0;
  ExecutionId id_;
};

TEST_F(CalledAgainTest, ASuspectThatWasGivenUpIsClearedWhenItsNextCallReturns) {
  lose_while_a_runs("1s");
  world_.crash_without_trace();
  ASSERT_EQ(suspects().size(), 1u);
  world_.advance(kMinute);
  ASSERT_EQ(world_.step_state(id_, "a"), "completed");
  EXPECT_EQ(suspects(), std::vector<worker::Suspect>());
}

TEST_F(CalledAgainTest, AlsoWhenThatCallIsHeldForTheTrialOfAnother) {
  lose_while_a_runs("100ms");
  const ExecutionId slow = start("slow", [](const auto&) { return after(kHour, ok()); });
  world_.settle();
  world_.crash_without_trace();
  ASSERT_EQ(suspects().size(), 2u);
  world_.advance(kMinute);
  ASSERT_EQ(world_.step_state(id_, "a"), "completed");
  ASSERT_EQ(suspects().size(), 1u);
  EXPECT_EQ(suspects()[0].call.execution, slow);
}

// ---- the account alone ----

class TrialsTest : public ::testing::Test {
 protected:
  static worker::Suspect suspect(uint32_t step, uint32_t deaths = 0) {
    return {{ExecutionId(), step, worker::Kind::task}, kWindow, deaths};
  }
  static worker::LastLife crash() {
    worker::LastLife last;
    last.end = worker::LastLife::End::crash;
    return last;
  }

  engine::Trials trials_;
};

TEST_F(TrialsTest, WhoWasOnTrialAtTheEndGoesBeforeWhoWasOnTrialEarlier) {
  worker::LastLife last = crash();
  last.suspects = {suspect(1, 3), suspect(2)};
  last.running = {{7, suspect(2).call}};
  last.trial = {7, false};
  EXPECT_TRUE(trials_.take_up(last).empty());
  EXPECT_EQ(trials_.next_to_call()->call, suspect(2).call);
}

// A long step of one tenant must not make everybody wait ever longer, since another one's steps end the
// process.
TEST_F(TrialsTest, AnEndThatIsExplainedPutsTheWindowsOfTheOthersBack) {
  using End = worker::LastLife::End;
  const auto windows = [](const worker::LastLife& last) {
    engine::Trials trials;
    trials.take_up(last);
    std::map<uint32_t, int64_t> by_step;
    for (const worker::Suspect& each : trials.suspects()) by_step[each.call.step] = each.window_ns / kWindow;
    return by_step;
  };
  worker::LastLife last = crash();
  last.suspects = {suspect(1), suspect(2)};
  for (worker::Suspect& each : last.suspects) each.window_ns = 64 * kWindow;
  last.running = {{7, suspect(1).call}, {8, suspect(2).call}};
  using Windows = std::map<uint32_t, int64_t>;
  EXPECT_EQ(windows(last), (Windows{{1, 64}, {2, 64}})) << "nobody knows who it was";
  last.fatal = {{7, {}}};
  EXPECT_EQ(windows(last), (Windows{{1, 64}, {2, 1}})) << "it is known";
  last.fatal.clear();
  last.trial = {8, true};
  EXPECT_EQ(windows(last), (Windows{{1, 1}, {2, 64}})) << "it was convicted";
  last.trial.alone = false;
  EXPECT_EQ(windows(last), (Windows{{1, 64}, {2, 64}})) << "it may have been another";
  last.end = End::clean;
  EXPECT_EQ(windows(last), (Windows{{1, 1}, {2, 1}})) << "nobody";
}

TEST_F(SuspectsTest, NoTrialIsLongerThanTheLongest) {
  start("slow", [](const auto&) { return after(kHour, ok()); });
  start("slow-too", [](const auto&) { return after(kHour, ok()); });
  world_.settle();
  for (int life = 0; life < 24; ++life) {
    world_.crash_without_trace();
    const ExecutionId quick = start("quick", [](const auto&) { return ok(); });
    world_.advance(engine::Trials::kLongestWindowNs);
    EXPECT_EQ(state(quick, "quick"), State::completed) << life;
  }
}

// While decisions gather for one batch after the other, there is always one that is not durable yet.
TEST_F(TrialsTest, ASuspectWithoutACallDelaysOthersUntilItsOwnBatchIsDurable) {
  worker::LastLife last = crash();
  last.suspects = {suspect(1)};
  trials_.take_up(last);
  trials_.called(true, 5);
  trials_.is_durable(4);
  EXPECT_EQ(trials_.next(0), engine::Trials::Next::wait);
  trials_.is_durable(5);
  EXPECT_EQ(trials_.next(0), engine::Trials::Next::over);
}

}  // namespace
}  // namespace pirn::sim
