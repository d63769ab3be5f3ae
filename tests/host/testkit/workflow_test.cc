// testkit::Workflow as the test of a package meets it.
#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;

namespace {

int g_charged = 0;  // what happened outside: it survives crashes
int g_loaded = 0;

PIRN_STEP(look_up) { return pirn::ok({{"amount", ctx.get<int64_t>("order") * 10}}); }
PIRN_STEP(charge, {.after = look_up, .timeout = 30_s, .max_retries = 2, .retry_delay = 10_s}) {
  ++g_charged;
  ctx.info("charging");
  if (ctx.cancelled()) return pirn::cancelled("asked to stop", {{"half", true}});
  return pirn::ok({{"charged", ctx.get<int64_t>("amount")}});
}
PIRN_STEP(receipt, {.after = charge, .when = pirn::path("charged") > 50}) {
  return pirn::ok({{"receipt", "sent"}});
}
PIRN_WORKFLOW(checkout, look_up, charge, receipt)

int g_polls = 0;
PIRN_STEP(poll_supplier) { return ++g_polls < 30 ? pirn::snooze(24_h) : pirn::ok({{"polls", g_polls}}); }
PIRN_HANDLER(escalate) { return pirn::ok({{"approved", false}, {"by", "nobody"}}); }
PIRN_STEP(ask_boss, {.after = poll_supplier}) {
  return pirn::await({.notify = "boss", .approvers = {"ada"}, .timeout = 48_h, .on_timeout = escalate});
}
PIRN_STEP(order_more, {.after = ask_boss, .when = pirn::path("approved") == true}) {
  return pirn::ok({{"ordered", true}});
}
PIRN_WORKFLOW(restock, poll_supplier, ask_boss, order_more)

PIRN_STEP(find_none, {.context_key = "found"}) { return pirn::ok(pirn::Fields{}); }
PIRN_STEP(say_nothing, {.context_key = "said"}) { return pirn::ok(); }
PIRN_WORKFLOW(search, find_none, say_nothing)

PIRN_ROLLBACK(release) {
  ctx.info("released");
  return pirn::ok();
}
PIRN_HANDLER(clean_up) {
  ctx.info("cleaned up");
  return pirn::ok();
}
PIRN_STEP(reserve, {.rollback = release}) {
  ctx.info("reserved");
  return pirn::ok();
}
PIRN_STEP(travel, {.after = reserve}) { return pirn::ok(); }
PIRN_WORKFLOW(trip, {.on_cancel = clean_up}, reserve, travel)

PIRN_STEP(strike) {
  ctx.info("strike");
  return pirn::ok();
}
PIRN_WORKFLOW(clock, {.schedule = pirn::Schedule{.every = 1_h}}, strike)

PIRN_STEP(left_eye, {.resources = {{"gpu", 1}, {"memory", 0.5}}}) {
  return pirn::ok({{"left", static_cast<int64_t>(ctx.gpus().at(0))}, {"memory", ctx.resource("memory")}});
}
PIRN_STEP(right_eye, {.resources = {{"gpu", 1}}}) {
  return pirn::ok({{"right", static_cast<int64_t>(ctx.gpus().at(0))}, {"asked", ctx.resource("memory")}});
}
PIRN_WORKFLOW(look, left_eye, right_eye)

PIRN_NESTED(pay, "payments::charge", {.max_retries = 1, .retry_delay = 1_s})
PIRN_STEP(thank, {.after = pay}) { return pirn::ok({{"thanks", ctx.get<std::string>("receipt_id")}}); }
PIRN_WORKFLOW(buy, pay, thank)

// The code and the message come from elsewhere and break the rules of the ABI.
int g_fetches = 0;
pirn::Outcome answer_of_a_server(pirn::Context& ctx) {
  ++g_fetches;
  return pirn::fail("HTTP " + std::to_string(ctx.get<int>("status")), "caf\xe9", pirn::transient);
}
PIRN_STEP(fetch_once,
          {.retry_delay = 1_s, .no_retry_on = {"http_500"}, .on_error = pirn::on_error::keep_going}) {
  return answer_of_a_server(ctx);
}
PIRN_STEP(fetch_as_written, {.after = fetch_once,
                             .retry_delay = 1_s,
                             .no_retry_on = {"HTTP 500"},
                             .on_error = pirn::on_error::skip}) {
  return answer_of_a_server(ctx);
}
PIRN_STEP(fetch_or_not,
          {.after = fetch_as_written, .recovery = {{.on = {"http_500"}, .action = pirn::recover::skip}}}) {
  return answer_of_a_server(ctx);
}
PIRN_STEP(never_again, {.after = fetch_or_not, .max_retries = 5}) {
  ++g_fetches;
  throw pirn::Error(std::string("NO SUCH PAGE"), std::string(1 << 20, 'x'), pirn::terminal);
}
PIRN_WORKFLOW(codes, fetch_once, fetch_as_written, fetch_or_not, never_again)

// Logs the signals that it finds: 1 cancel, 2 drain, 4 deadline.
PIRN_STEP(drag_on, {.timeout = 100_s, .max_retries = 1, .retry_delay = 1_s}) {
  ctx.info("signals " + std::to_string(ctx.signals()));
  return pirn::ok({{"time_ns", ctx.deadline_ns() - ctx.now_ns()}});
}
PIRN_WORKFLOW(errand, drag_on)

PIRN_PACKAGE("orders", "1.0.0", buy, checkout, codes, errand, restock, search, trip, clock, look, escalate,
             release, clean_up, pirn::on_load<[] { ++g_loaded; }, [] { --g_loaded; }>)

class WorkflowTest : public ::testing::Test {
 protected:
  void SetUp() override { g_charged = g_polls = 0; }
};

std::string code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const pirn::Error& error) {
    return error.code();
  }
  return "";
}

