#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;

namespace {

const pirn::Fields kPoints = {{"y", pirn::json::array({0.0, 2.0, 4.0, 6.0})}};

// As long as the example says that its steps usually take.
Workflow training() {
  Workflow training("model_training");
  training.takes("load_points", 2_min).takes("choose_model", 1_min);
  training.takes("train_fast", 10_min).takes("train_careful", 40_min).takes("train_bold", 10_min);
  return training;
}

TEST(ModelTraining, ChoosesTheBestOfThoseThatDoNotDiverge) {
  Workflow plenty = training();
  plenty.start(kPoints).run();
  ASSERT_TRUE(plenty.completed()) << plenty.text();
  EXPECT_EQ(plenty.get<std::string>("best"), "careful");
  EXPECT_LT(plenty.get<double>("error"), 1e-6);
  EXPECT_EQ(plenty.step("train_bold").state, "skipped") << "it diverges";
  EXPECT_EQ(plenty.elapsed(), 43_min) << "a device for each: as the critical path says";
}

TEST(ModelTraining, TakesTurnsAtTheOneDevice) {
  Workflow one = training();
  one.provide({{"gpu", 1}, {"memory", 4096}, {"cpu", 2}, {"tracker", 1}}).start(kPoints);
  one.advance(2_min);
  EXPECT_EQ(one.step("train_careful").state, "running") << "the longest first";
  EXPECT_EQ(one.step("train_fast").state, "ready");
  one.run();
  ASSERT_TRUE(one.completed()) << one.text();
  EXPECT_EQ(one.elapsed(), 63_min) << "the device of the one that diverged went to the next";
  for (const char* model : {"fast", "careful"}) {
    const std::string text = one.get<pirn::json::Text>(model).str();
    EXPECT_EQ(pirn::json::View(text).get<int64_t>("device"), 0);
    EXPECT_EQ(pirn::json::View(text).get<double>("memory"), 2048);
  }
}

// Two devices, and seats at the service for one training.
TEST(ModelTraining, IsBoundByWhateverIsScarcest) {
  Workflow seats = training();
  seats.provide({{"gpu", 2}, {"memory", 8192}, {"cpu", 2}, {"tracker", 0.5}}).start(kPoints).run();
  ASSERT_TRUE(seats.completed()) << seats.text();
  EXPECT_EQ(seats.elapsed(), 63_min);
}

TEST(ModelTraining, IsRefusedWhereThereIsNoDevice) {
  Workflow none("model_training");
  none.provide({{"memory", 4096}, {"cpu", 2}, {"tracker", 1}});
  try {
    none.start(kPoints);
    FAIL() << none.text();
  } catch (const pirn::Error& error) {
    EXPECT_EQ(error.code(), "start_refused");
    EXPECT_NE(std::string(error.what()).find("gpu"), std::string::npos) << error.what();
  }
}

TEST(ModelTraining, FailsWithoutPointsAndWithoutAModel) {
  Workflow empty("model_training"), wild("model_training");
  empty.start({{"y", pirn::json::array({})}}).run();
  EXPECT_EQ(empty.error_code(), "no_points") << empty.text();
  // So steep that every rate overshoots.
  std::vector<double> steep;
  for (int x = 0; x < 60; ++x) steep.push_back(3.0 * x);
  wild.start({{"y", steep}}).run();
  EXPECT_EQ(wild.error_code(), "no_model") << wild.text();
}

}  // namespace
