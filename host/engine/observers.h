// The hooks and handlers of one execution that wait or are under way: most executions never have one (R23, R54, R70).
//
// Hooks run one at a time, in the order of the events; handlers run side by side. This part keeps who waits, who runs
// and by which timer; what they say is for Execution to judge.
//
// Thread: the engine's. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/engine/change.h"

namespace pirn::engine {

struct HookCall {
  uint32_t step;
  std::string_view function;  // lives in the release
  std::string input;
};

class Observers {
 public:
  bool idle() const { return hook_ == 0 && hooks_.empty() && handlers_.empty(); }

  // ---- hooks ----

  void add_hook(HookCall call) { hooks_.push_back(std::move(call)); }
  // Takes the oldest that waits; nullopt: none does, or one is under way.
  std::optional<HookCall> next_hook();
  void begin_hook(uint64_t invocation, uint32_t step);
  // Returns the step that the hook was about.
  uint32_t end_hook(Timers& timers);
  uint64_t running_hook() const { return hook_; }  // its invocation; 0: none runs
  // Of the hook that runs.
  scheduler::TimerHandle& hook_timer() { return hook_timer_; }

  // ---- handlers ----

  void begin_handler(uint64_t invocation, scheduler::TimerHandle timer) {
    handlers_.emplace_back(invocation, timer);
  }
  // Whether it was under way; its timer is removed.
  bool end_handler(uint64_t invocation, Timers& timers);
  bool awaits_handler(uint64_t invocation) const;
  // nullptr: it is not under way.
  scheduler::TimerHandle* handler_timer(uint64_t invocation);
  // The invocation whose timer is due, by its low bits; 0: none.
  uint64_t handler_due(uint32_t low_bits);

 private:
  std::vector<HookCall> hooks_;  // waiting, the oldest first
  uint64_t hook_ = 0;
  uint32_t hook_step_ = 0;
  scheduler::TimerHandle hook_timer_ = scheduler::kNoTimer;
  std::vector<std::pair<uint64_t, scheduler::TimerHandle>> handlers_;  // by invocation
};

}  // namespace pirn::engine
