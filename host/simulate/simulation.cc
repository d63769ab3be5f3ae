#include "host/simulate/simulation.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "host/events/event_text.h"
#include "packager/digest/digest.h"
#include "packager/json/json.h"

namespace pirn::sim {

namespace {

constexpr uint64_t kMostTurns = 1'000'000;  // of a case that never comes to rest

// A text in an event; empty: it has none such.
std::string member(std::string_view event, const char* key) {
  const auto value = parse_own_json(event, "an event", {});
  const auto* found = value ? value->as_object().if_contains(key) : nullptr;
  return found && found->is_string() ? std::string(found->as_string()) : std::string();
}

// Such executions are named by the order that has started them.
bool is_ordered(std::string_view trigger) {
  return trigger == "manual" || trigger == "retry" || trigger == "rerun" || trigger == "dead_letter";
}

// Counts the events in question; true: the wanted one is among them.
bool holds(const After& after, std::string_view body, uint32_t& seen) {
  (void)events::for_each_event(body, [&](const events::EventView& event) {
    if (event.type != after.event) return;
    if (!after.step.empty() && member(event.text, "step") != after.step) return;
    ++seen;
  });
  return seen >= after.times;
}

}  // namespace

Simulation::Simulation(const Case& of)
    : case_(of), world_(of.options, of.begin), pending_(of.orders.size()), seen_(of.orders.size()) {
  world_.runner().limit = of.slots;
  world_.runner().script = [this](const worker::Invocation& call) { return act_of(call); };
  world_.committed = [this](ExecutionId id, uint32_t commit_no, std::string_view body) {
    note_commit(id, commit_no, body);
  };
  world_.releases.functions = of.functions;
  for (const Published& published : of.published)
    if (published.deployed) world_.releases.publish(published.tenant, published.definition);
  for (size_t i = 0; i < of.orders.size(); ++i)
    if (!of.orders[i].after) pending_[i] = of.begin + of.orders[i].at;
}

std::string Simulation::run() {
  const int64_t end = case_.begin + case_.until_ns;
  for (uint64_t turns = 0; turns < kMostTurns; ++turns) {
    if (carry_out_next()) continue;
    if (!world_.down()) {
      if (world_.turn()) continue;
      const auto next = world_.runner().next_completion();
      if (next && *next <= world_.now()) continue;
    }
    std::optional<int64_t> next = world_.down() ? back_at_ : world_.next_due();
    for (const std::optional<int64_t>& at : pending_)
      if (at && (!next || *at < *next)) next = at;
    if (!next) return {};
    if (*next > end) return "the case ends here: \"until\"";
    world_.pass_time(*next - world_.now());
    if (world_.down() && *back_at_ <= world_.now()) world_.come_back();
  }
  return "the case does not come to rest";
}

// ---- what is asked of the host ----

// The first order that is due, in the order of the case; false: none is.
bool Simulation::carry_out_next() {
  std::optional<size_t> next;
  for (size_t i = 0; i < pending_.size(); ++i)
    if (pending_[i] && *pending_[i] <= world_.now() && (!next || *pending_[i] < *pending_[*next])) next = i;
  if (!next) return false;
  pending_[*next].reset();
  const Status done = std::visit([&](const auto& what) { return carry_out(what); }, case_.orders[*next].what);
  if (!done) refusals_.push_back({*next, world_.now(), done.error()});
  return true;
}

Status Simulation::carry_out(const StartRun& start) {
  PIRN_DO(reachable());
  engine::Start command;
  command.tenant = start.tenant;
  command.workflow = start.workflow;
  PIRN_TRY(command.input, journal::parse_object(start.input));
  command.input_digest = sha256(start.input);
  command.key = start.key;
  command.strategy = start.strategy;
  if (start.in_ns != 0) command.wake_at = world_.now() + start.in_ns;
  next_name_ = start.run;
  const auto started = world_.ask<engine::Started>(std::move(command));
  next_name_.clear();
  if (!started) return started.error();
  name_run(started->id, start.run, start.tenant);
  return {};
}

Status Simulation::carry_out(const CancelRun& cancel) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(cancel.run));
  const auto after = world_.ask<journal::State>(
      engine::Cancel{run.tenant, run.id, cancel.reason, cancel.rollback, cancel.cleanup, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const PauseRun& pause) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(pause.run));
  const auto after = world_.ask<std::string_view>(engine::Pause{run.tenant, run.id, pause.reason, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const ResumeRun& resume) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(resume.run));
  PIRN_TRY(journal::Delta context, journal::parse_object(resume.context));
  const auto after = world_.ask<std::string_view>(
      engine::Resume{run.tenant, run.id, resume.step, resume.action, std::move(context), resume.by, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const ApproveRun& approve) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(approve.run));
  const auto after = world_.ask<std::string_view>(
      engine::Approve{run.tenant, run.id, approve.step, approve.approved, approve.comment, approve.by, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const RunAgain& again) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(again.run));
  PIRN_TRY(const auto started,
           world_.ask<engine::Started>(engine::Rerun{run.tenant, run.id, again.from, again.on_active, {}}));
  name_run(started.id, again.as, run.tenant);
  return {};
}

