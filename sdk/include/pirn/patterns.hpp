// Workflows of a common shape, made from functions that are declared with PIRN_TASK:
//
//   auto words() { return pirn::map_reduce("words", {}, count, {"a.txt", "b.txt"}, add_up); }
//   PIRN_PACKAGE("words", "1.0.0", words)
//
// They return the builder of workflow.hpp, to which more steps can be added; modifiers apply to the last
// step. The functions are exported with the workflow. `name` is the name of the workflow,
// [a-z0-9][a-z0-9_-]{0,62}; options.name is not used. All steps have the default options; set
// WorkflowOptions::step_defaults to change them. References by text to the steps are checked by `pirn pack`,
// not by the compiler.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pirn/name.hpp"
#include "pirn/options.hpp"
#include "pirn/value.hpp"
#include "pirn/workflow.hpp"

namespace pirn::inline sdk {
namespace detail {

// A workflow's name, with the place where it is said.
struct NamedHere {
  std::string name;
  At at;
  NamedHere(const char* name, At at = At::here()) : name(name), at(at) {}
  NamedHere(std::string name, At at = At::here()) : name(std::move(name)), at(at) {}
};

// The builder of such a workflow, which exports these functions.
template <class... F>
auto begin(const NamedHere& named, WorkflowOptions options, F... functions) {
  return workflow(named.name, std::move(options), named.at).uses(functions...);
}

// "task_" and 1: "task_1".
inline std::string numbered(const char* base, size_t n) { return std::string(base) + std::to_string(n); }

}  // namespace detail

// linear("deploy", {}, build, test, release)
//
// Steps task_1, task_2, …, one after the other, that call these functions. A function may be given several
// times.
template <detail::IsFunction... Tasks>
auto linear(detail::NamedHere name, WorkflowOptions options, Tasks... tasks) {
  auto built = detail::begin(name, std::move(options), tasks...);
  size_t n = 0;
  auto add = [&](const TaskRef& task) {
    StepOptions step;
    if (n > 0) step.after.add(detail::numbered("task_", n));
    built.add_step(detail::numbered("task_", ++n), task, std::move(step), name.at);
  };
  (add(tasks), ...);
  return built;
}

// side_by_side("checks", {.failure_mode = pirn::failure_mode::keep_going}, lint, unit_tests)
//
// Steps task_1, task_2, …, that do not depend on each other and call these functions. A function may be given
// several times.
template <detail::IsFunction... Tasks>
auto side_by_side(detail::NamedHere name, WorkflowOptions options, Tasks... tasks) {
  auto built = detail::begin(name, std::move(options), tasks...);
  size_t n = 0;
  (built.add_step(detail::numbered("task_", ++n), tasks, {}, name.at), ...);
  return built;
}

// map_reduce("words", {.step_concurrency = 4}, count, {"a.txt", "b.txt"}, add_up)
//
// One step map_chunk_1, map_chunk_2, … for each chunk, then the step `reduce` after all of them. A map step
// reads its chunk as the parameter `data`, and its result is stored in the context under the name of the
// step. Without chunks there is only `reduce`, which starts at once. Errors: pirn::Error invalid_value for a
// chunk of bytes, when the definition is printed.
template <detail::IsFunction Map, detail::IsFunction Reduce>
auto map_reduce(detail::NamedHere name, WorkflowOptions options, Map map, const std::vector<Value>& chunks,
                Reduce reduce) {
  auto built = detail::begin(name, std::move(options), map, reduce);
  StepOptions last;
  for (size_t i = 0; i < chunks.size(); ++i) {
    std::string step = detail::numbered("map_chunk_", i + 1);
    built.add_step(step, map, {.context_key = step, .params = {{"data", chunks[i]}}}, name.at);
    last.after.add(step);
  }
  built.add_step("reduce", reduce, std::move(last), name.at);
  return built;
}

// One dimension of a sweep: {"rate", {0.1, 0.2}}.
struct Axis {
  std::string name;           // of the parameter; different in each axis
  std::vector<Value> values;  // at least one, or there are no combinations
};

// sweep("tune", {}, train, {{"rate", {0.1, 0.2}}, {"depth", {3, 5}}}, choose)
//
// One step run_1, run_2, … for each combination of the axes' values (the last axis changes fastest), then the
// step `collect` after all of them. A run step reads its combination as parameters, and its result is stored
// in the context under the name of the step. Without axes there is one run step, without parameters. The
// number of combinations is the product of the axes' sizes, and a workflow has at most 100,000 steps.
template <detail::IsFunction Run, detail::IsFunction Collect>
auto sweep(detail::NamedHere name, WorkflowOptions options, Run run, const std::vector<Axis>& axes,
           Collect collect) {
  std::vector<Fields> combinations = {Fields()};
  for (const Axis& axis : axes) {
    std::vector<Fields> longer;
    for (const Fields& combination : combinations)
      for (const Value& value : axis.values) longer.push_back(Fields(combination).add(axis.name, value));
    combinations = std::move(longer);
  }
  auto built = detail::begin(name, std::move(options), run, collect);
  StepOptions last;
  for (size_t i = 0; i < combinations.size(); ++i) {
    std::string step = detail::numbered("run_", i + 1);
    built.add_step(step, run, {.context_key = step, .params = combinations[i]}, name.at);
    last.after.add(step);
  }
  built.add_step("collect", collect, std::move(last), name.at);
  return built;
}

}  // namespace pirn::inline sdk
