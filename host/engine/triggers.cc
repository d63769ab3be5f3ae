#include "host/engine/triggers.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "host/engine/execution.h"
#include "host/journal/codec.h"
#include "host/journal/tenant_codec.h"
#include "host/journal/text_writer.h"
#include "packager/digest/digest.h"
#include "packager/schedule/instant.h"

namespace pirn::engine {

using journal::Firing;
using journal::kNever;
using journal::ScheduleSkip;
using schedule::print_instant;

namespace {

// So many fires of one schedule are taken up at a time, when a host owes many: the others come to their turn.
constexpr size_t kFiresAtOnce = 32;

// So many of the missed fires of a schedule are made up for, the newest: those that wait for room, and those
// that need none (R36).
constexpr size_t kMostWaiting = 1'000, kMostMissed = 100'000;
// To find them, a turn looks at a timetable about so often for each start that it makes up for.
constexpr size_t kLooks = 128;
// Between two fires of a cron expression.
constexpr int64_t kMinute_ns = 60'000'000'000;

Error shutting_down() { return Error{Code::shutting_down, "the host is shutting down"}; }

std::string text_of(const journal::ScheduleName& name) { return name.package + "::" + name.workflow; }

// The id of a fire, and the start key of its execution. Keys that begin with __ are the engine's.
std::string fire_key(const journal::ScheduleName& name, int64_t instant) {
  return "__fire/" + text_of(name) + "/" + print_instant(instant);
}

schedule::Terms terms_of(const definition::Schedule& schedule) {
  return {.cron = schedule.cron,
          .timezone = schedule.timezone,
          .every_ns = schedule.every_ns,
          .at = schedule.at,
          .in_ns = schedule.in_ns,
          .start_at = schedule.start_at,
          .end_at = schedule.end_at};
}

// Canonical JSON, so that what is recovered from the journal is the same text.
std::string terms_text(const definition::Schedule& schedule) {
  journal::TextWriter writer;
  bool first = true;
  const auto key = [&](std::string_view name) {
    writer.character(first ? '{' : ',').word(name).character(':');
    first = false;
  };
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name);
    writer.text(value);
  };
  const auto duration = [&](std::string_view name, int64_t ns) {
    if (ns != 0) text(name, definition::print_duration(ns));
  };
  text("at", schedule.at);
  if (!schedule.cron.empty()) {
    key("cron");
    for (size_t i = 0; i < schedule.cron.size(); ++i)
      writer.character(i == 0 ? '[' : ',').text(schedule.cron[i]);
    writer.character(']');
  }
  text("end_at", schedule.end_at);
  duration("every", schedule.every_ns);
  duration("in", schedule.in_ns);
  if (schedule.misfire != schedule::Misfire::once)
    text("misfire", schedule.misfire == schedule::Misfire::skip ? "skip" : "all");
  text("start_at", schedule.start_at);
  text("timezone", schedule.timezone);
  writer.character('}');
  return std::string(writer.view());
}

// Whether a deployment leaves alone when a schedule fires: then its phase stays, whatever else has changed
// (R68).
bool same_times(const std::string& terms, const std::string& others) {
  const auto mine = journal::parse_object(terms), theirs = journal::parse_object(others);
  if (!mine || !theirs) return false;
  const auto same = [&](std::string_view key) {
    const auto* a = mine->find(key);
    const auto* b = theirs->find(key);
    return a && b ? a->value == b->value : a == b;
  };
  return same("at") && same("in") && same("every") && same("cron") && same("timezone") &&
         (!mine->find("every") || same("start_at"));
}

bool counts_in_engine_time(const std::string& terms) {
  const auto parsed = journal::parse_object(terms);
  return parsed && parsed->find("in") != nullptr;
}

// Where a schedule goes on whose phase stays: what is due stays due, its bounds may be others.
int64_t next_in_phase(const journal::ScheduleState& state, const schedule::Timetable& timetable, bool once,
                      int64_t wall) {
  if (once) return state.next;
  int64_t from = std::min(state.next, wall);
  if (state.last_fire >= from && state.last_fire <= wall) from = state.last_fire + 1;
  return timetable.next(from - 1).value_or(kNever);
}

// What the store keeps an event under: an id is taken once for each event.
std::string event_key(const std::string& event, const std::string& id) {
  std::string key = "[";
  journal::append_json_string(key, event);
  key += ',';
  journal::append_json_string(key, id);
  return key + ']';
}

