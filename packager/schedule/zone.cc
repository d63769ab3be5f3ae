#include "packager/schedule/zone.h"

#include <date/tz.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <vector>

namespace pirn::schedule {
namespace {

using std::chrono::seconds;

Error unknown_zone(std::string_view name, std::string hint) {
  return Error{Code::unknown_timezone, "there is no time zone \"" + std::string(name.substr(0, 64)) + "\"",
               std::move(hint)};
}

// The whole list, as the system has it. Empty: there is no database.
std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    names.clear();  // the directory is missing or unreadable
  }
  return names;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string suggestion(std::string_view name) {
  const std::vector<std::string> names = zone_names();
  if (names.empty()) return "This machine has no time zone database; install the package tzdata.";
  const std::string wanted = lower(name);
  const size_t length = wanted.size();
  for (const std::string& candidate : names) {  // other case, or the city alone
    const std::string known = lower(candidate);
    if (known == wanted || (known.size() > length && length > 2 && known.ends_with(wanted) &&
                            known[known.size() - length - 1] == '/'))
      return "Did you mean \"" + candidate + "\"?";
  }
  const std::string near = nearest(name, names);
  if (!near.empty()) return "Did you mean \"" + near + "\"?";
  return "Write a name from the IANA time zone database, such as \"Europe/Berlin\" or \"UTC\".";
}

}  // namespace

std::string Zone::name() const { return zone_ ? zone_->name() : "UTC"; }

Zone::Period Zone::period_at(int64_t unix_s) const {
  if (!zone_) return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), 0};
  const date::sys_info info = zone_->get_info(date::sys_seconds(seconds(unix_s)));
  return {info.begin.time_since_epoch().count(), info.end.time_since_epoch().count(), info.offset.count()};
}

int64_t Zone::first_instant(int64_t local_s) const {
  if (!zone_) return local_s;
  const date::local_info info = zone_->get_info(date::local_seconds(seconds(local_s)));
  if (info.result == date::local_info::nonexistent) return info.first.end.time_since_epoch().count();
  return local_s - info.first.offset.count();
}

Result<Zone> find_zone(std::string_view name) {
  if (name.empty() || name == "UTC") return Zone();
  // The system lists its own setting among the zones; a schedule must not mean another time on each machine.
  if (name == "localtime")
    return unknown_zone(name,
                        "Name the zone itself, like \"Europe/Berlin\": each machine has its own local time.");
  try {
    return Zone(date::locate_zone(name));
  } catch (const std::exception&) {  // the library throws where it finds nothing
    return unknown_zone(name, suggestion(name));
  }
}

}  // namespace pirn::schedule