Status Simulation::carry_out(const RetryLetter& retry) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(retry.run));
  PIRN_TRY(const auto again, world_.ask<std::vector<engine::Again>>(
                                 engine::RetryLetters{run.tenant, {}, run.id, 1, retry.on_active, {}}));
  name_run(again.front().execution, retry.as, run.tenant);
  return {};
}

Status Simulation::carry_out(const EmitEvent& emit) {
  PIRN_DO(reachable());
  engine::Emit command;
  command.tenant = emit.tenant;
  command.event = emit.event;
  command.id = emit.id;
  PIRN_TRY(command.payload, journal::parse_object(emit.payload));
  command.payload_digest = sha256(emit.payload);
  const auto answer = world_.ask<engine::Emit::Answer>(std::move(command));
  return answer ? Status() : answer.error();
}

Status Simulation::carry_out(const ScheduleOrder& order) {
  PIRN_DO(reachable());
  const auto answer = world_.ask<engine::ControlSchedule::Answer>(
      engine::ControlSchedule{order.tenant, order.workflow, order.action, {}});
  return answer ? Status() : answer.error();
}

Status Simulation::carry_out(const BackfillRuns& backfill) {
  PIRN_DO(reachable());
  const auto answer = world_.ask<std::vector<engine::Backfill::Fire>>(
      engine::Backfill{backfill.tenant, backfill.workflow, backfill.from, backfill.to, false, {}});
  return answer ? Status() : answer.error();
}

Status Simulation::carry_out(const Deploy& deploy) {
  for (const Published& published : case_.published)
    if (published.name == deploy.name) world_.releases.publish(published.tenant, published.definition);
  return {};
}
Status Simulation::carry_out(const LoseHost& lose) {
  if (!world_.down()) world_.lose();
  back_at_ = world_.now() + lose.down_ns;
  if (lose.down_ns == 0) world_.come_back();
  return {};
}
Status Simulation::carry_out(const FailCommit& fail) {
  PIRN_DO(reachable());
  world_.fail_commit(1, fail.uncertain);
  return {};
}

Status Simulation::reachable() const {
  if (!world_.down()) return {};
  return Error{Code::unreachable, "the host is down"};
}
Result<Simulation::Run> Simulation::run_of(const std::string& name) const {
  const auto found = runs_.find(name);
  if (found != runs_.end()) return found->second;
  return Error{Code::not_found, "the run '" + name + "' was not started"};
}

// ---- names ----

std::string_view Simulation::name_of_run(ExecutionId id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? std::string_view() : found->second;
}

// What was committed before a run had its name is told now, and its children get theirs.
void Simulation::name_run(ExecutionId id, const std::string& name, const std::string& tenant) {
  runs_[name] = {id, tenant};
  if (!names_.emplace(id, name).second) return;  // a start that had been made before
  const auto found = nameless_.find(id);
  if (found != nameless_.end()) {
    const auto commits = std::move(found->second.commits);
    nameless_.erase(found);
    for (const auto& [commit_no, body] : commits) look_for_moments(name, commit_no, body);
  }
  name_children(id);
}

void Simulation::name_children(ExecutionId parent) {
  std::vector<ExecutionId> children;
  for (const auto& [id, of] : nameless_)
    if (of.parent == parent) children.push_back(id);
  for (const ExecutionId child : children) name_by_itself(child);
}

// What no order of the case has started: RUN/STEP, or WORKFLOW#N of what a schedule or an event starts.
void Simulation::name_by_itself(ExecutionId id) {
  const Nameless& of = nameless_.at(id);
  const std::string parent(name_of_run(of.parent));
  const std::string base = of.parent ? parent + "/" + step_of_child_[id] : of.workflow;
  name_run(id, free_name(base, !of.parent), of.tenant);
}

