// What the steps of an execution see, and what each contributes: the fold of docs/semantics.md (R8 to R11). All writes
// are joined by their stamps, so the result does not depend on the order in which steps end.
//
// The plan and the steps are passed in, because they are the execution's.
//
// Thread: the engine's. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/engine/recycled.h"
#include "host/journal/context.h"
#include "host/journal/state.h"

namespace pirn::engine {

class ContextFold {
 public:
  using Steps = std::vector<journal::Step>;

  // As before the first step of an attempt.
  void begin(const Plan& plan, const journal::Delta& input);
  void add_children(const Expansion& expansion);
  // The number-th patch of a resume, from 1. Steps see it when they are looked at the next time.
  void patch(uint32_t number, const journal::Delta& delta);

  // The fold of the input, of patches and of all completed steps.
  const journal::Context& all() const { return all_; }
  // What the step saw when it was looked at last, and what it has written since: what its dependents see of it.
  const journal::Context& after(uint32_t step) const { return after_[step]; }

  // What the step sees now. `fired_by`: what counts of its `after_any`.
  journal::Context visible(const GrownPlan& plan, const Steps& steps, const std::vector<uint32_t>& fired_by,
                           uint32_t step) const;
  void look(const GrownPlan& plan, const Steps& steps, const std::vector<uint32_t>& fired_by, uint32_t step) {
    after_[step] = visible(plan, steps, fired_by, step);
  }
  // The step has completed with this contribution, after so many patches.
  void write(const GrownPlan& plan, uint32_t step, const journal::Delta& delta, size_t patches);

  // The step is over: who awaits it as one of several sees what it has written.
  void end_step(const GrownPlan& plan, uint32_t step);
  // All children of a graft are over that is a member of a group. `join`: of the graft.
  void end_graft(const GrownPlan& plan, uint32_t join);

 private:
  template <class Visit>
  void each_member(const GrownPlan& plan, uint32_t join,
                   Visit visit) const;  // the children of grafts among them

  journal::Context base_;  // the input, and patches
  journal::Context all_;
  std::vector<journal::Context, Recycled<journal::Context>> after_;  // by step
  // What the members of a join have written, and their ancestors.
  std::vector<journal::Context> joins_;
};

// What a slot contributes to the shared context (R10, R11).
journal::Delta context_delta(const GrownPlan& plan, uint32_t step, const journal::StepResult& result);

}  // namespace pirn::engine
