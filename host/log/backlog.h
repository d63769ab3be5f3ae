// Lines on their way to a descriptor that nobody may be reading. push() never blocks and never fails: a
// thread of the backlog writes, and what it cannot write in time waits within bounds. Beyond them the oldest
// lines are lost, as in the logbook and before sinks: whoever reads again wants to know what is going on now.
// How many were lost is counted, and told in their place by one line as soon as somebody reads.
//
// Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace pirn::log {

class Backlog {
 public:
  struct Limits {
    size_t lines = 16'384;
    size_t bytes = 4 << 20;
  };

  // `fd` is lent and must stay open until the process ends: a thread that a reader blocks in the middle of a
  // write is left behind with it. `notice`: the line that says how many lines were lost; called on the thread
  // of the backlog.
  Backlog(int fd, Limits limits, std::function<std::string(uint64_t lost)> notice);
  // Gives what waits a last chance, as flush() does.
  ~Backlog();
  Backlog(const Backlog&) = delete;

  // `line`: with its line feed.
  void push(std::string line);

  // Waits until everything that was pushed before has been written, or `limit` is over. A reader that has
  // made one flush fail and has not read since is not waited for again. False: not everything was written.
  bool flush(std::chrono::milliseconds limit = kFlushLimit);

  uint64_t lost() const;

  static constexpr std::chrono::milliseconds kFlushLimit{1000};

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object
};

}  // namespace pirn::log
