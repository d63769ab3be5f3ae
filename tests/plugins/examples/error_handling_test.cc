#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

TEST(ErrorBehaviors, CompleteWithoutWhatIsOptional) {
  Workflow behaviors("error_behaviors");
  behaviors.fail_first("optional_step", 2).fail_first("non_critical_step", 2).start().run();
  ASSERT_TRUE(behaviors.completed()) << behaviors.text();
  EXPECT_EQ(behaviors.step("optional_step").state, "skipped");
  EXPECT_EQ(behaviors.step("optional_step").skip_kind, "on_error");
  EXPECT_EQ(behaviors.step("non_critical_step").state, "failed");
  EXPECT_TRUE(behaviors.get<bool>("critical"));
}

TEST(ErrorBehaviors, FailWithWhatIsCritical) {
  Workflow behaviors("error_behaviors");
  behaviors.fail_first("critical_step", 2).start().run();
  EXPECT_EQ(behaviors.error_code(), "injected") << behaviors.text();
}

TEST(RobustWorkflow, HearsOfEachFailureAndOfTheSuccess) {
  Workflow robust("robust_workflow");
  robust.fail_first("risky_operation", 2).start().run();
  ASSERT_TRUE(robust.completed()) << robust.text();
  EXPECT_EQ(robust.messages(),
            (Strings{"step risky_operation failed (attempt 1): injected",
                     "step risky_operation failed (attempt 2): injected", "workflow completed"}));
}

TEST(RobustWorkflow, HearsWhatItFailedOf) {
  Workflow robust("robust_workflow");
  robust.fail_first("risky_operation", 3).start().run();
  EXPECT_EQ(robust.state(), "failed");
  EXPECT_TRUE(
      robust.logged("workflow failed: step risky_operation, error injected, attempts 3, at an unknown place"))
      << robust.text();
  Workflow hopeless("robust_workflow");
  hopeless.start({{"hopeless", true}}).run();
  EXPECT_TRUE(hopeless.logged("error hopeless, attempts 1, at risky_operation at robust.cc:1"))
      << hopeless.text();
}

TEST(RobustWorkflow, HearsOfTheCancellation) {
  Workflow robust("robust_workflow");
  robust.takes("risky_operation", 1_min).start().cancel("changed my mind").run();
  EXPECT_EQ(robust.state(), "cancelled") << robust.text();
  EXPECT_EQ(robust.messages(), Strings{"workflow cancelled: changed my mind"});
}

const pirn::Fields kOrder = {{"order", "7"}, {"amount", 4990}};

TEST(PaymentWorkflow, ConfirmsAnOrder) {
  Workflow payment("payment_workflow");
  payment.start(kOrder).run();
  ASSERT_TRUE(payment.completed()) << payment.text();
  EXPECT_EQ(payment.messages(), Strings{"confirm order:7"});
}

TEST(PaymentWorkflow, IsUndoneInReverseWhenTheLastStepFails) {
  Workflow payment("payment_workflow");
  payment.script("send_confirmation", {pirn::fail("no_mail", "the mail server is gone", pirn::terminal)});
  payment.start(kOrder).run();
  EXPECT_EQ(payment.error_code(), "no_mail") << payment.text();
  EXPECT_EQ(payment.messages(),
            (Strings{"cancel order:7", "refund payment:7", "release reservation:7", "accounting knows"}));
  EXPECT_EQ(payment.step("create_order").compensation, "done");
  EXPECT_EQ(payment.step("send_confirmation").compensation, "");
}

TEST(PaymentWorkflow, UndoesOnlyWhatWasDone) {
  Workflow payment("payment_workflow");
  payment.start({{"order", "7"}, {"amount", 0}}).run();
  EXPECT_EQ(payment.error_code(), "invalid_amount") << payment.text();
  EXPECT_EQ(payment.messages(), (Strings{"release reservation:7", "accounting knows"}));
}

TEST(PaymentWorkflow, IsUndoneByACancellationThatSaysSo) {
  Workflow kept("payment_workflow"), undone("payment_workflow");
  kept.takes("create_order", 1_min).start(kOrder).cancel("too slow").run();
  EXPECT_EQ(kept.state(), "cancelled") << kept.text();
  EXPECT_FALSE(kept.logged("refund"));
  undone.takes("create_order", 1_min).start(kOrder).cancel("too slow", {.rollback = true}).run();
  EXPECT_EQ(undone.state(), "cancelled") << undone.text();
  EXPECT_TRUE(undone.logged("refund payment:7"));
  EXPECT_TRUE(undone.logged("release reservation:7"));
}

}  // namespace
