#include "packager/pack/program.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pirn::pack {
namespace {

TEST(Program, GivesItsLinesAndItsExit) {
  std::vector<std::string> lines;
  const auto result = run_program({"sh", "-c", "echo one; echo two >&2; printf three; exit 4"},
                                  [&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_status, 4);
  EXPECT_EQ(result->output, "one\ntwo\nthree");
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three"}));
}

TEST(Program, SignalsAreToldApart) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}, nullptr)->exit_status, 137);
}

TEST(Program, StandardInputIsEmpty) { EXPECT_EQ(run_program({"cat"}, nullptr)->output, ""); }

// CMake and all that a project makes it run.
TEST(Program, BuildsSeeNoSecrets) {
  setenv("PIRN_KEY_PASSPHRASE", "very-secret", 1);
  setenv("PIRN_KEY", "very-secret", 1);
  const auto result = run_program(
      {"sh", "-c", "env; for fd in /proc/$$/fd/*; do [ -e $fd ] && echo fd ${fd##*/}; done; true"}, nullptr);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output.find("very-secret"), std::string::npos) << result->output;
  EXPECT_TRUE(result->output.ends_with("\nfd 0\nfd 1\nfd 2\n")) << result->output;
}

TEST(Program, MissingOnesSaySo) {
  const auto result = run_program({"/no/such/program"}, nullptr);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::io_failed);
}

}  // namespace
}  // namespace pirn::pack
