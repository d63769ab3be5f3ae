#include "host/notify/schedule.h"

#include <algorithm>

namespace pirn::notify {

std::optional<Notice> Schedule::take(int64_t now) {
  if (due_.empty() || due_.begin()->first > now) return std::nullopt;
  Notice notice = std::move(due_.begin()->second);
  due_.erase(due_.begin());
  return notice;
}

std::optional<int64_t> Schedule::failed(Notice notice, int64_t now) {
  if (++notice.attempts >= limits_.attempts) return std::nullopt;
  int64_t delay = limits_.first_delay_ns;
  for (uint32_t i = 1; i < notice.attempts && delay < limits_.max_delay_ns; ++i) delay *= 2;
  const int64_t at = now + std::min(delay, limits_.max_delay_ns);
  due_.emplace(at, std::move(notice));
  return at;
}

}  // namespace pirn::notify
