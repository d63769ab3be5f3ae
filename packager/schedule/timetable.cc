#include "packager/schedule/timetable.h"

#include <algorithm>
#include <array>
#include <limits>

#include "packager/schedule/instant.h"

namespace pirn::schedule {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

Error contradiction(std::string why, std::string hint) {
  return Error{Code::invalid_schedule, std::move(why), std::move(hint)};
}

// Which of them is given, and whether that is exactly one.
Status check_kind(const Terms& terms) {
  std::string given;
  int count = 0;
  const auto add = [&](bool is_given, const char* name) {
    if (!is_given) return;
    given += (count++ == 0 ? "\"" : " and \"") + std::string(name) + "\"";
  };
  add(!terms.cron.empty(), "cron");
  add(terms.every_ns != 0, "every");
  add(!terms.at.empty(), "at");
  add(terms.in_ns != 0, "in");
  if (count == 0)
    return contradiction("the schedule does not say when to start",
                         "Give one of \"cron\", \"every\", \"at\" and \"in\".");
  if (count > 1)
    return contradiction("the schedule has " + given + ", which exclude each other",
                         "Keep one of them; a second workflow can have the other.");
  if (terms.every_ns < 0 || terms.in_ns < 0)
    return contradiction("the schedule's " + given + " is not positive",
                         "Write a duration greater than zero.");
  const bool repeats = !terms.cron.empty() || terms.every_ns != 0;
  if (!repeats && !(terms.start_at.empty() && terms.end_at.empty()))
    return contradiction("\"start_at\" and \"end_at\" are not allowed with " + given + ", which fires once",
                         "Remove \"start_at\" and \"end_at\".");
  if (terms.cron.empty() && !terms.timezone.empty())
    return contradiction(
        "\"timezone\" is not allowed with " + given + ", which does not depend on a time zone",
        "Remove \"timezone\"; an instant includes its offset from UTC.");
  return {};
}

std::optional<int64_t> earlier(std::optional<int64_t> a, std::optional<int64_t> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// The first point of origin + k * every (k >= 0) later than `after`.
std::optional<int64_t> next_on_grid(int64_t origin, int64_t every, int64_t after) {
  if (after < origin) return origin;
  const __int128 steps = (static_cast<__int128>(after) - origin) / every + 1;
  const __int128 point = origin + steps * every;
  if (point > kEnd) return std::nullopt;
  return static_cast<int64_t>(point);
}

}  // namespace

std::optional<int64_t> Timetable::first(int64_t now) const {
  if (once_) return once_;
  return now == std::numeric_limits<int64_t>::min() ? next(now) : next(now - 1);
}

std::optional<int64_t> Timetable::next(int64_t after) const {
  std::optional<int64_t> fire;
  if (once_) {
    if (*once_ > after) fire = once_;
  } else if (every_ns_ != 0) {
    fire = next_on_grid(origin_, every_ns_, after);
  } else {
    const int64_t from = start_ ? std::max(after, *start_ - 1) : after;
    for (const Cron& cron : crons_) fire = earlier(fire, cron.next(from, zone_));
  }
  if (fire && end_ && *fire > *end_) return std::nullopt;
  return fire;
}

int64_t Timetable::latest(int64_t from, int64_t until) const {
  // From the last fire on, the next lies behind `until`; before it, it does not.
  int64_t before = from, found = until;
  while (before < found) {
    const int64_t middle = before + (found - before) / 2;
    const auto fire = next(middle);
    if (fire && *fire <= until)
      before = *fire;
    else
      found = middle;
  }
  return before;
}

Result<Timetable> make_timetable(const Terms& terms, int64_t registered_at) {
  PIRN_DO(check_kind(terms));
  Timetable table;
  for (const std::string& text : terms.cron) {
    PIRN_TRY(const Cron cron, parse_cron(text));
    table.crons_.push_back(cron);
  }
  PIRN_TRY(table.zone_, find_zone(terms.timezone));
  if (!terms.start_at.empty()) {
    PIRN_TRY(table.start_, parse_instant(terms.start_at));
  }
  if (!terms.end_at.empty()) {
    PIRN_TRY(table.end_, parse_instant(terms.end_at));
  }
  if (table.start_ && table.end_ && *table.end_ < *table.start_)
    return contradiction("the schedule ends (" + terms.end_at + ") before it starts (" + terms.start_at + ")",
                         "Swap \"start_at\" and \"end_at\", or correct one of them.");
  if (terms.every_ns != 0) {
    table.every_ns_ = terms.every_ns;
    table.origin_ = table.start_.value_or(0);
    if (!table.start_ && __builtin_add_overflow(registered_at, terms.every_ns, &table.origin_))
      return contradiction("the schedule's \"every\" reaches beyond the year 2261",
                           "Write a shorter duration.");
  }
  if (!terms.at.empty()) {
    PIRN_TRY(table.once_, parse_instant(terms.at));
  }
  if (terms.in_ns != 0) {
    int64_t at = 0;
    if (__builtin_add_overflow(registered_at, terms.in_ns, &at))
      return contradiction("the schedule's \"in\" reaches beyond the year 2261", "Write a shorter duration.");
    table.once_ = at;
  }
  return table;
}

void NewestFires::count_grid(const Timetable& timetable) {
  const int64_t last = timetable.latest(from_, end_);
  const auto steps = static_cast<uint64_t>((static_cast<__int128>(last) - from_) / timetable.grid_ns());
  count_ = std::min<uint64_t>(steps + 1, most_);
  first_ = last - static_cast<int64_t>(count_ - 1) * timetable.grid_ns();
  end_ = from_ - 1;
}

// Counts what fires in the window before `end_`. One with many fires is not counted but made smaller, and one
// with few is followed by a larger one, so neither dense nor sparse times take long.
size_t NewestFires::look_back(const Timetable& timetable) {
  constexpr size_t kMany = 64;
  const int64_t before = static_cast<__int128>(end_) - window_ < from_ ? from_ - 1 : end_ - window_;
  std::array<int64_t, kMany> fires;
  size_t n = 0, looks = 1;
  for (auto at = timetable.next(before); at && *at <= end_; at = timetable.next(*at), ++looks) {
    if (n == kMany) {
      window_ /= 2;  // a window of 1 ns has one fire at most
      return looks;
    }
    fires[n++] = *at;
  }
  const size_t taken = std::min(n, most_ - count_);
  if (taken > 0) first_ = fires[n - taken];
  count_ += taken;
  end_ = before;
  if (n < kMany / 2 && __builtin_mul_overflow(window_, 2, &window_)) window_ = kEnd;
  return looks;
}

bool NewestFires::go_on(const Timetable& timetable, size_t looks) {
  for (size_t used = 0; used < looks && !complete();) {
    if (timetable.grid_ns() != 0)
      count_grid(timetable);
    else
      used += look_back(timetable) * timetable.cost();
  }
  return complete();
}

DueFires due(const Timetable& timetable, int64_t next_fire, int64_t now, Misfire policy, size_t limit) {
  DueFires result;
  if (next_fire > now) {
    result.next = next_fire;
    return result;
  }
  if (policy == Misfire::all) {
    result.next = next_fire;
    while (result.next && *result.next <= now && result.fires.size() < limit) {
      result.fires.push_back(*result.next);
      result.next = timetable.next(*result.next);
    }
    return result;
  }
  const int64_t latest = timetable.latest(next_fire, now);
  result.next = timetable.next(latest);
  const bool fires = policy == Misfire::once || now - latest <= kPunctual_ns;
  if (fires) result.fires.push_back(latest);
  if (!fires)
    result.passed_over = DueFires::Span{next_fire, latest + 1};
  else if (next_fire < latest)
    result.passed_over = DueFires::Span{next_fire, latest};
  return result;
}

}  // namespace pirn::schedule