TEST_F(WorkflowTest, GivesStepsTheDevicesThatThereAre) {
  Workflow alone("look");
  alone.provide({{"gpu", 1}, {"memory", 1}}).takes("left_eye", 1_min).takes("right_eye", 1_min);
  alone.start().run();
  EXPECT_TRUE(alone.completed()) << alone.text();
  EXPECT_EQ(alone.elapsed(), 2_min) << "one after the other";
  EXPECT_EQ(alone.get<int64_t>("left"), 0);
  EXPECT_EQ(alone.get<int64_t>("right"), 0);
  EXPECT_EQ(alone.get<double>("memory"), 0.5);
  EXPECT_EQ(alone.get<double>("asked"), 0);

  Workflow plenty("look");
  plenty.takes("left_eye", 1_min).takes("right_eye", 1_min).start().run();
  EXPECT_EQ(plenty.elapsed(), 1_min) << "unless it is said there is enough";
  EXPECT_EQ(plenty.get<int64_t>("right"), 1) << "two at a time have two devices";
}

TEST_F(WorkflowTest, RefusesWhatItsHostHasNot) {
  Workflow look("look");
  look.provide({{"cpu", 1}});
  EXPECT_EQ(code_of([&] { look.start(); }), "start_refused");
  EXPECT_EQ(code_of([&] { look.provide({{"gpu", -1}}); }), "refused");
}

TEST_F(WorkflowTest, RunsTheRealFunctionsInNoTime) {
  Workflow checkout("checkout");
  EXPECT_EQ(checkout.state(), "not_started");
  checkout.start({{"order", 7}});
  EXPECT_TRUE(checkout.completed()) << checkout.text();
  EXPECT_EQ(checkout.elapsed(), pirn::Duration());
  EXPECT_EQ(checkout.get<int64_t>("charged"), 70);
  EXPECT_EQ(checkout.get<std::string>("receipt"), "sent");
  EXPECT_EQ(g_charged, 1);
  EXPECT_TRUE(checkout.logged("charging"));
  EXPECT_FALSE(checkout.logged("refunding"));
}

TEST_F(WorkflowTest, AnEmptyMapIsAResultAndNoneIsNot) {
  Workflow search("search");
  search.start().run();
  EXPECT_TRUE(search.completed()) << search.text();
  EXPECT_TRUE(search.has("found"));
  EXPECT_FALSE(search.has("said"));
}

