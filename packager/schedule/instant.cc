#include "packager/schedule/instant.h"

#include <chrono>
#include <cstdio>
#include <optional>

namespace pirn::schedule {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

Error no_instant(std::string_view text, std::string why) {
  return Error{Code::invalid_instant,
               "\"" + std::string(text.substr(0, 64)) + "\" is not an instant: " + std::move(why),
               "Write the date, the time and the offset from UTC: \"2026-12-24T18:00:00Z\" or "
               "\"2026-12-24T19:00:00+01:00\"."};
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), rest_(text) {}

  bool number(size_t digits, int& out) {
    if (rest_.size() < digits) return false;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    out = value;
    return true;
  }

  bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_[0]) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // What follows the point: 1 to 9 digits. Nullopt: there are none, or more.
  std::optional<int64_t> fraction() {
    int64_t ns = 0;
    size_t digits = 0;
    for (int digit = 0; number(1, digit); ++digits) {
      if (digits == 9) return std::nullopt;
      ns = ns * 10 + digit;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 9; ++digits) ns *= 10;
    return ns;
  }

  bool at_end() const { return rest_.empty(); }
  char sign() const { return rest_.empty() ? '\0' : rest_[0]; }
  std::string column() const { return std::to_string(text_.size() - rest_.size() + 1); }

 private:
  std::string_view text_, rest_;
};

}  // namespace

Result<int64_t> parse_instant(std::string_view text) {
  Reader reader(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!(reader.number(4, year) && reader.one_of("-") && reader.number(2, month) && reader.one_of("-") &&
        reader.number(2, day)))
    return no_instant(text, "it must start with a date such as 2026-12-24 (column " + reader.column() + ")");
  if (reader.at_end()) return no_instant(text, "the time of day is missing");
  if (!(reader.one_of("Tt ") && reader.number(2, hour) && reader.one_of(":") && reader.number(2, minute) &&
        reader.one_of(":") && reader.number(2, second)))
    return no_instant(
        text, "a time of day such as T18:00:00 must follow the date (column " + reader.column() + ")");
  int64_t ns = 0;
  if (reader.one_of(".")) {
    const auto fraction = reader.fraction();
    if (!fraction) return no_instant(text, "1 to 9 digits must follow the decimal point");
    ns = *fraction;
  }
  if (reader.at_end()) return no_instant(text, "the offset from UTC is missing");
  int64_t offset_s = 0;
  if (!reader.one_of("Zz")) {
    const int64_t sign = reader.sign() == '-' ? -1 : 1;
    int hours = 0, minutes = 0;
    if (!(reader.one_of("+-") && reader.number(2, hours) && reader.one_of(":") && reader.number(2, minutes)))
      return no_instant(
          text, "Z or an offset such as +01:00 must follow the time (column " + reader.column() + ")");
    if (hours > 23 || minutes > 59) return no_instant(text, "an offset from UTC is at most 23:59");
    offset_s = sign * (hours * 3600 + minutes * 60);
  }
  if (!reader.at_end())
    return no_instant(text, "unexpected text after its end (column " + reader.column() + ")");

  if (month < 1 || month > 12) return no_instant(text, "there is no month " + std::to_string(month));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok()) return no_instant(text, "its month has no day " + std::to_string(day));
  if (second == 60) return no_instant(text, "a leap second cannot be scheduled");
  if (hour > 23 || minute > 59 || second > 59)
    return no_instant(text, "the time of day is not between 00:00:00 and 23:59:59");
  if (year < 1678 || year > 2261) return no_instant(text, "its year is not between 1678 and 2261");
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86'400 + hour * 3600 + minute * 60 + second - offset_s) * kNsPerSecond + ns;
}

std::string print_instant(int64_t ns) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> instant{std::chrono::nanoseconds(ns)};
  const auto day = floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{instant - day};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(time.hours().count()), int(time.minutes().count()),
                int(time.seconds().count()));
  std::string out = text;
  if (const auto rest = time.subseconds().count(); rest != 0) {
    std::snprintf(text, sizeof text, ".%09d", int(rest));
    out += text;
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

}  // namespace pirn::schedule
