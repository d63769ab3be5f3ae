// When a schedule fires: cron expressions, a grid, or one instant (R35 to R38), and what becomes of the fires
// that a host slept through (R36). Pure: the present is an argument, and nothing is remembered between calls;
// what has fired is the caller's to keep. Instants and durations are nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "packager/error/error.h"
#include "packager/schedule/cron.h"
#include "packager/schedule/zone.h"

namespace pirn::schedule {

// once: the last of the missed fires, alone. skip: none of them. all: each, in order.
enum class Misfire : uint8_t { once, skip, all };

// What a schedule says. Exactly one of cron, every, at and in is given.
struct Terms {
  std::vector<std::string> cron;  // any of them fires; in the same minute they fire once
  std::string timezone;           // of cron; empty: UTC
  int64_t every_ns = 0;           // 0: not given
  std::string at;
  int64_t in_ns = 0;             // 0: not given
  std::string start_at, end_at;  // of cron and every, both inclusive; empty: unbounded

  bool operator==(const Terms&) const = default;
};

class Timetable {
 public:
  // The first fire of a schedule that begins to be in force at `now`: never earlier, but for an `at` that has
  // passed already, which is due at once (R38). Nullopt: it never fires.
  std::optional<int64_t> first(int64_t now) const;
  // The first fire strictly later than `after`. Nullopt: there is none any more.
  std::optional<int64_t> next(int64_t after) const;
  // The last fire not later than `until`, of a timetable that fires at `from` <= `until`. Its cost does not
  // depend on how many lie between.
  int64_t latest(int64_t from, int64_t until) const;
  // From one fire to the next, of a grid; 0: not a grid.
  int64_t grid_ns() const { return every_ns_; }
  // What a look at it costs, compared with one at a single expression.
  size_t cost() const { return crons_.empty() ? 1 : crons_.size(); }

 private:
  friend Result<Timetable> make_timetable(const Terms& terms, int64_t registered_at);

  std::vector<Cron> crons_;
  Zone zone_;
  int64_t origin_ = 0, every_ns_ = 0;  // fires at origin + k * every; every 0: not a grid
  std::optional<int64_t> once_;
  std::optional<int64_t> start_, end_;
};

// A grid without start_at begins one step after `registered_at`, with it at start_at (R37); `in` counts from
// `registered_at` (R38). Errors: invalid_cron, invalid_instant, unknown_timezone; invalid_schedule, when the
// terms contradict each other.
Result<Timetable> make_timetable(const Terms& terms, int64_t registered_at);

// A fire that is taken up this much late counts as punctual for Misfire::skip: a host is never exact.
inline constexpr int64_t kPunctual_ns = 60'000'000'000;

struct DueFires {
  std::vector<int64_t> fires;  // to be started now, ascending
  // The next fire. Not later than `now`: there are more due than `limit`, ask again.
  std::optional<int64_t> next;
  // Fires from the first to (excluding) the second were passed over by the policy.
  struct Span {
    int64_t from, until;
  };
  std::optional<Span> passed_over;
};

// Of the fires from `from`, which is one, to `until` the newest, at most `n` of them: which comes first, and
// how many they are. The search goes back from `until`, so its cost grows with `n` and not with the number of
// fires; it is made in pieces, because even that may be too long for one turn of the engine.
class NewestFires {
 public:
  NewestFires(int64_t from, int64_t until, size_t n) : from_(from), end_(until), most_(n), first_(from) {}

  // Looks at the timetable, always the same one, about `looks` times; whether the search is complete.
  bool go_on(const Timetable& timetable, size_t looks);
  // When it is complete.
  int64_t first() const { return first_; }
  size_t count() const { return count_; }

 private:
  bool complete() const { return count_ == most_ || end_ < from_; }
  void count_grid(const Timetable& timetable);
  size_t look_back(const Timetable& timetable);

  int64_t from_, end_;  // what lies behind `end_` is counted
  size_t most_;
  int64_t first_;
  size_t count_ = 0;
  int64_t window_ = 3'600'000'000'000;  // how far the next look goes back
};

// `next_fire`: the fire of the timetable that comes next, as it was remembered. After a long downtime the
// policy `all` may owe any number of fires: at most `limit` are handed out at a time.
DueFires due(const Timetable& timetable, int64_t next_fire, int64_t now, Misfire policy, size_t limit);

}  // namespace pirn::schedule
