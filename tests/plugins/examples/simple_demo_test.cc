#include <gtest/gtest.h>

#include <pirn/testkit.hpp>

using pirn::testkit::Workflow;

namespace {

TEST(DataProcessing, ReportsWhatWasCollected) {
  Workflow processing("data_processing");
  processing.fail_first("collect_data", 2).start({{"readings", pirn::json::array({3, -1, 4})}}).run();
  ASSERT_TRUE(processing.completed()) << processing.text();
  EXPECT_EQ(processing.get<std::string>("final_report"), "2 readings, total 7, rejected 1");
}

TEST(DataProcessing, FailsWithoutData) {
  Workflow processing("data_processing");
  processing.start({{"readings", pirn::json::array({})}}).run();
  EXPECT_EQ(processing.error_code(), "no_data") << processing.text();
  EXPECT_EQ(processing.step("generate_report").invocations, 0u);
}

TEST(DataProcessing, GivesUpAfterTwoMoreTries) {
  Workflow processing("data_processing");
  processing.fail_first("collect_data", 3).start({{"readings", pirn::json::array({3})}}).run();
  EXPECT_EQ(processing.error_code(), "injected") << processing.text();
}

}  // namespace
