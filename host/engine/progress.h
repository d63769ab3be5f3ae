// How far the steps of an execution have come: what each still waits for, whose verdict is due, which are ready, and
// how many run (R2 to R7, R44, R60).
//
// This part only counts. What follows from the counts is decided and recorded by Execution, which owns the plan and
// the steps and passes them in. Whatever order steps end in, the counts are the same.
//
// Thread: the engine's. Pure.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/engine/recycled.h"
#include "host/engine/verdict.h"
#include "host/journal/state.h"
#include "host/scheduler/ready_set.h"

namespace pirn::engine {

class Progress {
 public:
  using Steps = std::vector<journal::Step>;

  // As before the first step of an attempt: nothing has ended. Children are added afterwards.
  void begin(const Plan& plan, journal::Strategy started_with);
  void add_children(const GrownPlan& plan, const Expansion& expansion);
  // Only the strategy hybrid has a barrier: no step of a level starts while one of a lower level is open. It counts
  // the steps that the plan has now, as open.
  void raise_barrier(const GrownPlan& plan);
  void drop_barrier() { barrier_.reset(); }

  // ---- what has ended ----

  // The step is over, and counts by its class in `steps`. Returns the join of a graft that belongs to a group if all
  // of the graft's children are over with it; else kNone.
  uint32_t end_step(const GrownPlan& plan, const Steps& steps, uint32_t step);
  bool all_over() const { return n_open_ == 0; }

  // ---- verdicts ----

  // The step waits for nothing any more: its verdict is due.
  void make_due(const GrownPlan& plan, uint32_t step);
  // Takes the one of the smallest rank; nullopt: none is due.
  std::optional<uint32_t> next_due(const GrownPlan& plan);
  void clear_due() { due_.clear(); }
  bool waits(uint32_t step) const { return open_dependencies_[step] > 0; }
  Verdict verdict(const GrownPlan& plan, const Steps& steps, uint32_t step) const;
  // Of a step that is blocked: the step that blocks it; the first, if there are several, in the order of commits.
  uint32_t first_bad(const GrownPlan& plan, const Steps& steps, uint32_t step) const;

  // ---- which starts next ----

  void push_ready(const GrownPlan& plan, uint32_t step);
  // There must be one.
  uint32_t pop_ready() { return ready_.pop(); }
  // Takes this one out of its turn; false: it is not ready.
  bool take_ready(uint32_t step) { return ready_.take(step); }
  void clear_ready() { ready_.clear(); }
  size_t ready() const { return ready_.size(); }
  bool has_free_slot() const { return n_running_ + n_waiting_ < slots_; }

  // ---- how many are under way ----

  uint32_t running() const { return n_running_; }
  void begin_running() { ++n_running_; }
  void end_running();
  uint32_t asking() const { return n_asking_; }
  void begin_asking() { ++n_asking_; }
  void end_asking();
  // Ready steps that wait for resources: they have their slot, and are no longer among the ready ones.
  uint32_t waiting() const { return n_waiting_; }
  void begin_waiting() { ++n_waiting_; }
  void end_waiting();
  void forget_waiting() { n_waiting_ = 0; }

 private:
  struct JoinCount {
    uint32_t open = 0;  // members and joins
    Classes classes;
    uint32_t first_bad = kNone;  // in the order of commits
  };
  struct AnyCount {
    uint32_t open = 0;  // members
    bool decided = false;
  };
  // Only of a plan that is not plain.
  struct Joins {
    std::vector<JoinCount> joins;
    std::vector<AnyCount> any;
  };
  struct Barrier {
    std::vector<uint32_t> open;                      // steps, by level
    uint32_t level = 0;                              // the lowest that has an open one
    std::map<uint32_t, std::vector<uint32_t>> held;  // ready steps of higher levels
  };

  void let_go(const GrownPlan& plan, uint32_t dependent);
  uint32_t end_in_joins(const GrownPlan& plan, const Steps& steps, uint32_t step);
  uint32_t end_in_join(const GrownPlan& plan, const Steps& steps, uint32_t number, const Classes& classes,
                       uint32_t first_bad);
  void pass_barrier(const GrownPlan& plan, uint32_t ended_step);

  std::vector<uint32_t, Recycled<uint32_t>> open_dependencies_;  // by step
  std::unique_ptr<Joins> joins_;
  std::unique_ptr<Barrier> barrier_;
  boost::container::small_vector<uint32_t, 2> due_;  // ranks of steps whose verdict is due, a heap
  scheduler::ReadySet ready_;
  definition::Strategy strategy_ = definition::Strategy::parallel;
  uint32_t slots_ = 0;  // how many steps may run at once
  uint32_t n_open_ = 0, n_running_ = 0, n_asking_ = 0, n_waiting_ = 0;
};

// What counts of the step's `after_any`: the completed members, or if there are none, the softer ones (R7). Only
// those that ended before `before_seq` of the journal.
std::vector<uint32_t> firing_members(const GrownPlan& plan, const Progress::Steps& steps, uint32_t step,
                                     uint64_t before_seq);
// As it was fixed when the step passed. Of a condition that was false without asking a function, and of a step that
// was adopted, the journal has no more than when they ended.
std::vector<uint32_t> fired_before(const GrownPlan& plan, const Progress::Steps& steps, uint32_t step);

}  // namespace pirn::engine