std::string_view trigger_of(Firing firing) {
  constexpr std::string_view kNames[] = {"schedule", "trigger", "backfill"};
  return kNames[static_cast<size_t>(firing)];
}

}  // namespace

// ---- what is scheduled ----

void Triggers::reconcile(registry::CatalogPtr catalog, const Decision& decision) {
  catalog_ = std::move(catalog);
  std::map<Key, registry::Catalog::Target> wanted;
  for (const registry::Active* active : catalog_->packages()) {
    if (streams_.damage(active->release->tenant)) continue;
    for (const definition::Workflow& workflow : active->release->definition.workflows)
      if (workflow.schedule && active->may_start(workflow))
        wanted.emplace(Key{active->release->tenant, {active->release->package, workflow.name}},
                       registry::Catalog::Target{active->release, &workflow, active->required});
  }
  std::vector<Key> gone;
  for (const journal::TenantState* tenant : streams_.all())
    for (const auto& [name, state] : tenant->schedules)
      if (!wanted.contains({tenant->tenant, name}) && !is_aside(tenant->tenant, name))
        gone.push_back({tenant->tenant, name});
  for (const auto& [tenant, name] : gone) streams_.emit(tenant, journal::ScheduleRemoved{name}, decision.now);
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    disarm(at->second);
    waiting_.erase(at->first);
    at = entries_.erase(at);
  }
  for (auto& [key, target] : wanted) adopt(key, std::move(target), decision);
}

// Of a package that cannot be read now, or that needs one that cannot: its schedule stays as it is, its pause
// and its grid too, and goes on when the package is there again.
bool Triggers::is_aside(const std::string& tenant, const journal::ScheduleName& name) const {
  if (catalog_->is_aside(tenant, name.package)) return true;
  if (!catalog_->has_aside(tenant)) return false;
  const registry::Active* active = catalog_->active(tenant, name.package);
  return active && active->unmet && !active->withdrawn;
}

void Triggers::adopt(const Key& key, registry::Catalog::Target target, const Decision& decision) {
  Entry& entry = entries_[key];
  entry.tenant = key.first;
  entry.name = key.second;
  entry.target = std::move(target);
  const definition::Schedule& schedule = *entry.target.workflow->schedule;
  std::string terms = terms_text(schedule);
  const journal::ScheduleState* state = state_of(entry);
  const bool unchanged = state && state->terms == terms;
  if (unchanged && entry.timetable) {
    if (waiting_.contains(key)) take_up(entry);  // there may be more room now
    return;
  }

  disarm(entry);
  entry.relative = schedule.in_ns != 0;
  entry.backlog = {};
  const int64_t now = entry.relative ? decision.now : decision.wall;
  const bool in_phase = state && same_times(state->terms, terms);
  const int64_t registered_at = in_phase ? state->registered_at : now;
  auto made = schedule::make_timetable(terms_of(schedule), registered_at);
  if (!made) {  // the definition is right; this host lacks its time zone
    entry.timetable.reset();
    entry.broken = made.error().message;
    return;
  }
  entry.timetable = std::move(made).value();
  entry.broken.clear();
  const bool once = schedule.in_ns != 0 || !schedule.at.empty();
  if (!unchanged)
    streams_.emit(entry.tenant,
                  journal::ScheduleSet{entry.name, std::move(terms), registered_at,
                                       in_phase ? next_in_phase(*state, *entry.timetable, once, now)
                                                : entry.timetable->first(now).value_or(kNever)},
                  decision.now);
  arm(entry);
}

void Triggers::arm(Entry& entry) {
  disarm(entry);
  const journal::ScheduleState* state = state_of(entry);
  assert(state && entry.timetable);
  if (!state->paused && state->next != kNever)
    entry.timer =
        (entry.relative ? timers_ : wall_timers_).add(state->next, {{entry.tenant, entry.name}, &entry});
}

void Triggers::disarm(Entry& entry) { (entry.relative ? timers_ : wall_timers_).remove(entry.timer); }

std::optional<int64_t> Triggers::next_timer(const TimeLine& time) {
  std::optional<int64_t> next = timers_.next();
  if (const auto wall = wall_timers_.next()) next = std::min(time.of_wall(*wall), next.value_or(kNever));
  return next;
}

