// What the workflows do; how they are drawn is tested by tests/e2e/examples.sh.
#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

TEST(OrderProcessing, ShipsWhatIsInStock) {
  Workflow order("order_processing"), too_many("order_processing");
  order.start({{"quantity", 3}}).run();
  ASSERT_TRUE(order.completed()) << order.text();
  EXPECT_TRUE(order.get<bool>("shipped"));
  too_many.start({{"quantity", 11}}).run();
  EXPECT_EQ(too_many.error_code(), "out_of_stock") << too_many.text();
  EXPECT_EQ(too_many.step("ship").skip_kind, "upstream_failed");
}

TEST(UserOnboarding, NotifiesWhenAllAreWelcomed) {
  Workflow onboarding("user_onboarding");
  onboarding.start({{"email", "ada"}}).run();
  ASSERT_TRUE(onboarding.completed()) << onboarding.text();
  EXPECT_TRUE(onboarding.get<bool>("notified"));
}

TEST(UserOnboarding, IsSorryWhenNobodyCanBeNotified) {
  Workflow onboarding("user_onboarding");
  onboarding.start({{"email", "nobody"}}).run();
  EXPECT_EQ(onboarding.error_code(), "nested_workflow_failed") << onboarding.text();
  EXPECT_EQ(onboarding.messages(), (Strings{"welcome, user:nobody", "sorry, user:nobody"}));
}

TEST(SendNotification, NeedsARecipient) {
  Workflow sent("send_notification"), failed("send_notification");
  sent.start({{"user_id", "user:ada"}}).run();
  EXPECT_TRUE(sent.completed()) << sent.text();
  failed.start({{"user_id", "user:nobody"}}).run();
  EXPECT_EQ(failed.error_code(), "no_recipient") << failed.text();
}

}  // namespace
