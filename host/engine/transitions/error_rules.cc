#include "host/engine/transitions/error_rules.h"

#include <algorithm>

#include "host/engine/retry.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/circuit.h"
#include "host/engine/transitions/consultations.h"
#include "host/engine/transitions/handlers.h"
#include "host/engine/transitions/hooks.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/settle.h"
#include "host/engine/transitions/waiting.h"
#include "host/journal/codec.h"

namespace pirn::engine::transitions {

using definition::Fallback;
using definition::RecoveryRule;
using journal::AfterFailure;
using journal::SkipKind;
using journal::Stopping;
using worker::Kind;
using worker::Outcome;

namespace {

void skip_failed(Execution& execution, Decision& decision, const Failure& failure, SkipKind kind);
void record_failure(Execution& execution, Decision& decision, const Failure& failure, AfterFailure then,
                    uint32_t number);

// With the policy of a rule, or the step's own (0). Failures are counted together, whoever decides.
bool retry_step(Execution& execution, Decision& decision, const Failure& failure, uint32_t number) {
  const definition::RetryPolicy& policy = retry_policy(execution, failure.step, number);
  const uint32_t failures = execution.step(failure.step).failures + (failure.recorded ? 0 : 1);
  if (!retry_allowed(policy, *failure.error, failures)) return false;
  record_failure(execution, decision, failure, AfterFailure::retry, number);
  if (policy.backoff.kind == definition::Backoff::Kind::function)
    ask(execution, decision, failure.step, Kind::backoff, policy.backoff.function, number);
  else
    schedule_retry(execution, decision, failure.step, number, raw_delay(policy, failures));
  return true;
}

bool fall_back(Execution& execution, Decision& decision, const Failure& failure, const Fallback& fallback,
               uint32_t number) {
  switch (fallback.kind) {
    case Fallback::Kind::none:
      return false;
    case Fallback::Kind::skip:
      record_failure(execution, decision, failure, AfterFailure::skip, number);
      skip_failed(execution, decision, failure, SkipKind::recovery);
      return true;
    case Fallback::Kind::function:
      record_failure(execution, decision, failure, AfterFailure::fallback, number);
      make_ready(execution, decision, failure.step);
      return true;
    case Fallback::Kind::value: {
      record_failure(execution, decision, failure, AfterFailure::fallback, number);
      Outcome given;
      given.result = journal::result_of_json(fallback.value);
      limit(execution, decision, failure.step, Kind::fallback, given);
      if (given.error)
        fail_step(execution, decision, failure.step, std::move(given.error));
      else
        complete(execution, decision, failure.step, std::move(given.result));
      return true;
    }
  }
  return false;
}

void skip_failed(Execution& execution, Decision& decision, const Failure& failure, SkipKind kind) {
  skip(execution, decision, failure.step, kind, failure.error->code + ": " + failure.error->message);
  settle(execution, decision);
  finish_if_done(execution, decision);
}

void record_failure(Execution& execution, Decision& decision, const Failure& failure, AfterFailure then,
                    uint32_t number) {
  if (!failure.recorded) {
    execution.emit(decision, journal::StepFailed{failure.step, failure.error, then,
                                                 execution.ran_for(decision.now, failure.step), number});
  } else if (then != AfterFailure::ask) {
    execution.emit(decision, journal::StepSettled{failure.step, then, number});
  }
}

// Rules are numbered from 1: the step's own, then the workflow's.
uint32_t n_rules(const Execution& execution, uint32_t step) {
  return static_cast<uint32_t>(execution.plan().step(step).recovery.size() +
                               execution.plan().workflow().recovery.size());
}

}  // namespace

// S8, S9.
void fail_step(Execution& execution, Decision& decision, uint32_t step, journal::ErrorPtr error) {
  report_step_error(execution, decision, step, *error);
  recover(execution, decision, {step, std::move(error)}, 1);
}

// Looks for a rule from number `first_rule` on. One whose condition is a function is asked first; the answer
// goes on from there.
void recover(Execution& execution, Decision& decision, const Failure& failure, uint32_t first_rule) {
  // A fallback has no second chance: what it fails with is the step's failure.
  if (execution.step(failure.step).fallback_used) return give_up(execution, decision, failure, false);
  for (uint32_t number = first_rule; number <= n_rules(execution, failure.step); ++number) {
    const RecoveryRule& candidate = rule(execution, failure.step, number);
    const bool named = std::any_of(candidate.on.begin(), candidate.on.end(),
                                   [&](const auto& pattern) { return matches(pattern, *failure.error); });
    if (!named && !candidate.on.empty()) continue;
    if (candidate.when.empty()) return apply_rule(execution, decision, failure, number);
    record_failure(execution, decision, failure, AfterFailure::ask, 0);
    return ask(execution, decision, failure.step, Kind::condition, candidate.when, number);
  }
  if (retry_step(execution, decision, failure, 0)) return;
  if (fall_back(execution, decision, failure, execution.plan().step(failure.step).fallback, 0)) return;
  give_up(execution, decision, failure, false);
}

void apply_rule(Execution& execution, Decision& decision, const Failure& failure, uint32_t number) {
  switch (rule(execution, failure.step, number).action) {
    case RecoveryRule::Action::retry:
      if (retry_step(execution, decision, failure, number)) return;
      if (fall_back(execution, decision, failure, execution.plan().step(failure.step).fallback, 0)) return;
      return give_up(execution, decision, failure, false);
    case RecoveryRule::Action::skip:
      record_failure(execution, decision, failure, AfterFailure::skip, number);
      return skip_failed(execution, decision, failure, SkipKind::recovery);
    case RecoveryRule::Action::fallback:
      if (fall_back(execution, decision, failure, rule(execution, failure.step, number).fallback, number))
        return;
      return give_up(execution, decision, failure, false);
    case RecoveryRule::Action::abort:
      return give_up(execution, decision, failure, true);
    case RecoveryRule::Action::manual: {
      record_failure(execution, decision, failure, AfterFailure::await, number);
      journal::Await await;
      await.kind = journal::kIntervention;
      return begin_await(execution, decision, failure.step, std::move(await),
                         "somebody has to decide about " + failure.error->code);
    }
  }
}

void schedule_retry(Execution& execution, Decision& decision, uint32_t step, uint32_t number,
                    int64_t raw_delay_ns) {
  int64_t delay = jittered_delay(retry_policy(execution, step, number), raw_delay_ns, execution.id(),
                                 execution.plan().name(step), execution.step(step).failures);
  if (execution.plan().guarded(step))
    delay = std::max(delay, not_before(execution, decision, step) - decision.now);
  const int64_t wake_at = later(decision.now, delay);
  execution.emit(decision, journal::StepRetry{step, delay, wake_at});
  set_timer(execution, decision, step, wake_at);
}

// S9: on_error decides. `abort` fails the whole workflow whatever it says, and with this error, though others
// may have failed before it without stopping anything.
void give_up(Execution& execution, Decision& decision, const Failure& failure, bool abort) {
  const definition::OnError on_error =
      abort ? definition::OnError::fail : execution.plan().step(failure.step).on_error;
  if (on_error == definition::OnError::skip) {
    record_failure(execution, decision, failure, AfterFailure::skip, 0);
    return skip_failed(execution, decision, failure, SkipKind::on_error);
  }
  const bool tolerated = on_error == definition::OnError::keep_going;
  record_failure(execution, decision, failure, tolerated ? AfterFailure::tolerate : AfterFailure::fail, 0);
  hook(execution, decision, failure.step, &definition::Hooks::on_failure);
  hook(execution, decision, failure.step, &definition::Hooks::on_finish);
  ended_step(execution, decision, failure.step);
  settle(execution, decision);
  const bool fail_fast = execution.plan().workflow().failure_mode == definition::FailureMode::fail_fast;
  if (!tolerated && (fail_fast || abort)) {
    Stopping record;
    record.error = abort ? failure.error : execution.state().error;
    record.step = abort ? failure.step : execution.state().error_step;
    return stop(execution, decision, std::move(record));
  }
  finish_if_done(execution, decision);
}

const RecoveryRule& rule(const Execution& execution, uint32_t step, uint32_t number) {
  const std::vector<RecoveryRule>& own = execution.plan().step(step).recovery;
  return number <= own.size() ? own[number - 1]
                              : execution.plan().workflow().recovery[number - 1 - own.size()];
}

const definition::RetryPolicy& retry_policy(const Execution& execution, uint32_t step, uint32_t number) {
  return number == 0 ? execution.plan().step(step).retry : rule(execution, step, number).retry;
}

// What the fallback of a step calls: a rule's, when a rule decided, or the step's own.
const std::string& fallback_function(const Execution& execution, uint32_t step) {
  const uint32_t number = execution.step(step).extra->rule;
  return number == 0 ? execution.plan().step(step).fallback.function
                     : rule(execution, step, number).fallback.function;
}

}  // namespace pirn::engine::transitions
