#include "host/clock.h"

#include <time.h>

#include <fstream>

namespace pirn {

namespace {

int64_t ns_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

ClockReading read_system_clocks() { return {ns_of(CLOCK_REALTIME), ns_of(CLOCK_BOOTTIME)}; }

std::string boot_of_system() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  if (boot.empty()) return boot;
  // In a time namespace the steady clock counts from elsewhere.
  std::ifstream offsets("/proc/self/timens_offsets");
  for (std::string clock, seconds, nanoseconds; offsets >> clock >> seconds >> nanoseconds;)
    if (clock == "boottime" && (seconds != "0" || nanoseconds != "0"))
      boot += '+' + seconds + '.' + nanoseconds;
  return boot;
}

Clock::Clock(Read read, std::string boot) : read_(std::move(read)), boot_(std::move(boot)), origin_(0) {
  const ClockReading now = read_();
  origin_ = now.wall - now.steady;
}

}  // namespace pirn
