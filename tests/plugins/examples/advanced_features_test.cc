#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::TaskRun;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

pirn::Fields expense(int64_t amount) { return {{"employee", "eve"}, {"amount", amount}, {"manager", "mia"}}; }

TEST(ExpenseApproval, PaysSmallAmountsAtOnce) {
  Workflow small("expense_approval");
  small.start(expense(10'000));
  ASSERT_TRUE(small.completed()) << small.text();
  EXPECT_EQ(small.messages(), Strings{"reimbursed expense:eve, approved by auto"});
}

TEST(ExpenseApproval, AsksTheManagerForLargeOnes) {
  Workflow large("expense_approval");
  large.start(expense(10'001)).advance(47_h).restart();
  EXPECT_EQ(large.state(), "paused") << large.text();
  EXPECT_THROW(large.approve("await_manager_approval", "eve"), pirn::Error) << "who is no approver";
  large.approve("await_manager_approval", "mia");
  ASSERT_TRUE(large.completed()) << large.text();
  EXPECT_EQ(large.messages(), Strings{"reimbursed expense:eve, approved by mia"});
}

TEST(ExpenseApproval, TakesTheAnswerOfAResume) {
  Workflow large("expense_approval");
  large.start(expense(10'001)).resume({{"approved", true}, {"approver", "manager@company.com"}});
  ASSERT_TRUE(large.completed()) << large.text();
  EXPECT_EQ(large.messages(), Strings{"reimbursed expense:eve, approved by manager@company.com"});
}

TEST(ExpenseApproval, FailsWhenRejectedOrForgotten) {
  Workflow rejected("expense_approval"), forgotten("expense_approval");
  rejected.start(expense(10'001)).reject("await_manager_approval", "mia");
  EXPECT_EQ(rejected.error_code(), "rejected") << rejected.text();
  forgotten.start(expense(10'001)).run();
  EXPECT_EQ(forgotten.error_code(), "await_timeout") << forgotten.text();
  EXPECT_EQ(forgotten.elapsed(), 48_h);
}

constexpr int64_t kStart = 1'735'689'600;  // when tests begin

TEST(ExternalEvent, AsksUntilItHasHappened) {
  Workflow event("external_event");
  event.start({{"reference_id", "r-1"}, {"ready_at", kStart + 12 * 60}}).run();
  ASSERT_TRUE(event.completed()) << event.text();
  EXPECT_EQ(event.elapsed(), 15_min);
  EXPECT_EQ(event.step("wait_for_external_event").invocations, 4u);
  EXPECT_EQ(event.step("wait_for_external_event").attempt, 1u) << "a snooze is no failure";
}

TEST(ExternalEvent, FailsWhenItIsUnknownOrTakesForEver) {
  Workflow unknown("external_event"), never("external_event");
  unknown.start({{"reference_id", ""}, {"ready_at", kStart}}).run();
  EXPECT_EQ(unknown.error_code(), "external_error") << unknown.text();
  never.start({{"reference_id", "r-1"}, {"ready_at", kStart + 86'400}}).run();
  EXPECT_EQ(never.state(), "failed") << never.text();
  EXPECT_EQ(never.step("wait_for_external_event").invocations % 101, 0u);
}

pirn::Fields batch(std::vector<int64_t> prices) {
  std::vector<pirn::json::Text> items;
  for (size_t i = 0; i < prices.size(); ++i)
    items.push_back(pirn::json::object({{"id", std::to_string(i + 1)}, {"price", prices[i]}}));
  return {{"batch", items}};
}

TEST(BatchProcessor, HasAStepForEachItem) {
  Workflow processor("batch_processor");
  processor.start(batch({1, 2, 3})).run();
  ASSERT_TRUE(processor.completed()) << processor.text();
  EXPECT_EQ(processor.get<int64_t>("summary"), 12);
  EXPECT_EQ(processor.step("process_item_3").state, "completed");
}

TEST(BatchProcessor, MayHaveNothingToDo) {
  Workflow processor("batch_processor");
  processor.start(batch({})).run();
  ASSERT_TRUE(processor.completed()) << processor.text();
  EXPECT_EQ(processor.get<int64_t>("summary"), 0);
}

TEST(BatchProcessor, FailsWithOneOfItsItems) {
  Workflow processor("batch_processor");
  processor.start(batch({1, -2})).run();
  EXPECT_EQ(processor.error_code(), "invalid_item") << processor.text();
  EXPECT_EQ(processor.step("summarize").invocations, 0u);
}

TEST(SendNotification, SaysWhatItFormatted) {
  Workflow notification("send_notification");
  notification.start({{"template", "news of"}, {"order_id", "o-1"}, {"channel", "sms"}, {"recipient", "bob"}})
      .run();
  ASSERT_TRUE(notification.completed()) << notification.text();
  EXPECT_EQ(notification.messages(), (Strings{"sms to bob: news of o-1", "noted: news of o-1"}));
}

TEST(OrderWorkflow, NotifiesTheCustomer) {
  Workflow order("order_workflow");
  order.start({{"customer_email", "bob@example.com"}}).run();
  ASSERT_TRUE(order.completed()) << order.text();
  EXPECT_TRUE(order.get<bool>("complete"));
  EXPECT_TRUE(order.logged("email to bob@example.com: order_confirmation order:bob@example.com"));
  EXPECT_FALSE(order.has("recipient")) << "only what its steps wrote comes back";
}

TEST(OrderWorkflow, WithdrawsTheOrderWhenNobodyCanBeTold) {
  Workflow order("order_workflow");
  order.start({{"customer_email", ""}}).run();
  EXPECT_EQ(order.error_code(), "nested_workflow_failed") << order.text();
  EXPECT_EQ(order.messages(), Strings{"withdrew order:"});
}

TEST(ExternalCall, AnswersAndTriesAgain) {
  Workflow call("external_call");
  call.fail_first("call_external_api", 4, "unreachable").start({{"request", "rates"}}).run();
  ASSERT_TRUE(call.completed()) << call.text();
  EXPECT_EQ(call.get<std::string>("response"), "response to rates");
  EXPECT_EQ(call.elapsed(), 4_s);
}

TEST(ExternalCall, LeavesABrokenServiceAloneForAWhile) {
  Workflow call("external_call");
  call.fail_first("call_external_api", 5, "unreachable").start({{"request", "rates"}}).run();
  ASSERT_TRUE(call.completed()) << call.text();
  EXPECT_EQ(call.elapsed(), 4_s + 30_s) << "the fifth failure opens the circuit";
}

TEST(ExternalCall, GivesUpInTheEnd) {
  Workflow call("external_call");
  call.fail_first("call_external_api", 11, "unreachable").start({{"request", "rates"}}).run();
  EXPECT_EQ(call.error_code(), "unreachable") << call.text();
  EXPECT_GE(call.elapsed(), 4_s + 30_s);
}

TEST(LargeBatch, ProcessesAll) {
  Workflow batch("large_batch");
  batch.start({{"items", pirn::json::array({1, 2, 3})}}).run();
  ASSERT_TRUE(batch.completed()) << batch.text();
  EXPECT_EQ(batch.get<int64_t>("sum"), 6);
}

TEST(LargeBatch, IsCancelledAndKeepsNothing) {
  Workflow batch("large_batch");
  batch.takes("process_large_batch", 1_min).start({{"items", pirn::json::array({1, 2, 3})}}).advance(1_s);
  batch.cancel("maintenance").run();
  EXPECT_EQ(batch.state(), "cancelled") << batch.text();
  EXPECT_EQ(batch.step("process_large_batch").state, "cancelled");
  EXPECT_FALSE(batch.has("sum"));
}

TEST(LargeBatch, SaysHowFarItCame) {
  auto ran = TaskRun("process_large_batch")
                 .set("items", pirn::json::array({1, 2, 3, 4}))
                 .cancelled_at_heartbeat(2)
                 .run();
  EXPECT_EQ(ran.outcome, PIRN_CANCELLED) << ran.text();
  EXPECT_EQ(ran.get<int64_t>("processed"), 2);
  EXPECT_EQ(ran.get<int64_t>("sum"), 3);
}

}  // namespace
