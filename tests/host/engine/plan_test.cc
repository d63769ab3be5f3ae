#include "host/engine/plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>

#include "host/simulate/world.h"

namespace pirn::engine {
namespace {

// What a step says of the steps before it, by declaration index; groups are numbers, 0: none.
struct Declared {
  std::set<uint32_t> after, after_any, after_graft;
  uint32_t group = 0, after_group = 0;
  bool graft = false;
};
using Graph = std::vector<Declared>;

std::string list_of(const char* key, const std::set<uint32_t>& steps) {
  if (steps.empty()) return "";
  std::string out = std::string(",\"") + key + "\":[";
  for (const uint32_t step : steps) out += (out.back() == '[' ? "\"s" : ",\"s") + std::to_string(step) + "\"";
  return out + "]";
}

PlanPtr plan_of(const Graph& graph) {
  std::string steps;
  for (size_t i = 0; i < graph.size(); ++i) {
    const Declared& step = graph[i];
    steps += (i ? ",{\"name\":\"s" : "{\"name\":\"s") + std::to_string(i) + "\",\"task\":\"t\"";
    steps += list_of("after", step.after) + list_of("after_any", step.after_any) +
             list_of("after_graft", step.after_graft);
    if (step.group) steps += ",\"group\":\"g" + std::to_string(step.group) + "\"";
    if (step.after_group) steps += ",\"after_group\":\"g" + std::to_string(step.after_group) + "\"";
    if (step.graft) steps += ",\"graft\":true";
    steps += "}";
  }
  sim::FakeReleases releases;
  const registry::ReleasePtr release = releases.publish(
      "t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[)" +
               steps + "]}]}");
  return Plan::make(release, release->definition.workflows[0]);
}

// Edges follow a random order, so that declarations are in no order at all. `members` of a group come before
// all that wait for it.
Graph any_graph(bool with_ties) {
  const auto n = *rc::gen::inRange<uint32_t>(0, 20);
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[*rc::gen::inRange<uint32_t>(0, i)]);
  Graph graph(n);
  const auto density = *rc::gen::inRange(1, 8);
  const auto one_in = [](int of) { return *rc::gen::inRange(0, of) == 0; };
  for (uint32_t later = 0; later < n; ++later) {
    Declared& step = graph[order[later]];
    for (uint32_t earlier = 0; earlier < later; ++earlier) {
      if (one_in(density)) step.after.insert(order[earlier]);
      if (!with_ties) continue;
      if (one_in(density * 2)) step.after_any.insert(order[earlier]);
      if (graph[order[earlier]].graft && one_in(3)) step.after_graft.insert(order[earlier]);
    }
    if (!with_ties) continue;
    step.graft = one_in(3);
    // The first third may be members, the last third may wait for them.
    if (later < n / 3) step.group = *rc::gen::inRange(0u, 3u);
    if (later >= n - n / 3 && one_in(3)) {
      const auto group = *rc::gen::inRange(1u, 3u);
      const bool known =
          std::any_of(graph.begin(), graph.end(), [&](const Declared& d) { return d.group == group; });
      if (known) step.after_group = group;
    }
  }
  return graph;
}

// Every edge, one by one: whom a step waits for, and among them the grafts whose children it awaits, too.
struct Waits {
  std::set<uint32_t> all, any, children_of;
};
std::vector<Waits> naive_waits(const Graph& graph) {
  std::vector<Waits> out;
  for (const Declared& step : graph) {
    Waits waits{step.after, step.after_any, step.after_graft};
    waits.all.insert(step.after_graft.begin(), step.after_graft.end());
    for (uint32_t member = 0; member < graph.size() && step.after_group; ++member) {
      if (graph[member].group != step.after_group) continue;
      waits.all.insert(member);
      if (graph[member].graft) waits.children_of.insert(member);
    }
    out.push_back(std::move(waits));
  }
  return out;
}

// Always the smallest declaration whose dependencies are placed; searched from the start each time.
std::vector<uint32_t> naive_order(const std::vector<Waits>& waits) {
  std::vector<uint32_t> order;
  std::set<uint32_t> placed;
  const auto all_placed = [&](const std::set<uint32_t>& steps) {
    return std::includes(placed.begin(), placed.end(), steps.begin(), steps.end());
  };
  while (order.size() < waits.size()) {
    for (uint32_t step = 0; step < waits.size(); ++step) {
      if (placed.contains(step) || !all_placed(waits[step].all) || !all_placed(waits[step].any)) continue;
      order.push_back(step);
      placed.insert(step);
      break;
    }
  }
  return order;
}

RC_GTEST_PROP(Plan, RanksAreKahnsWithTheSmallestDeclarationFirst, (bool with_ties)) {
  const Graph graph = any_graph(with_ties);
  const PlanPtr plan = plan_of(graph);
  const std::vector<uint32_t> order = naive_order(naive_waits(graph));
  RC_ASSERT(plan->n_steps() == graph.size());
  for (uint32_t rank = 0; rank < order.size(); ++rank) {
    RC_ASSERT(plan->at_rank(rank) == order[rank]);
    RC_ASSERT(plan->rank(order[rank]) == rank);
  }
}

RC_GTEST_PROP(Plan, LevelsAreTheLongestWays, (bool with_ties)) {
  const Graph graph = any_graph(with_ties);
  const PlanPtr plan = plan_of(graph);
  const std::vector<Waits> waits = naive_waits(graph);
  std::vector<uint32_t> level(graph.size());
  for (const uint32_t step : naive_order(waits)) {
    for (const std::set<uint32_t>* set : {&waits[step].all, &waits[step].any})
      for (const uint32_t before : *set) level[step] = std::max(level[step], level[before] + 1);
    for (const uint32_t graft : waits[step].children_of)
      level[step] = std::max(level[step], level[graft] + 2);
    RC_ASSERT(plan->level(step) == level[step]);
  }
}

// What search_ancestors() finds for each step, and what the closure of all edges has; of `after_any` a random
// part counts.
RC_GTEST_PROP(Plan, AncestryIsTheTransitiveClosure, (bool with_ties)) {
  const Graph graph = any_graph(with_ties);
  const PlanPtr plan = plan_of(graph);
  const std::vector<Waits> waits = naive_waits(graph);
  const auto n = static_cast<uint32_t>(graph.size());
  std::vector<std::vector<uint32_t>> fired_by(n);
  std::vector<std::set<uint32_t>> ancestors(n), grafts(n);
  for (const uint32_t step : naive_order(waits)) {
    std::set<uint32_t> parents = waits[step].all;
    for (const uint32_t member : waits[step].any)
      if (*rc::gen::arbitrary<bool>()) fired_by[step].push_back(member);
    parents.insert(fired_by[step].begin(), fired_by[step].end());
    grafts[step] = waits[step].children_of;
    for (const uint32_t parent : parents) {
      ancestors[step].insert(parent);
      ancestors[step].insert(ancestors[parent].begin(), ancestors[parent].end());
      grafts[step].insert(grafts[parent].begin(), grafts[parent].end());
    }
  }
  for (uint32_t step = 0; step < n; ++step) {
    for (uint32_t least = 0; least <= n; ++least) {
      std::set<uint32_t> found, found_grafts, expected, expected_grafts;
      const auto high_enough = [&](uint32_t s) { return plan->rank(s) >= least; };
      std::copy_if(ancestors[step].begin(), ancestors[step].end(), std::inserter(expected, expected.end()),
                   high_enough);
      std::copy_if(grafts[step].begin(), grafts[step].end(),
                   std::inserter(expected_grafts, expected_grafts.end()), high_enough);
      const bool stopped = plan->search_ancestors(
          step, least, [&](uint32_t of) -> const std::vector<uint32_t>& { return fired_by[of]; },
          [&](uint32_t s) { return found.insert(s), false; },
          [&](uint32_t g) { return found_grafts.insert(g), false; });
      RC_ASSERT(!stopped);
      RC_ASSERT(found == expected);
      RC_ASSERT(found_grafts == expected_grafts);
    }
  }
}

RC_GTEST_PROP(Plan, DependentsAndRootsAreTheEdgesTurned, (bool with_ties)) {
  const Graph graph = any_graph(with_ties);
  const PlanPtr plan = plan_of(graph);
  const std::vector<Waits> waits = naive_waits(graph);
  std::vector<uint32_t> roots;
  std::vector<std::set<uint32_t>> dependents(graph.size()), any_dependents(graph.size());
  for (uint32_t step = 0; step < graph.size(); ++step) {
    if (waits[step].all.empty() && waits[step].any.empty()) roots.push_back(step);
    for (const uint32_t dependency : graph[step].after) dependents[dependency].insert(step);
    for (const uint32_t member : graph[step].after_any) any_dependents[member].insert(step);
  }
  RC_ASSERT(plan->roots() == roots);
  for (uint32_t step = 0; step < graph.size(); ++step) {
    const auto& found = plan->dependents(step);
    RC_ASSERT(std::set<uint32_t>(found.begin(), found.end()) == dependents[step]);
    RC_ASSERT(found.size() == dependents[step].size());
    const auto& any = plan->join_info(step).any_dependents;
    RC_ASSERT(std::set<uint32_t>(any.begin(), any.end()) == any_dependents[step]);
    RC_ASSERT((plan->n_dependencies(step) == 0) ==
              (std::find(roots.begin(), roots.end(), step) != roots.end()));
  }
  if (!with_ties) RC_ASSERT(plan->plain());
}

TEST(Plan, AGroupIsOneNodeHoweverManyWaitForIt) {
  Graph graph(60);
  for (uint32_t step = 0; step < 60; ++step) (step < 30 ? graph[step].group : graph[step].after_group) = 1;
  const PlanPtr plan = plan_of(graph);
  ASSERT_EQ(plan->joins().size(), 1u);
  EXPECT_EQ(plan->joins()[0].members.size(), 30u);
  EXPECT_EQ(plan->joins()[0].dependents.size(), 30u);
  EXPECT_TRUE(plan->dependents(0).empty());
}

TEST(Plan, StepsAreFoundByName) {
  const PlanPtr plan = plan_of({{}, {.after = {0}}});
  EXPECT_EQ(plan->find("s1"), 1u);
  EXPECT_EQ(plan->find("s2"), UINT32_MAX);
  EXPECT_EQ(plan->find(""), UINT32_MAX);
  EXPECT_EQ(plan->names(), (std::vector<std::string>{"s0", "s1"}));
  EXPECT_EQ(plan->origin()->definition, plan->release()->workflow_digests[0]);
}

}  // namespace
}  // namespace pirn::engine