TEST_F(WorkflowTest, ErrorsArriveWhateverTheirWords) {
  g_fetches = 0;
  Workflow codes("codes");
  codes.start({{"status", 500}}).run();
  EXPECT_EQ(codes.state(), "failed") << codes.text();
  EXPECT_EQ(g_fetches, 4) << "every list and rule has matched, and what is terminal is not tried again";
  EXPECT_EQ(codes.step("fetch_once").error_code, "http_500");
  EXPECT_EQ(codes.step("fetch_once").error_message, "caf\xef\xbf\xbd");
  EXPECT_EQ(codes.step("fetch_or_not").state, "skipped");
  EXPECT_EQ(codes.step("never_again").error_code, "no_such_page");
  EXPECT_EQ(codes.step("never_again").error_message.size(), 4096u);
}

TEST_F(WorkflowTest, SnoozesThroughAMonthAndAwaitsAnApproval) {
  Workflow restock("restock");
  restock.start().advance(28_d);
  EXPECT_EQ(restock.step("poll_supplier").state, "snoozed");
  EXPECT_EQ(restock.step("poll_supplier").attempt, 1u);
  restock.restart().advance(1_d);
  EXPECT_EQ(restock.step("poll_supplier").invocations, 30u);
  EXPECT_EQ(restock.step("ask_boss").state, "awaiting");
  EXPECT_EQ(restock.state(), "paused");
  EXPECT_EQ(code_of([&] { restock.approve("ask_boss", "mallory"); }), "refused");
  restock.restart().approve("ask_boss", "ada", "go ahead");
  EXPECT_TRUE(restock.completed()) << restock.text();
  EXPECT_TRUE(restock.get<bool>("ordered"));
  EXPECT_EQ(restock.get<std::string>("approver"), "ada");
  EXPECT_EQ(restock.get<std::string>("comment"), "go ahead");
  EXPECT_EQ(restock.step("ask_boss").invocations, 1u);
}

TEST_F(WorkflowTest, ARejectionAndAResumeAreAnswersToo) {
  Workflow rejected("restock"), resumed("restock");
  rejected.script("poll_supplier", {pirn::ok()}).start().reject("ask_boss");
  EXPECT_EQ(rejected.step("order_more").skip_kind, "condition");
  resumed.script("poll_supplier", {pirn::ok()}).start().resume({{"approved", true}});
  EXPECT_TRUE(resumed.get<bool>("ordered"));
  EXPECT_EQ(code_of([&] { resumed.resume(); }), "refused");
}

TEST_F(WorkflowTest, WhoeverDoesNotAnswerIsAnsweredFor) {
  Workflow restock("restock");
  restock.script("poll_supplier", {pirn::ok()}).start().advance(47_h);
  EXPECT_EQ(restock.step("ask_boss").state, "awaiting");
  restock.run();
  EXPECT_TRUE(restock.completed());
  EXPECT_EQ(restock.get<std::string>("by"), "nobody");
  EXPECT_FALSE(restock.has("ordered"));
}

TEST_F(WorkflowTest, IsHeldByHand) {
  Workflow checkout("checkout");
  checkout.takes("look_up", 1_s).start({{"order", 7}}).pause().run();
  EXPECT_EQ(checkout.state(), "paused");
  EXPECT_EQ(g_charged, 0);
  checkout.resume({{"amount", 5}});
  EXPECT_TRUE(checkout.completed());
  EXPECT_EQ(checkout.get<int64_t>("charged"), 5) << "the patch lies over what was there";
}

TEST_F(WorkflowTest, StepsTellWhatBecameOfThem) {
  Workflow checkout("checkout");
  checkout.start({{"order", 2}});
  ASSERT_EQ(checkout.steps().size(), 3u);
  EXPECT_EQ(checkout.step("charge").state, "completed");
  EXPECT_EQ(checkout.step("charge").attempt, 1u);
  EXPECT_EQ(checkout.step("receipt").state, "skipped");
  EXPECT_EQ(checkout.step("receipt").skip_kind, "condition");
  EXPECT_FALSE(checkout.has("receipt"));
}

