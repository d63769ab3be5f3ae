// Circuit breakers (R33): what is broken is not called.
#include <gtest/gtest.h>

#include "tests/host/engine/tenant_host.h"
#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using engine::BreakerView;
using engine::ListBreakers;
using engine::ResetBreaker;
using journal::Circuit;
using journal::ErrorClass;
using journal::State;

// A workflow of one step "call" under the breaker "bank": 3 failures open it for 30 s, 2 trials at a time,
// 2 successes close it.
class Host : public TenantHost {
 public:
  explicit Host(const std::string& step = R"("max_retries":0)", engine::Options options = {})
      : TenantHost(options) {
    publish(workflow(step));
    runner().script = [this](const auto&) { return act; };
  }
  Act act = fail("down");

  static std::string workflow(const std::string& step) {
    return R"("steps":[{"name":"call","circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":3,
      "success_threshold":2,"half_open_limit":2,"reset_timeout":"30s"},)" +
           step + "}]";
  }
  ExecutionId begin(Act does) {
    act = std::move(does);
    const ExecutionId id = start()->id;
    settle();
    return id;
  }
  // The error that a call ends with; "" if it completes or goes on.
  std::string code(Act does) {
    const auto error = show(begin(std::move(does))).state.error;
    return error ? error->code : "";
  }
  void open() {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(code(fail("down")), "down");
  }
  void half_open() {
    open();
    advance(30 * kSecond);
  }

  std::vector<BreakerView> breakers(std::string tenant = "t") {
    return ask<ListBreakers, std::vector<BreakerView>>({std::move(tenant), {}}).value();
  }
  BreakerView breaker() {
    const auto views = breakers();
    EXPECT_EQ(views.size(), 1u);
    return views.empty() ? BreakerView() : views.front();
  }
  Circuit circuit() { return breaker().state.circuit; }
  Result<BreakerView> reset(std::string name = "bank", std::string tenant = "t") {
    return ask<ResetBreaker, BreakerView>({std::move(tenant), std::move(name), "ada", {}});
  }
  // "closed>open", …
  std::vector<std::string> changes() {
    std::vector<std::string> out;
    for (const auto& record : of<journal::CircuitChanged>())
      out.push_back(std::string(name_of(record.from)) + ">" + std::string(name_of(record.to)));
    return out;
  }
  size_t calls() { return calls_of(*this, "call"); }
};
using Texts = std::vector<std::string>;

TEST(Breakers, OpenAfterFailuresInARowAndThenLetNothingThrough) {
  Host host;
  host.open();
  EXPECT_EQ(host.circuit(), Circuit::open);
  EXPECT_EQ(host.breaker().state.until, host.now() + 30 * kSecond);
  const size_t calls = host.calls();
  const ExecutionId rejected = host.begin(ok());
  EXPECT_EQ(host.calls(), calls) << "the function is not called";
  const auto state = host.show(rejected).state;
  EXPECT_EQ(state.state, State::failed);
  EXPECT_EQ(state.error->code, "circuit_open");
  EXPECT_EQ(state.steps[0].failures, 1u) << "a rejection is a failed attempt";
  EXPECT_EQ(state.steps[0].invocations, 0u);
  EXPECT_TRUE(host.records_of<journal::StepStarted>(rejected).empty());
  const auto rejections = host.records_of<journal::CircuitRejected>(rejected);
  ASSERT_EQ(rejections.size(), 1u);
  EXPECT_EQ(rejections[0].breaker, "bank");
  EXPECT_EQ(host.records_of<journal::StepFailed>(rejected).at(0).duration, 0);
  const auto trips = host.of<journal::CircuitTripped>();
  ASSERT_EQ(trips.size(), 1u);
  EXPECT_EQ(trips[0].failures, 3u);
  EXPECT_EQ(trips[0].step, "call");
  EXPECT_EQ(trips[0].code, "down");
  EXPECT_EQ(host.changes(), Texts{"closed>open"});
}

