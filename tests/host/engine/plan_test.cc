#include "host/engine/plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>
#include <set>

#include "host/simulate/world.h"

namespace pirn::engine {
namespace {

// By declaration index: the indices of what it comes after.
using Graph = std::vector<std::set<uint32_t>>;

PlanPtr plan_of(const Graph& graph) {
  std::string steps;
  for (size_t i = 0; i < graph.size(); ++i) {
    steps += (i ? ",{\"name\":\"s" : "{\"name\":\"s") + std::to_string(i) + "\",\"task\":\"t\",\"after\":[";
    bool first = true;
    for (const uint32_t dependency : graph[i]) {
      steps += (first ? "\"s" : ",\"s") + std::to_string(dependency) + "\"";
      first = false;
    }
    steps += "]}";
  }
  sim::FakeReleases releases;
  const registry::ReleasePtr release = releases.publish(
      "t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[)" + steps + "]}]}");
  return Plan::make(release, release->definition.workflows[0]);
}

// Edges follow a random order, so that declarations are in no order at all.
Graph any_graph() {
  const auto n = *rc::gen::inRange<uint32_t>(0, 20);
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[*rc::gen::inRange<uint32_t>(0, i)]);
  Graph graph(n);
  const auto density = *rc::gen::inRange(1, 8);
  for (uint32_t later = 0; later < n; ++later)
    for (uint32_t earlier = 0; earlier < later; ++earlier)
      if (*rc::gen::inRange(0, density) == 0) graph[order[later]].insert(order[earlier]);
  return graph;
}

// Always the smallest declaration whose dependencies are placed; searched from the start each time.
std::vector<uint32_t> naive_order(const Graph& graph) {
  std::vector<uint32_t> order;
  std::set<uint32_t> placed;
  while (order.size() < graph.size()) {
    for (uint32_t step = 0; step < graph.size(); ++step) {
      const bool ready = !placed.contains(step) && std::includes(placed.begin(), placed.end(), graph[step].begin(), graph[step].end());
      if (!ready) continue;
      order.push_back(step);
      placed.insert(step);
      break;
    }
  }
  return order;
}

RC_GTEST_PROP(Plan, RanksAreKahnsWithTheSmallestDeclarationFirst, ()) {
  const Graph graph = any_graph();
  const PlanPtr plan = plan_of(graph);
  const std::vector<uint32_t> order = naive_order(graph);
  RC_ASSERT(plan->n_steps() == graph.size());
  for (uint32_t rank = 0; rank < order.size(); ++rank) {
    RC_ASSERT(plan->at_rank(rank) == order[rank]);
    RC_ASSERT(plan->rank(order[rank]) == rank);
  }
}

RC_GTEST_PROP(Plan, AncestryIsTheTransitiveClosure, ()) {
  const Graph graph = any_graph();
  const PlanPtr plan = plan_of(graph);
  const size_t n = graph.size();
  std::vector<std::vector<bool>> reaches(n, std::vector<bool>(n));
  for (size_t step = 0; step < n; ++step)
    for (const uint32_t dependency : graph[step]) reaches[dependency][step] = true;
  for (size_t k = 0; k < n; ++k)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        if (reaches[i][k] && reaches[k][j]) reaches[i][j] = true;
  for (uint32_t ancestor = 0; ancestor < n; ++ancestor)
    for (uint32_t step = 0; step < n; ++step) RC_ASSERT(plan->is_ancestor(ancestor, step) == reaches[ancestor][step]);
}

RC_GTEST_PROP(Plan, DependentsAndRootsAreTheEdgesTurned, ()) {
  const Graph graph = any_graph();
  const PlanPtr plan = plan_of(graph);
  std::vector<uint32_t> roots;
  std::vector<std::set<uint32_t>> dependents(graph.size());
  for (uint32_t step = 0; step < graph.size(); ++step) {
    if (graph[step].empty()) roots.push_back(step);
    for (const uint32_t dependency : graph[step]) dependents[dependency].insert(step);
  }
  RC_ASSERT(plan->roots() == roots);
  for (uint32_t step = 0; step < graph.size(); ++step) {
    const auto& found = plan->dependents(step);
    RC_ASSERT(std::set<uint32_t>(found.begin(), found.end()) == dependents[step]);
    RC_ASSERT(found.size() == dependents[step].size());
  }
}

TEST(Plan, StepsAreFoundByName) {
  const PlanPtr plan = plan_of({{}, {0}});
  EXPECT_EQ(plan->find("s1"), 1u);
  EXPECT_EQ(plan->find("s2"), UINT32_MAX);
  EXPECT_EQ(plan->find(""), UINT32_MAX);
  EXPECT_EQ(plan->names(), (std::vector<std::string>{"s0", "s1"}));
  EXPECT_EQ(plan->origin()->definition, plan->release()->workflow_digests[0]);
}

}  // namespace
}  // namespace pirn::engine