TEST_F(WorkflowTest, RetriesWaitOnTheVirtualClock) {
  Workflow checkout("checkout");
  checkout.fail_first("charge", 2, "bank_busy").start({{"order", 7}});
  EXPECT_EQ(checkout.state(), "running");
  checkout.advance(9_s);
  EXPECT_EQ(checkout.step("charge").invocations, 1u);
  checkout.advance(1_s);
  EXPECT_EQ(checkout.step("charge").invocations, 2u);
  EXPECT_EQ(checkout.step("charge").error_code, "bank_busy");
  checkout.run();
  EXPECT_TRUE(checkout.completed()) << checkout.text();
  EXPECT_EQ(checkout.step("charge").attempt, 3u);
  EXPECT_GE(checkout.elapsed(), 20_s);
  EXPECT_EQ(g_charged, 1) << "the injected failures stand in place of the function";
}

TEST_F(WorkflowTest, FailsWhenTheRetriesAreUsedUp) {
  Workflow checkout("checkout");
  checkout.fail_first("charge", 3, "bank_gone").start({{"order", 7}}).run();
  EXPECT_EQ(checkout.state(), "failed");
  EXPECT_EQ(checkout.error_code(), "bank_gone");
  EXPECT_EQ(checkout.step("receipt").skip_kind, "upstream_failed");
}

TEST_F(WorkflowTest, ATerminalErrorIsNotRetried) {
  Workflow checkout("checkout");
  checkout.fail_first("charge", 1, "no_funds", pirn::terminal).start({{"order", 7}}).run();
  EXPECT_EQ(checkout.state(), "failed");
  EXPECT_EQ(checkout.step("charge").invocations, 1u);
}

TEST_F(WorkflowTest, MocksAndScriptsStandInForFunctions) {
  Workflow checkout("checkout");
  checkout
      .mock("look_up",
            [](pirn::Context& ctx) {
              return pirn::ok({{"amount", ctx.get<int64_t>("order") + 1000}});
            })
      .script("charge", {pirn::fail("busy"), pirn::ok({{"charged", 60}})})
      .start({{"order", 7}})
      .run();
  EXPECT_TRUE(checkout.completed()) << checkout.text();
  EXPECT_EQ(checkout.get<int64_t>("amount"), 1007);
  EXPECT_EQ(checkout.get<int64_t>("charged"), 60);
  EXPECT_EQ(g_charged, 0);
}

TEST_F(WorkflowTest, AStepThatTakesTooLongTimesOut) {
  Workflow checkout("checkout");
  checkout.takes("charge", 31_s).start({{"order", 7}});
  checkout.advance(30_s);
  EXPECT_EQ(checkout.step("charge").error_code, "timeout");
  EXPECT_EQ(g_charged, 1) << "it was called, and its outcome discarded";
  checkout.run();
  EXPECT_EQ(checkout.state(), "failed");
  EXPECT_EQ(checkout.error_code(), "timeout");
  EXPECT_EQ(checkout.step("charge").invocations, 3u);
}

TEST_F(WorkflowTest, ACrashRunsTheStepAgainWithoutBlame) {
  Workflow checkout("checkout");
  checkout.takes("charge", 20_s).crash_in("charge").start({{"order", 7}}).run();
  EXPECT_TRUE(checkout.completed()) << checkout.text();
  EXPECT_EQ(g_charged, 2);
  EXPECT_EQ(checkout.step("charge").invocations, 2u);
  EXPECT_EQ(checkout.step("charge").attempt, 1u);
  EXPECT_EQ(checkout.step("look_up").invocations, 1u) << "what was committed is not repeated";
  EXPECT_EQ(checkout.elapsed(), 30_s) << "10 s until the crash, and once more from the start";
}

TEST_F(WorkflowTest, ARestartKeepsDurableTimers) {
  Workflow checkout("checkout");
  checkout.fail_first("charge", 1).start({{"order", 7}}).advance(4_s).restart();
  EXPECT_EQ(checkout.step("charge").state, "retry_wait");
  checkout.advance(6_s);
  EXPECT_TRUE(checkout.completed()) << checkout.text();
}