std::string Simulation::free_name(const std::string& base, bool numbered) const {
  if (!numbered && !runs_.contains(base)) return base;
  for (int n = numbered ? 1 : 2;; ++n) {
    std::string name = base + "#" + std::to_string(n);
    if (!runs_.contains(name)) return name;
  }
}

// Which executions there are, and whose.
void Simulation::note_executions(ExecutionId id, std::string_view body) {
  (void)events::for_each_event(body, [&](const events::EventView& event) {
    if (event.type == "workflow.create") {
      Nameless& of = nameless_[id];
      of.tenant = member(event.text, "tenant");
      of.workflow = member(event.text, "workflow");
      of.trigger = member(event.text, "trigger");
      if (const auto parent = parse_execution_id(member(event.text, "parent"))) of.parent = *parent;
    }
    if (event.text.find("\"child\":") == std::string_view::npos) return;
    if (const auto child = parse_execution_id(member(event.text, "child")))
      step_of_child_[*child] = member(event.text, "step");
  });
}

// ---- moments ----

void Simulation::note_commit(ExecutionId id, uint32_t commit_no, std::string_view body) {
  const bool named = names_.contains(id);
  // The host was lost before it told of a commit that is durable all the same: that is read now.
  if (!named && commit_no > 1 && !nameless_.contains(id)) note_past(id, commit_no);
  note_executions(id, body);
  if (named) return look_for_moments(names_.at(id), commit_no, body);
  Nameless& of = nameless_[id];
  of.commits.emplace_back(commit_no, std::string(body));
  if (of.parent ? names_.contains(of.parent) : !is_ordered(of.trigger))
    name_by_itself(id);
  else if (!of.parent && !next_name_.empty())
    name_run(id, std::exchange(next_name_, {}), of.tenant);
}

void Simulation::note_past(ExecutionId id, uint32_t before) {
  const auto commits = world_.store().journal(id, 0, before - 1);
  if (!commits) return;
  for (const store::StoredCommit& commit : *commits) {
    note_executions(id, commit.body);
    nameless_[id].commits.emplace_back(commit.commit_no, commit.body);
  }
  const ExecutionId parent = nameless_[id].parent;
  if (parent && !names_.contains(parent) && !nameless_.contains(parent)) note_past(parent, UINT32_MAX);
}

void Simulation::look_for_moments(std::string_view run, uint32_t commit_no, std::string_view body) {
  for (size_t i = 0; i < case_.orders.size(); ++i) {
    const std::optional<After>& after = case_.orders[i].after;
    if (!after || seen_[i] >= after->times) continue;
    if (!after->run.empty() && after->run != run) continue;
    if (after->commit != 0 ? after->commit == commit_no : holds(*after, body, seen_[i])) {
      seen_[i] = after->times;
      pending_[i] = world_.now() + case_.orders[i].at;
    }
  }
}

// ---- what calls do ----

Act Simulation::act_of(const worker::Invocation& call) {
  const Called& called = world_.runner().calls.back();
  const std::string_view run = name_of_run(called.execution);
  for (const Script& script : case_.scripts) {
    if (script.kind && *script.kind != call.kind) continue;
    if (!script.step.empty() && script.step != call.step_name) continue;
    if (!script.function.empty() && script.function != call.function) continue;
    if (!script.workflow.empty() && script.workflow != call.frame->workflow) continue;
    if (!script.run.empty() && script.run != run) continue;
    const Deed& deed = script.deeds[std::min<size_t>(called.nth, script.deeds.size()) - 1];
    Act act = deed.act;
    for (journal::Emitted& emitted : act.outcome.emitted) emitted.step = call.step;
    const auto& calls = world_.runner().calls;
    const auto before = std::count_if(calls.begin(), calls.end() - 1, [&](const Called& other) {
      return other.execution == called.execution && other.step_index == called.step_index &&
             other.kind == called.kind && other.nth == called.nth;
    });
    act.kills_host = before < static_cast<ptrdiff_t>(deed.kills_host);
    return act;
  }
  // What the case says nothing about: tasks are ok, conditions true, and other questions have no answer, so
  // that their default holds.
  if (call.kind == worker::Kind::condition) return answer(true);
  if (call.kind == worker::Kind::duration || call.kind == worker::Kind::backoff) return fail("unscripted");
  return ok();
}

}  // namespace pirn::sim
