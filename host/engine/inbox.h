// The engine's bounded inbox: where every other thread leaves its commands.
#pragma once

#include <mutex>
#include <vector>

#include "host/engine/command.h"
#include "host/worker/runner.h"

namespace pirn::engine {

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

  // The engine's thread. Appends at most `max` commands, in order of arrival; returns how many.
  size_t take(size_t max, std::vector<Command>& out);

 private:
  const size_t limit_;
  worker::Wakeup& wakeup_;
  mutable std::mutex mutex_;
  std::vector<Command> commands_;  // guarded by mutex_
  size_t waiting_ = 0;             // guarded by mutex_: in commands_ and in what is left of batch_
  bool closed_ = false;            // guarded by mutex_

  // The engine's thread: what it has fetched at once, so that the others wait for an exchange of two
  // pointers.
  std::vector<Command> batch_;
  size_t next_ = 0;  // the first one that has not been taken
};

}  // namespace pirn::engine