TEST(Breakers, ASuccessBeginsTheCountAnew) {
  Host host;
  host.code(fail("down"));
  host.code(fail("down"));
  EXPECT_EQ(host.breaker().state.failures, 2u);
  host.code(ok());
  EXPECT_EQ(host.breaker().state.failures, 0u);
  host.code(fail("down"));
  host.code(fail("down"));
  EXPECT_EQ(host.circuit(), Circuit::closed);
  host.code(fail("down"));
  EXPECT_EQ(host.circuit(), Circuit::open);
}

TEST(Breakers, WhatSucceedsCostsTheTenantNoRecord) {
  Host host;
  for (int i = 0; i < 10; ++i) host.code(ok());
  EXPECT_FALSE(host.store().find_tenant("t").value());
}

TEST(Breakers, SomeErrorsSayNothingAboutWhatTheyGuard) {
  Host host(R"("max_retries":0,"no_retry_on":["bad_request",{"class":"transient"}])");
  for (int i = 0; i < 5; ++i) {
    host.code(fail("fatal", ErrorClass::terminal));
    host.code(fail("bad_request"));
    host.code(fail("busy", ErrorClass::transient));
    host.code(fail("circuit_open"));
    host.code(skip("no need"));
  }
  EXPECT_FALSE(host.store().find_tenant("t").value());
  host.open();
  EXPECT_EQ(host.circuit(), Circuit::open);
}

TEST(Breakers, AResultThatIsRefusedIsNoSuccess) {
  engine::Options options;
  options.execution_limit_bytes = 100;
  Host host(R"("max_retries":0)", options);
  const std::string large = "{\"x\":\"" + std::string(200, 'x') + "\"}";
  EXPECT_EQ(host.code(fail("down")), "down");
  EXPECT_EQ(host.code(fail("down")), "down");
  EXPECT_EQ(host.code(ok(large)), "execution_too_large");
  EXPECT_EQ(host.breaker().state.failures, 2u) << "neither a success nor a failure of the bank";
  EXPECT_EQ(host.code(fail("down")), "down");
  EXPECT_EQ(host.circuit(), Circuit::open);
  host.advance(30 * kSecond);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(host.code(ok(large)), "execution_too_large");
  EXPECT_EQ(host.circuit(), Circuit::half_open) << "each trial was given back, and none of them counted";
}

TEST(Breakers, TimeoutsCountAndRetriesCountEach) {
  Host host(R"("max_retries":5,"retry_delay":"1s","retry_backoff":"fixed","timeout":"1s")");
  host.begin(hang());
  host.advance(10 * kSecond);
  EXPECT_EQ(host.circuit(), Circuit::open);
  EXPECT_EQ(host.calls(), 3u);
  EXPECT_EQ(host.of<journal::CircuitTripped>().at(0).code, "timeout");
}

TEST(Breakers, HalfOpenLetsAFewTrialsThroughAtATime) {
  Host host;
  host.open();
  host.advance(30 * kSecond - 1);
  EXPECT_EQ(host.code(ok()), "circuit_open");
  host.advance(1);
  EXPECT_EQ(host.circuit(), Circuit::half_open);
  const ExecutionId a = host.begin(after(kSecond, ok())), b = host.begin(after(kSecond, ok()));
  EXPECT_EQ(host.breaker().in_flight, 2u);
  EXPECT_EQ(host.code(ok()), "circuit_open") << "two trials are in flight";
  host.advance(kSecond);
  EXPECT_EQ(host.show(a).state.state, State::completed);
  EXPECT_EQ(host.show(b).state.state, State::completed);
  EXPECT_EQ(host.circuit(), Circuit::closed);
  EXPECT_EQ(host.changes(), (Texts{"closed>open", "open>half_open", "half_open>closed"}));
  ASSERT_EQ(host.of<journal::CircuitReset>().size(), 1u);
  EXPECT_EQ(host.of<journal::CircuitReset>()[0].by, "");
  EXPECT_EQ(host.code(ok()), "");
}

TEST(Breakers, OneTrialThatSucceedsIsNotEnough) {
  Host host;
  host.half_open();
  EXPECT_EQ(host.code(ok()), "");
  EXPECT_EQ(host.circuit(), Circuit::half_open);
  EXPECT_EQ(host.breaker().state.successes, 1u);
  EXPECT_EQ(host.code(ok()), "");
  EXPECT_EQ(host.circuit(), Circuit::closed);
}

