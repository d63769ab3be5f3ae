// What the invocations of one attempt of an execution share: the plan, what grew behind it, and the slots of
// completed steps. A slot, the children of a graft and the members of `after_any` that counted are written
// once, before any step that descends from them is handed to a runner, and runners come to them only by the
// way of descent: so they read without a lock.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/engine/recycled.h"
#include "host/worker/runner.h"

namespace pirn::engine {

class ExecutionFrame : public worker::Frame {
 public:
  ExecutionFrame(ExecutionId id, PlanPtr plan, uint32_t workflow_attempt, uint32_t tenant_number);
  // Any thread.
  Access result_of(uint32_t step, std::string_view ancestor, const journal::StepResult*& out) const override;

  // The engine's thread.
  // nullptr: completed without a result.
  void set(uint32_t step, journal::ResultPtr result);
  void grow(ExpansionPtr expansion);
  void set_fired_by(uint32_t step, std::vector<uint32_t> members);
  // Of `after_any`: what counts; empty before the step has passed.
  const std::vector<uint32_t>& fired_by(uint32_t step) const;
  bool is_ancestor(uint32_t ancestor, uint32_t step) const;

 private:
  struct Branch {
    ExpansionPtr expansion;  // null: the graft has not expanded
    std::vector<journal::ResultPtr> slots;
    const Branch* older = nullptr;  // the one that expanded before
  };

  // Of a child; nullptr: a declared step.
  const Branch* branch_of(uint32_t step) const;
  // Calls on_step for declared ancestors, on_branch for grafts whose children are ancestors.
  template <class OnStep, class OnBranch>
  bool search(uint32_t step, uint32_t least_rank, OnStep on_step, OnBranch on_branch) const;

  // Only of a plan that is not plain.
  struct JoinInfo {
    std::vector<Branch> branches;                 // by the graft's number
    std::atomic<const Branch*> newest = nullptr;  // a child's call must find its graft while others expand
    std::vector<std::vector<uint32_t>> fired_by;  // by the number of the step
  };

  const PlanPtr plan_;
  std::vector<journal::ResultPtr, Recycled<journal::ResultPtr>>
      slots_;  // of declared steps; null: not completed
  std::unique_ptr<JoinInfo> join_info_;
};

}  // namespace pirn::engine
