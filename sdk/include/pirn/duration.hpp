// Durations of the definition language: 250_ms, 30_s, 5_min, 2_h, 7_d, pirn::infinity. std::chrono durations
// convert.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace pirn::inline sdk {

// A number of nanoseconds, or infinity. A value; arithmetic does not check for overflow.
class Duration {
 public:
  constexpr Duration() = default;  // 0
  // Any type with the interface of std::chrono::duration that is not finer than nanoseconds; <chrono> itself
  // takes too long to compile to include it here.
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

  static constexpr Duration nanoseconds(int64_t n) {
    Duration d;
    d.ns_ = n;
    return d;
  }
  static constexpr Duration milliseconds(int64_t n) { return nanoseconds(n * 1'000'000); }
  static constexpr Duration seconds(int64_t n) { return milliseconds(n * 1000); }

  // Whole units, rounded towards 0.
  constexpr int64_t ns() const { return ns_; }
  constexpr int64_t ms() const { return ns_ / 1'000'000; }
  constexpr bool infinite() const { return ns_ == std::numeric_limits<int64_t>::max(); }

  friend constexpr bool operator==(Duration a, Duration b) { return a.ns_ == b.ns_; }
  friend constexpr auto operator<=>(Duration a, Duration b) { return a.ns_ <=> b.ns_; }
  friend constexpr Duration operator+(Duration a, Duration b) { return nanoseconds(a.ns_ + b.ns_); }
  friend constexpr Duration operator*(Duration a, double factor) {
    return nanoseconds(static_cast<int64_t>(static_cast<double>(a.ns_) * factor));
  }

  // As the definition language writes it: "1h30m", "250ms", "infinity". Drops parts below a millisecond.
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

// Without end: .timeout = pirn::infinity.
inline constexpr Duration infinity = Duration::nanoseconds(std::numeric_limits<int64_t>::max());

// using namespace pirn::literals;
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