// A fire that has started something has its key and starts nothing again; what was only passed over while the
// clock was wrong gets its turn.
void Triggers::rewind(const Decision& decision) {
  for (auto& [key, entry] : entries_) {
    const journal::ScheduleState* state = state_of(entry);
    if (entry.relative || !entry.timetable || !state || state->paused) continue;
    auto next = entry.timetable->next(decision.wall);
    if (next && *next == state->last_fire) next = entry.timetable->next(*next);
    if (!next || *next >= state->next) continue;
    streams_.emit(entry.tenant, journal::ScheduleRewound{entry.name, *next}, decision.now);
    entry.owes = false;
    entry.backlog = {};
    arm(entry);
  }
}

void Triggers::shift(int64_t by, int64_t now) {
  for (const journal::TenantState* tenant : streams_.all()) {
    if (tenant->tenant == journal::kHostStream) continue;
    journal::TenantShifted shifted{by, {}};
    for (const auto& [name, state] : tenant->schedules)
      if (state.next != kNever && counts_in_engine_time(state.terms)) shifted.schedules.push_back(name);
    const bool pending = !shifted.schedules.empty() || !tenant->breakers.empty() ||
                         std::any_of(tenant->letters.begin(), tenant->letters.end(),
                                     [](const auto& letter) { return letter.second.expires_at != kNever; });
    if (pending) streams_.emit(tenant->tenant, shifted, now);
  }
}

const journal::ScheduleState* Triggers::state_of(const Entry& entry) const {
  const journal::TenantState* tenant = streams_.find(entry.tenant);
  if (!tenant) return nullptr;
  const auto found = tenant->schedules.find(entry.name);
  return found == tenant->schedules.end() ? nullptr : &found->second;
}

// ---- fires ----

Result<size_t> Triggers::fire(Decision& decision, size_t limit) {
  size_t n = 0;
  while (n < limit) {
    std::optional<DueSchedule> due = wall_timers_.take_due(decision.wall);
    if (!due) due = timers_.take_due(decision.now);
    if (!due) break;
    Entry& entry = *due->entry;
    entry.timer = scheduler::kNoTimer;
    if (late(entry, decision)) {
      ++n;
      take_up(entry);
      continue;
    }
    PIRN_TRY(const size_t fired, fire(decision, entry, kFiresAtOnce));
    n += std::max<size_t>(1, fired);
    arm(entry);
  }
  return n;
}

bool Triggers::late(const Entry& entry, const Decision& decision) const {
  const journal::ScheduleState* state = state_of(entry);
  const int64_t now = entry.relative ? decision.now : decision.wall;
  if (!state || state->paused) return false;
  return state->next < now - schedule::kPunctual_ns || (entry.owes && state->next <= now);
}

// Of what it has missed nothing is passed over: what finds no room waits for it.
bool Triggers::keeps_missed(const Entry& entry) const {
  const definition::Workflow& workflow = *entry.target.workflow;
  return workflow.max_running > 0 && workflow.schedule->misfire == schedule::Misfire::all;
}

bool Triggers::full(const Entry& entry) const {
  const uint32_t most = entry.target.workflow->max_running;
  return most > 0 && launcher_.running(entry.tenant, entry.name) >= most;
}

void Triggers::take_up(Entry& entry) {
  if (!std::exchange(entry.behind, true)) launcher_.missed(entry.tenant, entry.name);
}

void Triggers::room(const Key& key) {
  const auto found = entries_.find(key);
  if (waiting_.erase(key) > 0 && found != entries_.end()) take_up(found->second);
}

// What is missed has no end when the clock has leapt by years, or when fires come faster than runs end.
// Whether that was settled: a long search goes on in the next round.
bool Triggers::skip_oldest(const Decision& decision, Entry& entry) {
  const int64_t now = entry.relative ? decision.now : decision.wall;
  Backlog& backlog = entry.backlog;
  const size_t most = keeps_missed(entry) ? kMostWaiting : kMostMissed;
  if (backlog.most != most) backlog = {.most = most};  // a deployment has set another `max_running`
  if (now < backlog.full_at) return true;
  const int64_t next = state_of(entry)->next;
  if (!backlog.search) {
    backlog.search.emplace(next, now, most);
    backlog.searched_at = now;
  }
  if (!backlog.search->go_on(*entry.timetable, kLooks)) return false;
  const schedule::NewestFires kept = *std::exchange(backlog.search, std::nullopt);
  if (kept.first() > next)
    streams_.emit(
        entry.tenant,
        journal::ScheduleSkipped{entry.name, ScheduleSkip::backlog, next, kept.first(), kept.first()},
        decision.now);
  backlog.full_at = backlog.searched_at;
  make_room(entry, most - kept.count() + 1);
  return true;
}

