// Ids of executions: 43 bits of milliseconds, 10 shard bits, 11 bits of counter; each is above the last one,
// so that rows of live executions stay on few pages. Pure: the caller says what time it is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "registry/ids.h"

namespace pirn::engine {

class IdSource {
 public:
  // The instant at which ids would reach the sign bit of SQLite's integers: 2109-05-15T07:35:11Z.
  static constexpr int64_t kEnd_ns = (int64_t{1} << 42) * 1'000'000;

  void start_above(ExecutionId last) { last_ = std::max(last_, last.value); }
  ExecutionId next(int64_t now_ns) {
    const uint64_t of_time = static_cast<uint64_t>(now_ns / 1'000'000) << 21;
    last_ = std::max(of_time, last_ + 1);
    // The counter must not run into the shard bits: go on in the next millisecond.
    if ((last_ & 0x1FFFFF) >= 0x800) last_ = ((last_ >> 21) + 1) << 21;
    return ExecutionId{last_};
  }
  // The instant of the newest id: what was journaled is never in the future of the next turn.
  int64_t newest_instant() const { return static_cast<int64_t>(last_ >> 21) * 1'000'000; }

 private:
  uint64_t last_ = kTenantStreams - 1;
};

}  // namespace pirn::engine
