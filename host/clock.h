// The system's clock, as the host reads it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pirn {

// Nanoseconds since 1970 that never go back, whatever is done to the system's clock.
class Clock {
 public:
  int64_t now() {
    const int64_t system = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    return last_ = std::max(last_, system);
  }
  int64_t now_ms() { return now() / 1'000'000; }

 private:
  int64_t last_ = 0;
};

}  // namespace pirn