TEST(Breakers, OneTrialThatFailsOpensItAgain) {
  Host host;
  host.half_open();
  EXPECT_EQ(host.code(ok()), "");
  EXPECT_EQ(host.code(fail("down")), "down");
  EXPECT_EQ(host.circuit(), Circuit::open);
  EXPECT_EQ(host.breaker().state.until, host.now() + 30 * kSecond);
  EXPECT_EQ(host.of<journal::CircuitTripped>().at(1).failures, 1u);
  host.advance(30 * kSecond);
  EXPECT_EQ(host.code(ok()), "");
  EXPECT_EQ(host.circuit(), Circuit::half_open) << "successes are counted anew";
}

// The source's breaker never gives a permit back and can stick half open for ever.
TEST(Breakers, EveryWayInWhichATrialEndsGivesItBack) {
  worker::AwaitRequest never;
  never.await.kind = "event";
  for (const Act& act : {snooze(kDay), await(never), skip("no"), fail("fatal", ErrorClass::terminal)}) {
    Host host;
    host.half_open();
    for (int i = 0; i < 5; ++i) host.begin(act);
    EXPECT_EQ(host.breaker().in_flight, 0u);
    EXPECT_EQ(host.calls(), 8u) << "each of them was a trial";
    EXPECT_EQ(host.circuit(), Circuit::half_open) << "and said nothing";
    EXPECT_EQ(host.code(ok()), "");
  }
  Host host(R"("max_retries":0,"timeout":"5s")");
  host.half_open();
  const ExecutionId a = host.begin(after(kMinute, ok())), b = host.begin(hang());
  EXPECT_EQ(host.code(ok()), "circuit_open");
  ASSERT_TRUE(host.cancel(a));
  host.settle();
  EXPECT_EQ(host.show(a).state.state, State::cancelled);
  EXPECT_EQ(host.breaker().in_flight, 1u) << "a step that is cancelled";
  host.advance(5 * kSecond);
  EXPECT_EQ(host.show(b).state.state, State::failed);
  EXPECT_EQ(host.breaker().in_flight, 0u) << "a step whose time is up";
  EXPECT_EQ(host.circuit(), Circuit::open);
}

TEST(Breakers, ACallThatIsStoppedSaysNothingWhenItFails) {
  Host host;
  Act stubborn = after(kSecond, fail("down"));
  stubborn.ignores_cancel = true;
  for (int i = 0; i < 5; ++i) {
    const ExecutionId id = host.begin(stubborn);
    ASSERT_TRUE(host.cancel(id));
    host.advance(kSecond);
    EXPECT_EQ(host.show(id).state.state, State::cancelled);
  }
  EXPECT_EQ(host.circuit(), Circuit::closed);
  EXPECT_EQ(host.breaker().state.failures, 0u);
}

TEST(Breakers, CallsThatBeganBeforeItOpenedSayNothingAboutNow) {
  Host host;
  const ExecutionId good = host.begin(after(40 * kSecond, ok())),
                    bad = host.begin(after(41 * kSecond, fail("down")));
  host.open();
  const int64_t until = host.breaker().state.until;
  const ExecutionId late = host.begin(ok());
  EXPECT_EQ(host.show(late).state.error->code, "circuit_open");
  EXPECT_EQ(host.breaker().state.until, until) << "a rejection does not open it any longer";
  host.advance(30 * kSecond);
  EXPECT_EQ(host.code(ok()), "");
  host.advance(11 * kSecond);
  EXPECT_EQ(host.show(good).state.state, State::completed);
  EXPECT_EQ(host.show(bad).state.state, State::failed);
  EXPECT_EQ(host.circuit(), Circuit::half_open);
  EXPECT_EQ(host.breaker().state.successes, 1u) << "the trial's alone";
}

