#include "host/engine/transitions/handlers.h"

#include <algorithm>

#include "host/engine/invocation_input.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/conclusion.h"
#include "host/engine/transitions/restart.h"
#include "host/journal/codec.h"

namespace pirn::engine::transitions {

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

// The keys by which handlers and rollbacks learn what went wrong.
journal::Context with_error(const Execution& execution, const journal::Context& context,
                            const journal::StepError& error, uint32_t step) {
  journal::Delta keys;
  std::string json;
  journal::append_error(json, error);
  keys.put("__error__", journal::Value::of_json(json));
  if (step != journal::kNoStep) {
    keys.put("__error_step__", journal::Value::of_text(execution.names()[step]));
    keys.put("__attempts__", journal::Value::of_integer(execution.step(step).failures));
  }
  if (error.details.starts_with('{'))
    if (const auto details = journal::parse_object(error.details))
      if (const journal::Delta::Entry* trace = details->find("stacktrace"))
        keys.put("__stacktrace__", trace->value);
  return context.with(keys, kOnTop);
}

void handler_over(Execution& execution, Decision& decision, const journal::HandlerRun& run,
                  journal::ErrorPtr error) {
  execution.emit(decision, journal::HandlerDone{run.invocation, error});
  if (error)
    execution.emit(decision, journal::Diagnostic{"handler_failed",
                                                 std::string(name_of(run.handler)) +
                                                     " failed: " + error->code + ": " + error->message,
                                                 run.step});
}

}  // namespace

journal::Context concluding_context(const Execution& execution) {
  return execution.state().cause == journal::StopCause::fail && execution.state().error
             ? with_error(execution, execution.fold.all(), *execution.state().error,
                          execution.state().error_step)
             : execution.fold.all();
}

void start_handler(Execution& execution, Decision& decision, HandlerEvent handler, uint32_t step,
                   std::string input) {
  worker::Invocation call = invocation(execution, decision, Kind::handler, step,
                                       function_of(execution.plan().workflow().handlers, handler));
  if (handler != HandlerEvent::on_step_error)
    call.context = concluding_context(execution);
  else if (step != journal::kNoStep && execution.step(step).error)
    call.context = with_error(execution, call.context, *execution.step(step).error, step);
  call.input = input;
  call.deadline = later(decision.now, decision.handler_limit_ns);
  const Timer due{&execution, Timer::What::handler, static_cast<uint32_t>(call.id)};
  execution.observers.edit().begin_handler(call.id, decision.timers.add(call.deadline, due));
  execution.emit(decision, journal::HandlerStarted{handler, call.id, step, std::move(input)});
  decision.change.invocations.push_back(std::move(call));
}

// `outcome` = nullptr: it did not return in time.
void on_handler_done(Execution& execution, Decision& decision, uint64_t invocation, const Outcome* outcome) {
  if (!execution.observers.edit().end_handler(invocation, decision.timers)) return;
  if (execution.ended()) return;
  const auto run = std::find_if(execution.state().handlers.begin(), execution.state().handlers.end(),
                                [&](const auto& candidate) { return candidate.invocation == invocation; });
  if (run == execution.state().handlers.end()) return;
  const bool last = run->handler != HandlerEvent::on_step_error;
  journal::ErrorPtr error;
  if (!outcome)
    error = make_error("timeout", "the handler did not return within its limit");
  else if (outcome->kind == Outcome::Kind::failed)
    error = outcome->error;
  else if (outcome->kind != Outcome::Kind::done)
    error = make_error("invalid_return", "a handler answers DONE or FAILED");
  handler_over(execution, decision, journal::HandlerRun(*run), std::move(error));
  if (last) finalise(execution, decision);
}

void on_handler_due(Execution& execution, Decision& decision, uint32_t low_bits) {
  const uint64_t invocation = execution.observers.edit().handler_due(low_bits);
  if (invocation == 0) return;
  decision.change.signals.push_back({invocation, worker::Runner::Signal::cancel});
  decision.change.signals.push_back({invocation, worker::Runner::Signal::abandon});
  on_handler_done(execution, decision, invocation, nullptr);
}

// After a crash: handlers of failed steps that had not answered run again. Those of the end follow from it.
// One that took the host with it has had its turn: it would do so again.
bool resume_handlers(Execution& execution, Decision& decision) {
  const std::vector<journal::HandlerRun> lost = execution.state().handlers;
  bool last_is_over = false;
  for (const journal::HandlerRun& run : lost) {
    const bool of_step = run.handler == HandlerEvent::on_step_error;
    if (decision.killed_host(run.invocation)) {
      handler_over(execution, decision, run, crashed(decision.cause_of(run.invocation)).error);
      last_is_over |= !of_step;
    } else if (of_step) {
      start_handler(execution, decision, run.handler, run.step, run.input);
    }
  }
  return last_is_over;
}

void report_step_error(Execution& execution, Decision& decision, uint32_t step,
                       const journal::StepError& error) {
  if (execution.plan().workflow().handlers.on_step_error.empty()) return;
  start_handler(execution, decision, HandlerEvent::on_step_error, step,
                step_error_input(execution.names()[step], execution.step(step).failures + 1, error));
}

}  // namespace pirn::engine::transitions
