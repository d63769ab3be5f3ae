// The engine's bounded inbox: where every other thread leaves its commands.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "host/engine/command.h"
#include "host/worker/runner.h"

namespace pirn::engine {

class Inbox : public worker::Wakeup {
 public:
  explicit Inbox(size_t limit) : limit_(limit) {}

  // Any thread. false: full, or closed to new work; the command is untouched (answer 503 with Retry-After).
  bool push(Command& command);
  // Any thread. Completions are waiting elsewhere.
  void wake() override;
  // Any thread. From now on push() refuses; what is in it is still taken.
  void close();
  bool closed() const;

  // The engine's thread. Appends at most `max` commands, in order of arrival; returns how many.
  size_t take(size_t max, std::vector<Command>& out);
  // The engine's thread. Waits until there is a command, a wake() or `timeout_ns` has passed; spins a little
  // before it blocks, since waking a blocked thread costs more than a turn.
  void wait(int64_t timeout_ns);

 private:
  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Command> commands_;   // guarded by mutex_
  bool closed_ = false;            // guarded by mutex_
  bool sleeping_ = false;          // guarded by mutex_
  std::atomic<bool> signal_{false};
};

}  // namespace pirn::engine
