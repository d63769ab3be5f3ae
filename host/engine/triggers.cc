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

std::string_view trigger_of(Firing firing) {
  constexpr std::string_view kNames[] = {"schedule", "trigger", "backfill"};
  return kNames[static_cast<size_t>(firing)];
}

}  // namespace

// ---- what is scheduled ----

void Triggers::reconcile(registry::CatalogPtr catalog, int64_t now) {
  catalog_ = std::move(catalog);
  std::map<Key, registry::Catalog::Target> wanted;
  for (const registry::Active* active : catalog_->packages()) {
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
  for (const auto& [tenant, name] : gone) streams_.emit(tenant, journal::ScheduleRemoved{name}, now);
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    timers_.remove(at->second.timer);
    at = entries_.erase(at);
  }
  for (auto& [key, target] : wanted) adopt(key, std::move(target), now);
}

// Of a package that cannot be read now, or that needs one that cannot: its schedule stays as it is, its pause
// and its grid too, and goes on when the package is there again.
bool Triggers::is_aside(const std::string& tenant, const journal::ScheduleName& name) const {
  if (catalog_->is_aside(tenant, name.package)) return true;
  if (!catalog_->has_aside(tenant)) return false;
  const registry::Active* active = catalog_->active(tenant, name.package);
  return active && active->unmet && !active->withdrawn;
}

void Triggers::adopt(const Key& key, registry::Catalog::Target target, int64_t now) {
  Entry& entry = entries_[key];
  entry.tenant = key.first;
  entry.name = key.second;
  entry.target = std::move(target);
  const definition::Schedule& schedule = *entry.target.workflow->schedule;
  std::string terms = terms_text(schedule);
  const journal::ScheduleState* state = state_of(entry);
  const bool unchanged = state && state->terms == terms;
  if (unchanged && entry.timetable) return;

  const int64_t registered_at = unchanged ? state->registered_at : now;
  auto made = schedule::make_timetable(terms_of(schedule), registered_at);
  if (!made) {  // the definition is right; this host lacks its time zone
    timers_.remove(entry.timer);
    entry.timetable.reset();
    entry.broken = made.error().message;
    return;
  }
  entry.timetable = std::move(made).value();
  entry.broken.clear();
  if (!unchanged)
    streams_.emit(entry.tenant,
                  journal::ScheduleSet{entry.name, std::move(terms), registered_at,
                                       entry.timetable->first(now).value_or(kNever)},
                  now);
  arm(entry);
}

void Triggers::arm(Entry& entry) {
  timers_.remove(entry.timer);
  const journal::ScheduleState* state = state_of(entry);
  assert(state && entry.timetable);
  if (!state->paused && state->next != kNever)
    entry.timer = timers_.add(state->next, {{entry.tenant, entry.name}, &entry});
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
    const std::optional<Due> due = timers_.take_due(decision.now);
    if (!due) break;
    Entry& entry = *due->entry;
    entry.timer = scheduler::kNoTimer;
    if (late(entry, decision.now)) {
      ++n;
      if (!std::exchange(entry.behind, true)) launcher_.missed(entry.tenant, entry.name);
      continue;
    }
    PIRN_TRY(const size_t fired, fire(decision, entry, kFiresAtOnce));
    n += std::max<size_t>(1, fired);
    arm(entry);
  }
  return n;
}

bool Triggers::late(const Entry& entry, int64_t now) const {
  const journal::ScheduleState* state = state_of(entry);
  return state && !state->paused && state->next < now - schedule::kPunctual_ns;
}

// It may have been paused, or have changed or gone, since it was found to be behind.
Result<bool> Triggers::fire_late(Decision& decision, const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  entry.behind = false;
  if (entry.timetable && late(entry, decision.now)) PIRN_DO(fire(decision, entry, 1));
  entry.behind = entry.timetable && late(entry, decision.now);
  if (entry.behind)
    timers_.remove(entry.timer);
  else if (entry.timetable && state_of(entry))
    arm(entry);
  return entry.behind;
}

Result<size_t> Triggers::fire(Decision& decision, Entry& entry, size_t limit) {
  const schedule::Due due = schedule::due(*entry.timetable, state_of(entry)->next, decision.now,
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
  PIRN_TRY(const auto before, launcher_.started_by(entry.tenant, key));
  const uint32_t most = entry.target.workflow->max_running;
  if (before)
    skip(ScheduleSkip::fired_before);
  else if (most > 0 && launcher_.running(entry.tenant, entry.name) >= most)
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
          entry.broken};
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
    execution = start(decision, *entry, Firing::trigger, decision.now, "");
    streams_.emit(entry->tenant,
                  journal::ScheduleFired{entry->name, Firing::trigger, decision.now, execution, state->next},
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
    const auto next = entry->timetable->next(decision.now);
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
  if (command.to > decision.now)
    return Error{Code::invalid_argument, "the backfill reaches into the future: " + print_instant(command.to),
                 "What lies ahead fires by itself; end it now or earlier."};
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

Result<std::optional<Emit::Answer>> Triggers::emitted_before(const Emit& command) const {
  if (command.id.empty()) return std::optional<Emit::Answer>();
  for (const NewEvent& event : events_)
    if (event.tenant == command.tenant && event.id == command.id)
      return std::optional(Emit::Answer{event.record.executions, true, {}});
  PIRN_TRY(const auto stored, store_.find_event(command.tenant, command.id));
  if (!stored) return std::optional<Emit::Answer>();
  PIRN_TRY(journal::EventEmitted event, journal::decode_event_row(stored->body));
  return std::optional(Emit::Answer{std::move(event.executions), true, {}});
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
  if (before) return *std::move(before);

  std::string trigger = "{\"event\":";
  journal::append_json_string(trigger, command.event);
  if (!command.id.empty()) {
    trigger += ",\"id\":";
    journal::append_json_string(trigger, command.id);
  }
  trigger += ",\"type\":\"event\"}";
  command.payload.put("__trigger__", journal::Value::of_json(trigger));
  PIRN_DO(check_input(decision, command.payload));

  journal::EventEmitted record{command.event, command.id, {}, {}};
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
          decision, *target, {command.tenant, command.payload, command.payload_digest, "", "event", 0}));
    }
  }
  streams_.emit(command.tenant, record, decision.now);
  answer.executions = record.executions;
  if (!command.id.empty()) {
    journal::TextWriter body;
    journal::append_event_row(body, record);
    events_.push_back({command.tenant, command.id, decision.now, std::move(record), std::move(body)});
  }
  return answer;
}

void Triggers::collect(std::vector<store::EventRow>& rows) const {
  for (const NewEvent& event : events_) rows.push_back({event.tenant, event.id, event.at, event.body.view()});
}

}  // namespace pirn::engine