TEST_F(WorkflowTest, RaisesTheDeadlineSignalInTheLastTenthOfACallsTime) {
  const auto messages_after = [](pirn::Duration duration) {
    Workflow errand("errand");
    return errand.takes("drag_on", duration).start().run().messages();
  };
  using Messages = std::vector<std::string>;
  EXPECT_EQ(messages_after(pirn::Duration()), Messages{"signals 0"});
  EXPECT_EQ(messages_after(89_s), Messages{"signals 0"});
  EXPECT_EQ(messages_after(90_s), Messages{"signals 4"});
  EXPECT_EQ(messages_after(1_h), (Messages{"signals 5", "signals 5"})) << "both calls time out";

  Workflow errand("errand");
  errand.takes("drag_on", 50_s).start().run();
  EXPECT_EQ(errand.get<int64_t>("time_ns"), (100_s).ns()) << "now_ns() is the begin of the call";
}

TEST_F(WorkflowTest, RaisesTheDrainSignalWhenTheReleaseRetires) {
  Workflow errand("errand");
  errand.takes("drag_on", 1_h).start().undeploy().run();
  EXPECT_EQ(errand.error_code(), "timeout");
  EXPECT_EQ(errand.messages(), (std::vector<std::string>{"signals 5", "signals 7"}))
      << "after the first timeout the execution is still open; the second one ends it";
}

TEST_F(WorkflowTest, AnOpenExecutionContinuesOnAReleaseThatIsNotDeployed) {
  Workflow errand("errand");
  EXPECT_EQ(code_of([&] { errand.undeploy(); }), "refused") << "not started";
  errand.takes("drag_on", 10_s).fail_first("drag_on", 1).start().advance(1_s).undeploy().restart().run();
  EXPECT_TRUE(errand.completed()) << errand.text();
  EXPECT_EQ(errand.messages(), std::vector<std::string>{"signals 0"});
  EXPECT_EQ(code_of([&] { errand.undeploy(); }), "") << "a second time, and after the end";
}

TEST_F(WorkflowTest, CancelRaisesTheSignalAndKeepsThePartialResult) {
  Workflow checkout("checkout");
  checkout.takes("charge", 20_s).start({{"order", 7}}).advance(1_s).cancel("customer left");
  EXPECT_EQ(checkout.state(), "cancelled") << checkout.text();
  EXPECT_EQ(checkout.step("charge").state, "cancelled");
  EXPECT_FALSE(checkout.has("half")) << "kept in the slot, not merged";
  EXPECT_EQ(code_of([&] { checkout.cancel(); }), "invalid_transition");
}

TEST_F(WorkflowTest, CancelRollsBackAndCleansUpAsItIsTold) {
  struct Case {
    pirn::testkit::CancelOptions options;
    std::vector<std::string> messages;
    std::string compensation;
  };
  for (const auto& [options, messages, compensation] :
       std::vector<Case>{{{}, {"reserved", "cleaned up"}, ""},
                         {{.rollback = true}, {"reserved", "released", "cleaned up"}, "done"},
                         {{.rollback = true, .cleanup = false}, {"reserved", "released"}, "done"}}) {
    Workflow trip("trip");
    trip.takes("travel", 1_h).start().cancel("rain", options);
    EXPECT_EQ(trip.state(), "cancelled") << trip.text();
    EXPECT_EQ(trip.messages(), messages);
    EXPECT_EQ(trip.step("reserve").compensation, compensation);
  }
}

TEST_F(WorkflowTest, NothingRunsThatTheTestDidNotStart) {
  Workflow clock("clock");
  clock.start().advance(30_d).run();
  EXPECT_TRUE(clock.completed()) << clock.text();
  EXPECT_EQ(clock.messages(), std::vector<std::string>{"strike"});
  EXPECT_EQ(clock.elapsed(), 30_d);
}

