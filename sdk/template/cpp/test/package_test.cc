#include <gtest/gtest.h>
#include <pirn/testkit.hpp>

using pirn::testkit::TaskRun;
using pirn::testkit::Workflow;

TEST(Greet, ComposesAGreeting) {
  auto ran = TaskRun("compose").set("name", "Ada").run();
  ASSERT_TRUE(ran.done()) << ran.text();
  EXPECT_EQ(ran.get<std::string>("greeting"), "Hello, Ada!");
}

TEST(Greet, RefusesAnEmptyName) {
  auto ran = TaskRun("compose").set("name", "").run();
  ASSERT_TRUE(ran.failed()) << ran.text();
  EXPECT_EQ(ran.error.code, "no_name");
}

TEST(Greet, LogsWhatItDelivers) {
  auto ran = TaskRun("deliver").set("greeting", "Hello, Ada!").run();
  ASSERT_TRUE(ran.done()) << ran.text();
  EXPECT_TRUE(ran.logged("Hello, Ada!"));
}

TEST(Greet, RunsFromEndToEnd) {
  Workflow greet("greet");
  greet.start({{"name", "Ada"}}).run();
  ASSERT_TRUE(greet.completed()) << greet.text();
  EXPECT_EQ(greet.get<std::string>("greeting"), "Hello, Ada!");
}

TEST(Greet, DeliversAfterAFailureAndACrash) {
  Workflow greet("greet");
  greet.fail_first("deliver", 2).crash_in("compose").start({{"name", "Ada"}}).run();
  ASSERT_TRUE(greet.completed()) << greet.text();
  EXPECT_EQ(greet.step("compose").invocations, 2u);
  EXPECT_EQ(greet.step("deliver").attempt, 3u);
}
