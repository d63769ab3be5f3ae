#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

pirn::Fields order(int64_t items) { return {{"order", "7"}, {"items", items}}; }

TEST(ProcessOrder, NotifiesOnAllWaysAtOnce) {
  Workflow process("process_order");
  for (const char* way : {"email", "sms", "push"})
    process.takes(std::string("send_order_confirmation_") + way, 2_s);
  process.start(order(3)).run();
  ASSERT_TRUE(process.completed()) << process.text();
  EXPECT_EQ(process.elapsed(), 2_s);
  EXPECT_EQ(process.step("await_human_approval").skip_kind, "requested");
}

TEST(ProcessOrder, TakesBackWhatItAskedForWhenANotificationFails) {
  Workflow process("process_order");
  process.fail_first("send_order_confirmation_sms", 4).start(order(3)).run();
  EXPECT_EQ(process.error_code(), "injected") << process.text();
  EXPECT_EQ(process.messages(), (Strings{"refunded payment:7", "released reservation:7"}));
}

TEST(ProcessOrder, DoesNotNeedItsAnalytics) {
  Workflow process("process_order");
  process.fail_first("track_order_analytics", 4)
      .fail_first("send_slack_notification", 4)
      .start(order(3))
      .run();
  EXPECT_TRUE(process.completed()) << process.text();
}

TEST(ProcessOrder, EndsAQuickStepQuickly) {
  Workflow process("process_order");
  process.takes("validate_order_items", 6_s).start(order(3)).run();
  EXPECT_EQ(process.error_code(), "timeout") << process.text();
}

TEST(ProcessOrder, GivesAPersonADay) {
  Workflow approved("process_order"), rejected("process_order"), forgotten("process_order");
  approved.start(order(50)).advance(23_h).approve("await_human_approval").run();
  EXPECT_TRUE(approved.completed()) << approved.text();
  rejected.start(order(50)).reject("await_human_approval").run();
  EXPECT_EQ(rejected.error_code(), "not_approved") << rejected.text();
  forgotten.start(order(50)).run();
  EXPECT_EQ(forgotten.error_code(), "await_timeout") << forgotten.text();
  EXPECT_EQ(forgotten.elapsed(), 24_h);
}

TEST(ProcessOrder, RefusesAnOrderOfNothing) {
  Workflow process("process_order");
  process.start(order(0)).run();
  EXPECT_EQ(process.error_code(), "no_items") << process.text();
}

}  // namespace
