#include <gtest/gtest.h>

#include <algorithm>
#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

const pirn::Fields kAlice = {{"email", "alice@example.com"}, {"name", "Alice"}};
const auto kBroken = pirn::fail("broken", "as the test wants it", pirn::terminal);

TEST(UserOnboarding, WelcomesAUser) {
  Workflow onboarding("user_onboarding");
  onboarding.fail_first("send_welcome_email", 2).start(kAlice).run();
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

TEST(DataExport, NotifiesAfterTheUpload) {
  Workflow data_export("data_export");
  data_export.start({{"rows", pirn::json::array({"a;1", "b;2"})}}).run();
  ASSERT_TRUE(data_export.completed()) << data_export.text();
  EXPECT_EQ(data_export.messages(), Strings{"exported 8 bytes"});
}

TEST(DataExport, GoesOnWithoutData) {
  Workflow data_export("data_export");
  data_export.start({{"rows", pirn::json::array({})}}).run();
  ASSERT_TRUE(data_export.completed()) << data_export.text();
  EXPECT_EQ(data_export.step("fetch_data").skip_kind, "requested");
  EXPECT_EQ(data_export.messages(), Strings{"exported 0 bytes"});
}

TEST(DataExport, DoesNotNotifyOfAFailedUpload) {
  Workflow data_export("data_export");
  data_export.script("upload_csv", {kBroken}).start({{"rows", pirn::json::array({"a"})}}).run();
  EXPECT_EQ(data_export.error_code(), "broken") << data_export.text();
  EXPECT_EQ(data_export.step("notify").invocations, 0u);
}

TEST(CriticalPipeline, BeginsAgainAfterAFailure) {
  Workflow pipeline("critical_pipeline");
  pipeline.fail_first("publish", 8).start().run();  // four tries of the step are one of the workflow
  ASSERT_TRUE(pipeline.completed()) << pipeline.text();
  EXPECT_EQ(pipeline.elapsed(), 7_s + 5_s + 7_s + 10_s);
  EXPECT_EQ(pipeline.messages(), Strings{"all is well"});
}

TEST(CriticalPipeline, GivesUpAfterThreeMoreAttempts) {
  Workflow pipeline("critical_pipeline");
  pipeline.fail_first("publish", 16).start().run();
  EXPECT_EQ(pipeline.state(), "failed") << pipeline.text();
  EXPECT_EQ(pipeline.elapsed(), 7_s + 5_s + 7_s + 10_s + 7_s + 20_s + 7_s);
  EXPECT_EQ(pipeline.messages(), Strings{"cleaned up after publish"});
}

bool leaves_a_letter(const Workflow& workflow) {
  const Strings log = workflow.log();
  return std::find(log.begin(), log.end(), std::to_string(workflow.elapsed().ms()) + " dead_letter.insert") !=
         log.end();
}

TEST(CriticalPipeline, LeavesADeadLetterWhenItHasFailedForGood) {
  Workflow failed("critical_pipeline"), cancelled("critical_pipeline"), completed("critical_pipeline");
  failed.fail_first("publish", 16).start().run();
  EXPECT_TRUE(leaves_a_letter(failed)) << failed.text();
  cancelled.takes("publish", 1_min).start().cancel().run();
  EXPECT_FALSE(leaves_a_letter(cancelled)) << cancelled.text();
  completed.start().run();
  EXPECT_FALSE(leaves_a_letter(completed)) << completed.text();
}

TEST(CriticalPipeline, HasAnHourForAllOfIt) {
  Workflow pipeline("critical_pipeline");
  pipeline.takes("publish", 10_min).start().run();
  EXPECT_EQ(pipeline.error_code(), "workflow_timeout") << pipeline.text();
  EXPECT_EQ(pipeline.elapsed(), 1_h);
}

TEST(CriticalPipeline, HearsOfItsCancellation) {
  Workflow pipeline("critical_pipeline");
  pipeline.takes("publish", 1_min).start().cancel("maintenance").run();
  EXPECT_EQ(pipeline.state(), "cancelled") << pipeline.text();
  EXPECT_EQ(pipeline.messages(), Strings{"cancelled: maintenance"});
}

TEST(MultiUpload, UploadsToAllStoresAtOnce) {
  Workflow uploads("multi_upload");
  for (const char* step : {"upload_s3", "upload_gcs", "upload_azure"}) uploads.takes(step, 5_s);
  uploads.start({{"input", "report"}}).run();
  ASSERT_TRUE(uploads.completed()) << uploads.text();
  EXPECT_EQ(uploads.elapsed(), 5_s);
  for (const char* key : {"s3_url", "gcs_url", "azure_url"}) EXPECT_TRUE(uploads.has(key)) << key;
}

TEST(MultiUpload, FailsWithItsUploads) {
  Workflow uploads("multi_upload");
  uploads.start({{"input", ""}}).run();
  EXPECT_EQ(uploads.error_code(), "empty") << uploads.text();
  EXPECT_FALSE(uploads.has("s3_url"));
}

TEST(Aggregation, AddsUpWhatCameSideBySide) {
  Workflow aggregation("aggregation");
  for (const char* step : {"fetch_api_a", "fetch_api_b", "fetch_api_c"}) aggregation.takes(step, 2_s);
  aggregation.start({{"scale", 2}}).run();
  ASSERT_TRUE(aggregation.completed()) << aggregation.text();
  EXPECT_EQ(aggregation.get<int64_t>("rows"), 120);
  EXPECT_EQ(aggregation.elapsed(), 2_s);
}

TEST(Aggregation, SavesNothingOfNothing) {
  Workflow aggregation("aggregation");
  aggregation.start({{"scale", 0}}).run();
  EXPECT_EQ(aggregation.error_code(), "nothing_to_save") << aggregation.text();
  EXPECT_FALSE(aggregation.has("saved"));
}

Strings branches(int64_t stock) {
  Workflow order("order_processing");
  order.start({{"stock", stock}, {"quantity", 3}}).run();
  EXPECT_TRUE(order.completed()) << order.text();
  EXPECT_TRUE(order.get<bool>("complete"));
  Strings ran;
  for (const char* step : {"process_immediate", "backorder", "notify_vendor"})
    if (order.step(step).state == "completed") ran.emplace_back(step);
  return ran;
}

TEST(OrderProcessing, TakesTheBranchesOfTheStock) {
  EXPECT_EQ(branches(100), (Strings{"process_immediate"}));
  EXPECT_EQ(branches(5), (Strings{"process_immediate", "notify_vendor"}));
  EXPECT_EQ(branches(2), (Strings{"backorder", "notify_vendor"}));
}

TEST(OrderProcessing, RefusesAnOrderOfNothing) {
  Workflow order("order_processing");
  order.start({{"stock", 1}, {"quantity", 0}}).run();
  EXPECT_EQ(order.error_code(), "invalid_quantity") << order.text();
}

TEST(SendNotification, SaysWhatItFormatted) {
  Workflow notification("send_notification");
  notification.start({{"template", "news"}, {"recipient", "bob"}}).run();
  ASSERT_TRUE(notification.completed()) << notification.text();
  EXPECT_EQ(notification.messages(), (Strings{"sent: news for bob", "noted: news for bob"}));
}

TEST(SendNotification, FailsWithoutARecipient) {
  Workflow notification("send_notification");
  notification.start({{"template", "news"}}).run();
  EXPECT_EQ(notification.error_code(), "missing_key") << notification.text();
}

TEST(UserSignup, NotifiesByAWorkflowOfItsOwn) {
  Workflow signup("user_signup");
  signup.start(kAlice).run();
  ASSERT_TRUE(signup.completed()) << signup.text();
  EXPECT_TRUE(signup.get<bool>("signed_up"));
  EXPECT_TRUE(signup.logged("sent: welcome for user:alice@example.com"));
}

TEST(UserSignup, FailsWithItsNotification) {
  Workflow signup("user_signup");
  signup.script("send_message", {kBroken}).start(kAlice).run();
  EXPECT_EQ(signup.error_code(), "nested_workflow_failed") << signup.text();
  EXPECT_EQ(signup.step("complete").invocations, 0u);
}

}  // namespace
