#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>

using namespace pirn::literals;
using pirn::testkit::Workflow;

namespace {

// How long it takes when each of its steps takes a second.
pirn::Duration length_of(const std::string& name, std::string_view letters) {
  Workflow workflow(name);
  for (char letter : letters) workflow.takes(std::string("step_") + letter, 1_s);
  workflow.start().run();
  EXPECT_TRUE(workflow.completed()) << workflow.text();
  return workflow.elapsed();
}

TEST(DependencyPatterns, AreAsLongAsTheirLongestPath) {
  EXPECT_EQ(length_of("chain", "abcd"), 4_s);
  EXPECT_EQ(length_of("fan_out", "abcd"), 2_s);
  EXPECT_EQ(length_of("join", "bcde"), 2_s);
  EXPECT_EQ(length_of("join_group", "bcde"), 2_s);
  EXPECT_EQ(length_of("diamond", "abcd"), 3_s);
  EXPECT_EQ(length_of("race", "abcd"), 3_s);
}

// The last step comes to nothing when one before it fails.
void breaks(const std::string& name, const std::string& broken, const std::string& last) {
  Workflow workflow(name);
  workflow.start({{"broken", broken}}).run();
  EXPECT_EQ(workflow.error_code(), "broken") << workflow.text();
  EXPECT_EQ(workflow.step(last).skip_kind, "upstream_failed") << name;
}

TEST(DependencyPatterns, EndAtAFailure) {
  breaks("chain", "step_b", "step_d");
  breaks("fan_out", "step_a", "step_d");
  breaks("join", "step_c", "step_e");
  breaks("join_group", "step_d", "step_e");
  breaks("diamond", "step_c", "step_d");
  breaks("race", "step_a", "step_d");
}

TEST(Race, FollowsTheFirstAndLetsTheOtherGoOn) {
  Workflow race("race");
  race.takes("step_b", 5_s).takes("step_c", 1_s).start().advance(1_s);
  EXPECT_EQ(race.step("step_d").state, "completed") << race.text();
  EXPECT_EQ(race.step("step_b").state, "running");
  race.run();
  ASSERT_TRUE(race.completed());
  EXPECT_EQ(race.step("step_d").invocations, 1u);
  EXPECT_EQ(race.elapsed(), 5_s);
}

}  // namespace
