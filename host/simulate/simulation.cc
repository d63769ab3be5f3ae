#include "host/simulate/simulation.h"

#include <algorithm>
#include <boost/json.hpp>

#include "host/events/event_text.h"
#include "packager/json/json.h"

namespace pirn::sim {

namespace {

constexpr uint64_t kMostTurns = 1'000'000;  // of a case that never comes to rest

// Counts the events in question; true: the wanted one is among them.
bool holds(const After& after, std::string_view body, uint32_t& seen) {
  (void)events::for_each_event(body, [&](const events::EventView& event) {
    if (event.type != after.event) return;
    if (!after.step.empty()) {
      const auto value = parse_own_json(event.text, "an event", {});
      const auto* step = value ? value->as_object().if_contains("step") : nullptr;
      if (!step || !step->is_string() || std::string_view(step->as_string()) != after.step) return;
    }
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
  PIRN_TRY(const auto started, world_.start(start.input, start.key, start.workflow, start.tenant));
  runs_[start.run] = {started.id, start.tenant};
  if (started.existing) return {};
  // The commit of the start itself was told before the run had its name.
  for (const auto& [commit_no, body] : nameless_[started.id]) note_commit(started.id, commit_no, body);
  nameless_.clear();
  return {};
}
Status Simulation::carry_out(const CancelRun& cancel) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(cancel.run));
  engine::Cancel command;
  command.tenant = run.tenant;
  command.id = run.id;
  command.reason = cancel.reason;
  command.rollback = cancel.rollback;
  command.cleanup = cancel.cleanup;
  PIRN_TRY(const journal::State after, world_.cancel(std::move(command)));
  (void)after;
  return {};
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
// ---- moments ----

std::string_view Simulation::name_of_run(ExecutionId id) const {
  for (const auto& [name, run] : runs_)
    if (run.id == id) return name;
  return {};
}

void Simulation::note_commit(ExecutionId id, uint32_t commit_no, std::string_view body) {
  const std::string_view run = name_of_run(id);
  if (run.empty()) nameless_[id].emplace_back(commit_no, std::string(body));
  for (size_t i = 0; i < case_.orders.size(); ++i) {
    const std::optional<After>& after = case_.orders[i].after;
    if (!after || seen_[i] >= after->times) continue;
    if (after->run.empty() ? run.empty() : after->run != run) continue;
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
