#include "host/engine/observers.h"

#include <algorithm>
#include <cassert>

namespace pirn::engine {

std::optional<HookCall> Observers::next_hook() {
  if (hook_ != 0 || hooks_.empty()) return std::nullopt;
  HookCall next = std::move(hooks_.front());
  hooks_.erase(hooks_.begin());
  return next;
}

void Observers::begin_hook(uint64_t invocation, uint32_t step) {
  assert(hook_ == 0 && invocation != 0 && "one hook at a time");
  hook_ = invocation;
  hook_step_ = step;
}

uint32_t Observers::end_hook(Timers& timers) {
  timers.remove(hook_timer_);
  hook_ = 0;
  return hook_step_;
}

bool Observers::end_handler(uint64_t invocation, Timers& timers) {
  const auto found = std::find_if(handlers_.begin(), handlers_.end(),
                                  [&](const auto& handler) { return handler.first == invocation; });
  if (found == handlers_.end()) return false;
  timers.remove(found->second);
  handlers_.erase(found);
  return true;
}

bool Observers::awaits_handler(uint64_t invocation) const {
  return std::any_of(handlers_.begin(), handlers_.end(),
                     [&](const auto& handler) { return handler.first == invocation; });
}

scheduler::TimerHandle* Observers::handler_timer(uint64_t invocation) {
  for (auto& [running, timer] : handlers_)
    if (running == invocation) return &timer;
  return nullptr;
}

uint64_t Observers::handler_due(uint32_t low_bits) {
  for (auto& [invocation, timer] : handlers_) {
    if (static_cast<uint32_t>(invocation) != low_bits) continue;
    timer = scheduler::kNoTimer;  // it is spent
    return invocation;
  }
  return 0;
}

}  // namespace pirn::engine
