#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;

namespace {

bool in_time(const std::string& step, pirn::Duration needed) {
  Workflow timeouts("timeouts");
  timeouts.takes(step, needed).start().run();
  EXPECT_EQ(timeouts.error_code(), timeouts.completed() ? "" : "timeout") << timeouts.text();
  return timeouts.completed();
}

TEST(Timeouts, EndTheStepThatTakesLonger) {
  const std::vector<std::pair<std::string, pirn::Duration>> allowed = {
      {"seconds", 30_s}, {"minutes", 5_min},     {"hour", 1_h},
      {"day", 1_d},      {"milliseconds", 30_s}, {"chrono", 5_min}};
  for (const auto& [step, limit] : allowed) {
    EXPECT_TRUE(in_time(step, limit * 0.9)) << step;
    EXPECT_FALSE(in_time(step, limit * 1.1)) << step;
  }
  EXPECT_TRUE(in_time("unlimited", 300_d));
}

bool in_time(int64_t size, pirn::Duration needed) {
  Workflow dynamic("dynamic_timeout");
  dynamic.takes("crunch", needed).start({{"data_size", size}}).run();
  return dynamic.completed();
}

TEST(DynamicTimeout, GivesMoreTimeToMoreData) {
  EXPECT_TRUE(in_time(1'000, 1_min));
  EXPECT_FALSE(in_time(1'000, 9_min));
  EXPECT_TRUE(in_time(500'000, 9_min));
  EXPECT_FALSE(in_time(500'000, 29_min));
  EXPECT_TRUE(in_time(2'000'000, 29_min));
  EXPECT_FALSE(in_time(2'000'000, 31_min));
}

uint32_t tries(const pirn::Outcome& failure) {
  Workflow retries("retries");
  retries.script("call_service", {failure}).start().run();
  EXPECT_EQ(retries.state(), "failed") << retries.text();
  return retries.step("fetch").invocations;
}

TEST(Retries, AreForTheListedErrors) {
  EXPECT_EQ(tries(pirn::fail("timeout")), 6u);
  EXPECT_EQ(tries(pirn::fail("connection_error")), 6u);
  EXPECT_EQ(tries(pirn::fail("error", "", pirn::retryable, "econnrefused")), 6u);
  EXPECT_EQ(tries(pirn::fail("error", "", pirn::retryable, "enoent")), 1u);
  EXPECT_EQ(tries(pirn::fail("validation_error")), 1u);
  EXPECT_EQ(tries(pirn::fail("something_else")), 1u);
  Workflow retries("retries");
  retries.fail_first("call_service", 5, "timeout").start().run();
  EXPECT_TRUE(retries.completed()) << retries.text();
}

// What the workflow waits when the step fails that often: nothing else takes time.
pirn::Duration waited_at(const std::string& failing, uint32_t failures) {
  Workflow backoffs("backoffs");
  backoffs.mock("call_service", [&, left = failures](pirn::Context& ctx) mutable {
    if (ctx.step() != failing || left == 0) return pirn::ok();
    --left;
    return pirn::fail("busy", "try again");
  });
  backoffs.start().run();
  EXPECT_EQ(backoffs.completed(), failures <= 20) << backoffs.text();
  return backoffs.elapsed();
}

TEST(Backoffs, PaceTheRetriesEachInItsWay) {
  EXPECT_EQ(waited_at("fixed", 4), 5_s * 4);
  EXPECT_EQ(waited_at("exponential", 5), 1_s + 2_s + 4_s + 8_s + 16_s);
  EXPECT_EQ(waited_at("linear", 4), 10_s + 20_s + 30_s + 40_s);
  EXPECT_EQ(waited_at("custom", 3), 3_s + 4'500_ms + 6'750_ms);
}

TEST(Backoffs, HaveACap) {
  EXPECT_EQ(waited_at("exponential", 11), 511_s + 5_min + 5_min);  // 2^9 s would be more than five minutes
  EXPECT_EQ(waited_at("linear", 14), 780_s + 2_min + 2_min);
}

TEST(Backoffs, EndAfterTheLastRetry) { EXPECT_EQ(waited_at("fixed", 21), 5_s * 20); }

}  // namespace
