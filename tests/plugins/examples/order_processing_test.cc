#include <gtest/gtest.h>

#include <algorithm>
#include <pirn/testkit.hpp>
#include <set>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

pirn::Fields order(int64_t price, int64_t quantity = 1, const char* payment_method = "card") {
  return {{"order_id", "7"},
          {"order", pirn::json::object(
                        {{"email", "bob@example.com"},
                         {"phone", "555-0100"},
                         {"payment_method", payment_method},
                         {"items", pirn::json::array({pirn::json::object(
                                       {{"sku", "boots"}, {"price", price}, {"quantity", quantity}})})}})}};
}

class OrderProcessing : public testing::Test {
 protected:
  Workflow order_{"order_processing"};
};

TEST_F(OrderProcessing, SendsTheGoods) {
  order_.takes("reserve_inventory", 2_s).takes("authorize_payment", 2_s).start(order(4'990)).run();
  ASSERT_TRUE(order_.completed()) << order_.text();
  EXPECT_EQ(order_.get<std::string>("status"), "fulfilled");
  EXPECT_EQ(order_.elapsed(), 2_s) << "side by side";
  EXPECT_TRUE(order_.logged("mail track:7 to bob@example.com"));
  EXPECT_FALSE(order_.logged("refund"));
}

TEST_F(OrderProcessing, DoesNotMindThatNobodyCouldBeTold) {
  order_.fail_first("send_sms_notification", 4).start(order(4'990)).run();
  ASSERT_TRUE(order_.completed()) << order_.text();
  EXPECT_EQ(order_.step("send_sms_notification").state, "failed");
  EXPECT_EQ(order_.get<std::string>("status"), "fulfilled");
}

TEST_F(OrderProcessing, RefusesAnOrderOfNothing) {
  order_.start({{"order_id", "7"}, {"order", pirn::json::object({{"items", pirn::json::array({})}})}}).run();
  EXPECT_EQ(order_.error_code(), "invalid_order") << order_.text();
  EXPECT_EQ(order_.messages(), Strings{"order 7 failed: invalid_order"}) << "there is nobody to apologise to";
}

TEST_F(OrderProcessing, LetsPeopleReviewWhatIsLarge) {
  order_.start(order(100'001)).advance(23_h).approve("check_fraud", "", "a good customer").run();
  ASSERT_TRUE(order_.completed()) << order_.text();
}

TEST_F(OrderProcessing, EndsWithARejectedReview) {
  order_.start(order(100'001)).reject("check_fraud").run();
  EXPECT_EQ(order_.error_code(), "fraud_detected") << order_.text();
  EXPECT_EQ(order_.step("capture_payment").invocations, 0u);
}

TEST_F(OrderProcessing, EndsWithAReviewThatNobodyMade) {
  order_.start(order(100'001)).run();
  EXPECT_EQ(order_.error_code(), "await_timeout") << order_.text();
}

TEST_F(OrderProcessing, ReleasesTheGoodsWhenTheBankDeclines) {
  order_.start(order(4'990, 1, "stolen_card")).run();
  EXPECT_EQ(order_.error_code(), "payment_failed") << order_.text();
  EXPECT_EQ(order_.messages(), (Strings{"release reservation:7", "order 7 failed: payment_failed",
                                        "apologise to bob@example.com"}));
}

TEST_F(OrderProcessing, VoidsTheAuthorizationWhenTheGoodsAreNotThere) {
  order_.takes("reserve_inventory", 2_s).start(order(10, 101)).run();
  EXPECT_EQ(order_.error_code(), "inventory_unavailable") << order_.text();
  EXPECT_EQ(order_.step("authorize_payment").compensation, "done");
  EXPECT_TRUE(order_.logged("void authorization:7"));
}

TEST_F(OrderProcessing, LeavesADeadLetterToWhoLooksAfterFailedOrders) {
  order_.start(order(4'990, 1, "stolen_card")).run();
  const Strings log = order_.log();
  EXPECT_NE(std::find(log.begin(), log.end(), "0 dead_letter.insert"), log.end()) << order_.text();
}

TEST_F(OrderProcessing, GivesEverythingBackWhenTheOrderCannotBeCompleted) {
  order_.script("complete_order", {pirn::fail("no_database", "gone", pirn::terminal)})
      .start(order(4'990))
      .run();
  EXPECT_EQ(order_.error_code(), "no_database") << order_.text();
  Strings said = order_.messages();
  ASSERT_GE(said.size(), 6u);
  const std::vector<std::string> undone(said.end() - 6, said.end());
  EXPECT_EQ(undone[0], "cancel shipment:7");
  EXPECT_EQ(undone[1], "refund payment:7");
  EXPECT_EQ((std::set<std::string>{undone[2], undone[3]}),
            (std::set<std::string>{"void authorization:7", "release reservation:7"}));
  EXPECT_EQ(undone[4], "order 7 failed: no_database");
}

}  // namespace