// So many more fires may fall due before there are too many again.
void Triggers::make_room(Entry& entry, size_t fires) {
  const int64_t grid = entry.timetable->grid_ns();
  int64_t time = 0;
  if (__builtin_mul_overflow(grid != 0 ? grid : kMinute_ns, static_cast<int64_t>(fires), &time) ||
      __builtin_add_overflow(entry.backlog.full_at, time, &entry.backlog.full_at))
    entry.backlog.full_at = kNever;
}

// The clock was set back and leaps ahead again: what it leaps over had its turn the first time. Looked at one
// by one it would have no end, and what has been pruned would start again.
void Triggers::skip_decided(const Decision& decision, const Entry& entry) {
  const definition::Schedule& schedule = *entry.target.workflow->schedule;
  if (entry.relative || !schedule.at.empty() || schedule.misfire != schedule::Misfire::all) return;
  const journal::ScheduleState* state = state_of(entry);
  const int64_t until = std::min(state->reached, decision.wall - schedule::kPunctual_ns);
  if (state->next >= until) return;
  streams_.emit(entry.tenant,
                journal::ScheduleSkipped{entry.name, ScheduleSkip::fired_before, state->next, until,
                                         entry.timetable->next(until - 1).value_or(kNever)},
                decision.now);
}

// It may have been paused, or have changed or gone, since it was found to be behind.
Result<bool> Triggers::fire_late(Decision& decision, const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  entry.behind = false;
  waiting_.erase(key);
  if (entry.timetable && late(entry, decision)) skip_decided(decision, entry);
  if (entry.timetable && late(entry, decision)) {
    if (entry.target.workflow->schedule->misfire == schedule::Misfire::all) {
      entry.owes = keeps_missed(entry);
      if (!skip_oldest(decision, entry)) {
        disarm(entry);
        return entry.behind = true;
      }
      if (entry.owes && full(entry)) {
        disarm(entry);
        waiting_.insert(key);
        return false;
      }
    }
    PIRN_DO(fire(decision, entry, 1));
    if (entry.backlog.most > 0) make_room(entry, 1);
  } else {
    entry.backlog.search.reset();  // paused, say: what is found later is something else
  }
  entry.behind = entry.timetable && late(entry, decision);
  if (entry.behind) {
    disarm(entry);
  } else {
    entry.owes = false;
    if (entry.timetable && state_of(entry)) arm(entry);
  }
  return entry.behind;
}

Result<size_t> Triggers::fire(Decision& decision, Entry& entry, size_t limit) {
  const int64_t now = entry.relative ? decision.now : decision.wall;
  const schedule::DueFires due = schedule::due(*entry.timetable, state_of(entry)->next, now,
                                               entry.target.workflow->schedule->misfire, limit);
  const int64_t after = due.next.value_or(kNever);
  if (due.passed_over)
    streams_.emit(
        entry.tenant,
        journal::ScheduleSkipped{entry.name, ScheduleSkip::misfire, due.passed_over->from,
                                 due.passed_over->until, due.fires.empty() ? after : due.fires.front()},
        decision.now);
  for (size_t i = 0; i < due.fires.size(); ++i)
    PIRN_DO(fire_one(decision, entry, due.fires[i], i + 1 < due.fires.size() ? due.fires[i + 1] : after));
  return due.fires.size();
}

