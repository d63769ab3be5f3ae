// Verdicts against the table of semantics 2.4, written out once more.
#include "host/engine/verdict.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace pirn::engine {
namespace {

using journal::StepClass;
using Classes = std::vector<StepClass>;

Verdict verdict(const Classes& classes) {
  return verdict_all(classes, [](StepClass step_class) { return step_class; });
}

Verdict table(const Classes& all) {
  const auto some = [&](StepClass wanted) { return std::find(all.begin(), all.end(), wanted) != all.end(); };
  const auto every = [&](StepClass wanted) {
    return std::all_of(all.begin(), all.end(), [&](StepClass c) { return c == wanted; });
  };
  if (all.empty()) return Verdict::pass;
  if (some(StepClass::open)) return Verdict::wait;
  if (some(StepClass::bad)) return Verdict::block;
  if (every(StepClass::untaken)) return Verdict::drop;
  return Verdict::pass;
}

Classes any_classes() {
  return *rc::gen::container<Classes>(rc::gen::map(rc::gen::inRange(0, 5), [](int i) { return static_cast<StepClass>(i); }));
}

TEST(Verdict, AllSetsOfUpToFour) {
  Classes classes;
  for (int n = 0; n <= 4; ++n) {
    int cases = 1;
    for (int i = 0; i < n; ++i) cases *= 5;
    for (int number = 0; number < cases; ++number) {
      classes.clear();
      for (int i = 0, rest = number; i < n; ++i, rest /= 5) classes.push_back(static_cast<StepClass>(rest % 5));
      ASSERT_EQ(verdict(classes), table(classes)) << ::testing::PrintToString(classes);
    }
  }
}

RC_GTEST_PROP(Verdict, IsTheTable, ()) {
  const Classes classes = any_classes();
  RC_ASSERT(verdict(classes) == table(classes));
}

RC_GTEST_PROP(Verdict, NeverDependsOnTheOrder, ()) {
  Classes classes = any_classes();
  const Verdict before = verdict(classes);
  std::reverse(classes.begin(), classes.end());
  RC_ASSERT(verdict(classes) == before);
  std::sort(classes.begin(), classes.end());
  RC_ASSERT(verdict(classes) == before);
}

TEST(Verdict, WordsOfThePage) {
  using enum StepClass;
  EXPECT_EQ(verdict({}), Verdict::pass);
  EXPECT_EQ(verdict({bad, open}), Verdict::wait) << "blocked only when all are over";
  EXPECT_EQ(verdict({untaken, untaken}), Verdict::drop);
  EXPECT_EQ(verdict({untaken, ok}), Verdict::pass) << "one branch was taken (R4)";
  EXPECT_EQ(verdict({untaken, soft}), Verdict::pass) << "a voluntary skip satisfies (R5)";
  EXPECT_EQ(verdict({untaken, bad}), Verdict::block);
}

}  // namespace
}  // namespace pirn::engine
