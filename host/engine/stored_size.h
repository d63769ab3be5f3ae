// How much one execution stores, and whether there is room for more (R80). The store refuses a body above its
// limit, and then the host would have to stop. What would lead to such a body is therefore refused before
// anything is decided about it.
//
// Everything is counted as JSON text, and never as less than what will be written: the row as it will be at
// the end, with the context, and the one commit that records an outcome with all that follows from it.
//
// Thread: the engine's.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/engine/size_limits.h"
#include "host/journal/state.h"
#include "host/journal/text_size.h"
#include "host/worker/runner.h"

namespace pirn::engine {

class StoredSize {
 public:
  // Before the first step of an attempt.
  void begin(const Plan& plan, const journal::ExecutionState& state);

  // ---- what has been stored ----

  void add_children(const Expansion& expansion);
  void add_patch(const journal::Delta& patch);
  void add_result(const GrownPlan& plan, uint32_t step, const journal::StepResult& result);
  // An error that a step failed with. Handlers and other steps may be told of the largest.
  void add_error(const journal::StepError& error) {
    largest_error_ = std::max(largest_error_, journal::text_size(error));
  }
  void add_rollback_error(const journal::StepError& error) { rollback_errors_ += journal::text_size(error); }
  // The texts of a step beside its result, and the inputs of handlers under way. A record that changes them is
  // applied between remove and add.
  void add_texts(const journal::Step& step) { row_ += texts_of(step); }
  void remove_texts(const journal::Step& step) {
    assert(row_ >= texts_of(step));
    row_ -= texts_of(step);
  }
  void add_handlers(const journal::ExecutionState& state) { row_ += texts_of(state.handlers); }
  void remove_handlers(const journal::ExecutionState& state) {
    assert(row_ >= texts_of(state.handlers));
    row_ -= texts_of(state.handlers);
  }

  // Of the row at the end, at most.
  size_t row_bytes() const { return row_; }

  // ---- is there room? ----

  // Why there is none for what an invocation returned; empty: there is room. `step`: journal::kNoStep when it
  // is not the outcome of a step.
  std::string lack(const SizeLimits& limits, const GrownPlan& plan, uint32_t step, worker::Kind kind,
                   const worker::Outcome& outcome) const;
  // A person's answer becomes the result of each of `steps`. execution_too_large.
  Status check_answer(const SizeLimits& limits, const GrownPlan& plan, const std::vector<uint32_t>& steps,
                      const journal::Delta& answer) const;
  // A patch is in the row and in the context. execution_too_large.
  Status check_patch(const SizeLimits& limits, const journal::Delta& patch) const;

 private:
  static size_t texts_of(const journal::Step& step);
  static size_t texts_of(const std::vector<journal::HandlerRun>& handlers);

  size_t values_ = 0;           // the input, patches, results, children of grafts
  size_t row_ = 0;              // the row as it will be at the end, at most
  size_t largest_error_ = 0;    // of those that were recorded
  size_t rollback_errors_ = 0;  // which a handler is told together
};

// Whether an execution can begin with this input, and with the results that it takes over from a past one.
// execution_too_large.
Status check_input(const SizeLimits& limits, const journal::Delta& input);
Status check_heritage(const SizeLimits& limits, const Plan& plan, const journal::Delta& input,
                      const std::vector<journal::Step>& steps, const std::vector<bool>& adopts,
                      const std::vector<ExpansionPtr>& expansions);

}  // namespace pirn::engine
