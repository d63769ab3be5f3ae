#include "host/engine/transitions/answers.h"

#include <algorithm>

#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/pause.h"
#include "host/engine/transitions/settle.h"

namespace pirn::engine::transitions {

using journal::kIntervention;
using journal::SkipKind;
using journal::State;
using journal::Step;
using journal::StepState;

namespace {

bool may_answer(const Person& person, const journal::Await& await) {
  return person.approves ||
         std::find(await.approvers.begin(), await.approvers.end(), person.name) != await.approvers.end();
}

Status check_answer(const Execution& execution, const Resume& command, uint32_t step) {
  const Step& current = execution.step(step);
  const std::string what = "step " + execution.plan().name(step);
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

Error no_step(const Execution& execution, const std::string& name) {
  const std::string near = nearest(name, execution.names(), kMostSuggested);
  return Error{Code::not_found, "execution " + execution.id().text() + " has no step '" + name + "'",
               near.empty() ? "See pirn run show." : "Did you mean '" + near + "'?"};
}

void answer(Execution& execution, Decision& decision, uint32_t step, const Resume& command) {
  execution.emit(decision, journal::Resumed{step, {}, command.by.name});
  decision.timers.remove(execution.local[step].timer);
  switch (command.action) {
    case Resume::Action::complete: {
      journal::StepResult result;
      result.map = command.context;
      return complete(execution, decision, step,
                      std::make_shared<const journal::StepResult>(std::move(result)));
    }
    case Resume::Action::retry:
      return make_ready(execution, decision, step);
    case Resume::Action::skip:
      skip(execution, decision, step, SkipKind::recovery, "skipped by " + command.by.name);
      settle(execution, decision);
      return finish_if_done(execution, decision);
    case Resume::Action::fail:
      return give_up(execution, decision, {step, execution.step(step).error, true}, false);
  }
}

}  // namespace

Error cannot(const std::string& what, std::string_view from, std::string_view to) {
  return Error{Code::invalid_transition,
               what + " is " + std::string(from) + " and cannot be " + std::string(to)};
}

// E5, S13: the pause by hand ends and what was given is a patch, or steps that wait get it as their result.
Status on_resume(Execution& execution, Decision& decision, Resume& command) {
  const std::string what = "execution " + execution.id().text();
  if (execution.state().state != State::running)
    return cannot(what, name_of(execution.state().state), command.signal ? "signalled" : "resumed");
  if (execution.belongs_to_paused && !command.signal)
    return Error{
        Code::invalid_transition,
        what + " is held with execution " + execution.state().parent.text() + ", which it is a part of",
        "Resume that one. A signal or an approval answers a step that awaits meanwhile."};
  for (const journal::Delta::Entry& entry : command.context.entries)
    if (entry.key.starts_with("__"))
      return Error{Code::invalid_argument,
                   "the context has the key '" + entry.key + "': keys that begin with __ are reserved"};

  std::vector<uint32_t> answered;
  if (!command.step.empty()) {
    answered.push_back(execution.plan().find(command.step));
    if (answered[0] == kNone) return no_step(execution, command.step);
  } else if (command.signal) {
    return Error{Code::invalid_argument, "a signal needs the step that it is for"};
  } else if (command.action != Resume::Action::complete) {
    return Error{Code::invalid_argument, "an action needs the step that it is for"};
  } else if (!execution.state().paused) {
    for (uint32_t step = 0; step < execution.state().steps.size(); ++step)
      if (execution.step(step).state == StepState::awaiting) answered.push_back(step);
    if (answered.empty()) return cannot(what, "neither paused nor waiting", "resumed");
  }
  for (const uint32_t step : answered) PIRN_DO(check_answer(execution, command, step));
  if (answered.empty()) PIRN_DO(execution.stored.check_patch(decision.size_limits, command.context));
  if (command.action == Resume::Action::complete)
    PIRN_DO(execution.stored.check_answer(decision.size_limits, execution.plan(), answered, command.context));

  execution.open_commit();
  const bool held = execution.state().paused && !command.signal;
  if (held) end_pause(execution, decision, command, answered.empty());
  for (const uint32_t step : answered)
    if (!execution.ended() && execution.step(step).state == StepState::awaiting)
      answer(execution, decision, step, command);
  if (held && execution.state().state == State::running) finish_if_done(execution, decision);
  return {};
}

// R67.
Status on_note(Execution& execution, Decision& decision, const Note& command) {
  const uint32_t step = execution.plan().find(command.step);
  if (step == kNone) return no_step(execution, command.step);
  if (execution.step(step).state != StepState::awaiting)
    return cannot("step " + command.step, name_of(execution.step(step).state), "remarked on");
  execution.open_commit();
  execution.emit(decision, journal::Diagnostic{command.code, command.message, step});
  return {};
}

Status on_approval(Execution& execution, Decision& decision, const Approve& command) {
  const std::string_view verb = command.approved ? "approved" : "rejected";
  if (execution.state().state != State::running)
    return cannot("execution " + execution.id().text(), name_of(execution.state().state), verb);
  const uint32_t step = execution.plan().find(command.step);
  if (step == kNone) return no_step(execution, command.step);
  const Step& current = execution.step(step);
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
  PIRN_DO(execution.stored.check_answer(decision.size_limits, execution.plan(), {step}, answer.map));
  execution.open_commit();
  execution.emit(decision, journal::Resumed{step, {}, command.by.name});
  complete(execution, decision, step, std::make_shared<const journal::StepResult>(std::move(answer)));
  return {};
}

}  // namespace pirn::engine::transitions
