// What the drawings of a workflow share. Private to packager/definition.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/graph.h"

namespace pirn::definition {

inline boost::json::string json_text(std::string_view view) {
  return boost::json::string(view.data(), view.size());
}

inline std::string label_of(const Step& step) {
  return step.label.empty() ? humanised(step.name) : step.label;
}
inline bool has_condition(const Step& step) { return step.when.kind != Condition::Kind::always; }

inline std::string state_of(const Step& step, const StepStates& states) {
  const auto found = states.find(step.name);
  return found == states.end() ? "pending" : found->second;
}

inline std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? std::string_view() : between).append(word);
  return out;
}

inline std::vector<std::string> names_of_steps(const Workflow& workflow, const std::vector<uint32_t>& steps) {
  std::vector<std::string> names;
  for (const uint32_t step : steps) names.push_back(workflow.steps[step].name);
  return names;
}

// A group with its members, in the order in which both are declared.
struct Group {
  std::string name;
  std::vector<uint32_t> members;
};
std::vector<Group> groups_of(const Workflow& workflow);

// edges.cc: the path whose lengths sum up to most; of equals the first declared.
CriticalPath longest_path(const Workflow& workflow, int64_t (*length_of)(const Step&));

// execution_plan.cc
boost::json::object plan_object(const Workflow& workflow);
boost::json::object resources_object(const std::vector<Resource>& resources);
boost::json::value number(double amount);  // an integer, if it is one

// print.cc: {"cron": […], …}
boost::json::object schedule_object(const Schedule& schedule);

}  // namespace pirn::definition