TEST(Breakers, ARejectedStepWaitsUntilCallsAreLetThrough) {
  Host host(R"("max_retries":1,"retry_delay":"1s","retry_max_delay":"2s")");
  for (int i = 0; i < 3; ++i) host.begin(fail("down"));
  ASSERT_EQ(host.circuit(), Circuit::open);
  const int64_t until = host.breaker().state.until;
  host.advance(10 * kSecond);
  const size_t calls = host.calls();
  const ExecutionId id = host.begin(ok());
  EXPECT_EQ(host.step_state(id, "call"), "retry_wait");
  const auto retries = host.records_of<journal::StepRetry>(id);
  ASSERT_EQ(retries.size(), 1u);
  EXPECT_EQ(retries[0].wake_at, until) << "longer than the policy and its cap say";
  EXPECT_EQ(retries[0].delay, until - host.now());
  host.crash();
  host.advance(until - host.now());
  EXPECT_EQ(host.show(id).state.state, State::completed);
  EXPECT_EQ(host.calls(), calls + 1);
}

TEST(Breakers, RejectionsUseUpRetriesAndAreErrorsLikeOthers) {
  Host host(R"("max_retries":2,"retry_delay":"1s","retry_backoff":"fixed","retry_on":["down"])");
  host.begin(fail("down"));
  host.advance(5 * kSecond);
  ASSERT_EQ(host.circuit(), Circuit::open);
  EXPECT_EQ(host.code(ok()), "circuit_open") << "retry_on does not list it";

  Host tolerant(R"("max_retries":0,"on_error":"continue")");
  for (int i = 0; i < 3; ++i) tolerant.begin(fail("down"));
  ASSERT_EQ(tolerant.circuit(), Circuit::open);
  const ExecutionId id = tolerant.begin(ok());
  EXPECT_EQ(tolerant.show(id).state.state, State::completed);
  EXPECT_EQ(tolerant.step_state(id, "call"), "failed(tolerated)");
}

TEST(Breakers, TheFallbackIsCalledWhenTheBreakerIsOpen) {
  Host host(R"("max_retries":0,"fallback":"plan_b")");
  host.runner().by_function["plan_b"] = [](const auto&) { return ok(R"({"from":"b"})"); };
  for (int i = 0; i < 3; ++i) host.begin(fail("down"));
  ASSERT_EQ(host.circuit(), Circuit::open);
  const ExecutionId id = host.begin(fail("down"));
  EXPECT_EQ(host.show(id).state.state, State::completed);
  EXPECT_EQ(host.context(id), R"({"from":"b"})");
  EXPECT_EQ(calls_of(host, "plan_b"), 4u);
  EXPECT_EQ(host.circuit(), Circuit::open) << "what the fallback does is none of its business";

  Host value(R"("max_retries":0,"fallback":{"value":{"k":1}})");
  for (int i = 0; i < 3; ++i) value.begin(fail("down"));
  const ExecutionId given = value.begin(ok());
  EXPECT_EQ(value.context(given), R"({"k":1})");
  EXPECT_EQ(value.records_of<journal::StepCompleted>(given).at(0).duration, 0) << "it never ran";
}

TEST(Breakers, RecoveryRulesAreAskedAboutARejection) {
  Host host(R"("max_retries":0,"recovery":[{"on":["circuit_open"],"action":"skip"}])");
  host.open();
  const ExecutionId id = host.begin(ok());
  EXPECT_EQ(host.step_state(id, "call"), "skipped(recovery)");
  EXPECT_EQ(host.show(id).state.state, State::completed);

  Host manual(R"("max_retries":0,"recovery":[{"on":["circuit_open"],"action":"manual"}])");
  manual.open();
  const ExecutionId asked = manual.begin(ok());
  EXPECT_EQ(manual.step_state(asked, "call"), "awaiting");
  manual.advance(30 * kSecond);
  ASSERT_TRUE(manual.resume(asked, "{}", "call", engine::Resume::Action::retry));
  manual.settle();
  EXPECT_EQ(manual.show(asked).state.state, State::completed);
}

