// Verdicts against the tables of semantics 2.4, written out once more.
#include "host/engine/verdict.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace pirn::engine {
namespace {

using journal::StepClass;
using Set = std::vector<StepClass>;

Classes classes_of(const Set& set) {
  Classes classes;
  for (const StepClass step_class : set) classes.add(step_class);
  return classes;
}

Verdict all_table(const Set& all) {
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

Verdict any_table(const Set& any) {
  const auto some = [&](StepClass wanted) { return std::find(any.begin(), any.end(), wanted) != any.end(); };
  if (any.empty()) return Verdict::pass;
  if (some(StepClass::ok)) return Verdict::pass;
  if (some(StepClass::open)) return Verdict::wait;
  if (some(StepClass::soft)) return Verdict::pass;
  if (some(StepClass::bad)) return Verdict::block;
  return Verdict::drop;
}

Set any_set() {
  return *rc::gen::container<Set>(
      rc::gen::map(rc::gen::inRange(0, 5), [](int i) { return static_cast<StepClass>(i); }));
}

TEST(Verdict, AllSetsOfUpToFour) {
  Set set;
  for (int n = 0; n <= 4; ++n) {
    int cases = 1;
    for (int i = 0; i < n; ++i) cases *= 5;
    for (int number = 0; number < cases; ++number) {
      set.clear();
      for (int i = 0, rest = number; i < n; ++i, rest /= 5) set.push_back(static_cast<StepClass>(rest % 5));
      ASSERT_EQ(verdict_all(classes_of(set)), all_table(set)) << ::testing::PrintToString(set);
      ASSERT_EQ(verdict_any(classes_of(set)), any_table(set)) << ::testing::PrintToString(set);
    }
  }
}

RC_GTEST_PROP(Verdict, IsTheTableWhateverTheOrder, ()) {
  Set set = any_set();
  RC_ASSERT(verdict_all(classes_of(set)) == all_table(set));
  RC_ASSERT(verdict_any(classes_of(set)) == any_table(set));
  std::sort(set.begin(), set.end());
  RC_ASSERT(verdict_all(classes_of(set)) == all_table(set));
}

RC_GTEST_PROP(Verdict, OfAJoinIsThatOfItsMembers, ()) {
  const Set some = any_set(), others = any_set();
  Classes joined = classes_of(some);
  joined.add(classes_of(others));
  Set both_sets = some;
  both_sets.insert(both_sets.end(), others.begin(), others.end());
  RC_ASSERT(verdict_all(joined) == all_table(both_sets));
}

TEST(Verdict, OfBothSetsTheStrongerHolds) {
  using enum Verdict;
  const Verdict order[] = {pass, drop, block, wait};
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) EXPECT_EQ(both(order[a], order[b]), order[std::max(a, b)]);
}

TEST(Verdict, WordsOfThePage) {
  using enum StepClass;
  const auto all = [](const Set& set) { return verdict_all(classes_of(set)); };
  EXPECT_EQ(all({}), Verdict::pass);
  EXPECT_EQ(all({bad, open}), Verdict::wait) << "blocked only when all are over";
  EXPECT_EQ(all({untaken, untaken}), Verdict::drop);
  EXPECT_EQ(all({untaken, ok}), Verdict::pass) << "one branch was taken (R4)";
  EXPECT_EQ(all({untaken, soft}), Verdict::pass) << "a voluntary skip satisfies (R5)";
  EXPECT_EQ(all({untaken, bad}), Verdict::block);
  const auto any = [](const Set& set) { return verdict_any(classes_of(set)); };
  EXPECT_EQ(any({ok, open}), Verdict::pass) << "at once (R7)";
  EXPECT_EQ(any({soft, open}), Verdict::wait) << "a completed one may still come";
  EXPECT_EQ(any({soft, bad}), Verdict::pass);
  EXPECT_EQ(any({bad, untaken}), Verdict::block);
}

}  // namespace
}  // namespace pirn::engine
