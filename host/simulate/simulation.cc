#include "host/simulate/simulation.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <utility>

#include "host/events/event_text.h"
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
  return trigger == "manual" || trigger == "retry" || trigger == "rerun";
}
// Such ones may be.
bool may_be_ordered(std::string_view trigger) { return trigger == "dead_letter"; }

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
    : case_(of),
      world_(of.options, of.begin),
      pending_(of.orders.size()),
      seen_(of.orders.size()),
      looked_at_(of.orders.size()) {
  world_.runner().limit = of.slots;
  world_.runner().script = [this](const worker::Invocation& call) { return act_of(call); };
  world_.committed = [this](ExecutionId id, uint32_t commit_no, std::string_view body) {
    note_commit(id, commit_no, body);
  };
  world_.releases.functions = of.functions;
  // What is there from the beginning was deployed before: by a host that had more, it may be.
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
      const bool busy = world_.turn();
      look_at_tenants();
      if (busy) continue;
      const auto next = world_.runner().next_completion();
      if (next && *next <= world_.now()) continue;
    }
    if (std::any_of(pending_.begin(), pending_.end(),
                    [&](const auto& at) { return at && *at <= world_.now(); }))
      continue;  // a tenant's journal has just said so
    std::optional<int64_t> next = world_.down() ? back_at_ : world_.next_due();
    for (const std::optional<int64_t>& at : pending_)
      if (at && (!next || *at < *next)) next = at;
    if (!next || *next > end) {
      if (read_all_untold()) continue;  // orders may wait for what was read
      return next ? "the case ends here: \"until\"" : "";
    }
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

// The host may have been lost before it told of commits that are durable all the same: those are read first.
void Simulation::note_commit(ExecutionId id, uint32_t commit_no, std::string_view body) {
  read_untold(id, commit_no);
  if (const ExecutionId parent = parent_of(id, body)) read_untold(parent, UINT32_MAX);
  if (told_[id] < commit_no) take_note(id, commit_no, body);
}

void Simulation::read_untold(ExecutionId id, uint32_t before) {
  const uint32_t told = told_[id];
  if (told + 1 >= before) return;
  const auto commits = world_.store().journal(id, told, before - 1 - told);
  if (!commits) return;
  for (const store::StoredCommit& commit : *commits) {
    if (const ExecutionId parent = parent_of(id, commit.body)) read_untold(parent, UINT32_MAX);
    if (told_[id] < commit.commit_no) take_note(id, commit.commit_no, commit.body);
  }
}

// Also of executions that have nothing more to tell, and of their children. Whether there was anything.
bool Simulation::read_all_untold() {
  const auto before = told_;
  std::set<ExecutionId> known;
  for (const auto& [id, commit] : told_) known.insert(id);
  for (const auto& [child, step] : step_of_child_) known.insert(child);
  for (const ExecutionId id : known) read_untold(id, UINT32_MAX);
  return told_ != before;
}

// Of one whose first commit this is.
ExecutionId Simulation::parent_of(ExecutionId id, std::string_view body) const {
  ExecutionId parent;
  if (const auto told = told_.find(id); told != told_.end() && told->second > 0) return parent;
  (void)events::for_each_event(body, [&](const events::EventView& event) {
    if (event.type != "workflow.create") return;
    if (const auto named = parse_execution_id(member(event.text, "parent"))) parent = *named;
  });
  return parent;
}

void Simulation::take_note(ExecutionId id, uint32_t commit_no, std::string_view body) {
  told_[id] = commit_no;
  const bool named = names_.contains(id);
  note_executions(id, body);
  if (named) return look_for_moments(names_.at(id), commit_no, body);
  Nameless& of = nameless_[id];
  of.commits.emplace_back(commit_no, std::string(body));
  const bool ordered = is_ordered(of.trigger) || (may_be_ordered(of.trigger) && !next_name_.empty());
  if (of.parent ? names_.contains(of.parent) : !ordered)
    name_by_itself(id);
  else if (!of.parent && !next_name_.empty())
    name_run(id, std::exchange(next_name_, {}), of.tenant);
}

void Simulation::look_for_moments(std::string_view run, uint32_t commit_no, std::string_view body) {
  for (size_t i = 0; i < case_.orders.size(); ++i) {
    const std::optional<After>& after = case_.orders[i].after;
    if (!after || !after->tenant.empty() || seen_[i] >= after->times) continue;
    if (!after->run.empty() && after->run != run) continue;
    look_at(i, commit_no, body);
  }
}

void Simulation::look_at(size_t order, uint32_t commit_no, std::string_view body) {
  const After& after = *case_.orders[order].after;
  if (!(after.commit != 0 ? after.commit == commit_no : holds(after, body, seen_[order]))) return;
  seen_[order] = after.times;
  pending_[order] = world_.now() + case_.orders[order].at;
}

// Nobody tells of the commits of a tenant's own journal: they are read when a turn is over.
void Simulation::look_at_tenants() {
  for (size_t i = 0; i < case_.orders.size(); ++i) {
    const std::optional<After>& after = case_.orders[i].after;
    if (!after || after->tenant.empty() || seen_[i] >= after->times) continue;
    const auto tenants = world_.store().tenants();
    if (!tenants) return;
    for (const store::StoredTenant& tenant : *tenants) {
      if (tenant.tenant != after->tenant) continue;
      const auto commits = world_.store().journal(tenant.stream, looked_at_[i], UINT32_MAX);
      if (!commits) return;
      for (const store::StoredCommit& commit : *commits) {
        looked_at_[i] = commit.commit_no;
        if (seen_[i] < after->times) look_at(i, commit.commit_no, commit.body);
      }
    }
  }
}

// ---- what calls do ----

namespace {

// Parts that are not named fit everything.
bool is_of(const worker::Frame& frame, const definition::WorkflowName& name) {
  return (name.workflow.empty() || name.workflow == frame.workflow) &&
         (name.package.empty() || name.package == frame.release->package) &&
         (name.tenant.empty() || name.tenant == frame.release->tenant);
}

}  // namespace

Act Simulation::act_of(const worker::Invocation& call) {
  const Called& called = world_.runner().calls.back();
  const std::string_view run = name_of_run(called.execution);
  for (const Script& script : case_.scripts) {
    if (script.kind && *script.kind != call.kind) continue;
    if (!script.step.empty() && script.step != call.step_name) continue;
    if (!script.function.empty() && script.function != call.function) continue;
    if (!is_of(*call.frame, script.workflow)) continue;
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