TEST(Breakers, AreSharedByNameWithinATenantAndWithNobodyElse) {
  Host host;
  const std::string guarded = Host::workflow(R"("max_retries":0)");
  host.releases.publish(
      "t", R"({"schema":1,"package":{"name":"second","version":"1.0.0"},"workflows":[{"name":"v",)" +
               guarded + "}]}");
  host.releases.publish(
      "other",
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w",)" + guarded + "}]}");
  host.open();
  const auto failed_with = [&](std::string_view workflow, std::string_view tenant) {
    host.act = ok();
    const ExecutionId id = host.start("{}", "", workflow, tenant)->id;
    host.settle();
    const auto error = host.show(id, tenant).state.error;
    return error ? error->code : "";
  };
  EXPECT_EQ(failed_with("v", "t"), "circuit_open") << "another package of the tenant";
  EXPECT_EQ(failed_with("w", "other"), "");
  EXPECT_EQ(host.breakers("other").at(0).state.circuit, Circuit::closed);
  EXPECT_TRUE(host.records("other").empty());
  EXPECT_EQ(host.reset("bank", "other").error().code, Code::invalid_transition);
  EXPECT_EQ(host.circuit(), Circuit::open);
}

TEST(Breakers, ARestartKnowsWhatWasCounted) {
  for (const uint64_t flush : {1u, 1000u}) {
    Host host(R"("max_retries":0)", {.flush_after_commits = flush});
    host.code(fail("down"));
    host.code(fail("down"));
    host.crash();
    EXPECT_EQ(host.breaker().state.failures, 2u);
    host.code(fail("down"));
    host.crash();
    EXPECT_EQ(host.circuit(), Circuit::open);
    EXPECT_EQ(host.code(ok()), "circuit_open");
    host.lose();
    host.pass_time(kMinute);
    host.come_back();
    EXPECT_EQ(host.code(ok()), "");
    host.crash();
    EXPECT_EQ(host.breaker().state.successes, 1u);
    EXPECT_EQ(host.code(ok()), "");
    EXPECT_EQ(host.circuit(), Circuit::closed);
  }
}

TEST(Breakers, TrialsThatTheHostLostAreGivenBack) {
  Host host;
  host.half_open();
  host.begin(hang());
  host.begin(hang());
  EXPECT_EQ(host.breaker().in_flight, 2u);
  host.act = ok();
  host.crash();
  EXPECT_EQ(host.breaker().in_flight, 0u);
  EXPECT_EQ(host.circuit(), Circuit::closed) << "they ran again, as trials";
}

// A nested workflow outlives the host, and so does its trial.
TEST(Breakers, ANestedStepHoldsItsTrialOverARestart) {
  Host host;
  host.releases.publish(
      "t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[
    {"name":"n","workflow":"inner","max_retries":0,"circuit_breaker":"bank","circuit_breaker_opts":{
      "failure_threshold":1,"success_threshold":1,"half_open_limit":1,"reset_timeout":"30s"}}]},
    {"name":"inner","steps":[{"name":"call","max_retries":0}]}]})");
  EXPECT_EQ(host.code(fail("down")), "nested_workflow_failed");
  ASSERT_EQ(host.circuit(), Circuit::open);
  host.advance(30 * kSecond);
  const ExecutionId trial = host.begin(after(kMinute, ok()));
  EXPECT_EQ(host.breaker().in_flight, 1u);
  host.crash();
  EXPECT_EQ(host.breaker().in_flight, 1u);
  EXPECT_EQ(host.code(ok()), "circuit_open");
  host.advance(kMinute);
  EXPECT_EQ(host.show(trial).state.state, State::completed);
  EXPECT_EQ(host.circuit(), Circuit::closed);
  EXPECT_EQ(host.breaker().in_flight, 0u);
}

