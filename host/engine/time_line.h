// Engine time: what timeouts, deadlines, delays and backoff are counted in. Within one life of the host it is
// the wall clock at the start plus what the machine's steady clock counts since, so nobody who sets the
// system's clock makes a timer early or late. What calendars say (cron, `at`, `every`) follows the wall
// clock.
//
// Engine time never goes back, also across a restart: a life begins no earlier than the last journaled
// instant. A life that begins when the wall clock has been set since the last one takes the wall clock's
// word, and what is pending in engine time is moved by the difference. How much time has passed since the
// last life is known from the steady clock while the machine stays up, and else from the wall clock less the
// jumps that the journal has of it.
//
// A value, pure: what the clocks say is an argument. Nanoseconds; engine time and wall clock since 1970.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "host/journal/tenant_state.h"

namespace pirn::engine {

// What the clocks of the machine say at one moment.
struct Clocks {
  // A single clock is all there is, which nobody sets.
  Clocks(int64_t now)
      : wall(now), steady(now) {}  // NOLINT(google-explicit-constructor): callers have an instant
  Clocks(int64_t wall, int64_t steady, std::string_view boot = {}) : wall(wall), steady(steady), boot(boot) {}

  int64_t wall;
  int64_t steady;         // since any moment, also while the machine sleeps
  std::string_view boot;  // names that moment; empty: no other life can compare with it
};

class TimeLine {
 public:
  // A change of the wall clock by so much, against engine time, is none.
  static constexpr int64_t kSlack_ns = 1'000'000'000;

  // A life begins. `known`: what the last one has journaled; `newest`: the last journaled instant.
  // How far what is pending in engine time is to be moved.
  int64_t begin(const Clocks& clocks, const journal::ClockState& known, int64_t newest) {
    const bool same_boot = !clocks.boot.empty() && clocks.boot == known.boot;
    const int64_t went_on =
        std::max(same_boot ? clocks.steady + known.origin : clocks.wall - known.offset, newest);
    const bool follows_wall_clock = clocks.wall >= newest && !slight(clocks.wall - went_on);
    now_ = follows_wall_clock ? clocks.wall : went_on;
    origin_ = now_ - clocks.steady;
    wall_ = clocks.wall;
    return now_ - went_on;
  }
  // A moment later.
  void go_on(const Clocks& clocks) {
    now_ = std::max(now_, clocks.steady + origin_);
    wall_ = clocks.wall;
  }

  int64_t now() const { return now_; }
  int64_t wall() const { return wall_; }
  int64_t origin() const { return origin_; }  // engine time is that plus the steady clock
  int64_t offset() const { return wall_ - now_; }
  // When engine time will be, if nobody sets the clock, as late as the wall clock will be at this instant.
  int64_t of_wall(int64_t instant) const {
    int64_t then = 0;
    return __builtin_sub_overflow(instant, offset(), &then) ? instant : then;
  }

  static bool slight(int64_t by) { return by <= kSlack_ns && by >= -kSlack_ns; }

 private:
  int64_t now_ = 0, wall_ = 0, origin_ = 0;
};

}  // namespace pirn::engine
