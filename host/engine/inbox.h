// The engine's bounded inbox: where every other thread leaves its commands.
#pragma once

#include <atomic>
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
  // Any thread. Something is waiting elsewhere (completions).
  void wake() override;
  // Any thread. From now on push() refuses; what is in it is still taken.
  void close();
  bool closed() const;

  // The engine's thread. Appends at most `max` commands, in order of arrival; returns how many.
  size_t take(size_t max, std::vector<Command>& out);
  // The engine's thread. Returns at once when there is a command or there was a wake() since the last wait();
  // else spins a little (waking a blocked thread costs more than a turn), then blocks for at most `timeout_ns`.
  void wait(int64_t timeout_ns);

 private:
  void signal();

  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Command> commands_;     // guarded by mutex_
  bool closed_ = false;              // guarded by mutex_
  std::atomic<bool> signalled_{false};
  std::atomic<bool> sleeping_{false};
};

}  // namespace pirn::engine
