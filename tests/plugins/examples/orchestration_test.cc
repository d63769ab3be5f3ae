#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

TEST(DataPipeline, LoadsWhatItExtracted) {
  Workflow pipeline("data_pipeline");
  pipeline.start({{"database", pirn::json::array({1, 2, 3})}}).run();
  ASSERT_TRUE(pipeline.completed()) << pipeline.text();
  EXPECT_EQ(pipeline.get<std::vector<int64_t>>("rows"), (std::vector<int64_t>{2, 4, 6}));
  EXPECT_EQ(pipeline.get<int64_t>("loaded"), 3);
}

TEST(DataPipeline, FailsWithoutItsSource) {
  Workflow pipeline("data_pipeline");
  pipeline.start().run();
  EXPECT_EQ(pipeline.error_code(), "no_source") << pipeline.text();
  EXPECT_EQ(pipeline.step("load").invocations, 0u);
}

TEST(Linear, TakesOneStepAfterTheOther) {
  Workflow linear("linear"), blank("linear");
  for (const char* step : {"task_1", "task_2", "task_3"}) linear.takes(step, 1_s);
  linear.start({{"text", "  hello "}}).run();
  ASSERT_TRUE(linear.completed()) << linear.text();
  EXPECT_EQ(linear.get<std::string>("text"), "HELLO!");
  EXPECT_EQ(linear.elapsed(), 3_s);
  blank.start({{"text", "  "}}).run();
  EXPECT_EQ(blank.error_code(), "empty_text") << blank.text();
}

TEST(Parallel, TakesThemAllAtOnce) {
  Workflow parallel("parallel"), nothing("parallel");
  for (const char* step : {"task_1", "task_2", "task_3"}) parallel.takes(step, 1_s);
  parallel.start({{"numbers", pirn::json::array({3, 9, 4})}}).run();
  ASSERT_TRUE(parallel.completed()) << parallel.text();
  EXPECT_EQ(parallel.elapsed(), 1_s);
  EXPECT_EQ(parallel.get<int64_t>("count"), 3);
  EXPECT_EQ(parallel.get<int64_t>("sum"), 16);
  EXPECT_EQ(parallel.get<int64_t>("largest"), 9);
  nothing.start({{"numbers", pirn::json::array({})}}).run();
  EXPECT_EQ(nothing.error_code(), "no_numbers") << nothing.text();
}

TEST(MapReduce, CountsTheWordsOfAllChunks) {
  Workflow words("map_reduce");
  for (const char* step : {"map_chunk_1", "map_chunk_2", "map_chunk_3"}) words.takes(step, 1_s);
  words.start().run();
  ASSERT_TRUE(words.completed()) << words.text();
  EXPECT_EQ(words.get<int64_t>("words"), 9);
  EXPECT_EQ(words.elapsed(), 2_s) << "two at a time";
}

TEST(MapReduce, FailsWithAChunk) {
  Workflow words("map_reduce");
  words.script("count_words", {pirn::ok({{"words", 1}}), pirn::fail("empty_chunk", "", pirn::terminal)});
  words.start().run();
  EXPECT_EQ(words.error_code(), "empty_chunk") << words.text();
  EXPECT_EQ(words.step("reduce").invocations, 0u);
}

TEST(Conditional, DoesWhatTheDataAskFor) {
  Workflow small("conditional"), large("conditional"), broken("conditional");
  small.start({{"data", pirn::json::array({1, 2})}}).run();
  ASSERT_TRUE(small.completed()) << small.text();
  EXPECT_EQ(small.get<std::string>("processed"), "at once");
  EXPECT_TRUE(small.get<bool>("finished"));
  large.start({{"data", pirn::json::array({1, 2, 3, 4})}}).run();
  ASSERT_TRUE(large.completed()) << large.text();
  EXPECT_EQ(large.get<std::string>("processed"), "in parts");
  EXPECT_EQ(large.step("small").skip_kind, "condition");
  broken.start({{"data", "none"}}).run();
  EXPECT_EQ(broken.error_code(), "wrong_type") << broken.text();
}

}  // namespace