Status Triggers::fire_one(Decision& decision, Entry& entry, int64_t instant, int64_t next) {
  const auto skip = [&](ScheduleSkip reason) {
    streams_.emit(entry.tenant, journal::ScheduleSkipped{entry.name, reason, instant, instant + 1, next},
                  decision.now);
  };
  std::string key = fire_key(entry.name, instant);
  const auto before = launcher_.started_by(entry.tenant, key);
  if (!before && before.error().code != Code::store_corrupt) return before.error();
  // Also when the row of what it started is damaged.
  if (!before || *before || state_of(entry)->last_fire == instant)
    skip(ScheduleSkip::fired_before);
  else if (full(entry))
    skip(ScheduleSkip::max_running);
  else if (!launcher_.check_capacity(entry.target))
    skip(ScheduleSkip::resources_insufficient);
  else
    streams_.emit(
        entry.tenant,
        journal::ScheduleFired{entry.name, Firing::regular, instant,
                               start(decision, entry, Firing::regular, instant, std::move(key)), next},
        decision.now);
  return {};
}

ExecutionId Triggers::start(Decision& decision, const Entry& entry, Firing firing, int64_t instant,
                            std::string key) {
  const std::string at = print_instant(instant);
  const std::string trigger =
      "{\"scheduled_at\":\"" + at + "\",\"type\":\"" + std::string(trigger_of(firing)) + "\"}";
  Launcher::Launch launch;
  launch.tenant = entry.tenant;
  launch.input.put("__scheduled_at__", journal::Value::of_text(at));
  launch.input.put("__trigger__", journal::Value::of_json(trigger));
  launch.input_digest = sha256("{\"__scheduled_at__\":\"" + at + "\",\"__trigger__\":" + trigger + "}");
  launch.key = std::move(key);
  launch.trigger = trigger_of(firing);
  return launcher_.launch(decision, entry.target, std::move(launch));
}

// ---- what people ask ----

ScheduleView Triggers::view_of(const Entry& entry) const {
  const journal::ScheduleState* state = state_of(entry);
  return {entry.name,
          entry.target.release->version,
          state ? *state : journal::ScheduleState(),
          entry.target.workflow->max_running,
          entry.timetable,
          entry.relative,
          entry.broken,
          false};
}

// Of a schedule that is kept only because is_aside() says so.
ScheduleView Triggers::quarantined_view(const std::string& tenant, const journal::ScheduleName& name,
                                        const journal::ScheduleState& state) const {
  ScheduleView view{name, {}, state, 0, {}, false, {}, true};
  if (const Error* why = catalog_->why_aside(tenant, name.package))
    view.broken = why->message;
  else if (const registry::Active* active = catalog_->active(tenant, name.package))
    view.broken = active->unmet ? active->unmet->message : "";
  return view;
}

Result<Triggers::Entry*> Triggers::find(const std::string& tenant, const std::string& reference) {
  // What the catalog says of the workflow is said here as everywhere: missing, ambiguous, withdrawn.
  PIRN_TRY(const registry::Catalog::Target target, catalog_->resolve(tenant, reference));
  const auto found = entries_.find({tenant, {target.release->package, target.workflow->name}});
  if (found == entries_.end())
    return Error{Code::not_found, "the workflow '" + reference + "' has no schedule",
                 "See pirn schedule ls; pirn run start starts it now."};
  return &found->second;
}

