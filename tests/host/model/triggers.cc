// What starts by itself: schedules on a grid, and events (R36 to R40).
#include <algorithm>

#include "packager/schedule/instant.h"
#include "tests/host/model/model.h"

namespace pirn::model {

namespace {

Json text(const std::string& of) { return "\"" + of + "\""; }

// The next point of the grid (R37); the bound belongs to it.
int64_t after(const definition::Schedule& schedule, int64_t instant) {
  const int64_t next = instant + schedule.every_ns;
  return next <= schedule::parse_instant(schedule.end_at).value() ? next : kNever;
}

}  // namespace

void Model::begin_at(int64_t now) {
  now_ = now;
  for (const definition::Workflow& workflow : definition_.workflows)
    if (workflow.schedule) fires_[workflow.name] = after(*workflow.schedule, now);
}

void Model::start_by_itself(const definition::Workflow& workflow, Context initial) {
  int n = 1;
  while (find(workflow.name + "#" + std::to_string(n))) ++n;
  add(workflow, workflow.name + "#" + std::to_string(n), std::move(initial), ++ages_).begin_at(now_);
  follow();
}

// The earliest schedule that is due, and of one instant the first by name; with what was missed of it (R36).
bool Model::fire() {
  const auto next = std::min_element(fires_.begin(), fires_.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (next == fires_.end() || next->second > now_) return false;
  const definition::Workflow& workflow = *definition_.find(next->first);
  std::vector<int64_t> missed;
  for (; next->second <= now_; next->second = after(*workflow.schedule, next->second))
    missed.push_back(next->second);
  // Nobody is down for a minute, after which `skip` would pass over what `once` makes up for.
  if (workflow.schedule->misfire != definition::Misfire::all) missed.erase(missed.begin(), missed.end() - 1);
  for (const int64_t instant : missed) {
    const auto running = std::count_if(runs_.begin(), runs_.end(), [&](const auto& run) {
      const Execution& e = run->execution();
      return e.workflow == &workflow && e.phase != Phase::pending && !terminal(e.phase);
    });
    if (workflow.max_running > 0 && running >= workflow.max_running) continue;  // R40
    const Json at = text(schedule::print_instant(instant));
    start_by_itself(workflow, {{"__scheduled_at__", at},
                               {"__trigger__", "{\"scheduled_at\":" + at + ",\"type\":\"schedule\"}"}});
  }
  return true;
}

// R39.
bool Model::emit(const std::string& event, const std::string& id, Context payload) {
  if (!id.empty()) {
    const auto [seen, fresh] = events_.try_emplace({event, id}, payload);
    if (!fresh) return seen->second == payload;
  }
  const Json named = id.empty() ? "" : ",\"id\":" + text(id);
  payload["__trigger__"] = "{\"event\":" + text(event) + named + ",\"type\":\"event\"}";
  for (const definition::Workflow& workflow : definition_.workflows)
    if (std::find(workflow.on_event.begin(), workflow.on_event.end(), event) != workflow.on_event.end())
      start_by_itself(workflow, payload);
  decide();
  return true;
}

}  // namespace pirn::model
