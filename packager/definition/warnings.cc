// Times that contradict each other: the shorter one always wins.
#include "packager/definition/definition.h"

namespace pirn::definition {
namespace {

void add_warnings(const Workflow& workflow, const Step& step, std::vector<Warning>& out) {
  const std::string who = "the step '" + step.name + "' of the workflow '" + workflow.name + "'";
  const auto within = [](int64_t ns) { return "its timeout of " + print_duration(ns); };
  if (step.timeout_function.empty() && step.estimate_ns > step.timeout_ns)
    out.push_back({who + " is estimated to take " + print_duration(step.estimate_ns) + ", longer than " +
                       within(step.timeout_ns) + ": it would be stopped each time",
                   "Give it a longer timeout, or a shorter estimate.", step.where});
  else if (step.estimate_ns > workflow.timeout_ns)
    out.push_back({who + " is estimated to take " + print_duration(step.estimate_ns) +
                       ", longer than the workflow has: " + within(workflow.timeout_ns),
                   "Give the workflow a longer timeout, or the step a shorter estimate.", step.where});
}

}  // namespace

std::vector<Warning> warnings(const Definition& definition) {
  std::vector<Warning> out;
  for (const Workflow& workflow : definition.workflows)
    for (const Step& step : workflow.steps) add_warnings(workflow, step, out);
  return out;
}

}  // namespace pirn::definition
