#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

const auto kBroken = pirn::fail("broken", "as the test wants it", pirn::terminal);

TEST(UserOnboarding, WelcomesAUser) {
  Workflow onboarding("user_onboarding");
  onboarding.fail_first("send_welcome_email", 2)
      .start({{"email", "alice@example.com"}, {"name", "Alice"}})
      .run();
  ASSERT_TRUE(onboarding.completed()) << onboarding.text();
  EXPECT_EQ(onboarding.get<std::string>("profile_id"), "profile:user:alice@example.com");
  EXPECT_EQ(onboarding.messages(), Strings{"welcome, Alice"});
}

TEST(UserOnboarding, RefusesWhatIsNoAddress) {
  Workflow onboarding("user_onboarding");
  onboarding.start({{"email", "alice"}, {"name", "Alice"}}).run();
  EXPECT_EQ(onboarding.error_code(), "invalid_email") << onboarding.text();
  EXPECT_EQ(onboarding.step("setup_profile").invocations, 0u);
}

TEST(DataPipeline, SavesWhatItTransformed) {
  Workflow pipeline("data_pipeline");
  pipeline.takes("transform", 20_min).start({{"query", 3}}).run();
  ASSERT_TRUE(pipeline.completed()) << pipeline.text();
  EXPECT_EQ(pipeline.messages(), Strings{"saved 14"});
}

TEST(DataPipeline, FailsItsValidation) {
  Workflow pipeline("data_pipeline");
  pipeline.start({{"query", 0}}).run();
  EXPECT_EQ(pipeline.error_code(), "validation_failed") << pipeline.text();
}

// Only transform has more than the ten minutes of the others.
TEST(DataPipeline, EndsWhatTakesTooLong) {
  Workflow pipeline("data_pipeline");
  pipeline.takes("fetch_data", 20_min).start({{"query", 3}}).run();
  EXPECT_EQ(pipeline.error_code(), "timeout") << pipeline.text();
  EXPECT_EQ(pipeline.step("fetch_data").invocations, 4u);
}

const pirn::Fields kRun = {{"should_run", true}};

TEST(StepOptions, PutTheResultUnderTheContextKey) {
  Workflow options("step_options");
  options.start(kRun).run();
  ASSERT_TRUE(options.completed()) << options.text();
  EXPECT_EQ(options.get<pirn::json::Text>("custom_key").str(), R"({"children":3})");
  EXPECT_FALSE(options.has("children"));
}

TEST(StepOptions, WaitForAllOfSomeAndForOneOfOthers) {
  Workflow options("step_options");
  options.takes("step_b", 3_s).takes("check_two", 4_s).takes("mirror_a", 1_min).takes("mirror_b", 1_s);
  options.start(kRun).advance(3_s);
  EXPECT_EQ(options.step("my_step").state, "pending");
  options.advance(1_s);
  EXPECT_EQ(options.step("my_step").state, "completed") << options.text();
  EXPECT_EQ(options.step("mirror_a").state, "running");
  options.run();
  EXPECT_TRUE(options.completed());
}

TEST(StepOptions, SkipTheStepWhoseConditionDoesNotHold) {
  Workflow options("step_options");
  options.start({{"should_run", false}}).run();
  ASSERT_TRUE(options.completed()) << options.text();
  EXPECT_EQ(options.step("my_step").skip_kind, "condition");
  EXPECT_EQ(options.step("last_step").skip_kind, "not_taken");
}

