// What the tests of an execution's parts share: a plan and steps without an engine.
#pragma once

#include <string>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/journal/state.h"
#include "host/simulate/world.h"

namespace pirn::engine {

// `workflow`: the members of a workflow but its name.
inline PlanPtr plan_of(const std::string& workflow) {
  sim::FakeReleases releases;
  const registry::ReleasePtr release = releases.publish(
      "t",
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w",)" + workflow + "}]}");
  return Plan::make(release, release->definition.workflows[0]);
}

// The steps of an execution that ran in this order of commits.
class EndedSteps {
 public:
  explicit EndedSteps(size_t n) : steps(n) {}
  void end(uint32_t step, journal::StepState state, journal::SkipKind kind = journal::SkipKind::none) {
    steps[step].state = state;
    steps[step].skip_kind = kind;
    steps[step].ended_seq = ++seq_;
  }
  void complete(uint32_t step) { end(step, journal::StepState::completed); }
  void fail(uint32_t step) { end(step, journal::StepState::failed); }

  std::vector<journal::Step> steps;

 private:
  uint64_t seq_ = 0;
};

// The graft expands into these children.
inline ExpansionPtr expand(GrownPlan& plan, uint32_t graft, const std::vector<std::string>& names) {
  std::vector<journal::Child> children;
  for (const std::string& name : names) {
    journal::Child child;
    child.graft = graft;
    child.number = static_cast<uint32_t>(children.size());
    child.name = name;
    child.task = "child";  // which FakeReleases export
    children.push_back(child);
  }
  journal::ErrorPtr error;
  ExpansionPtr expansion =
      plan.prepare(graft, std::make_shared<const std::vector<journal::Child>>(std::move(children)), error);
  if (expansion) plan.add(expansion);
  return expansion;
}

}  // namespace pirn::engine
