#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

TEST(DailyDataPipeline, ReportsOfYesterday) {
  Workflow pipeline("daily_data_pipeline");
  pipeline.takes("extract_sales", 10_min)
      .takes("extract_inventory", 20_min)
      .takes("transform_and_join", 5_min);
  pipeline.start().run();
  ASSERT_TRUE(pipeline.completed()) << pipeline.text();
  const std::string records = std::to_string(pipeline.get<int64_t>("record_count"));
  EXPECT_EQ(pipeline.messages(), Strings{"daily ETL of 2024-12-31 complete: " + records +
                                         " records, 25 minutes, https://reports.example/2024-12-31"});
  EXPECT_GT(pipeline.get<int64_t>("revenue"), 0);
}

TEST(DailyDataPipeline, TakesADate) {
  Workflow pipeline("daily_data_pipeline");
  pipeline.start({{"date", "2024-02-29"}}).run();
  ASSERT_TRUE(pipeline.completed()) << pipeline.text();
  EXPECT_EQ(pipeline.get<std::string>("report_url"), "https://reports.example/2024-02-29");
}

TEST(DailyDataPipeline, LoadsNothingThatIsNotValid) {
  Workflow pipeline("daily_data_pipeline");
  pipeline.script("extract_inventory",
                  {pirn::ok({{"inventory_data", pirn::json::object({{"boots", 9900}, {"laces", 300}})}})});
  pipeline.start().run();
  EXPECT_EQ(pipeline.error_code(), "validation_failed") << pipeline.text();
  EXPECT_EQ(pipeline.step("load_to_warehouse").invocations, 0u);
  EXPECT_TRUE(pipeline.logged("daily ETL failed: "));
  EXPECT_TRUE(pipeline.logged("wax has no price"));
}

TEST(DailyDataPipeline, TriesASlowSourceAgainUntilItsTwoHoursAreOver) {
  Workflow pipeline("daily_data_pipeline");
  pipeline.takes("extract_sales", 31_min).start().run();
  EXPECT_EQ(pipeline.error_code(), "workflow_timeout") << pipeline.text();
  EXPECT_EQ(pipeline.step("extract_sales").invocations, 4u);
  EXPECT_EQ(pipeline.elapsed(), 2_h);
}

}  // namespace
