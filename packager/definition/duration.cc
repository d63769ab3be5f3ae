// Durations as people write them: a sequence of whole numbers with units, from the largest unit to the
// smallest.
#include <charconv>
#include <cstddef>

#include "packager/definition/definition.h"

namespace pirn::definition {
namespace {

struct Unit {
  std::string_view name;
  int64_t ns;
};
constexpr Unit kUnits[] = {{"d", 86'400'000'000'000},
                           {"h", 3'600'000'000'000},
                           {"m", 60'000'000'000},
                           {"s", 1'000'000'000},
                           {"ms", 1'000'000},
                           {"us", 1'000},
                           {"ns", 1}};
constexpr size_t kMilliseconds = 4;

Error bad_duration(std::string_view text, std::string why) {
  return Error{Code::invalid_duration,
               "\"" + std::string(text.substr(0, 64)) + "\" is not a duration: " + why,
               "Write \"250ms\", \"30s\", \"5m\", \"1h30m\", \"7d\" or \"infinity\"."};
}

size_t find_unit(std::string_view name) {
  size_t i = 0;
  while (i < std::size(kUnits) && kUnits[i].name != name) ++i;
  return i;
}

}  // namespace

Result<int64_t> parse_duration(std::string_view text) {
  if (text == "infinity") return kInfinite;
  int64_t total = 0;
  size_t least_unit = 0;
  std::string_view rest = text;
  do {
    int64_t count = 0;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (failure == std::errc::result_out_of_range) return bad_duration(text, "the number is too large");
    if (failure != std::errc() || count < 0) return bad_duration(text, "a whole number is expected");
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789"));
    const size_t unit = name.empty() && least_unit == 0 ? kMilliseconds : find_unit(name);
    if (unit == std::size(kUnits))
      return bad_duration(text, name.empty()
                                    ? "the last number has no unit"
                                    : "there is no unit \"" + std::string(name.substr(0, 16)) + "\"");
    if (unit < least_unit) return bad_duration(text, "each unit may occur once, larger units first");
    least_unit = unit + 1;
    int64_t part = 0;
    if (__builtin_mul_overflow(count, kUnits[unit].ns, &part) ||
        __builtin_add_overflow(total, part, &total) || total == kInfinite)
      return bad_duration(text, "it is longer than 292 years");
    rest.remove_prefix(name.size());
  } while (!rest.empty());
  return total;
}

std::string print_duration(int64_t ns) {
  if (ns == kInfinite) return "infinity";
  if (ns <= 0) return "0ms";
  std::string out;
  for (const Unit& unit : kUnits) {
    if (ns < unit.ns) continue;
    out += std::to_string(ns / unit.ns);
    out += unit.name;
    ns %= unit.ns;
  }
  return out;
}

}  // namespace pirn::definition
