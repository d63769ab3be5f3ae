// Writes lines to a descriptor whose reader may be slow, blocked or gone: a pipe, a FIFO, a terminal. It
// waits for the reader no longer than it was told, and can be told at any time to come to an end.
//
// A descriptor that others share must not be made non-blocking, for that holds for all of them. So each write
// follows a poll and has at most PIPE_BUF bytes: a pipe that has room for anything has room for these. A line
// that was begun is finished before the next one, so that lines never mix.
//
// One thread writes; finish_by() belongs to any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "packager/file/descriptor.h"

namespace pirn::log {

class LineWriter {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Outcome : uint8_t {
    written,  // to the descriptor, or begun: its rest goes before the next line
    late,     // nobody read in time; nothing of it was written
    failed,   // error() says why
  };

  // `fd` is lent; -1: none yet. `patience`: how long one line may wait for its reader; max(): for ever.
  LineWriter(int fd, std::chrono::milliseconds patience);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;

  // Goes on with another descriptor; what was begun on the old one is forgotten.
  void use(int fd);
  // `text`: one or more whole lines.
  Outcome write(std::string_view text);
  int error() const { return error_; }  // errno of the last failure

  // Any thread. From now on nothing waits beyond this instant, a write that is under way included.
  void finish_by(Clock::time_point instant);

 private:
  enum class Ready : uint8_t { yes, no };
  Ready wait_for_reader(Clock::time_point line_deadline);
  Outcome drain(std::string_view& text, Clock::time_point deadline);

  int fd_;
  const std::chrono::milliseconds patience_;
  const file::FileDescriptor wake_;  // an eventfd that finish_by() rings; -1: there was none to be had
  std::string rest_;                 // of a text that was begun
  int error_ = 0;
  std::atomic<Clock::rep> finish_by_{Clock::time_point::max().time_since_epoch().count()};
};

}  // namespace pirn::log
