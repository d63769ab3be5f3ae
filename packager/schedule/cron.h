// Cron expressions (R35): five fields, strict. What cannot be understood is an error and never "every value".
//
//   minute 0-59 · hour 0-23 · day of month 1-31 · month 1-12 or JAN-DEC · weekday 0-7 or SUN-SAT (0 and 7 are
//   Sunday); each a list of *, a, a-b, */n, a-b/n. Macros: @yearly @annually @monthly @weekly @daily
//   @midnight
//   @hourly.
//
// Two rules come from Vixie's cron, since everybody's expressions rely on them:
//   - When day of month and weekday are both restricted (neither begins with *), one of them is enough.
//   - When the wall clock jumps, an expression whose hour begins with * follows real time: it fires in each
//     hour that passes, so twice in an hour that is repeated and not in one that is left out. Any other
//     expression names times of day: one that is left out fires at the first instant after the leap (several:
//     once), one that is repeated fires the first time only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "packager/schedule/zone.h"

namespace pirn::schedule {

struct Cron {
  // Bit n: the value n fires. At least one bit of each is set.
  uint64_t minutes = 0;
  uint32_t hours = 0;
  uint32_t days = 0;
  uint16_t months = 0;
  uint8_t weekdays = 0;  // 0 is Sunday
  // The field begins with *.
  bool any_hour = false, any_day = false, any_weekday = false;

  bool operator==(const Cron&) const = default;

  // The first fire strictly later than `after`, both in nanoseconds since 1970. Nullopt: beyond what these
  // can count (2262).
  std::optional<int64_t> next(int64_t after, const Zone& zone) const;
};

// Error: invalid_cron, also for an expression that never fires (the 30th of February). The message names the
// field and the column, the hint what is allowed there.
Result<Cron> parse_cron(std::string_view text);

}  // namespace pirn::schedule
