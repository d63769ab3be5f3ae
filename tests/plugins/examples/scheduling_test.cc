// What the workflows do; when they start is tested by tests/e2e/examples.sh, against a host.
#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

TEST(DailyReport, IsSentWhenItIsGenerated) {
  Workflow report("daily_report");
  report.start({{"department", "sales"}}).run();
  ASSERT_TRUE(report.completed()) << report.text();
  EXPECT_EQ(report.messages(), Strings{"sent the report of sales"});
}

TEST(DailyReport, IsNotSentWhenItIsNot) {
  Workflow report("daily_report");
  report.fail_first("generate_report", 4).start().run();
  EXPECT_EQ(report.error_code(), "injected") << report.text();
  EXPECT_EQ(report.step("send").invocations, 0u);
}

TEST(SyncJob, CopiesWhatIsMissing) {
  Workflow sync("sync_job"), diverged("sync_job");
  sync.start({{"source_rows", 7}, {"target_rows", 4}}).run();
  ASSERT_TRUE(sync.completed()) << sync.text();
  EXPECT_EQ(sync.get<int64_t>("copied"), 3);
  diverged.start({{"source_rows", 4}, {"target_rows", 7}}).run();
  EXPECT_EQ(diverged.error_code(), "diverged") << diverged.text();
}

TEST(HealthCheck, KnowsWellFromUnwell) {
  Workflow well("health_check"), unwell("health_check");
  well.start().run();
  EXPECT_TRUE(well.completed()) << well.text();
  unwell.start({{"latency_ms", 1001}}).run();
  EXPECT_EQ(unwell.error_code(), "unhealthy") << unwell.text();
}

TEST(OrderProcessor, ProcessesTheOrderOfTheEvent) {
  Workflow order("order_processor"), empty("order_processor");
  order.start({{"order_id", "o-7"}}).run();
  ASSERT_TRUE(order.completed()) << order.text();
  EXPECT_EQ(order.get<std::string>("processed"), "o-7");
  empty.start().run();
  EXPECT_EQ(empty.error_code(), "missing_key") << empty.text();
}

TEST(Scheduled, MayBeStartedByHandAndMayFail) {
  for (const char* name :
       {"scheduled_workflow", "often_scheduled", "seldom_scheduled", "every_half_minute", "at_christmas",
        "in_half_an_hour", "user_created", "order_changed", "hourly_in_january"}) {
    Workflow started(name), failing(name);
    started.start().run();
    EXPECT_TRUE(started.completed()) << started.text();
    EXPECT_EQ(started.get<std::string>("told"), "by hand");
    failing.fail_first("tell", 4).start().run();
    EXPECT_EQ(failing.error_code(), "injected") << failing.text();
  }
}

}  // namespace