TEST_F(WorkflowTest, TheLogIsTheSameForTheSameCalls) {
  auto log = [] {
    Workflow checkout("checkout");
    checkout.fail_first("charge", 1).takes("look_up", 1500_ms).crash_in("charge").start({{"order", 2}}).run();
    return checkout.log();
  };
  const std::vector<std::string> first = log();
  EXPECT_EQ(first, log());
  const std::vector<std::string> golden = {
      "0 workflow.create",      "0 workflow.start",           "0 step.ready look_up",
      "0 step.start look_up",   "1500 step.stop look_up",     "1500 step.ready charge",
      "1500 step.start charge", "1500 step.interrupt charge", "1500 step.start charge"};
  ASSERT_GE(first.size(), golden.size());
  EXPECT_EQ(std::vector<std::string>(first.begin(), first.begin() + static_cast<ptrdiff_t>(golden.size())),
            golden);
  EXPECT_EQ(first.back(), "1500 workflow.stop");
}

TEST_F(WorkflowTest, SaysWhatDoesNotExist) {
  EXPECT_EQ(code_of([] { Workflow("check_in"); }), "workflow_unusable");
  Workflow checkout("checkout");
  EXPECT_EQ(code_of([&] { checkout.mock("chrage", [](pirn::Context&) { return pirn::ok(); }); }),
            "no_function");
  EXPECT_EQ(code_of([&] { checkout.takes("chrage", 1_s); }), "no_step");
  EXPECT_EQ(code_of([&] { checkout.crash_in("chrage"); }), "no_step");
  EXPECT_EQ(code_of([&] { (void)checkout.step("chrage"); }), "no_step");
  EXPECT_EQ(code_of([&] { checkout.cancel(); }), "invalid_transition") << "not started";
  checkout.start({{"order", 1}});
  EXPECT_EQ(code_of([&] { checkout.start({{"order", 1}}); }), "start_refused");
}

TEST_F(WorkflowTest, ThePackageIsInitialisedOnceForAllThatAreUnderTest) {
  EXPECT_EQ(g_loaded, 0);
  {
    Workflow one("checkout"), two("checkout");
    EXPECT_EQ(g_loaded, 1);
    one.start({{"order", 1}});
    EXPECT_EQ(two.state(), "not_started");
  }
  EXPECT_EQ(g_loaded, 0);
}

// What belongs to another package is not linked into the test; the test says what it does.
TEST_F(WorkflowTest, AWorkflowOfAnotherPackageIsStoodInFor) {
  Workflow alone("buy");
  alone.start({{"total", 7}}).run();
  EXPECT_EQ(alone.state(), "failed");
  EXPECT_EQ(alone.step("pay").error_code, "nested_workflow_failed");
  EXPECT_NE(alone.step("pay").error_message.find("no_mock"), std::string::npos);

  Workflow bought("buy");
  bought.mock_workflow("payments::charge", [](pirn::Context& ctx) {
    return pirn::ok({{"receipt_id", "r-" + std::to_string(ctx.get<int64_t>("total"))}});
  });
  bought.start({{"total", 7}});
  EXPECT_EQ(bought.state(), "completed");
  EXPECT_EQ(bought.get<std::string>("thanks"), "r-7");

  int calls = 0;
  Workflow broke("buy");
  broke.mock_workflow("payments::charge", [&](pirn::Context&) {
    ++calls;
    return pirn::fail("no_funds", "empty");
  });
  broke.start({{"total", 7}}).restart().run();
  EXPECT_EQ(broke.state(), "failed");
  EXPECT_EQ(calls, 2) << "the step that contains it tries again";

  EXPECT_EQ(code_of([&] { bought.mock_workflow("payments::chrage", nullptr); }), "no_workflow");
  EXPECT_EQ(code_of([&] { bought.mock_workflow("orders::buy", nullptr); }), "no_workflow");
}

TEST_F(WorkflowTest, ASignalTellsAStepWhatItWaitsForAndLeavesThePause) {
  Workflow restock("restock");
  restock.script("poll_supplier", {pirn::ok()}).start().pause().signal("ask_boss", {{"approved", true}});
  EXPECT_EQ(restock.state(), "paused");
  restock.resume();
  EXPECT_TRUE(restock.get<bool>("ordered"));
  EXPECT_EQ(code_of([&] { restock.signal("ask_boss"); }), "refused");
}

}  // namespace
