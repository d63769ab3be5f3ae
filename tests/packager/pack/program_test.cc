#include "packager/pack/program.h"

#include <gtest/gtest.h>

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

TEST(Program, MissingOnesSaySo) {
  const auto result = run_program({"/no/such/program"}, nullptr);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::io_failed);
}

}  // namespace
}  // namespace pirn::pack
