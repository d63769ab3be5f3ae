#include "host/engine/execution.h"

#include <algorithm>
#include <cassert>
#include <functional>

#include "host/engine/retry.h"
#include "host/engine/verdict.h"
#include "host/journal/codec.h"
#include "packager/definition/condition.h"

namespace pirn::engine {

using journal::AfterFailure;
using journal::kNever;
using journal::SkipKind;
using journal::State;
using journal::Step;
using journal::StepClass;
using journal::StepState;
using journal::Stopping;
using scheduler::kNoTimer;
using worker::Kind;
using worker::Outcome;

namespace {

int64_t later(int64_t now, int64_t duration) { return duration >= kNever - now ? kNever : now + duration; }

journal::ErrorPtr make_error(std::string code, std::string message,
                             journal::ErrorClass error_class = journal::ErrorClass::retryable) {
  return std::make_shared<const journal::StepError>(journal::StepError{std::move(code), std::move(message), error_class, ""});
}

const journal::ResultPtr& empty_result() {
  static const journal::ResultPtr empty = std::make_shared<const journal::StepResult>();
  return empty;
}

}  // namespace

// ---- the frame ----

ExecutionFrame::ExecutionFrame(ExecutionId id, PlanPtr plan, uint32_t attempt) : plan_(std::move(plan)), slots_(plan_->n_steps()) {
  execution = id;
  execution_text = id.text();
  release = plan_->release();
  workflow = plan_->workflow().name;
  workflow_attempt = attempt;
}

worker::Frame::Access ExecutionFrame::result_of(uint32_t step, std::string_view ancestor, const journal::StepResult*& out) const {
  const uint32_t index = plan_->find(ancestor);
  if (index == UINT32_MAX || !plan_->is_ancestor(index, step)) return Access::not_an_ancestor;
  out = slots_[index].get();
  return out ? Access::ok : Access::absent;
}

// ---- construction ----

Execution::Execution(ExecutionId id, PlanPtr plan, uint32_t tenant_number) : plan_(std::move(plan)), tenant_number_(tenant_number) {
  state_.id = id;
  const uint32_t n = plan_->n_steps();
  frame_ = std::make_shared<ExecutionFrame>(id, plan_, 1);
  after_.resize(n);
  timers_.assign(n, kNoTimer);
  open_dependencies_.resize(n);
  for (uint32_t step = 0; step < n; ++step) open_dependencies_[step] = static_cast<uint32_t>(plan_->step(step).after.size());
  n_open_ = n;
}

Execution::Execution(journal::ExecutionState state, PlanPtr plan, uint32_t tenant_number)
    : Execution(state.id, std::move(plan), tenant_number) {
  state_ = std::move(state);
  assert(state_.steps.size() == plan_->n_steps());
}

bool Execution::parked() const { return !ended() && n_running_ == 0 && n_asking_ == 0 && ready_.empty(); }

std::string Execution::context_json() const {
  std::string out;
  all_.append_json(out);
  return out;
}

// ---- recording ----

void Execution::emit(Decision& decision, const journal::Record& record) {
  Change& change = decision.change;
  const bool opened = draft_turn_ != change.turn;
  if (opened) {
    draft_ = change.new_draft(this, state_.next_commit++);
    draft_turn_ = change.turn;
    journal::begin_body(change.drafts[draft_].body, decision.now);
  }
  Draft& draft = change.drafts[draft_];
  journal::append_event(draft.body, draft.empty, state_.next_seq, record, plan_->names());
  draft.empty = false;
  journal::apply(state_, record, decision.now);
}

// ---- the beginning and the end ----

void Execution::create(Decision& decision, const journal::Created& record) {
  open_commit();
  emit(decision, record);
  base_ = journal::Context().with(state_.input, {});
  all_ = base_;
  if (state_.wake_at > decision.now)
    start_timer_ = decision.timers.add(state_.wake_at, {this, Due::What::start, 0});
  else
    begin(decision);
}

void Execution::begin(Decision& decision) {
  const int64_t deadline = later(decision.now, plan_->workflow().timeout_ns);
  emit(decision, journal::Begun{state_.attempt + 1, deadline});
  if (deadline != kNever) deadline_timer_ = decision.timers.add(deadline, {this, Due::What::workflow_deadline, 0});
  for (uint32_t root : plan_->roots()) worklist_.push_back(plan_->rank(root));
  std::make_heap(worklist_.begin(), worklist_.end(), std::greater<>());
  settle(decision);
  finish_if_done(decision);
}

void Execution::cancel(Decision& decision, const std::string& reason, bool cleanup) {
  open_commit();
  Stopping record;
  record.cause = journal::StopCause::cancel;
  record.reason = reason;
  record.cleanup = cleanup;
  stop(decision, std::move(record));
}

// E6, E7, E10, E3: running steps drain, all others end now.
void Execution::stop(Decision& decision, Stopping record) {
  const std::vector<bool> below = below_failures();
  if (n_running_ > 0) record.grace_until = later(decision.now, decision.cancel_grace_ns);
  emit(decision, record);
  decision.timers.remove(deadline_timer_);
  if (n_running_ > 0) grace_timer_ = decision.timers.add(record.grace_until, {this, Due::What::grace, 0});
  ready_.clear();
  for (uint32_t rank = 0; rank < plan_->n_steps(); ++rank) {
    const uint32_t step = plan_->at_rank(rank);
    if (!journal::terminal(state_.steps[step].state)) stop_step(decision, step, below[step]);
  }
  worklist_.clear();
  finish_if_done(decision);
}

// S18 to S21.
void Execution::stop_step(Decision& decision, uint32_t step, bool below_failure) {
  const Step& current = state_.steps[step];
  if (current.state == StepState::running) {
    if (plan_->step(step).cancellable) decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
    return;
  }
  if (current.state == StepState::asking) {
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
    --n_asking_;
  }
  if (state_.cause == journal::StopCause::fail && current.invocations == 0) {
    skip(decision, step, below_failure ? SkipKind::upstream_failed : SkipKind::aborted, "the workflow is stopping");
    return;
  }
  emit(decision, journal::StepCancelled{step, "the workflow is stopping", nullptr});
  hook(decision, step, &definition::Hooks::on_failure);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
}

// By step: does it depend, directly or not, on one that failed hard?
std::vector<bool> Execution::below_failures() const {
  std::vector<bool> below(plan_->n_steps());
  for (uint32_t rank = 0; rank < plan_->n_steps(); ++rank) {
    const uint32_t step = plan_->at_rank(rank);
    const bool failed = state_.steps[step].state == StepState::failed && !state_.steps[step].tolerated;
    if (failed || below[step])
      for (uint32_t dependent : plan_->dependents(step)) below[dependent] = true;
  }
  return below;
}

// E8, E9, E11.
void Execution::finish_if_done(Decision& decision) {
  if (n_open_ > 0) return;
  if (state_.state == State::running) {
    if (state_.error_step == Stopping::kNoStep) return finalise(decision, journal::FinalState::completed);
    Stopping record;
    record.error = state_.error;
    record.step = state_.error_step;
    emit(decision, record);
  }
  if (state_.state == State::stopping)
    finalise(decision, state_.cause == journal::StopCause::fail ? journal::FinalState::failed : journal::FinalState::cancelled);
}

// F2, F3.
void Execution::finalise(Decision& decision, journal::FinalState final_state) {
  decision.timers.remove(start_timer_);
  decision.timers.remove(deadline_timer_);
  decision.timers.remove(grace_timer_);
  if (final_state == journal::FinalState::failed) emit(decision, journal::Failed{state_.error, state_.error_step});
  const int64_t duration = state_.started_at ? decision.now - state_.started_at : 0;
  emit(decision, journal::Stopped{final_state, duration, state_.tolerated_failures});
  decision.change.drafts[draft_].last = true;
}

// ---- after a crash ----

void Execution::resume(Decision& decision) {
  open_commit();
  base_ = journal::Context().with(state_.input, {});
  all_ = base_;
  if (state_.state == State::pending) {
    if (state_.wake_at > decision.now)
      start_timer_ = decision.timers.add(state_.wake_at, {this, Due::What::start, 0});
    else
      begin(decision);
    return;
  }
  if (state_.deadline != kNever && state_.state == State::running)
    deadline_timer_ = decision.timers.add(state_.deadline, {this, Due::What::workflow_deadline, 0});

  // What is derived from the slots, in rank order, so that ancestors come first.
  for (uint32_t rank = 0; rank < plan_->n_steps(); ++rank) {
    const uint32_t step = plan_->at_rank(rank);
    const Step& current = state_.steps[step];
    if (current.state != StepState::pending) after_[step] = visible(step);
    if (!journal::terminal(current.state)) continue;
    --n_open_;
    for (uint32_t dependent : plan_->dependents(step)) --open_dependencies_[dependent];
    if (current.state != StepState::completed) continue;
    frame_->set(step, current.result ? current.result : empty_result());
    if (!current.result) continue;
    const journal::Delta delta = context_delta(step, *current.result);
    after_[step] = after_[step].with(delta, stamp(step));
    all_ = all_.with(delta, stamp(step));
  }

  // What was under way: S17, and consultations are asked again.
  for (uint32_t step = 0; step < plan_->n_steps(); ++step) {
    const Step& current = state_.steps[step];
    switch (current.state) {
      case StepState::running:
        emit(decision, journal::StepInterrupted{step, false});
        if (state_.state == State::stopping) {
          emit(decision, journal::StepCancelled{step, "the host was lost while the workflow was stopping", nullptr});
          ended_step(decision, step);
        } else {
          ready_.push({0, plan_->rank(step), step});
        }
        break;
      case StepState::ready: ready_.push({0, plan_->rank(step), step}); break;
      case StepState::retry_wait: set_timer(decision, step, current.wake_at); break;
      case StepState::asking: {
        const bool condition = current.asking == Kind::condition;
        const auto& of_step = plan_->step(step);
        ask(decision, step, current.asking, condition ? of_step.when.function : of_step.retry.backoff.function);
        break;
      }
      default: break;
    }
  }
  worklist_.clear();
  finish_if_done(decision);
}

// ---- dispatch ----

bool Execution::dispatchable() const {
  const uint32_t limit = plan_->workflow().step_concurrency;
  return state_.state == State::running && !ready_.empty() && (limit == 0 || n_running_ < limit);
}

void Execution::start_next(Decision& decision) {
  const uint32_t step = ready_.pop();
  const definition::Step& of_step = plan_->step(step);
  const uint32_t attempt = state_.steps[step].failures + 1;
  const int64_t deadline = later(decision.now, of_step.timeout_ns);
  worker::Invocation call = invocation(decision, Kind::task, step, of_step.task);
  call.attempt = attempt;
  call.deadline = deadline;
  emit(decision, journal::StepStarted{step, attempt, call.id, deadline});
  ++n_running_;
  set_timer(decision, step, deadline);
  hook(decision, step, &definition::Hooks::on_start);
  decision.change.invocations.push_back(std::move(call));
}

worker::Invocation Execution::invocation(Decision& decision, Kind kind, uint32_t step, std::string_view function) {
  worker::Invocation call;
  call.id = decision.next_invocation++;
  call.frame = frame_;
  call.kind = kind;
  call.step = step;
  call.step_name = plan_->step(step).name;
  call.function = function;
  call.params = plan_->step(step).params;
  call.attempt = state_.steps[step].failures + 1;
  call.context = after_[step];
  return call;
}

void Execution::set_timer(Decision& decision, uint32_t step, int64_t at) {
  decision.timers.remove(timers_[step]);
  if (at != kNever) timers_[step] = decision.timers.add(at, {this, Due::What::step, step});
}

// ---- outcomes ----

void Execution::on_completion(Decision& decision, worker::Completion& completion) {
  open_commit();
  if (completion.kind == Kind::hook) {
    if (completion.invocation == hook_running_) on_hook_done(decision, &completion.outcome);
    return;
  }
  if (ended()) return;
  const uint32_t step = completion.step;
  assert(step < plan_->n_steps());
  if (state_.steps[step].invocation != completion.invocation) {
    emit(decision, journal::Diagnostic{"stale_result", "the outcome of a fenced invocation was discarded", step});
    return;
  }
  if (state_.steps[step].state == StepState::asking) return on_answer(decision, step, completion.outcome);
  left_running(decision, step);
  record_emissions(decision, completion.outcome);
  if (state_.state == State::stopping)
    on_drained(decision, step, completion.outcome);
  else
    on_task_outcome(decision, step, completion.outcome);
}

void Execution::left_running(Decision& decision, uint32_t step) {
  --n_running_;
  decision.timers.remove(timers_[step]);
}

void Execution::record_emissions(Decision& decision, Outcome& outcome) {
  for (journal::Emitted& emitted : outcome.emitted) emit(decision, std::move(emitted));
  for (journal::Diagnostic& diagnostic : outcome.diagnostics) emit(decision, std::move(diagnostic));
}

void Execution::on_task_outcome(Decision& decision, uint32_t step, Outcome& outcome) {
  using journal::ErrorClass;
  switch (outcome.kind) {
    case Outcome::Kind::done: return complete(decision, step, std::move(outcome.result));
    case Outcome::Kind::failed: return fail_step(decision, step, std::move(outcome.error));
    case Outcome::Kind::skip:
      skip(decision, step, SkipKind::requested, std::move(outcome.reason));
      settle(decision);
      return finish_if_done(decision);
    case Outcome::Kind::cancelled:  // R29: outside a stop it is an error
      return fail_step(decision, step,
                       make_error("invalid_return", "the task returned CANCELLED although nothing was being cancelled"));
    case Outcome::Kind::snooze:
    case Outcome::Kind::await:
    case Outcome::Kind::expand:
      return fail_step(decision, step,
                       make_error("unsupported", "the outcomes SNOOZE, AWAIT and EXPAND are not enforced by this version",
                                  ErrorClass::terminal));
  }
}

// S21: a step that finishes while the workflow stops.
void Execution::on_drained(Decision& decision, uint32_t step, Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::done) return complete(decision, step, std::move(outcome.result));
  const std::string reason = outcome.kind == Outcome::Kind::failed ? outcome.error->code + ": " + outcome.error->message : outcome.reason;
  const bool partial = outcome.kind == Outcome::Kind::cancelled;
  emit(decision, journal::StepCancelled{step, reason, partial ? std::move(outcome.result) : nullptr});
  hook(decision, step, &definition::Hooks::on_failure);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
  worklist_.clear();
  finish_if_done(decision);
}

