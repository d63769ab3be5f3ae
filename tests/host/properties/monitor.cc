#include "tests/host/properties/monitor.h"

#include <algorithm>
#include <boost/json.hpp>

#include "host/engine/verdict.h"
#include "packager/json/json.h"

namespace pirn::sim {

namespace {

using journal::Compensation;
using journal::kNoStep;
using journal::SkipKind;
using journal::State;
using journal::StepState;

constexpr size_t kEnough = 20;  // problems

}  // namespace

// One execution, as its journal tells it.
class Monitor::Followed {
 public:
  Followed(Monitor& monitor, ExecutionId id) : monitor_(monitor) { state_.id = id; }

  const journal::ExecutionState& state() const { return state_; }
  const std::string& name() const { return name_; }

  void catch_up();
  void compare(const engine::View& view) const;
  void check_end() const;
  double uses(const std::string& resource) const;
  size_t running_tasks() const;

 private:
  void say(const std::string& problem) const { monitor_.say(*this, problem); }
  const definition::Step& step(uint32_t index) const { return steps_[index]; }
  bool declares_rollback(uint32_t index) const {
    return !step(index).rollback.empty() || state_.steps[index].extra->child;
  }

  void before(const journal::Record& record);
  void after(const journal::Record& record);
  void check_commit();

  void before_start(const journal::StepStarted& record);
  void before_skip(const journal::StepSkipped& record);
  void before_pass(uint32_t index);
  void before_rollback(const journal::RollbackStarted& record);
  void all_rolled_back();
  void after_failure(uint32_t index);
  void after_retry(const journal::StepRetry& record);

  std::set<uint32_t> all_set(uint32_t index) const;
  engine::Classes classes_of(const std::set<uint32_t>& steps) const;
  engine::Verdict verdict(uint32_t index) const;
  uint32_t step_limit() const;
  void add_steps();

