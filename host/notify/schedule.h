// When a notice is told, told again, and given up: a pure plan of deliveries, driven by whoever owns the
// clock. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "registry/ids.h"

namespace pirn::notify {

// That a step waits for somebody.
struct Notice {
  std::string tenant;
  ExecutionId execution;
  std::string step;
  uint64_t seq = 0;       // of the event with which it began to wait
  std::string event;      // that event, JSON
  uint32_t attempts = 0;  // deliveries that failed
};

struct RetryLimits {
  int64_t first_delay_ns = 1'000'000'000, max_delay_ns = 300'000'000'000;
  uint32_t attempts = 10;
};

class Schedule {
 public:
  explicit Schedule(RetryLimits limits = {}) : limits_(limits) {}

  void add(Notice notice, int64_t now) { due_.emplace(now, std::move(notice)); }
  // The next one that is due, if any; it is the caller's until he says how it went.
  std::optional<Notice> take(int64_t now);
  // Plans the next attempt: its instant; nullopt: it is given up.
  std::optional<int64_t> failed(Notice notice, int64_t now);
  // INT64_MAX: nothing waits.
  int64_t next() const { return due_.empty() ? INT64_MAX : due_.begin()->first; }
  size_t size() const { return due_.size(); }

 private:
  const RetryLimits limits_;
  std::multimap<int64_t, Notice> due_;
};

}  // namespace pirn::notify
