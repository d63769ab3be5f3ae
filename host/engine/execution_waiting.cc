// Steps that wait: asleep for a while (snooze), for somebody or something outside (await), and whole
// executions that are held by hand. What ends the waiting is a timer, or a person's word.
#include <algorithm>

#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"
#include "host/journal/codec.h"

namespace pirn::engine {

using journal::ErrorClass;
using journal::kIntervention;
using journal::kNever;
using journal::SkipKind;
using journal::State;
using journal::Step;
using journal::StepState;
using worker::Kind;
using worker::Outcome;

namespace {

Error cannot(const std::string& what, std::string_view from, std::string_view to) {
  return Error{Code::invalid_transition,
               what + " is " + std::string(from) + " and cannot be " + std::string(to)};
}

bool may_answer(const Person& person, const journal::Await& await) {
  return person.approves ||
         std::find(await.approvers.begin(), await.approvers.end(), person.name) != await.approvers.end();
}

}  // namespace

Result<Resume::Action> parse_action(std::string_view name) {
  static const std::vector<std::string> kActions = {"complete", "retry", "skip", "fail"};
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == name) return static_cast<Resume::Action>(i);
  const std::string near = nearest(name, kActions);
  return Error{
      Code::invalid_argument, "there is no action '" + std::string(name) + "'",
      near.empty() ? "The actions are complete, retry, skip and fail." : "Did you mean '" + near + "'?"};
}

// ---- what a step asks for ----

// S11.
void Execution::snooze(Decision& decision, uint32_t step, int64_t delay) {
  const uint32_t limit = plan_->step(step).max_snoozes;
  if (state_.steps[step].extra->snoozes >= limit)
    return fail_step(
        decision, step,
        make_error("max_snoozes_exceeded",
                   "the step snoozed more often than its max_snoozes of " + std::to_string(limit),
                   ErrorClass::terminal));
  const int64_t wake_at = later(decision.now, delay);
  if (wake_at == kNever)
    return fail_step(decision, step, make_error("invalid_return", "a snooze must have an end"));
  emit(decision, journal::StepSnoozed{step, delay, wake_at, decision.now - state_.steps[step].invoked_at});
  set_timer(decision, step, wake_at);
}

// S12. What the function leaves open the definition says; an approval is what people mean by waiting.
void Execution::await(Decision& decision, uint32_t step, const worker::AwaitRequest& request) {
  const definition::Step& of_step = plan_->step(step);
  journal::Await await = request.await;
  if (await.kind.empty()) await.kind = "approval";
  if (await.on_timeout.empty()) await.on_timeout = of_step.on_timeout;
  if (request.timeout)
    await.deadline = later(decision.now, *request.timeout);
  else if (of_step.await_inherits)  // R15
    await.deadline = later(decision.now, timeout_of(step));
  std::string reason = "the step awaits: " + await.kind;
  begin_await(decision, step, std::move(await), std::move(reason));
}

void Execution::begin_await(Decision& decision, uint32_t step, journal::Await await, std::string reason) {
  const int64_t deadline = await.deadline;
  emit(decision, journal::StepAwaiting{step, std::make_shared<const journal::Await>(std::move(await)),
                                       ran_for(decision, step)});
  emit(decision, journal::Paused{step, std::move(reason)});
  if (deadline == kNever) return;
  set_timer(decision, step, deadline);
  if (deadline > state_.deadline)
    emit(decision, journal::Diagnostic{"await_outlives_workflow",
                                       "the step may wait longer than its workflow may take; the "
                                       "workflow's timeout will end it",
                                       step});
}

// S14.
void Execution::on_await_due(Decision& decision, uint32_t step) {
  if (!state_.steps[step].extra->await->on_timeout.empty()) return ask_on_timeout(decision, step);
  fail_step(decision, step, make_error("await_timeout", "no answer came before the deadline of the await"));
}