TEST(Breakers, ARestartMakesNoTrialOfANestedStepThatBeganBefore) {
  Host host;
  host.releases.publish(
      "t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[
    {"name":"n","workflow":"inner","max_retries":0,"circuit_breaker":"bank","circuit_breaker_opts":{
      "failure_threshold":1,"success_threshold":1,"half_open_limit":1,"reset_timeout":"30s"}}]},
    {"name":"inner","steps":[{"name":"call","max_retries":0}]}]})");
  host.begin(after(2 * kMinute, ok()));
  EXPECT_EQ(host.code(fail("down")), "nested_workflow_failed");
  host.advance(30 * kSecond);
  const ExecutionId trial = host.begin(after(5 * kMinute, ok()));
  host.crash();
  EXPECT_EQ(host.breaker().in_flight, 1u);
  host.advance(2 * kMinute);
  EXPECT_EQ(host.circuit(), Circuit::half_open) << "the one of before says nothing about now";
  host.run();
  EXPECT_EQ(host.show(trial).state.state, State::completed);
  EXPECT_EQ(host.circuit(), Circuit::closed);
}

TEST(Breakers, AGraftSucceedsWhenItExpands) {
  Host host(R"("graft":true,"max_retries":0)");
  const auto twice = [] { return expand({child("c"), child("c")}); };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(host.code(fail("down")), "down");
  EXPECT_EQ(host.code(twice()), "duplicate_step");
  EXPECT_EQ(host.breaker().state.failures, 2u) << "an expansion that is refused counts neither way";
  host.runner().by_function["child"] = [](const auto&) { return ok(); };
  EXPECT_EQ(host.code(expand({child("c")})), "");
  EXPECT_EQ(host.breaker().state.failures, 0u);
}

TEST(Breakers, ChildrenOfGraftsHaveThemToo) {
  Host host;
  host.publish(R"("steps":[{"name":"fan","graft":true}])");
  const std::string options = R"({"max_retries":0,"on_error":"skip","circuit_breaker":"bank",
    "circuit_breaker_opts":{"failure_threshold":2,"reset_timeout":"30s"}})";
  host.runner().limit = 1;
  host.runner().by_function["child"] = [](const auto&) { return fail("down"); };
  const ExecutionId id = host.begin(expand({child("a", options), child("b", options), child("c", options)}));
  EXPECT_EQ(host.circuit(), Circuit::open);
  EXPECT_EQ(calls_of(host, "child"), 2u);
  EXPECT_EQ(host.records_of<journal::CircuitRejected>(id).size(), 1u);
  EXPECT_FALSE(host.breaker().options) << "no step of the definition names it";
}

// R33: a breaker has one set of options in a tenant, also when a graft names it.
TEST(Breakers, AChildThatGivesOneOtherOptionsFailsItsGraft) {
  const auto guarded = [](int threshold) {
    return R"("circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":)" +
           std::to_string(threshold) + "}";
  };
  const auto as_child = [&](int threshold) { return "{" + guarded(threshold) + "}"; };
  const auto code = [&](const std::string& own, std::vector<journal::Child> children) {
    Host host;
    host.publish(R"("steps":[{"name":"fan","graft":true,"max_retries":3})" + own + "]");
    host.releases.publish(
        "t", R"({"schema":1,"package":{"name":"q","version":"1.0.0"},"workflows":[{"name":"v","steps":[
             {"name":"a","circuit_breaker":"mint","circuit_breaker_opts":{"failure_threshold":5}}]}]})");
    host.runner().by_function["child"] = [](const auto&) { return ok(); };
    const ExecutionId id = host.begin(expand(std::move(children)));
    const engine::View view = host.show(id);
    EXPECT_EQ(view.state.steps[0].invocations, 1u);
    EXPECT_TRUE(view.state.expansions.empty() || !view.state.error);
    return view.state.error ? view.state.error->code : std::string(name_of(view.state.state));
  };
  EXPECT_EQ(code("", {child("a", as_child(2)), child("b"), child("c", as_child(2))}), "completed");
  EXPECT_EQ(code("", {child("a", as_child(2)), child("b", as_child(3))}), "breaker_mismatch");
  const std::string step = R"(,{"name":"later","when":{"path":"no","exists":true},)" + guarded(2) + "}";
  EXPECT_EQ(code(step, {child("a", as_child(2))}), "completed");
  EXPECT_EQ(code(step, {child("a", as_child(3))}), "breaker_mismatch");
  const std::string mint = R"({"circuit_breaker":"mint","circuit_breaker_opts":{"failure_threshold":N}})";
  const auto of_mint = [&](char n) { return std::string(mint).replace(mint.find('N'), 1, 1, n); };
  EXPECT_EQ(code("", {child("a", of_mint('5'))}), "completed");
  EXPECT_EQ(code("", {child("a", of_mint('6'))}), "breaker_mismatch") << "another package of the tenant";
}