TEST(StepOptions, RetryWhatIsListedAndNothingElse) {
  Workflow listed("step_options");
  listed.fail_first("my_step", 4, "connection_error").start(kRun).run();
  EXPECT_TRUE(listed.completed()) << listed.text();
  EXPECT_GE(listed.elapsed().ms(), 15'000);  // 1, 2, 4, 8 s, and up to a tenth more
  EXPECT_LE(listed.elapsed().ms(), 16'500);
  for (const char* code : {"validation_error", "something_else"}) {
    Workflow other("step_options");
    other.fail_first("my_step", 1, code).start(kRun).run();
    EXPECT_EQ(other.error_code(), code) << other.text();
    EXPECT_EQ(other.step("my_step").invocations, 1u);
  }
}

// Five failures in a row open the circuit, and circuit_open is not among the errors that are tried again.
TEST(StepOptions, LeaveABrokenServiceAlone) {
  Workflow options("step_options");
  options.fail_first("my_step", 5, "connection_error").start(kRun).run();
  EXPECT_EQ(options.error_code(), "circuit_open") << options.text();
  EXPECT_EQ(options.step("my_step").invocations, 5u);
}

TEST(StepOptions, UndoTheStepWhenALaterOneFails) {
  Workflow options("step_options");
  options.script("last_step", {kBroken}).start(kRun).run();
  EXPECT_EQ(options.error_code(), "broken") << options.text();
  EXPECT_EQ(options.step("my_step").compensation, "done");
  EXPECT_EQ(options.messages(), Strings{R"(undid {"children":3})"});
}

TEST(StepOptions, AskAPersonForAsLongAsTheStepMayTake) {
  const pirn::Fields ask = {{"should_run", true}, {"ask", true}};
  Workflow approved("step_options"), unanswered("step_options");
  approved.start(ask);
  EXPECT_EQ(approved.state(), "paused") << approved.text();
  approved.approve("my_step").run();
  EXPECT_TRUE(approved.completed()) << approved.text();
  unanswered.start(ask).advance(4_min);
  EXPECT_EQ(unanswered.state(), "paused");
  unanswered.run();
  EXPECT_EQ(unanswered.error_code(), "await_timeout") << unanswered.text();
}

TEST(MultiUpload, NotifiesOfAllThree) {
  Workflow uploads("multi_upload");
  for (const char* step : {"upload_s3", "upload_gcs", "upload_azure"}) uploads.takes(step, 5_s);
  uploads.start({{"input", "report"}}).run();
  ASSERT_TRUE(uploads.completed()) << uploads.text();
  EXPECT_EQ(uploads.elapsed(), 5_s);
  EXPECT_TRUE(uploads.logged("uploaded to: https://s3.example/"));
}

TEST(MultiUpload, DoesNotNotifyWhenOneFails) {
  Workflow uploads("multi_upload");
  uploads.script("upload_gcs", {kBroken}).start({{"input", "report"}}).run();
  EXPECT_EQ(uploads.error_code(), "broken") << uploads.text();
  EXPECT_EQ(uploads.step("notify_complete").invocations, 0u);
}

TEST(OrderFulfillment, ReservesWhatIsThere) {
  Workflow order("order_fulfillment");
  order.start({{"order_id", "o-7"}, {"items", 2}, {"available", 5}}).run();
  ASSERT_TRUE(order.completed()) << order.text();
  EXPECT_EQ(order.get<std::string>("reservation_id"), "reservation:o-7");
  EXPECT_FALSE(order.has("backorder_id"));
  EXPECT_EQ(order.messages(), Strings{"confirmed o-7"});
}

TEST(OrderFulfillment, OrdersWhatIsNot) {
  Workflow order("order_fulfillment");
  order.start({{"order_id", "o-7"}, {"items", 9}, {"available", 5}}).run();
  ASSERT_TRUE(order.completed()) << order.text();
  EXPECT_EQ(order.get<std::string>("backorder_id"), "backorder:o-7");
  EXPECT_FALSE(order.has("reservation_id"));
  EXPECT_EQ(order.messages(), Strings{"confirmed o-7"});
}

TEST(OrderFulfillment, FailsWithoutAnOrder) {
  Workflow order("order_fulfillment");
  order.start({{"items", 1}, {"available", 5}}).run();
  EXPECT_EQ(order.error_code(), "no_order") << order.text();
}

}  // namespace
