#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>

using namespace pirn::literals;
using pirn::testkit::Workflow;

namespace {

pirn::Fields answers(std::initializer_list<pirn::Value> statuses) {
  return {{"order", "7"}, {"answers", pirn::json::array(statuses)}};
}

TEST(ErrorsPretty, RetriesWhatPasses) {
  Workflow payment("errors_pretty");
  payment.start(answers({503, 0, 200})).run();
  ASSERT_TRUE(payment.completed()) << payment.text();
  EXPECT_EQ(payment.step("charge_order").invocations, 3u);
}

TEST(ErrorsPretty, MatchesDetailsOfAThrownErrorBesideItsCauses) {
  Workflow payment("errors_pretty");
  payment.start(answers({404})).run();
  ASSERT_TRUE(payment.completed()) << payment.text();
  EXPECT_EQ(payment.step("charge_order").state, "skipped");
}

TEST(ErrorsPretty, MatchesTheClass) {
  Workflow payment("errors_pretty");
  payment.start(answers({402})).run();
  ASSERT_TRUE(payment.completed()) << payment.text();
  EXPECT_FALSE(payment.get<bool>("charged"));
}

TEST(ErrorsPretty, PrintsCausesOfBothKinds) {
  Workflow down("errors_pretty");
  down.start(answers({503})).run();
  EXPECT_EQ(down.error_code(), "charge_failed") << down.text();
  EXPECT_TRUE(
      down.logged("charge_failed (transient): order 7 was not charged\n"
                  "  caused by http_error (transient): the bank answered 503"))
      << down.text();
  Workflow reset("errors_pretty");
  reset.start(answers({0})).run();
  EXPECT_TRUE(reset.logged("order 7 was not charged\n  caused by connection reset by peer")) << reset.text();
}

}  // namespace
