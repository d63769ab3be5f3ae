#include "packager/schedule/cron.h"

#include <array>
#include <utility>
#include <vector>

namespace pirn::schedule {
namespace {

constexpr size_t kMaxLength = 1024;

struct Field {
  std::string_view name;
  int least, most;
  std::string_view allowed;
  // Names of the values from `least` on.
  std::array<std::string_view, 12> names = {};
};
constexpr Field kFields[] = {
    {"minute", 0, 59, "0-59"},
    {"hour", 0, 23, "0-23"},
    {"day of month", 1, 31, "1-31"},
    {"month",
     1,
     12,
     "1-12 or JAN-DEC",
     {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
    {"weekday",
     0,
     7,
     "0-7 (0 and 7 are Sunday) or SUN-SAT",
     {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
};
constexpr int kWeekday = 4;

constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

constexpr std::string_view kWhatToWrite =
    "Write five fields: minute, hour, day of month, month, weekday; \"30 6 * * MON-FRI\" is 6:30 on working "
    "days.";

Error no_cron(std::string_view text, std::string why, std::string hint) {
  return Error{Code::invalid_cron,
               "\"" + std::string(text.substr(0, 80)) + "\" is not a cron expression: " + std::move(why),
               std::move(hint)};
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }

// Reads one field of an expression.
class FieldReader {
 public:
  // `text` lives as long as the reader; the field is [begin, end) of it.
  FieldReader(std::string_view text, const Field& field, size_t begin, size_t end)
      : text_(text), field_(field), at_(begin), end_(end) {}

  // The set of values, as bits.
  Result<uint64_t> read() {
    uint64_t values = 0;
    while (true) {
      PIRN_TRY(const uint64_t item, read_item());
      values |= item;
      if (at_ == end_) return values;
      ++at_;  // the comma
    }
  }

 private:
  struct Range {
    int first, last;
  };

  char peek() const { return at_ < end_ ? text_[at_] : '\0'; }

  Result<uint64_t> read_item() {
    const size_t begin = at_;
    Range range{field_.least, field_.most};
    bool single = false;
    if (peek() == '*') {
      ++at_;
      if (&field_ == &kFields[kWeekday]) range.last = 6;  // Sunday once, so that a step counts right
    } else {
      PIRN_TRY(range.first, read_value(false));
      range.last = range.first;
      single = peek() != '-';
      if (!single) {
        ++at_;
        PIRN_TRY(range.last, read_value(range.first > 0));
        if (range.last < range.first)
          return wrong(begin, "the range " + shown(begin, at_) + " goes backwards",
                       "Swap its ends, or write a list of two ranges.");
      }
    }
    int step = 1;
    if (peek() == '/') {
      const size_t slash = at_++;
      if (single)
        return wrong(
            slash, "a step needs a range before it",
            "Write \"" + shown(begin, slash) + "-" + std::to_string(field_.most) + "/n\" or \"*/n\".");
      PIRN_TRY(step, read_step(range));
    }
    if (at_ != end_ && peek() != ',') return wrong_character();
    uint64_t values = 0;
    for (int value = range.first; value <= range.last; value += step)
      values |= uint64_t(1) << (&field_ == &kFields[kWeekday] ? value % 7 : value);
    return values;
  }

  // `sunday_ends`: the name SUN closes a range that begins later in the week.
  Result<int> read_value(bool sunday_ends) {
    const size_t begin = at_;
    if (is_digit(peek())) {
      const int value = read_number();
      if (value < field_.least || value > field_.most)
        return wrong(begin, shown(begin, at_) + " is not between " + std::to_string(field_.least) + " and " +
                                std::to_string(field_.most));
      return value;
    }
    if (!field_.names[0].empty() && is_letter(peek())) return read_name(sunday_ends);
    return wrong_character();
  }

  Result<int> read_name(bool sunday_ends) {
    const size_t begin = at_;
    std::string name;
    for (; is_letter(peek()); ++at_) name += upper(peek());
    std::vector<std::string> names;
    for (size_t i = 0; i < field_.names.size() && !field_.names[i].empty(); ++i) {
      if (name == field_.names[i]) {
        const int value = field_.least + static_cast<int>(i);
        return value == 0 && sunday_ends ? 7 : value;
      }
      names.emplace_back(field_.names[i]);
    }
    // "MONDAY" and "MARCH" are beyond the distance that nearest() bridges.
    std::string near = name.size() < 3 ? "" : nearest(name.substr(0, 3), names);
    if (near.empty()) near = nearest(name, names);
    return wrong(begin, "there is no \"" + shown(begin, at_) + "\"",
                 near.empty() ? "" : "Did you mean " + near + "?");
  }

  Result<int> read_step(const Range& range) {
    const size_t begin = at_;
    if (!is_digit(peek())) return wrong_character();
    const int step = read_number();
    if (step == 0) return wrong(begin, "the step is 0", "Write a step of 1 or more.");
    if (step > range.last - range.first)
      return wrong(
          begin,
          "a step of " + shown(begin, at_) + " leaves only the first value, " + std::to_string(range.first),
          "Write " + std::to_string(range.first) + " if you mean that; a step stays within its range.");
    return step;
  }

  // Reads all digits; a number of more than four is larger than anything allowed.
  int read_number() {
    int value = 0;
    for (; is_digit(peek()); ++at_)
      if (value < 10'000) value = value * 10 + (peek() - '0');
    return value;
  }

  Error wrong_character() const {
    if (at_ == end_ || peek() == ',') return wrong(at_, "a value is missing");
    const char c = peek();
    const std::string quoted = std::string("'") + (c > ' ' && c < 127 ? c : '?') + "'";
    if (c == '?' || c == '#' || c == 'L' || c == 'W')
      return wrong(at_, quoted + " is not supported; it belongs to another dialect of cron");
    return wrong(at_, "unexpected character " + quoted);
  }

  Error wrong(size_t column, std::string why, std::string hint = {}) const {
    if (hint.empty())
      hint = "Allowed here: " + std::string(field_.allowed) +
             ", *, ranges a-b, steps */n or a-b/n, and lists of these.";
    return no_cron(text_, std::string(field_.name) + ", column " + std::to_string(column + 1) + ": " + why,
                   std::move(hint));
  }

  std::string shown(size_t begin, size_t end) const { return std::string(text_.substr(begin, end - begin)); }

  std::string_view text_;
  const Field& field_;
  size_t at_, end_;
};

Result<Cron> parse_macro(std::string_view text) {
  std::vector<std::string> names;
  for (const auto& [name, meaning] : kMacros) {
    if (name == text) return parse_cron(meaning);
    names.emplace_back(name);
  }
  if (text == "@reboot")
    return no_cron(text, "@reboot does not name a time",
                   "Start the workflow when the host has started: pirn run start.");
  const std::string near = nearest(text, names);
  return no_cron(text, "unknown macro",
                 near.empty()
                     ? "The macros are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly."
                     : "Did you mean " + near + "?");
}

// The months and days of month that are asked for never meet, and no weekday helps.
bool never_fires(const Cron& cron) {
  if (!cron.any_day && !cron.any_weekday) return false;  // a weekday is enough
  constexpr int kLongest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    if (!(cron.months >> month & 1)) continue;
    for (int day = 1; day <= kLongest[month - 1]; ++day)
      if (cron.days >> day & 1) return false;
  }
  return true;
}

}  // namespace

Result<Cron> parse_cron(std::string_view text) {
  if (text.size() > kMaxLength)
    return no_cron(text, "it is longer than " + std::to_string(kMaxLength) + " characters",
                   std::string(kWhatToWrite));
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  std::vector<std::pair<size_t, size_t>> fields;
  for (size_t i = 0; i < text.size();) {
    if (is_blank(text[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < text.size() && !is_blank(text[i])) ++i;
    fields.emplace_back(begin, i);
  }
  if (fields.size() == 1 && text[fields[0].first] == '@')
    return parse_macro(text.substr(fields[0].first, fields[0].second - fields[0].first));
  if (fields.size() != std::size(kFields)) {
    const std::string count = std::to_string(fields.size());
    const bool more = fields.size() == 6 || fields.size() == 7;
    return no_cron(
        text,
        more ? "it has " + count + " fields instead of five; this dialect has no seconds and no years"
             : "it has " + count + (fields.size() == 1 ? " field" : " fields") + " instead of five",
        std::string(kWhatToWrite));
  }
  uint64_t values[std::size(kFields)];
  bool starred[std::size(kFields)];
  for (size_t i = 0; i < std::size(kFields); ++i) {
    PIRN_TRY(values[i], FieldReader(text, kFields[i], fields[i].first, fields[i].second).read());
    starred[i] = text[fields[i].first] == '*';
  }
  const Cron cron{.minutes = values[0],
                  .hours = static_cast<uint32_t>(values[1]),
                  .days = static_cast<uint32_t>(values[2]),
                  .months = static_cast<uint16_t>(values[3]),
                  .weekdays = static_cast<uint8_t>(values[4]),
                  .any_hour = starred[1],
                  .any_day = starred[2],
                  .any_weekday = starred[4]};
  if (never_fires(cron))
    return no_cron(text, "it never fires: none of its months has such a day",
                   "Choose a day that at least one of the months has.");
  return cron;
}

}  // namespace pirn::schedule
