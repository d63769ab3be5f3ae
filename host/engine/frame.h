// What the invocations of one attempt of an execution share: the plan, and the slots of completed steps. A
// slot is written once, before any step that may read it is handed to a runner, so runners read without a
// lock.
#pragma once

#include <string_view>
#include <vector>

#include "host/engine/plan.h"
#include "host/worker/runner.h"

namespace pirn::engine {

class ExecutionFrame : public worker::Frame {
 public:
  ExecutionFrame(ExecutionId id, PlanPtr plan, uint32_t workflow_attempt);
  // Any thread.
  Access result_of(uint32_t step, std::string_view ancestor, const journal::StepResult*& out) const override;
  // The engine's thread. nullptr: completed without a result.
  void set(uint32_t step, journal::ResultPtr result);

 private:
  const PlanPtr plan_;
  std::vector<journal::ResultPtr> slots_;  // null: not completed
};

}  // namespace pirn::engine