  Monitor& monitor_;
  journal::ExecutionState state_;
  std::string name_;
  const definition::Workflow* workflow_ = nullptr;
  registry::ReleasePtr release_;
  std::vector<definition::Step> steps_;  // the declared, and children
  uint32_t commits_ = 0, n_over_ = 0, attempt_ = 0, starts_ = 0, stops_ = 0;
  int64_t last_at_ = 0;
  uint64_t newest_token_ = 0, last_rolled_back_ = UINT64_MAX;
  uint32_t failures_before_ = 0;
};

// ---- reading ----

void Monitor::Followed::catch_up() {
  const auto rows = monitor_.world_.store().journal(state_.id, commits_, UINT32_MAX);
  if (!rows) return say("its journal cannot be read");
  for (const store::StoredCommit& row : *rows) {
    auto commit = journal::decode_commit(row.body, row.schema);
    if (!commit) return say("P9: " + commit.error().message);
    if (row.commit_no != ++commits_) say("P9: commit numbers have a gap");
    if (commit->first_seq != state_.next_seq) say("P14: a gap in seq");
    if (commit->at < last_at_) say("P9: time runs backwards");
    last_at_ = commit->at;
    for (journal::Record& record : commit->records) {
      before(record);
      const journal::Record told = record;
      journal::apply(state_, std::move(record), commit->at);
      after(told);
    }
    state_.next_commit = commits_ + 1;
    check_commit();
  }
}

// Its steps, when it has been created, when a graft has expanded, and when another attempt begins.
void Monitor::Followed::add_steps() {
  if (!workflow_) {
    release_ = *monitor_.world_.releases.load(state_.origin->tenant, state_.origin->pins.front());
    workflow_ = release_->find(state_.origin->workflow);
    name_ = state_.origin->workflow + " " + state_.id.text();
  }
  steps_ = workflow_->steps;
  for (const journal::ChildrenPtr& children : state_.expansions)
    for (const journal::Child& child : *children) {
      steps_.push_back(
          *definition::parse_child(child.options.empty() ? "{}" : child.options, child.name, nullptr));
      steps_.back().name = child.name;
    }
}

void Monitor::Followed::before(const journal::Record& record) {
  using namespace journal;
  if (stops_ > 0) say("P14: a record after the stop");
  if (const auto* r = std::get_if<StepStarted>(&record)) before_start(*r);
  if (const auto* r = std::get_if<StepSkipped>(&record)) before_skip(*r);
  if (const auto* r = std::get_if<StepReady>(&record)) before_pass(r->step);
  if (const auto* r = std::get_if<StepAsked>(&record)) before_pass(r->step);
  if (const auto* r = std::get_if<RollbackStarted>(&record)) before_rollback(*r);
  if (const auto* r = std::get_if<StepSnoozed>(&record)) failures_before_ = state_.steps[r->step].failures;
  if (const auto* r = std::get_if<StepInterrupted>(&record))
    failures_before_ = state_.steps[r->step].failures;
  if (const auto* r = std::get_if<HandlerStarted>(&record); r && r->handler != HandlerEvent::on_step_error)
    all_rolled_back();
  if (std::holds_alternative<Stopped>(record) || std::holds_alternative<WorkflowRetry>(record))
    all_rolled_back();
}

void Monitor::Followed::after(const journal::Record& record) {
  using namespace journal;
  if (std::holds_alternative<Created>(record) || std::holds_alternative<GraftExpanded>(record) ||
      std::holds_alternative<WorkflowRetry>(record))
    add_steps();
  if (std::holds_alternative<WorkflowRetry>(record)) {
    n_over_ = 0;
    last_rolled_back_ = UINT64_MAX;
  }
  if (std::holds_alternative<Begun>(record)) {
    if (state_.attempt != attempt_ + 1)
      say("P1: attempt " + std::to_string(state_.attempt) + " is out of turn");
    attempt_ = state_.attempt;
    starts_ += attempt_ == 1;
    const Begun& begun = std::get<Begun>(record);
    if (begun.workflow != state_.origin->workflow || begun.execution != state_.id ||
        begun.trigger != state_.trigger)
      say("P14: a start says that it is one of " + begun.workflow + " " + begun.execution.text());
  }
  stops_ += std::holds_alternative<Stopped>(record);
  if (const auto* r = std::get_if<StepFailed>(&record)) after_failure(r->step);
  if (const auto* r = std::get_if<StepRetry>(&record)) after_retry(*r);
  if (const auto* r = std::get_if<StepSnoozed>(&record);
      r && state_.steps[r->step].failures != failures_before_)
    say("P6: a snooze is no failure");
  if (const auto* r = std::get_if<StepInterrupted>(&record);
      r && state_.steps[r->step].failures != failures_before_)
    say("P6: an interruption is no failure");
  if (const auto* r = std::get_if<RollbackDone>(&record)) last_rolled_back_ = state_.steps[r->step].ended_seq;
  if (const auto* r = std::get_if<RollbackFailed>(&record); r && r->wake_at == kNever)
    last_rolled_back_ = state_.steps[r->step].ended_seq;
}

// ---- what a record must find ----

void Monitor::Followed::before_start(const journal::StepStarted& record) {
  const std::string& step_name = step(record.step).name;
  if (state_.steps[record.step].state != StepState::ready)
    say("P2: " + step_name + " starts and is not ready");
  if (record.invocation <= newest_token_) say("P2: " + step_name + " gets a token that is not new");
  newest_token_ = record.invocation;
  if (record.attempt != state_.steps[record.step].failures + 1)
    say("P2: " + step_name + " is told a wrong attempt");
  if (state_.paused) say("P10: " + step_name + " starts between pause and resume");
  if (classes_of(all_set(record.step)).bad) say("P5: " + step_name + " starts although a dependency is bad");
}

// Its first record but a skip: what it waited for lets it pass.
void Monitor::Followed::before_pass(uint32_t index) {
  if (state_.steps[index].state == StepState::pending && verdict(index) != engine::Verdict::pass)
    say("P2: " + step(index).name + " goes on against its verdict");
}

void Monitor::Followed::before_skip(const journal::StepSkipped& record) {
  if (state_.state != State::running) return;  // by a stop
  using engine::Verdict;
  const Verdict of = verdict(record.step);
  const bool fits = record.kind == SkipKind::not_taken         ? of == Verdict::drop
                    : record.kind == SkipKind::upstream_failed ? of == Verdict::block
                                                               : of == Verdict::pass;
  if (!fits) say("P5: " + step(record.step).name + " is skipped against its verdict");
}

void Monitor::Followed::before_rollback(const journal::RollbackStarted& record) {
  const journal::Step& current = state_.steps[record.step];
  if (current.state != StepState::completed || !declares_rollback(record.step))
    say("P7: " + step(record.step).name + " has nothing to roll back");
  if (current.ended_seq >= last_rolled_back_)
    say("P7: " + step(record.step).name + " is rolled back out of turn");
}

void Monitor::Followed::all_rolled_back() {
  if (state_.state != State::compensating) return;
  for (uint32_t index = 0; index < state_.steps.size(); ++index) {
    const journal::Step& current = state_.steps[index];
    const bool over =
        current.compensation == Compensation::done || current.compensation == Compensation::failed;
    if (current.state == StepState::completed && declares_rollback(index) && !over)
      say("P7: " + step(index).name + " was not rolled back");
  }
}

void Monitor::Followed::after_failure(uint32_t index) {
  const definition::Step& of = step(index);
  uint32_t most = of.retry.max_retries;
  for (const auto* rules : {&of.recovery, &workflow_->recovery})
    for (const definition::RecoveryRule& rule : *rules) {
      if (rule.action == definition::RecoveryRule::Action::manual) return;  // somebody may try it for ever
      if (rule.action == definition::RecoveryRule::Action::retry)
        most = std::max(most, rule.retry.max_retries);
    }
  const uint32_t of_fallback = state_.steps[index].fallback_used ? 1 : 0;
  if (state_.steps[index].failures > most + 1 + of_fallback) say("P6: " + of.name + " failed too often");
}

void Monitor::Followed::after_retry(const journal::StepRetry& record) {
  const definition::Step& of = step(record.step);
  const journal::Step& current = state_.steps[record.step];
  const uint32_t number = current.extra->rule;
  const definition::RetryPolicy& policy = number == 0 ? of.retry
                                          : number <= of.recovery.size()
                                              ? of.recovery[number - 1].retry
                                              : workflow_->recovery[number - 1 - of.recovery.size()].retry;
  const bool refused = current.error->code == "circuit_open";  // R33: whatever the cap says
  if (record.delay < 0 || (record.delay > policy.max_delay_ns && !refused))
    say("P6: a delay of " + of.name + " is out of bounds");
}

// ---- what holds behind each commit ----

uint32_t Monitor::Followed::step_limit() const {
  const bool sequential = state_.strategy == journal::Strategy::sequential ||
                          (state_.strategy == journal::Strategy::as_defined &&
                           workflow_->strategy == definition::Strategy::sequential);
  return sequential ? 1 : workflow_->step_concurrency;
}

void Monitor::Followed::check_commit() {
  uint32_t running = 0, under_way = 0;
  for (const journal::Step& current : state_.steps) {
    running += current.state == StepState::running;
    under_way += current.state != StepState::pending && !journal::terminal(current.state);
  }
  if (const uint32_t limit = step_limit(); limit > 0 && running > limit)
    say("P8: more steps at once than may be");
  if (state_.state == State::running && !state_.paused && under_way == 0 && state_.handlers.empty())
    say("P3: nothing is under way, and it is not over");
  if (state_.n_terminal() < n_over_) say("P11: progress goes back");
  n_over_ = state_.n_terminal();
  if (journal::terminal(state_.state) && n_over_ != state_.steps.size())
    say("P1: it is over, and a step is not");
}

double Monitor::Followed::uses(const std::string& resource) const {
  double sum = 0;
  for (uint32_t index = 0; index < state_.steps.size(); ++index)
    if (state_.steps[index].state == StepState::running)
      for (const definition::Resource& need : step(index).resources)
        if (need.name == resource) sum += need.amount;
  return sum;
}

size_t Monitor::Followed::running_tasks() const {
  size_t running = 0;
  for (uint32_t index = 0; index < state_.steps.size(); ++index)
    running += state_.steps[index].state == StepState::running && step(index).nested.empty();
  return running;
}

void Monitor::Followed::compare(const engine::View& view) const {
  journal::TextWriter folded, live;
  journal::append_state(folded, state_, view.step_names, "");
  journal::append_state(live, view.state, view.step_names, "");
  if (folded.view() == live.view()) return;
  // What came from a journal has the members of its documents in order; what has just been made has not.
  const auto ordered = [](std::string_view json) {
    return canonical(*parse_own_json(std::string(json), "", {}));
  };
  if (ordered(folded.view()) != ordered(live.view()))
    say("P9: the fold of the journal is not the state:\n" + std::string(folded.view()) + "\n" +
        std::string(live.view()));
}

// What is open when nothing is due waits for somebody, or for one that does.
void Monitor::Followed::check_end() const {
  const bool waits = std::any_of(state_.steps.begin(), state_.steps.end(), [&](const journal::Step& current) {
    return current.state == StepState::awaiting ||
           (current.state == StepState::running && current.extra->child && !current.fallback_used);
  });
  const bool over = journal::terminal(state_.state);
  if (!over && !state_.paused && !waits) say("P3: it did not end: " + std::string(name_of(state_.state)));
  // One that is cancelled before its time never starts.
  if (starts_ > 1 || (starts_ == 0 && state_.state != State::cancelled) || stops_ != (over ? 1 : 0))
    say("P14: " + std::to_string(starts_) + " starts, " + std::to_string(stops_) + " stops");
}

// ---- dependencies ----

// Every step that a step must wait for, one by one.
std::set<uint32_t> Monitor::Followed::all_set(uint32_t index) const {
  const uint32_t n_declared = state_.n_declared();
  const auto graft_of = [&](uint32_t child) {
    for (const journal::ChildrenPtr& children : state_.expansions)
      for (const journal::Child& each : *children)
        if (each.name == step(child).name) return each.graft;
    return kNoStep;
  };
  if (index >= n_declared) return {graft_of(index)};
  const definition::Step& of = step(index);
  std::set<uint32_t> all(of.after.begin(), of.after.end());
  std::set<uint32_t> with_children(of.after_graft.begin(), of.after_graft.end());
  for (uint32_t member = 0; member < n_declared && !of.after_group.empty(); ++member)
    if (step(member).group == of.after_group) with_children.insert(member);
  all.insert(with_children.begin(), with_children.end());
  for (uint32_t child = n_declared; child < state_.steps.size(); ++child)
    if (with_children.contains(graft_of(child))) all.insert(child);
  return all;
}

engine::Classes Monitor::Followed::classes_of(const std::set<uint32_t>& steps) const {
  engine::Classes classes;
  for (const uint32_t each : steps) classes.add(state_.steps[each].dependency_class());
  return classes;
}

engine::Verdict Monitor::Followed::verdict(uint32_t index) const {
  const std::vector<uint32_t>& any = step(index).after_any;
  return engine::both(engine::verdict_all(classes_of(all_set(index))),
                      engine::verdict_any(classes_of({any.begin(), any.end()})));
}

// ---- all of them ----

Monitor::Monitor(World& world, std::map<std::string, double> pool) : world_(world), pool_(std::move(pool)) {
  world_.committed = [this, before = std::move(world_.committed)](ExecutionId id, uint32_t commit_no,
                                                                  std::string_view body) {
    if (before) before(id, commit_no, body);
    on_commit(id);
  };
}
Monitor::~Monitor() { world_.committed = nullptr; }

// The streams of tenants are told of, too; they have no steps.
void Monitor::on_commit(ExecutionId id) {
  if (is_tenant_stream(id) || problems_.size() > kEnough) return;
  if (!executions_.contains(id)) executions_.emplace(id, std::make_unique<Followed>(*this, id));
  for (const auto& [each, followed] : executions_) followed->catch_up();
  check_all_together();
}

void Monitor::check_all_together() {
  size_t running = 0;
  for (const auto& [id, followed] : executions_) running += followed->running_tasks();
  if (running > world_.runner().limit)
    problems_.push_back("P8: " + std::to_string(running) + " tasks at once, and the host has " +
                        std::to_string(world_.runner().limit) + " slots");
  for (const auto& [resource, amount] : pool_) {
    double in_use = 0;
    for (const auto& [id, followed] : executions_) in_use += followed->uses(resource);
    if (in_use > amount) problems_.push_back("P8: more " + resource + " is in use than the host has");
  }
}

void Monitor::say(const Followed& of, const std::string& problem) {
  problems_.push_back(of.name() + ", commit " + std::to_string(of.state().next_commit) + ": " + problem);
}

void Monitor::compare_with_live() {
  for (const auto& [id, followed] : executions_) {
    const engine::View view = world_.show(id, followed->state().origin->tenant);  // a turn of its own
    followed->catch_up();
    followed->compare(view);
  }
}

void Monitor::check_end() {
  compare_with_live();
  for (const auto& [id, followed] : executions_) followed->check_end();
  for (const std::string& breach : world_.runner().breaches) problems_.push_back("C21: " + breach);
}

}  // namespace pirn::sim
