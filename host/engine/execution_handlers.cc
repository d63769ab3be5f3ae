// The workflow's handlers: on_success, on_failure and on_cancel run when the outcome is settled, before the
// end is recorded; on_step_error runs after each failed invocation and nobody waits for it (R23). They are
// journaled, so a host that comes back runs again what had not answered, and they change no outcome.
#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"

#include <algorithm>

#include "host/journal/codec.h"

namespace pirn::engine {

using journal::HandlerEvent;
using worker::Kind;
using worker::Outcome;

namespace {

const std::string& function_of(const definition::Handlers& handlers, HandlerEvent which) {
  switch (which) {
    case HandlerEvent::on_success:
      return handlers.on_success;
    case HandlerEvent::on_failure:
      return handlers.on_failure;
    case HandlerEvent::on_cancel:
      return handlers.on_cancel;
    default:
      return handlers.on_step_error;
  }
}

// Lies over every other write of a context.
constexpr journal::Stamp kOnTop{UINT32_MAX, UINT32_MAX, UINT32_MAX};

}  // namespace

// The keys by which handlers and rollbacks learn what went wrong.
journal::Context Execution::with_error(const journal::Context& context, const journal::StepError& error,
                                       uint32_t step) const {
  journal::Delta keys;
  std::string json;
  journal::append_error(json, error);
  keys.put("__error__", journal::Value::of_json(json));
  if (step != journal::kNoStep) {
    keys.put("__error_step__", journal::Value::of_text(names()[step]));
    keys.put("__attempts__", journal::Value::of_integer(state_.steps[step].failures));
  }
  if (error.details.starts_with('{'))
    if (const auto details = journal::parse_object(error.details))
      if (const journal::Delta::Entry* trace = details->find("stacktrace"))
        keys.put("__stacktrace__", trace->value);
  return context.with(keys, kOnTop);
}

journal::Context Execution::concluding_context() const {
  return state_.cause == journal::StopCause::fail && state_.error
             ? with_error(fold_.all(), *state_.error, state_.error_step)
             : fold_.all();
}

void Execution::start_handler(Decision& decision, HandlerEvent handler, uint32_t step, std::string input) {
  worker::Invocation call =
      invocation(decision, Kind::handler, step, function_of(plan_->workflow().handlers, handler));
  if (handler != HandlerEvent::on_step_error)
    call.context = concluding_context();
  else if (step != journal::kNoStep && state_.steps[step].error)
    call.context = with_error(call.context, *state_.steps[step].error, step);
  call.input = input;
  call.deadline = later(decision.now, decision.handler_limit_ns);
  const Timer due{this, Timer::What::handler, static_cast<uint32_t>(call.id)};
  observers_.edit().begin_handler(call.id, decision.timers.add(call.deadline, due));
  emit(decision, journal::HandlerStarted{handler, call.id, step, std::move(input)});
  decision.change.invocations.push_back(std::move(call));
}

// `outcome` = nullptr: it did not return in time.
void Execution::on_handler_done(Decision& decision, uint64_t invocation, const Outcome* outcome) {
  if (!observers_.edit().end_handler(invocation, decision.timers)) return;
  if (ended()) return;
  const auto run = std::find_if(state_.handlers.begin(), state_.handlers.end(),
                                [&](const auto& candidate) { return candidate.invocation == invocation; });
  if (run == state_.handlers.end()) return;
  const bool last = run->handler != HandlerEvent::on_step_error;
  journal::ErrorPtr error;
  if (!outcome)
    error = make_error("timeout", "the handler did not return within its limit");
  else if (outcome->kind == Outcome::Kind::failed)
    error = outcome->error;
  else if (outcome->kind != Outcome::Kind::done)
    error = make_error("invalid_return", "a handler answers DONE or FAILED");
  handler_over(decision, journal::HandlerRun(*run), std::move(error));
  if (last) finalise(decision);
}

void Execution::handler_over(Decision& decision, const journal::HandlerRun& run, journal::ErrorPtr error) {
  emit(decision, journal::HandlerDone{run.invocation, error});
  if (error)
    emit(decision, journal::Diagnostic{
                       "handler_failed",
                       std::string(name_of(run.handler)) + " failed: " + error->code + ": " + error->message,
                       run.step});
}

void Execution::on_handler_due(Decision& decision, uint32_t low_bits) {
  const uint64_t invocation = observers_.edit().handler_due(low_bits);
  if (invocation == 0) return;
  decision.change.signals.push_back({invocation, worker::Runner::Signal::cancel});
  decision.change.signals.push_back({invocation, worker::Runner::Signal::abandon});
  on_handler_done(decision, invocation, nullptr);
}

// After a crash: handlers of failed steps that had not answered run again. Those of the end follow from it.
// One that took the host with it has had its turn: it would do so again.
bool Execution::resume_handlers(Decision& decision) {
  const std::vector<journal::HandlerRun> lost = state_.handlers;
  bool last_is_over = false;
  for (const journal::HandlerRun& run : lost) {
    const bool of_step = run.handler == HandlerEvent::on_step_error;
    if (decision.killed_host(run.invocation)) {
      handler_over(decision, run, crashed(decision.cause_of(run.invocation)).error);
      last_is_over |= !of_step;
    } else if (of_step) {
      start_handler(decision, run.handler, run.step, run.input);
    }
  }
  return last_is_over;
}

void Execution::report_step_error(Decision& decision, uint32_t step, const journal::StepError& error) {
  if (plan_->workflow().handlers.on_step_error.empty()) return;
  start_handler(decision, HandlerEvent::on_step_error, step,
                step_error_input(names()[step], state_.steps[step].failures + 1, error));
}

}  // namespace pirn::engine
