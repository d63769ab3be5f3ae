#include "host/engine/transitions/consultations.h"

#include "host/engine/invocation_input.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/settle.h"
#include "host/engine/transitions/waiting.h"

namespace pirn::engine::transitions {

using journal::SkipKind;
using journal::Step;
using worker::Kind;
using worker::Outcome;

void ask(Execution& execution, Decision& decision, uint32_t step, Kind kind, std::string_view function,
         uint32_t rule) {
  const Step& current = execution.step(step);
  worker::Invocation call = invocation(execution, decision, kind, step, function);
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  if (kind == Kind::backoff || rule != 0) call.attempt = current.failures;  // the one that has just failed
  if (kind == Kind::backoff) {
    call.input = backoff_input(call.attempt, retry_policy(execution, step, rule).delay_ns, *current.error);
  } else if (rule != 0) {
    call.input = error_input(*current.error);
  }
  execution.emit(decision,
                 journal::StepAsked{step, kind, call.id, rule, fired_by_to_record(execution, step)});
  execution.progress.begin_asking();
  set_timer(execution, decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

// After a crash: the same question.
void ask_again(Execution& execution, Decision& decision, uint32_t step) {
  const Step& current = execution.step(step);
  const definition::Step& of_step = execution.plan().step(step);
  const uint32_t number = current.extra->rule;
  switch (current.asking) {
    case Kind::backoff:
      return ask(execution, decision, step, Kind::backoff,
                 retry_policy(execution, step, number).backoff.function, number);
    case Kind::duration:
      return ask(execution, decision, step, Kind::duration, of_step.timeout_function);
    default:
      return ask(execution, decision, step, Kind::condition,
                 number != 0 ? rule(execution, step, number).when : of_step.when.function, number);
  }
}

void on_answer(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome) {
  const Kind kind = execution.step(step).asking;
  const uint32_t number = execution.step(step).extra->rule;
  execution.progress.end_asking();
  decision.timers.remove(execution.local[step].timer);
  record_emissions(execution, decision, outcome);
  if (kind == Kind::handler) return on_timeout_answer(execution, decision, step, outcome);
  journal::ErrorPtr error;
  if (outcome.kind == Outcome::Kind::failed) error = outcome.error;
  if (outcome.kind != Outcome::Kind::done && !error)
    error = make_error("invalid_return", "a consultation answers DONE or FAILED");
  if (!error && kind == Kind::duration && outcome.duration <= 0)
    error = make_error("invalid_return", "a timeout must be longer than 0");
  const bool truth = !error && outcome.truth;
  execution.emit(decision, journal::StepAnswered{step, kind, truth, error ? 0 : outcome.duration, error});
  if (error)
    execution.emit(decision,
                   journal::Diagnostic{"consultation_failed",
                                       "the " + std::string(name_of(kind)) + " function failed (" +
                                           error->code + ": " + error->message + "); its default holds",
                                       step});
  if (kind == Kind::backoff) {
    const int64_t delay = error ? retry_policy(execution, step, number).delay_ns : outcome.duration;
    return schedule_retry(execution, decision, step, number, delay);
  }
  if (kind == Kind::condition && number != 0) {
    const Failure failure{step, execution.step(step).error, true};
    return truth ? apply_rule(execution, decision, failure, number)
                 : recover(execution, decision, failure, number + 1);
  }
  if (kind == Kind::duration)
    make_ready(execution, decision, step, error ? 0 : outcome.duration);
  else if (truth)
    admit(execution, decision, step);
  else
    skip(execution, decision, step, SkipKind::condition,
         error ? "the condition failed: " + error->message : "the condition is false");
  settle(execution, decision);
  finish_if_done(execution, decision);
}

}  // namespace pirn::engine::transitions
