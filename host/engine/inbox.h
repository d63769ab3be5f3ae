// The engine's bounded inbox: where every other thread leaves its commands.
//
// A turn takes what has come in the order of arrival, as long as it is no more than a turn does. When more
// has come, tenants are served in turn (deficit round robin), so that one that sends thousands of commands,
// or the dear ones that walk over all of its executions, delays the others by a part of a turn and not by all
// of its own. The commands of one tenant stay in their order.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "host/engine/command.h"
#include "host/worker/runner.h"
#include "packager/mutex/mutex.h"

namespace pirn::engine {

// What a command counts for in a turn, in commands that look at one execution.
size_t cost_of(const Command& command);
inline constexpr size_t kWalkCost = 64;  // of the dearest: those that look at all open executions

class Inbox {
 public:
  // Wakes the engine's loop through `wakeup`, which outlives the inbox.
  Inbox(size_t limit, worker::Wakeup& wakeup) : limit_(limit), wakeup_(wakeup) {}

  // Any thread. false: full, or closed to new work; the command is untouched (answer 503 with Retry-After).
  bool push(Command& command);
  // Any thread. The catalog has moved: the engine looks at it now, and not when the next command comes.
  void nudge() { wakeup_.wake(); }
  // Any thread. From now on push() refuses; what is in it is still taken.
  void close();
  bool closed() const;

  // The engine's thread. Appends commands that cost at most `max` together, or one that costs more; returns
  // how many.
  size_t take(size_t max, std::vector<Command>& out);
  // The engine's thread. Something was left by the last take(): nobody wakes the engine for it.
  bool has_more() const { return !queues_.empty(); }

 private:
  struct TenantQueue {
    std::deque<Command> commands;
    size_t credit =
        kWalkCost;  // what it may take before the next tenant's turn: the dearest command at least
  };
  using TenantQueues = std::map<std::string, TenantQueue, std::less<>>;

  void line_up();
  size_t take_in_turn(size_t max, std::vector<Command>& out);

  const size_t limit_;
  worker::Wakeup& wakeup_;
  mutable Mutex mutex_;
  std::vector<Command> commands_ PIRN_GUARDED_BY(mutex_);
  bool closed_ PIRN_GUARDED_BY(mutex_) = false;
  std::atomic<size_t> waiting_{0};  // in commands_ and in queues_; only grows with mutex_ held

  // The engine's thread: what it has fetched, so that the others wait for an exchange of two pointers.
  std::vector<Command> arrived_;
  TenantQueues queues_;                      // by tenant; none is empty
  std::deque<TenantQueues::iterator> ring_;  // each of queues_ once
};

}  // namespace pirn::engine
