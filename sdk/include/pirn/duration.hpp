// Durations of the definition language: 250_ms, 30_s, 5_min, 2_h, 7_d, pirn::infinity. std::chrono durations
// convert.
//
//   using namespace pirn::literals;
//   PIRN_STEP(load, {.timeout = 90_s, .retry_delay = std::chrono::milliseconds(250)}) { … }
//   if (in.duration() > 5_min) ctx.warn("slow: " + in.duration().text());
//
// Nothing here throws but text(), which allocates. Any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace pirn::inline sdk {

// A number of nanoseconds, from about -292 to 292 years, or infinity. A value. Arithmetic neither checks for
// overflow nor gives infinity a special meaning: do not add to infinity or multiply it.
//
// The type allows negative durations, but the definition language has none, and each option names its range.
// A value out of range is rejected where it is used: by `pirn pack` in an option, by the host in an outcome.
class Duration {
 public:
  // 0.
  constexpr Duration() = default;
  // Converts any type with the interface of std::chrono::duration; <chrono> itself takes too long to compile
  // to include it here. The denominator of its period must divide a second into whole nanoseconds, which the
  // compiler checks. A fraction of a nanosecond is dropped. A number that does not fit is not detected.
  template <class D>
  requires requires(const D& d) {
    d.count();
    D::period::num;
    D::period::den;
  }
  constexpr Duration(const D& d) {
    constexpr int64_t unit = 1'000'000'000 / D::period::den;
    static_assert(unit * D::period::den == 1'000'000'000, "a duration finer than nanoseconds");
    ns_ = static_cast<int64_t>(d.count() * (D::period::num * unit));
  }

  // Exactly `n` units. A number that does not fit into nanoseconds is not detected.
  static constexpr Duration nanoseconds(int64_t n) {
    Duration d;
    d.ns_ = n;
    return d;
  }
  static constexpr Duration milliseconds(int64_t n) { return nanoseconds(n * 1'000'000); }
  static constexpr Duration seconds(int64_t n) { return milliseconds(n * 1000); }

  // Whole units, rounded towards 0. Of infinity: the largest number of that unit.
  constexpr int64_t ns() const { return ns_; }
  constexpr int64_t ms() const { return ns_ / 1'000'000; }
  // Whether this is pirn::infinity.
  constexpr bool infinite() const { return ns_ == std::numeric_limits<int64_t>::max(); }

  // Compare by length; infinity is longer than everything else.
  friend constexpr bool operator==(Duration a, Duration b) { return a.ns_ == b.ns_; }
  friend constexpr auto operator<=>(Duration a, Duration b) { return a.ns_ <=> b.ns_; }
  // The sum.
  friend constexpr Duration operator+(Duration a, Duration b) { return nanoseconds(a.ns_ + b.ns_); }
  // The multiple, calculated as a double and rounded towards 0 to a nanosecond: exact for
  // whole factors up to 104 days.
  friend constexpr Duration operator*(Duration a, double factor) {
    return nanoseconds(static_cast<int64_t>(static_cast<double>(a.ns_) * factor));
  }

  // As the definition language writes it: "1h30m", "250ms", "infinity". Options are printed with this, down
  // to a millisecond: smaller parts are dropped, and everything below a millisecond is "0s". The text of a
  // negative duration is not a duration of the language.
  std::string text() const {
    if (infinite()) return "infinity";
    struct Unit {
      int64_t ms;
      const char* name;
    };
    std::string out;
    int64_t rest = ms();
    for (Unit unit :
         {Unit{86'400'000, "d"}, Unit{3'600'000, "h"}, Unit{60'000, "m"}, Unit{1000, "s"}, Unit{1, "ms"}})
      if (int64_t n = rest / unit.ms; n != 0) {
        out += std::to_string(n) + unit.name;
        rest -= n * unit.ms;
      }
    return out.empty() ? "0s" : out;
  }

 private:
  int64_t ns_ = 0;
};

// A duration without end: .timeout = pirn::infinity. Options say whether they allow it.
inline constexpr Duration infinity = Duration::nanoseconds(std::numeric_limits<int64_t>::max());

// using namespace pirn::literals;
//
// Evaluated while compiling. A literal of more than 292 years is not supported. A day has 24 hours.
namespace literals {
consteval Duration operator""_ms(unsigned long long n) {
  return Duration::milliseconds(static_cast<int64_t>(n));
}
consteval Duration operator""_s(unsigned long long n) { return Duration::seconds(static_cast<int64_t>(n)); }
consteval Duration operator""_min(unsigned long long n) {
  return Duration::seconds(static_cast<int64_t>(n) * 60);
}
consteval Duration operator""_h(unsigned long long n) {
  return Duration::seconds(static_cast<int64_t>(n) * 3600);
}
consteval Duration operator""_d(unsigned long long n) {
  return Duration::seconds(static_cast<int64_t>(n) * 86400);
}
}  // namespace literals

}  // namespace pirn::inline sdk