// A step that waits for a device has not been let through yet: the breaker is asked when the call begins, and
// a trial that ends gives both back.
TEST(Breakers, AStepThatNeedsResourcesAsksWhenItHasThem) {
  engine::Options options;
  options.capacity = engine::Capacity::of({{"gpu", 1}});
  Host host(R"("max_retries":0,"resources":{"gpu":1})", options);
  host.half_open();
  host.act = after(kMinute, ok());
  const ExecutionId first = host.start()->id, second = host.start()->id;
  host.settle();
  EXPECT_EQ(host.breaker().in_flight, 1u) << "the second has no device yet, and is no trial";
  EXPECT_EQ(host.step_state(second, "call"), "ready");
  host.act = fail("down");
  host.advance(kMinute);
  EXPECT_EQ(host.show(first).state.state, State::completed);
  EXPECT_EQ(host.show(second).state.error->code, "down");
  EXPECT_EQ(host.circuit(), Circuit::open);
  const size_t calls = host.runner().calls.size();
  EXPECT_EQ(host.code(ok()), "circuit_open");
  EXPECT_EQ(host.runner().calls.size(), calls);
  const auto stats = host.ask<engine::Stats, engine::EngineStats>({}).value();
  EXPECT_EQ(stats.resources.front().in_use, 0.0) << "who is refused holds nothing";
}

TEST(Breakers, SomebodyMayCloseOne) {
  Host host;
  EXPECT_EQ(host.reset("nobody").error().code, Code::not_found);
  EXPECT_EQ(host.reset().error().code, Code::invalid_transition) << "it is closed";
  EXPECT_TRUE(host.records().empty());
  host.code(fail("down"));
  const auto counted = host.reset();
  ASSERT_TRUE(counted) << "one that is closed forgets its failures";
  EXPECT_EQ(counted->state.failures, 0u);
  host.open();
  const auto closed = host.reset();
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->state.circuit, Circuit::closed);
  EXPECT_EQ(host.of<journal::CircuitReset>().back().by, "ada");
  host.crash();
  EXPECT_EQ(host.code(ok()), "");
}

TEST(Breakers, AreListedWithTheirOptions) {
  Host host;
  const BreakerView view = host.breaker();
  EXPECT_EQ(view.name, "bank");
  EXPECT_EQ(view.state.circuit, Circuit::closed);
  ASSERT_TRUE(view.options);
  EXPECT_EQ(view.options->failure_threshold, 3u);
  EXPECT_TRUE(host.breakers("other").empty());
  host.half_open();
  EXPECT_EQ(host.circuit(), Circuit::half_open) << "its time has come, though nothing has tried yet";
  EXPECT_EQ(host.breaker().state.code, "down");
}

// Whichever commit is the host's last: what the stream says is what the executions' outcomes add up to.
TEST(Breakers, ACrashBetweenAnyTwoCommitsCountsEachOutcomeOnce) {
  for (const bool uncertain : {false, true})
    for (uint64_t n = 1; n <= 16; ++n) {
      SCOPED_TRACE(std::to_string(n) + (uncertain ? " uncertain" : ""));
      Host host;
      host.fail_commit(n, uncertain);
      host.act = fail("down");
      for (int i = 0; i < 3; ++i) {
        const std::string key = "key" + std::to_string(i);
        ASSERT_TRUE(host.start("{}", key) || host.start("{}", key));
        host.settle();
        if (i < 2) {
          EXPECT_EQ(host.breaker().state.failures, i + 1u);
        }
      }
      EXPECT_EQ(host.circuit(), Circuit::open);
      EXPECT_EQ(host.of<journal::CircuitTripped>().size(), 1u);
      EXPECT_EQ(host.changes(), Texts{"closed>open"});
    }
}

}  // namespace
}  // namespace pirn::sim