// The handler takes the place of the task: its answer is the step's, and it has the step's time.
void Execution::ask_on_timeout(Decision& decision, uint32_t step) {
  worker::Invocation call =
      invocation(decision, Kind::handler, step, state_.steps[step].extra->await->on_timeout);
  call.for_step = true;
  call.deadline = later(decision.now, timeout_of(step));
  call.input = await_timeout_input(plan_->name(step), call.attempt);
  emit(decision, journal::StepAsked{step, Kind::handler, call.id, 0, {}});
  progress_.begin_asking();
  set_timer(decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

void Execution::on_timeout_answer(Decision& decision, uint32_t step, Outcome& outcome) {
  emit(decision, journal::StepAnswered{step, Kind::handler, false, 0, nullptr});
  on_task_outcome(decision, step, outcome);
}

// ---- what people say ----

Status Execution::on_pause(Decision& decision, const std::string& reason) {
  const std::string what = "execution " + id().text();
  if (state_.state != State::running) return cannot(what, name_of(state_.state), "paused");
  if (state_.paused) return cannot(what, "paused", "paused");
  if (concluding_) return cannot(what, "over but for its handler", "paused");
  open_commit();
  pause(decision, {journal::kNoStep, reason});
  return {};
}

void Execution::pause(Decision& decision, journal::Paused record) {
  emit(decision, std::move(record));
  leave_line(decision);
  decision.change.pauses.push_back(this);
}

void Execution::hold(Decision& decision) {
  belongs_to_paused_ = true;
  if (state_.state != State::running || state_.paused || concluding_) return;
  open_commit();
  pause_with_parent(decision);
}

void Execution::pause_with_parent(Decision& decision) {
  pause(decision, {journal::kNoStep, "execution " + state_.parent.text() + " is paused", true});
}

void Execution::let_go_on(Decision& decision) {
  belongs_to_paused_ = false;
  if (!state_.held) return;
  open_commit();
  Resume nothing_said;
  end_pause(decision, nothing_said, false);
  finish_if_done(decision);
}

Status Execution::check_answer(const Resume& command, uint32_t step) const {
  const Step& current = state_.steps[step];
  const std::string what = "step " + plan_->name(step);
  if (current.state != StepState::awaiting)
    return cannot(what, name_of(current.state), command.signal ? "signalled" : "resumed");
  const journal::Await& await = *current.extra->await;
  if (command.action != Resume::Action::complete && await.kind != kIntervention)
    return Error{Code::invalid_transition,
                 what + " awaits " + await.kind + ": that is completed, never tried again, skipped or failed",
                 "The actions retry, skip and fail answer an intervention."};
  if (!await.approvers.empty() && !may_answer(command.by, await))
    return Error{Code::permission_denied, what + " awaits the approval of others than " + command.by.name};
  return {};
}

// E5, S13: the pause by hand ends and what was given is a patch, or steps that wait get it as their result.
Status Execution::on_resume(Decision& decision, Resume& command) {
  const std::string what = "execution " + id().text();
  if (state_.state != State::running)
    return cannot(what, name_of(state_.state), command.signal ? "signalled" : "resumed");
  if (belongs_to_paused_ && !command.signal)
    return Error{Code::invalid_transition,
                 what + " is held with execution " + state_.parent.text() + ", which it is a part of",
                 "Resume that one. A signal or an approval answers a step that awaits meanwhile."};
  for (const journal::Delta::Entry& entry : command.context.entries)
    if (entry.key.starts_with("__"))
      return Error{Code::invalid_argument,
                   "the context has the key '" + entry.key + "': keys that begin with __ are reserved"};

  std::vector<uint32_t> answered;
  if (!command.step.empty()) {
    answered.push_back(plan_->find(command.step));
    if (answered[0] == kNone) return no_step(command.step);
  } else if (command.signal) {
    return Error{Code::invalid_argument, "a signal needs the step that it is for"};
  } else if (command.action != Resume::Action::complete) {
    return Error{Code::invalid_argument, "an action needs the step that it is for"};
  } else if (!state_.paused) {
    for (uint32_t step = 0; step < state_.steps.size(); ++step)
      if (state_.steps[step].state == StepState::awaiting) answered.push_back(step);
    if (answered.empty()) return cannot(what, "neither paused nor waiting", "resumed");
  }
  for (const uint32_t step : answered) PIRN_DO(check_answer(command, step));
  if (answered.empty()) PIRN_DO(check_room(decision, command.context));
  if (command.action == Resume::Action::complete) PIRN_DO(check_room(decision, answered, command.context));

  open_commit();
  const bool held = state_.paused && !command.signal;
  if (held) end_pause(decision, command, answered.empty());
  for (const uint32_t step : answered)
    if (!ended() && state_.steps[step].state == StepState::awaiting) answer(decision, step, command);
  if (held && state_.state == State::running) finish_if_done(decision);
  return {};
}

Error Execution::no_step(const std::string& name) const {
  const std::string near = nearest(name, names(), kMostSuggested);
  return Error{Code::not_found, "execution " + id().text() + " has no step '" + name + "'",
               near.empty() ? "See pirn run show." : "Did you mean '" + near + "'?"};
}

// What was due meanwhile is due now, and what has not ended yet sees the patch.
void Execution::end_pause(Decision& decision, Resume& command, bool with_patch) {
  journal::Resumed record{journal::kNoStep, {}, command.by.name};
  if (with_patch) record.patch = command.context;
  emit(decision, std::move(record));
  decision.change.pauses.push_back(this);
  if (with_patch && !command.context.empty()) {
    measure(command.context);
    const auto number = static_cast<uint32_t>(state_.patches.size());
    fold_.patch(number, command.context);
  }
  for (uint32_t step = 0; step < state_.steps.size(); ++step) {
    const Step& current = state_.steps[step];
    if (journal::terminal(current.state) || current.state == StepState::pending) continue;
    look(step);
    const bool sleeps = current.state == StepState::retry_wait || current.state == StepState::snoozed;
    if (!sleeps || current.wake_at > decision.now) continue;
    decision.timers.remove(local_[step].timer);
    make_ready(decision, step);
  }
}

void Execution::answer(Decision& decision, uint32_t step, const Resume& command) {
  emit(decision, journal::Resumed{step, {}, command.by.name});
  decision.timers.remove(local_[step].timer);
  switch (command.action) {
    case Resume::Action::complete: {
      journal::StepResult result;
      result.map = command.context;
      return complete(decision, step, std::make_shared<const journal::StepResult>(std::move(result)));
    }
    case Resume::Action::retry:
      return make_ready(decision, step);
    case Resume::Action::skip:
      skip(decision, step, SkipKind::recovery, "skipped by " + command.by.name);
      settle(decision);
      return finish_if_done(decision);
    case Resume::Action::fail:
      return give_up(decision, {step, state_.steps[step].error, true}, false);
  }
}

// R67.
Status Execution::on_note(Decision& decision, const Note& command) {
  const uint32_t step = plan_->find(command.step);
  if (step == kNone) return no_step(command.step);
  if (state_.steps[step].state != StepState::awaiting)
    return cannot("step " + command.step, name_of(state_.steps[step].state), "remarked on");
  open_commit();
  emit(decision, journal::Diagnostic{command.code, command.message, step});
  return {};
}

Status Execution::on_approval(Decision& decision, const Approve& command) {
  const std::string_view verb = command.approved ? "approved" : "rejected";
  if (state_.state != State::running) return cannot("execution " + id().text(), name_of(state_.state), verb);
  const uint32_t step = plan_->find(command.step);
  if (step == kNone) return no_step(command.step);
  const Step& current = state_.steps[step];
  if (current.state != StepState::awaiting)
    return cannot("step " + command.step, name_of(current.state), verb);
  const journal::Await& await = *current.extra->await;
  if (await.kind == kIntervention)
    return Error{Code::invalid_transition,
                 "step " + command.step + " awaits an intervention and cannot be " + std::string(verb),
                 "Answer it with: pirn run resume RUN --step STEP --action complete|retry|skip|fail."};
  if (!may_answer(command.by, await))
    return Error{Code::permission_denied, command.by.name + " is not an approver of step " + command.step +
                                              ": only the approvers that the step names and holders of the "
                                              "permission answer_approval may answer"};
  journal::StepResult answer;
  answer.map.put("approved", journal::Value::of_bool(command.approved));
  answer.map.put("approver", journal::Value::of_text(command.by.name));
  answer.map.put("comment", journal::Value::of_text(command.comment));
  PIRN_DO(check_room(decision, {step}, answer.map));
  open_commit();
  emit(decision, journal::Resumed{step, {}, command.by.name});
  complete(decision, step, std::make_shared<const journal::StepResult>(std::move(answer)));
  return {};
}

}  // namespace pirn::engine
