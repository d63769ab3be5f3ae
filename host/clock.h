// The host's clock: engine time, and the wall clock beside it (host/engine/time_line.h says what each is
// for).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace pirn {

// What the machine's clocks say at one moment, in nanoseconds.
struct ClockReading {
  int64_t wall = 0;    // since 1970; whoever runs the machine may set it
  int64_t steady = 0;  // since the boot, also while the machine sleeps; nobody sets it
};
ClockReading read_system_clocks();

// Names the boot that `steady` counts from, within this machine; empty: the system does not say.
std::string boot_of_system();

// Any thread.
class Clock {
 public:
  using Read = std::function<ClockReading()>;
  explicit Clock(Read read = read_system_clocks, std::string boot = boot_of_system());

  // Engine time. Before follow() it is the wall clock as it was when this was made, and what has passed
  // since.
  int64_t now() const { return read_().steady + origin_.load(std::memory_order_relaxed); }
  int64_t wall() const { return read_().wall; }
  int64_t wall_ms() const { return wall() / 1'000'000; }

  ClockReading read() const { return read_(); }
  const std::string& boot() const { return boot_; }
  // Engine time is `origin` plus the steady clock: the engine has said so (engine::Beginning).
  void follow(int64_t origin) { origin_ = origin; }

 private:
  const Read read_;
  const std::string boot_;
  std::atomic<int64_t> origin_;
};

}  // namespace pirn
