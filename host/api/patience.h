// How long a client may take before its connection is closed: one that stalls must not hold a place of those
// that work.
#pragma once

#include <chrono>
#include <cstdint>

namespace pirn::api {

struct Patience {
  std::chrono::milliseconds header;    // from the first byte that may come to the end of the header
  std::chrono::milliseconds idle;      // between two requests of one connection
  std::chrono::milliseconds transfer;  // for a body or an answer, and more by its size

  std::chrono::milliseconds time_for(uint64_t bytes) const {
    constexpr uint64_t kSlowestBytesPerSecond = 64 * 1024;
    return transfer + std::chrono::seconds(bytes / kSlowestBytesPerSecond);
  }
};

}  // namespace pirn::api