// S7.
void Execution::complete(Decision& decision, uint32_t step, journal::ResultPtr result) {
  if (result && result->is_map && result->map.empty()) result = nullptr;
  frame_->set(step, result ? result : empty_result());
  if (result) {
    const journal::Delta delta = context_delta(step, *result);
    note_conflicts(decision, step, delta);
    after_[step] = after_[step].with(delta, stamp(step));
    all_ = all_.with(delta, stamp(step));
  }
  emit(decision, journal::StepCompleted{step, std::move(result), decision.now - state_.steps[step].invoked_at});
  hook(decision, step, &definition::Hooks::on_success);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
  settle(decision);
  finish_if_done(decision);
}

// S8, S9.
void Execution::fail_step(Decision& decision, uint32_t step, journal::ErrorPtr error) {
  const definition::Step& of_step = plan_->step(step);
  const uint32_t failures = state_.steps[step].failures + 1;
  const int64_t duration = decision.now - state_.steps[step].invoked_at;
  if (retry_allowed(of_step.retry, *error, failures)) {
    emit(decision, journal::StepFailed{step, error, AfterFailure::retry, duration});
    if (of_step.retry.backoff.kind == definition::Backoff::Kind::function)
      ask(decision, step, Kind::backoff, of_step.retry.backoff.function);
    else
      schedule_retry(decision, step, raw_delay(of_step.retry, failures));
    return;
  }
  if (of_step.on_error == definition::OnError::skip) {
    emit(decision, journal::StepFailed{step, error, AfterFailure::skip, duration});
    skip(decision, step, SkipKind::on_error, error->code + ": " + error->message);
    settle(decision);
    return finish_if_done(decision);
  }
  const bool tolerated = of_step.on_error == definition::OnError::keep_going;
  emit(decision, journal::StepFailed{step, error, tolerated ? AfterFailure::tolerate : AfterFailure::fail, duration});
  hook(decision, step, &definition::Hooks::on_failure);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
  settle(decision);
  if (!tolerated && plan_->workflow().failure_mode == definition::FailureMode::fail_fast) {
    Stopping record;
    record.error = state_.error;
    record.step = state_.error_step;
    return stop(decision, std::move(record));
  }
  finish_if_done(decision);
}

