// What an execution that compensates still has to roll back: completed steps in the reverse order of their commits
// (R24, R25). Most executions never have one.
//
// Thread: the engine's. Pure.
#pragma once

#include <cassert>
#include <cstdint>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/journal/state.h"

namespace pirn::engine {

class Rollbacks {
 public:
  Rollbacks() = default;
  // All completed steps that can be rolled back and have not been: those that declare a rollback, and those whose
  // work was a nested execution.
  Rollbacks(const GrownPlan& plan, const std::vector<journal::Step>& steps);

  bool empty() const { return steps_.empty(); }
  // In the order in which they are rolled back: the newest commit first.
  std::vector<uint32_t> in_order() const { return {steps_.rbegin(), steps_.rend()}; }
  // The step whose turn it is.
  uint32_t next() const {
    assert(!steps_.empty());
    return steps_.back();
  }
  // That step has been rolled back, or has failed for good.
  void end_next() {
    assert(!steps_.empty());
    steps_.pop_back();
  }

 private:
  std::vector<uint32_t> steps_;  // the newest commit last
};

}  // namespace pirn::engine
