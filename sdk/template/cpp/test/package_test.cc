#include <gtest/gtest.h>
#include <pirn/testkit.hpp>

using pirn::testkit::TaskRun;

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