void Triggers::handle(Decision& decision, ListSchedules& command, bool) {
  std::vector<ScheduleView> views;
  for (auto at = entries_.lower_bound({command.tenant, {}});
       at != entries_.end() && at->first.first == command.tenant; ++at)
    views.push_back(view_of(at->second));
  if (const journal::TenantState* tenant = streams_.find(command.tenant);
      tenant && catalog_->has_aside(command.tenant)) {
    for (const auto& [name, state] : tenant->schedules)
      if (!entries_.contains({command.tenant, name}))
        views.push_back(quarantined_view(command.tenant, name, state));
    std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  decision.change.replies.push_back(
      [reply = std::move(command.reply), views = std::move(views)]() mutable { reply(std::move(views)); });
}

void Triggers::handle(Decision& decision, ShowSchedule& command, bool) {
  const Result<Entry*> entry = find(command.tenant, command.workflow);
  decision.change.replies.push_back(
      [reply = std::move(command.reply), view = entry ? Result<ScheduleView>(view_of(**entry))
                                                      : Result<ScheduleView>(entry.error())]() mutable {
        reply(std::move(view));
      });
}

void Triggers::handle(Decision& decision, ControlSchedule& command, bool dispatching) {
  decision.change.replies.push_back(
      [answer = control(decision, command, dispatching), reply = std::move(command.reply)]() mutable {
        reply(std::move(answer));
      });
}

Result<ControlSchedule::Answer> Triggers::control(Decision& decision, const ControlSchedule& command,
                                                  bool dispatching) {
  using Action = ControlSchedule::Action;
  PIRN_TRY(Entry * entry, find(command.tenant, command.workflow));
  const journal::ScheduleState* state = state_of(*entry);
  if (!state || !entry->timetable)
    return Error{Code::unknown_timezone,
                 "the schedule of '" + command.workflow + "' is not in force here: " + entry->broken};
  ExecutionId execution;
  if (command.action == Action::trigger) {
    if (!dispatching) return shutting_down();
    PIRN_DO(launcher_.check_capacity(entry->target));
    execution = start(decision, *entry, Firing::trigger, decision.wall, "");
    streams_.emit(entry->tenant,
                  journal::ScheduleFired{entry->name, Firing::trigger, decision.wall, execution, state->next},
                  decision.now);
    return ControlSchedule::Answer{view_of(*entry), execution};
  }
  const bool pause = command.action == Action::pause;
  if (state->paused == pause)
    return Error{Code::invalid_transition,
                 "the schedule of '" + command.workflow + "' is " + (pause ? "paused already" : "not paused"),
                 "See pirn schedule ls. Nothing was changed."};
  if (pause)
    streams_.emit(entry->tenant, journal::SchedulePaused{entry->name}, decision.now);
  else {
    // A single instant that fell into the pause is gone as well; one that is still to come stays.
    const auto next = entry->timetable->next(entry->relative ? decision.now : decision.wall);
    streams_.emit(entry->tenant, journal::ScheduleResumed{entry->name, next.value_or(kNever)}, decision.now);
  }
  arm(*entry);
  return ControlSchedule::Answer{view_of(*entry), execution};
}

void Triggers::handle(Decision& decision, Backfill& command, bool dispatching) {
  decision.change.replies.push_back(
      [answer = backfill(decision, command, dispatching), reply = std::move(command.reply)]() mutable {
        reply(std::move(answer));
      });
}

Result<std::vector<Backfill::Fire>> Triggers::backfill(Decision& decision, const Backfill& command,
                                                       bool dispatching) {
  PIRN_TRY(Entry * entry, find(command.tenant, command.workflow));
  if (!entry->timetable || !state_of(*entry))
    return Error{Code::unknown_timezone,
                 "the schedule of '" + command.workflow + "' is not in force here: " + entry->broken};
  if (!command.dry_run && !dispatching) return shutting_down();
  PIRN_DO(launcher_.check_capacity(entry->target));
  if (command.to < command.from)
    return Error{Code::invalid_argument, "the backfill ends (" + print_instant(command.to) +
                                             ") before it begins (" + print_instant(command.from) + ")"};
  if (command.to > (entry->relative ? decision.now : decision.wall))
    return Error{Code::invalid_argument, "the backfill reaches into the future: " + print_instant(command.to),
                 "Instants in the future fire by themselves: let the backfill end now or earlier."};
  std::vector<Backfill::Fire> fires;
  for (auto at = entry->timetable->next(command.from - 1); at && *at <= command.to;
       at = entry->timetable->next(*at)) {
    if (fires.size() == Backfill::kMost)
      return Error{Code::too_large,
                   "the backfill has more than " + std::to_string(Backfill::kMost) + " fires",
                   "Ask for a shorter time; the next one continues where it ends."};
    fires.push_back({*at, {}, false});
  }
  for (Backfill::Fire& fire : fires) {
    std::string key = fire_key(entry->name, fire.instant);
    PIRN_TRY(const auto before, launcher_.started_by(entry->tenant, key));
    fire.existing = before.has_value();
    fire.execution = before.value_or(ExecutionId());
    if (before || command.dry_run) continue;
    fire.execution = start(decision, *entry, Firing::backfill, fire.instant, std::move(key));
    streams_.emit(entry->tenant,
                  journal::ScheduleFired{entry->name, Firing::backfill, fire.instant, fire.execution,
                                         state_of(*entry)->next},
                  decision.now);
  }
  return fires;
}

// ---- events ----

void Triggers::handle(Decision& decision, Emit& command, bool dispatching) {
  decision.change.replies.push_back(
      [answer = emit(decision, command, dispatching), reply = std::move(command.reply)]() mutable {
        reply(std::move(answer));
      });
}

Result<std::optional<journal::EventEmitted>> Triggers::emitted_before(const Emit& command) const {
  if (command.id.empty()) return std::optional<journal::EventEmitted>();
  const std::string key = event_key(command.event, command.id);
  for (const NewEvent& event : events_)
    if (event.tenant == command.tenant && event.id == key) return std::optional(event.record);
  PIRN_TRY(const auto stored, store_.find_event(command.tenant, key));
  if (stored) {
    PIRN_TRY(journal::EventEmitted event, journal::decode_event_row(stored->body));
    return std::optional(std::move(event));
  }
  // Of older versions: under the id alone, and of no known payload.
  PIRN_TRY(const auto older, store_.find_event(command.tenant, command.id));
  if (!older) return std::optional<journal::EventEmitted>();
  PIRN_TRY(journal::EventEmitted event, journal::decode_event_row(older->body));
  return event.payload || event.event != command.event ? std::optional<journal::EventEmitted>()
                                                       : std::optional(std::move(event));
}

// What a start by hand would be refused for, an event is, too.
Result<registry::Catalog::Target> Triggers::startable(const std::string& tenant,
                                                      const journal::ScheduleName& workflow) const {
  PIRN_TRY(registry::Catalog::Target target, catalog_->resolve(tenant, text_of(workflow)));
  PIRN_DO(launcher_.check_capacity(target));
  return target;
}

Result<Emit::Answer> Triggers::emit(Decision& decision, Emit& command, bool dispatching) {
  if (!dispatching) return shutting_down();
  for (const journal::Delta::Entry& entry : command.payload.entries)
    if (entry.key.starts_with("__"))
      return Error{Code::invalid_argument,
                   "the payload has the key '" + entry.key + "': keys that begin with __ are reserved"};
  PIRN_TRY(auto before, emitted_before(command));
  if (before && before->payload && *before->payload != command.payload_digest)
    return Error{Code::event_conflict, "the event '" + command.event +
                                           "' was received earlier under the id '" + command.id +
                                           "' with another payload"};
  if (before) return Emit::Answer{std::move(before->executions), true, {}};
  // The quarantined package may list the event, and an id is accepted only once.
  if (catalog_->has_aside(command.tenant))
    return Error{Code::blob_damaged,
                 "the event '" + command.event +
                     "' is not accepted while a package of the tenant is quarantined, which may wait for it",
                 "Emit it again when the package is restored or deployed again: pirn health."};

  std::string trigger = "{\"event\":";
  journal::append_json_string(trigger, command.event);
  if (!command.id.empty()) {
    trigger += ",\"id\":";
    journal::append_json_string(trigger, command.id);
  }
  trigger += ",\"type\":\"event\"}";
  command.payload.put("__trigger__", journal::Value::of_json(trigger));
  PIRN_DO(check_input(decision.size_limits, command.payload));

  journal::EventEmitted record{command.event, command.id, {}, {}, {}};
  if (!command.id.empty()) record.payload = command.payload_digest;
  Emit::Answer answer;
  for (const registry::Active* active : catalog_->packages(command.tenant)) {
    for (const definition::Workflow& workflow : active->release->definition.workflows) {
      const auto& events = workflow.on_event;
      if (std::find(events.begin(), events.end(), command.event) == events.end()) continue;
      const journal::ScheduleName name{active->release->package, workflow.name};
      const auto target = startable(command.tenant, name);
      if (!target) {
        record.refused.push_back({name, std::string(target.error().name())});
        answer.refused.push_back({name, target.error()});
        continue;
      }
      record.executions.push_back(launcher_.launch(
          decision, *target, {command.tenant, command.payload, command.payload_digest, "", "event", {}}));
    }
  }
  streams_.emit(command.tenant, record, decision.now);
  answer.executions = record.executions;
  if (!command.id.empty()) {
    journal::TextWriter body;
    journal::append_event_row(body, record);
    events_.push_back({command.tenant, event_key(command.event, command.id), decision.now, std::move(record),
                       std::move(body)});
  }
  return answer;
}

void Triggers::collect(std::vector<store::EventRow>& rows) const {
  for (const NewEvent& event : events_) rows.push_back({event.tenant, event.id, event.at, event.body.view()});
}

}  // namespace pirn::engine
