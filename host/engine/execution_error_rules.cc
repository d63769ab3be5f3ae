// What follows when an invocation has failed (R46): the first recovery rule that matches, else the retry
// policy, else the fallback, else on_error.
#include "host/engine/execution.h"

#include <algorithm>

#include "host/engine/retry.h"
#include "host/journal/codec.h"

namespace pirn::engine {

using definition::Fallback;
using definition::RecoveryRule;
using journal::AfterFailure;
using journal::SkipKind;
using journal::Stopping;
using worker::Kind;
using worker::Outcome;

// S8, S9.
void Execution::fail_step(Decision& decision, uint32_t step, journal::ErrorPtr error) {
  report_step_error(decision, step, *error);
  recover(decision, {step, std::move(error)}, 1);
}

// Looks for a rule from number `first_rule` on. One whose condition is a function is asked first; the answer
// goes on from there.
void Execution::recover(Decision& decision, const Failure& failure, uint32_t first_rule) {
  // A fallback has no second chance: what it fails with is the step's failure.
  if (state_.steps[failure.step].fallback_used) return give_up(decision, failure, false);
  for (uint32_t number = first_rule; number <= n_rules(failure.step); ++number) {
    const RecoveryRule& candidate = rule(failure.step, number);
    const bool named = std::any_of(candidate.on.begin(), candidate.on.end(),
                                   [&](const auto& pattern) { return matches(pattern, *failure.error); });
    if (!named && !candidate.on.empty()) continue;
    if (candidate.when.empty()) return apply_rule(decision, failure, number);
    record_failure(decision, failure, AfterFailure::ask, 0);
    return ask(decision, failure.step, Kind::condition, candidate.when, number);
  }
  if (retry_step(decision, failure, 0)) return;
  if (fall_back(decision, failure, plan_->step(failure.step).fallback, 0)) return;
  give_up(decision, failure, false);
}

void Execution::apply_rule(Decision& decision, const Failure& failure, uint32_t number) {
  switch (rule(failure.step, number).action) {
    case RecoveryRule::Action::retry:
      if (retry_step(decision, failure, number)) return;
      if (fall_back(decision, failure, plan_->step(failure.step).fallback, 0)) return;
      return give_up(decision, failure, false);
    case RecoveryRule::Action::skip:
      record_failure(decision, failure, AfterFailure::skip, number);
      return skip_failed(decision, failure, SkipKind::recovery);
    case RecoveryRule::Action::fallback:
      if (fall_back(decision, failure, rule(failure.step, number).fallback, number)) return;
      return give_up(decision, failure, false);
    case RecoveryRule::Action::abort:
      return give_up(decision, failure, true);
    case RecoveryRule::Action::manual: {
      record_failure(decision, failure, AfterFailure::await, number);
      journal::Await await;
      await.kind = journal::kIntervention;
      return begin_await(decision, failure.step, std::move(await),
                         "somebody has to decide about " + failure.error->code);
    }
  }
}

// With the policy of a rule, or the step's own (0). Failures are counted together, whoever decides.
bool Execution::retry_step(Decision& decision, const Failure& failure, uint32_t number) {
  const definition::RetryPolicy& policy = retry_policy(failure.step, number);
  const uint32_t failures = state_.steps[failure.step].failures + (failure.recorded ? 0 : 1);
  if (!retry_allowed(policy, *failure.error, failures)) return false;
  record_failure(decision, failure, AfterFailure::retry, number);
  if (policy.backoff.kind == definition::Backoff::Kind::function)
    ask(decision, failure.step, Kind::backoff, policy.backoff.function, number);
  else
    schedule_retry(decision, failure.step, number, raw_delay(policy, failures));
  return true;
}

void Execution::schedule_retry(Decision& decision, uint32_t step, uint32_t number, int64_t raw_delay_ns) {
  int64_t delay = jittered_delay(retry_policy(step, number), raw_delay_ns, id(), plan_->name(step),
                                 state_.steps[step].failures);
  if (guarded(step)) delay = std::max(delay, not_before(decision, step) - decision.now);
  const int64_t wake_at = later(decision.now, delay);
  emit(decision, journal::StepRetry{step, delay, wake_at});
  set_timer(decision, step, wake_at);
}

bool Execution::fall_back(Decision& decision, const Failure& failure, const Fallback& fallback,
                          uint32_t number) {
  switch (fallback.kind) {
    case Fallback::Kind::none:
      return false;
    case Fallback::Kind::skip:
      record_failure(decision, failure, AfterFailure::skip, number);
      skip_failed(decision, failure, SkipKind::recovery);
      return true;
    case Fallback::Kind::function:
      record_failure(decision, failure, AfterFailure::fallback, number);
      make_ready(decision, failure.step);
      return true;
    case Fallback::Kind::value: {
      record_failure(decision, failure, AfterFailure::fallback, number);
      Outcome given;
      given.result = journal::result_of_json(fallback.value);
      limit(decision, failure.step, Kind::fallback, given);
      if (given.error)
        fail_step(decision, failure.step, std::move(given.error));
      else
        complete(decision, failure.step, std::move(given.result));
      return true;
    }
  }
  return false;
}

// S9: on_error decides. `abort` fails the whole workflow whatever it says, and with this error, though others
// may have failed before it without stopping anything.
void Execution::give_up(Decision& decision, const Failure& failure, bool abort) {
  const definition::OnError on_error = abort ? definition::OnError::fail : plan_->step(failure.step).on_error;
  if (on_error == definition::OnError::skip) {
    record_failure(decision, failure, AfterFailure::skip, 0);
    return skip_failed(decision, failure, SkipKind::on_error);
  }
  const bool tolerated = on_error == definition::OnError::keep_going;
  record_failure(decision, failure, tolerated ? AfterFailure::tolerate : AfterFailure::fail, 0);
  hook(decision, failure.step, &definition::Hooks::on_failure);
  hook(decision, failure.step, &definition::Hooks::on_finish);
  ended_step(decision, failure.step);
  settle(decision);
  const bool fail_fast = plan_->workflow().failure_mode == definition::FailureMode::fail_fast;
  if (!tolerated && (fail_fast || abort)) {
    Stopping record;
    record.error = abort ? failure.error : state_.error;
    record.step = abort ? failure.step : state_.error_step;
    return stop(decision, std::move(record));
  }
  finish_if_done(decision);
}

void Execution::skip_failed(Decision& decision, const Failure& failure, SkipKind kind) {
  skip(decision, failure.step, kind, failure.error->code + ": " + failure.error->message);
  settle(decision);
  finish_if_done(decision);
}

void Execution::record_failure(Decision& decision, const Failure& failure, AfterFailure then,
                               uint32_t number) {
  if (!failure.recorded) {
    emit(decision,
         journal::StepFailed{failure.step, failure.error, then, ran_for(decision, failure.step), number});
  } else if (then != AfterFailure::ask) {
    emit(decision, journal::StepSettled{failure.step, then, number});
  }
}

// Rules are numbered from 1: the step's own, then the workflow's.
uint32_t Execution::n_rules(uint32_t step) const {
  return static_cast<uint32_t>(plan_->step(step).recovery.size() + plan_->workflow().recovery.size());
}

const RecoveryRule& Execution::rule(uint32_t step, uint32_t number) const {
  const std::vector<RecoveryRule>& own = plan_->step(step).recovery;
  return number <= own.size() ? own[number - 1] : plan_->workflow().recovery[number - 1 - own.size()];
}

const definition::RetryPolicy& Execution::retry_policy(uint32_t step, uint32_t number) const {
  return number == 0 ? plan_->step(step).retry : rule(step, number).retry;
}

// What the fallback of a step calls: a rule's, when a rule decided, or the step's own.
const std::string& Execution::fallback_function(uint32_t step) const {
  const uint32_t number = state_.steps[step].extra->rule;
  return number == 0 ? plan_->step(step).fallback.function : rule(step, number).fallback.function;
}

}  // namespace pirn::engine