void Execution::schedule_retry(Decision& decision, uint32_t step, int64_t raw_delay_ns) {
  const definition::Step& of_step = plan_->step(step);
  const int64_t delay = jittered_delay(of_step.retry, raw_delay_ns, id(), of_step.name, state_.steps[step].failures);
  const int64_t wake_at = later(decision.now, delay);
  emit(decision, journal::StepRetry{step, delay, wake_at});
  set_timer(decision, step, wake_at);
}

// ---- consultations ----

void Execution::ask(Decision& decision, uint32_t step, Kind kind, std::string_view function) {
  worker::Invocation call = invocation(decision, kind, step, function);
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  if (kind == Kind::backoff) {
    // The question is about the attempt that has just failed.
    call.attempt = state_.steps[step].failures;
    call.input = "{\"attempt\":";
    journal::append_unsigned(call.input, call.attempt);
    call.input += ",\"base_delay_ms\":";
    journal::append_integer(call.input, plan_->step(step).retry.delay_ns / 1'000'000);
    if (state_.steps[step].error) {
      call.input += ",\"error\":";
      journal::append_error(call.input, *state_.steps[step].error);
    }
    call.input += '}';
  }
  emit(decision, journal::StepAsked{step, kind, call.id, call.deadline});
  ++n_asking_;
  set_timer(decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

void Execution::on_answer(Decision& decision, uint32_t step, Outcome& outcome) {
  const Kind kind = state_.steps[step].asking;
  --n_asking_;
  decision.timers.remove(timers_[step]);
  record_emissions(decision, outcome);
  journal::ErrorPtr error;
  if (outcome.kind == Outcome::Kind::failed) error = outcome.error;
  if (outcome.kind != Outcome::Kind::done && !error) error = make_error("invalid_return", "a consultation answers DONE or FAILED");
  emit(decision, journal::StepAnswered{step, kind, !error && outcome.truth, error ? 0 : outcome.duration, error});
  if (error)
    emit(decision, journal::Diagnostic{"consultation_failed", "the " + std::string(name_of(kind)) + " function failed (" + error->code + ": " +
                                                                 error->message + "); its default holds", step});
  if (kind == Kind::backoff)
    return schedule_retry(decision, step, error ? plan_->step(step).retry.delay_ns : outcome.duration);
  if (!error && outcome.truth)
    make_ready(decision, step);
  else
    skip(decision, step, SkipKind::condition, error ? "the condition failed: " + error->message : "the condition is false");
  settle(decision);
  finish_if_done(decision);
}

// ---- timers ----

void Execution::on_due(Decision& decision, const Due& due) {
  open_commit();
  switch (due.what) {
    case Due::What::start: start_timer_ = kNoTimer; return begin(decision);
    case Due::What::step: timers_[due.step] = kNoTimer; return on_step_due(decision, due.step);
    case Due::What::grace: grace_timer_ = kNoTimer; return on_grace_over(decision);
    case Due::What::hook:
      hook_timer_ = kNoTimer;
      decision.change.signals.push_back({hook_running_, worker::Runner::Signal::abandon});
      return on_hook_done(decision, nullptr);
    case Due::What::workflow_deadline: {
      deadline_timer_ = kNoTimer;
      Stopping record;
      record.error = make_error("workflow_timeout", "the workflow did not finish within its timeout", journal::ErrorClass::terminal);
      return stop(decision, std::move(record));
    }
  }
}

void Execution::on_step_due(Decision& decision, uint32_t step) {
  const Step& current = state_.steps[step];
  switch (current.state) {
    case StepState::retry_wait: return make_ready(decision, step);  // S16
    case StepState::asking: {
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = make_error("timeout", "no answer within the limit of a consultation");
      return on_answer(decision, step, outcome);
    }
    case StepState::running: {  // S10: the token is revoked with the next record
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
      left_running(decision, step);
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = make_error("timeout", "the step did not finish within " + definition::print_duration(plan_->step(step).timeout_ns));
      if (state_.state == State::stopping) return on_drained(decision, step, outcome);
      return fail_step(decision, step, std::move(outcome.error));
    }
    default: assert(false && "only steps that wait have a timer");
  }
}

// Steps that did not end within the grace are fenced; those that are not cancellable have their own timeout.
void Execution::on_grace_over(Decision& decision) {
  for (uint32_t step = 0; step < plan_->n_steps(); ++step) {
    const Step& current = state_.steps[step];
    if (current.state != StepState::running || !plan_->step(step).cancellable) continue;
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
    left_running(decision, step);
    emit(decision, journal::StepCancelled{step, "the grace period was over", nullptr});
    hook(decision, step, &definition::Hooks::on_failure);
    hook(decision, step, &definition::Hooks::on_finish);
    ended_step(decision, step);
  }
  worklist_.clear();
  finish_if_done(decision);
}

// ---- what follows when a step has ended ----

void Execution::ended_step(Decision& decision, uint32_t step) {
  --n_open_;
  decision.timers.remove(timers_[step]);
  for (uint32_t dependent : plan_->dependents(step)) {
    if (--open_dependencies_[dependent] > 0) continue;
    worklist_.push_back(plan_->rank(dependent));
    std::push_heap(worklist_.begin(), worklist_.end(), std::greater<>());
  }
}

// The fixpoint of docs/semantics.md, 2.4: everything that follows, in the same commit, smallest rank first.
void Execution::settle(Decision& decision) {
  while (!worklist_.empty()) {
    std::pop_heap(worklist_.begin(), worklist_.end(), std::greater<>());
    const uint32_t step = plan_->at_rank(worklist_.back());
    worklist_.pop_back();
    if (state_.steps[step].state == StepState::pending) settle_step(decision, step);
  }
}

void Execution::settle_step(Decision& decision, uint32_t step) {
  const std::vector<uint32_t>& after = plan_->step(step).after;
  std::vector<StepClass> classes;
  classes.reserve(after.size());
  for (uint32_t dependency : after) classes.push_back(state_.steps[dependency].dependency_class());
  switch (verdict_all(classes)) {
    case Verdict::wait: return;
    case Verdict::pass: return pass(decision, step);
    case Verdict::drop:
      after_[step] = visible(step);
      return skip(decision, step, SkipKind::not_taken, "no dependency was taken");
    case Verdict::block: {
      uint32_t first = UINT32_MAX;  // the first bad one by commit order
      for (uint32_t dependency : after)
        if (state_.steps[dependency].dependency_class() == StepClass::bad &&
            (first == UINT32_MAX || state_.steps[dependency].ended_seq < state_.steps[first].ended_seq))
          first = dependency;
      const Step& bad = state_.steps[first];
      std::string reason = "dependency " + plan_->step(first).name + " " + std::string(name_of(bad.state));
      if (bad.error) reason += ": " + bad.error->code + ": " + bad.error->message;
      return skip(decision, step, SkipKind::upstream_failed, std::move(reason));
    }
  }
}

// S1, S2: the condition is evaluated once.
void Execution::pass(Decision& decision, uint32_t step) {
  after_[step] = visible(step);
  const definition::Condition& when = plan_->step(step).when;
  if (when.kind == definition::Condition::Kind::always) return make_ready(decision, step);
  if (when.kind == definition::Condition::Kind::function) return ask(decision, step, Kind::condition, when.function);
  const bool truth = definition::evaluate(when, [&](std::string_view key) -> std::optional<definition::ContextValue> {
    const journal::Value* value = after_[step].get(key);
    if (!value) return std::nullopt;
    switch (value->type()) {
      case journal::Value::Type::null: return definition::ContextValue();
      case journal::Value::Type::boolean: return definition::ContextValue(value->as_bool());
      case journal::Value::Type::integer: return definition::ContextValue(value->as_integer());
      case journal::Value::Type::real: return definition::ContextValue(value->as_real());
      case journal::Value::Type::json: return definition::ContextValue(definition::JsonView{value->as_text()});
      default: return definition::ContextValue(value->as_text());
    }
  });
  if (truth)
    make_ready(decision, step);
  else
    skip(decision, step, SkipKind::condition, "the condition is false");
}

void Execution::skip(Decision& decision, uint32_t step, SkipKind kind, std::string reason) {
  emit(decision, journal::StepSkipped{step, kind, std::move(reason)});
  const bool as_failure = kind == SkipKind::upstream_failed || kind == SkipKind::aborted;  // R54
  hook(decision, step, as_failure ? &definition::Hooks::on_failure : &definition::Hooks::on_skip);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
}

void Execution::make_ready(Decision& decision, uint32_t step) {
  emit(decision, journal::StepReady{step});
  ready_.push({0, plan_->rank(step), step});
}

}  // namespace pirn::engine
