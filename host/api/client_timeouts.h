// How long a client may take before its connection is closed: a client that stalls must not hold a place that
// others need.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pirn::api {

// All durations are positive.
struct ClientTimeouts {
  std::chrono::milliseconds header;    // from the first byte of a request to the end of its header
  std::chrono::milliseconds idle;      // between two requests of one connection
  std::chrono::milliseconds transfer;  // how long a body or an answer may fall behind min_rate
  // Instead of `header` and `idle`, for a TCP connection that has not authenticated yet.
  std::chrono::milliseconds stranger;
  uint64_t min_rate;  // bytes a second of a body, and of an answer; at least 1

  // For a whole answer of so many bytes.
  std::chrono::milliseconds time_for(uint64_t bytes) const {
    return transfer + std::chrono::milliseconds(bytes * 1000 / min_rate);
  }
};

// When a body that arrives piece by piece is late. It may fall behind the minimum rate by `transfer` and no
// further: bytes that came fast do not buy a long silence afterwards.
class BodyDeadline {
 public:
  using Clock = std::chrono::steady_clock;

  BodyDeadline() = default;
  BodyDeadline(const ClientTimeouts& timeouts, Clock::time_point now)
      : grace_(timeouts.transfer), min_rate_(timeouts.min_rate), at_(now + grace_) {}

  void arrived(uint64_t bytes, Clock::time_point now) {
    const auto earned = std::chrono::microseconds(bytes * 1'000'000 / min_rate_);
    at_ = std::min(at_ + earned, now + grace_);
  }
  Clock::time_point at() const { return at_; }

 private:
  std::chrono::milliseconds grace_{0};
  uint64_t min_rate_ = 1;
  Clock::time_point at_;
};

}  // namespace pirn::api
