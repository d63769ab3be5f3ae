// When an expression fires next: a search through the calendar, and the two ways through a jump of the clock.
#include <bit>
#include <chrono>
#include <limits>

#include "packager/schedule/cron.h"

namespace pirn::schedule {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400;

int64_t floor_div(int64_t value, int64_t divisor) { return value / divisor - (value % divisor < 0 ? 1 : 0); }

// The lowest set bit of `bits` from `from` on; -1: there is none.
int bit_from(uint64_t bits, int64_t from) {
  if (from > 63) return -1;
  bits &= ~uint64_t(0) << from;
  return bits == 0 ? -1 : std::countr_zero(bits);
}

bool is_day(const Cron& cron, const std::chrono::year_month_day& date, std::chrono::sys_days day) {
  const bool by_day = cron.days >> unsigned(date.day()) & 1;
  const bool by_weekday = cron.weekdays >> std::chrono::weekday(day).c_encoding() & 1;
  return cron.any_day || cron.any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

// The first full minute from `local_s` on that the expression names, on a wall clock that never jumps. The
// calendar repeats itself every 400 years; what fires at all fires within 40 (a 29th of February that is a
// certain weekday, across a century without a leap year).
std::optional<int64_t> first_match(const Cron& cron, int64_t local_s) {
  using namespace std::chrono;
  sys_days day{days(floor_div(local_s, kDay))};
  int64_t second = local_s - day.time_since_epoch().count() * kDay;
  const sys_days last = day + days(41 * 366);
  for (; day <= last; ++day, second = 0) {
    const year_month_day date{day};
    if (!(cron.months >> unsigned(date.month()) & 1)) {
      day = sys_days(year_month_day_last(date.year(), month_day_last(date.month())));  // then the next month
      continue;
    }
    if (!is_day(cron, date, day)) continue;
    const int64_t minute_of_day = (second + 59) / 60;
    int64_t hour = minute_of_day / 60;
    int minute = bit_from(cron.hours, hour) == hour ? bit_from(cron.minutes, minute_of_day % 60) : -1;
    if (minute < 0) {
      hour = bit_from(cron.hours, cron.hours >> hour & 1 ? hour + 1 : hour);
      if (hour < 0) continue;
      minute = bit_from(cron.minutes, 0);
    }
    return day.time_since_epoch().count() * kDay + hour * 3600 + minute * 60;
  }
  return std::nullopt;
}

// Real time: within each stretch between two jumps.
std::optional<int64_t> next_in_real_time(const Cron& cron, int64_t after_s, const Zone& zone) {
  Zone::Period period = zone.period_at(after_s);
  int64_t from = after_s + 1;
  while (true) {
    const auto local = first_match(cron, from + period.offset_s);
    if (!local) return std::nullopt;
    if (*local - period.offset_s < period.end_s) return *local - period.offset_s;
    from = period.end_s;
    period = zone.period_at(from);
  }
}

// Times of day. The later the time of day, the later (or at the same leap) its first instant, so the first
// that lies behind `after_s` is the answer; the search begins at what the clock shows then, since all before
// that has had its instant.
std::optional<int64_t> next_time_of_day(const Cron& cron, int64_t after_s, const Zone& zone) {
  int64_t local = after_s + zone.period_at(after_s).offset_s;
  while (true) {
    const auto match = first_match(cron, local + 1);
    if (!match) return std::nullopt;
    if (const int64_t instant = zone.first_instant(*match); instant > after_s) return instant;
    local = *match;
  }
}

}  // namespace

std::optional<int64_t> Cron::next(int64_t after, const Zone& zone) const {
  const int64_t after_s = floor_div(after, kNsPerSecond);
  const auto instant =
      any_hour ? next_in_real_time(*this, after_s, zone) : next_time_of_day(*this, after_s, zone);
  if (!instant || *instant > std::numeric_limits<int64_t>::max() / kNsPerSecond) return std::nullopt;
  return *instant * kNsPerSecond;
}

}  // namespace pirn::schedule
