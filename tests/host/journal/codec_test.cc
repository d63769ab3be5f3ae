#include "host/journal/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tuple>

#include "tests/host/journal/generate.h"

namespace pirn::journal {
namespace {

const std::vector<std::string> kNames = {"first", "second", "third-step", "a", "b", "c", "d", "e", "f", "g"};

template <class T>
T any_of(int first, int last) {
  return static_cast<T>(*rc::gen::inRange(first, last + 1));
}
uint32_t any_step() { return *rc::gen::inRange<uint32_t>(0, 3); }
uint32_t any_step_or_none() { return coin() ? any_step() : kNoStep; }
uint32_t any_count() {
  return *rc::gen::weightedOneOf<uint32_t>(
      {{1, rc::gen::just<uint32_t>(0)}, {2, rc::gen::arbitrary<uint32_t>()}});
}
uint64_t any_token() { return *rc::gen::arbitrary<uint64_t>(); }
std::string any_name() { return "n" + std::to_string(*rc::gen::inRange(0, 99)); }
std::string any_object_or_nothing() {
  if (coin()) return "";
  auto value = parse_value("{\"a\":" + any_json() + "}");
  return std::string(value->as_text());
}

std::vector<uint32_t> any_steps() {
  std::vector<uint32_t> steps;
  for (int n = *rc::gen::inRange(0, 3); n > 0; --n) steps.push_back(any_step());
  return steps;
}
ExecutionId any_id_or_none() { return {coin() ? any_token() : 0}; }

AwaitPtr any_await() {
  Await await{any_text(), {}, any_object_or_nothing(), any_text(), any_ns()};
  for (int n = *rc::gen::inRange(0, 3); n > 0; --n) await.approvers.push_back(any_text());
  return std::make_shared<const Await>(std::move(await));
}
ChildrenPtr any_children(uint32_t graft, int least = 0) {
  std::vector<Child> children;
  for (int n = *rc::gen::inRange(least, 3); n > 0; --n)
    children.push_back(
        {graft, any_count(), any_name(), any_name(), any_object_or_nothing(), any_object_or_nothing()});
  return std::make_shared<const std::vector<Child>>(std::move(children));
}

OriginPtr any_origin() {
  Origin origin;
  origin.tenant = any_name(), origin.package = any_name(), origin.version = any_name(),
  origin.workflow = any_name();
  for (int n = *rc::gen::inRange(1, 3); n > 0; --n) origin.pins.push_back(any_digest());
  origin.definition = any_digest(), origin.definition_schema = any_count();
  return make_origin(std::move(origin));
}

template <size_t I>
Record any_record();
template <>
Record any_record<0>() {
  Created r;
  r.origin = any_origin(), r.n_steps = any_count();
  r.root = any_id_or_none(), r.parent = any_id_or_none(), r.parent_step = any_step_or_none(),
  r.retry_of = any_id_or_none();
  r.key = any_text(), r.input_digest = any_digest(), r.trigger = any_text(),
  r.strategy = any_of<Strategy>(0, 3), r.input = any_delta(false), r.wake_at = any_ns();
  r.by_wall_clock = coin();
  return r;
}
template <>
Record any_record<1>() {
  return Begun{any_count(), any_ns(), any_text(), any_id_or_none(), any_text()};
}
template <>
Record any_record<2>() {
  return StepAsked{any_step(), any_of<Kind>(1, 10), any_token(), any_count(), any_steps()};
}
template <>
Record any_record<3>() {
  return StepAnswered{any_step(), any_of<Kind>(1, 10), coin(), any_ns(), any_error()};
}
template <>
Record any_record<4>() {
  return StepReady{any_step(), any_ns(), any_steps()};
}
template <>
Record any_record<5>() {
  return StepStarted{any_step(), any_count(), any_token(), any_of<Kind>(1, 10), any_id_or_none()};
}
template <>
Record any_record<6>() {
  return StepCompleted{any_step(), any_result(), any_ns()};
}
template <>
Record any_record<7>() {
  return StepSkipped{any_step(), any_of<SkipKind>(0, 7), any_text()};
}
template <>
Record any_record<8>() {
  return StepFailed{any_step(), any_error(), any_of<AfterFailure>(0, 6), any_ns(), any_count()};
}
template <>
Record any_record<9>() {
  return StepRetry{any_step(), any_ns(), any_ns()};
}
template <>
Record any_record<10>() {
  return StepCancelled{any_step(), any_text(), any_result()};
}
template <>
Record any_record<11>() {
  return StepInterrupted{any_step(), coin(), any_text()};
}
template <>
Record any_record<12>() {
  return Stopping{coin() ? StopCause::fail : StopCause::cancel,
                  any_error(),
                  any_step_or_none(),
                  any_text(),
                  coin(),
                  coin(),
                  any_ns()};
}
template <>
Record any_record<13>() {
  return Failed{any_error(), any_step_or_none()};
}
template <>
Record any_record<14>() {
  return Stopped{any_of<FinalState>(0, 2), any_ns(), any_count()};
}
template <>
Record any_record<15>() {
  return Diagnostic{any_name(), any_text(), any_step_or_none()};
}
template <>
Record any_record<16>() {
  return Emitted{any_step_or_none(), any_text(), any_text(), any_object_or_nothing()};
}

template <>
Record any_record<17>() {
  return StepSnoozed{any_step(), any_ns(), any_ns(), any_ns()};
}
template <>
Record any_record<18>() {
  return StepAwaiting{any_step(), any_await(), any_ns()};
}
template <>
Record any_record<19>() {
  return StepAdopted{any_step(), any_result(), any_id_or_none()};
}
template <>
Record any_record<20>() {
  return GraftExpanded{7, any_children(7)};
}
template <>
Record any_record<21>() {
  return Paused{any_step_or_none(), any_text(), coin()};
}
template <>
Record any_record<22>() {
  return Resumed{any_step_or_none(), any_delta(true), any_text()};
}
template <>
Record any_record<23>() {
  std::vector<std::string> steps;
  if (coin()) steps = {"first", "third"};
  return Compensating{any_count(), any_text(), any_id_or_none(), steps};
}
template <>
Record any_record<24>() {
  return RollbackStarted{any_step(),       any_count(), any_token(),
                         any_id_or_none(), any_text(),  any_id_or_none()};
}
template <>
Record any_record<25>() {
  return RollbackDone{any_step(), any_ns(), any_text(), any_id_or_none()};
}
template <>
Record any_record<26>() {
  return RollbackFailed{any_step(), any_error(), any_ns(), any_ns(), any_text(), any_id_or_none()};
}
template <>
Record any_record<27>() {
  return HandlerStarted{any_of<HandlerEvent>(0, 3), any_token(), any_step_or_none(), any_object_or_nothing()};
}
template <>
Record any_record<28>() {
  return HandlerDone{any_token(), any_error()};
}
template <>
Record any_record<29>() {
  return WorkflowRetry{any_count(), any_error(), any_step_or_none(), any_ns(), any_ns()};
}
template <>
Record any_record<30>() {
  return CircuitRejected{any_step(), any_text()};
}
template <>
Record any_record<31>() {
  return DeadLettered{any_ns()};
}
template <>
Record any_record<32>() {
  return StepSettled{any_step(), any_of<AfterFailure>(0, 6), any_count()};
}
template <>
Record any_record<33>() {
  return HookCrashed{};
}
template <>
Record any_record<34>() {
  return ClockShifted{any_ns()};
}

// One of each kind, in random order of contents.
template <size_t... I>
std::vector<Record> one_of_each(std::index_sequence<I...>) {
  return {any_record<I>()...};
}
std::vector<Record> one_of_each() {
  return one_of_each(std::make_index_sequence<std::variant_size_v<Record>>());
}

bool same_await(const AwaitPtr& a, const AwaitPtr& b) {
  if (!a || !b) return a == b;
  return std::tie(a->kind, a->approvers, a->notify, a->on_timeout, a->deadline) ==
         std::tie(b->kind, b->approvers, b->notify, b->on_timeout, b->deadline);
}

// Field by field: what the codec forgets is found.
struct Same {
  template <class... T>
  static bool eq(const std::tuple<T...>& a, const std::tuple<T...>& b) {
    return a == b;
  }
  bool operator()(const Created& a, const Created& b) const {
    const auto tie = [](const Created& r) {
      return std::tie(*r.origin, r.n_steps, r.root, r.parent, r.parent_step, r.retry_of, r.key,
                      r.input_digest, r.trigger, r.strategy, r.wake_at, r.by_wall_clock);
    };
    return tie(a) == tie(b) && same(a.input, b.input);
  }
  bool operator()(const Begun& a, const Begun& b) const {
    return std::tie(a.attempt, a.deadline, a.workflow, a.execution, a.trigger) ==
           std::tie(b.attempt, b.deadline, b.workflow, b.execution, b.trigger);
  }
  bool operator()(const StepAsked& a, const StepAsked& b) const {
    return std::tie(a.step, a.kind, a.invocation, a.rule, a.fired_by) ==
           std::tie(b.step, b.kind, b.invocation, b.rule, b.fired_by);
  }
  bool operator()(const StepAnswered& a, const StepAnswered& b) const {
    return std::tie(a.step, a.kind, a.truth, a.duration) == std::tie(b.step, b.kind, b.truth, b.duration) &&
           same(a.error, b.error);
  }
  bool operator()(const StepReady& a, const StepReady& b) const {
    return std::tie(a.step, a.timeout, a.fired_by) == std::tie(b.step, b.timeout, b.fired_by);
  }
  bool operator()(const StepStarted& a, const StepStarted& b) const {
    return std::tie(a.step, a.attempt, a.invocation, a.kind, a.child) ==
           std::tie(b.step, b.attempt, b.invocation, b.kind, b.child);
  }
  bool operator()(const StepCompleted& a, const StepCompleted& b) const {
    return a.step == b.step && a.duration == b.duration && same(a.result, b.result);
  }
  bool operator()(const StepSkipped& a, const StepSkipped& b) const {
    return std::tie(a.step, a.kind, a.reason) == std::tie(b.step, b.kind, b.reason);
  }
  bool operator()(const StepFailed& a, const StepFailed& b) const {
    return std::tie(a.step, a.then, a.duration, a.rule) == std::tie(b.step, b.then, b.duration, b.rule) &&
           same(a.error, b.error);
  }
  bool operator()(const StepRetry& a, const StepRetry& b) const {
    return std::tie(a.step, a.delay, a.wake_at) == std::tie(b.step, b.delay, b.wake_at);
  }
  bool operator()(const StepCancelled& a, const StepCancelled& b) const {
    return a.step == b.step && a.reason == b.reason && same(a.partial, b.partial);
  }
  bool operator()(const StepInterrupted& a, const StepInterrupted& b) const {
    return std::tie(a.step, a.crashed, a.cause) == std::tie(b.step, b.crashed, b.cause);
  }
  bool operator()(const Stopping& a, const Stopping& b) const {
    return std::tie(a.cause, a.step, a.reason, a.rollback, a.cleanup, a.grace_until) ==
               std::tie(b.cause, b.step, b.reason, b.rollback, b.cleanup, b.grace_until) &&
           same(a.error, b.error);
  }
  bool operator()(const Failed& a, const Failed& b) const {
    return a.step == b.step && same(a.error, b.error);
  }
  bool operator()(const Stopped& a, const Stopped& b) const {
    return std::tie(a.state, a.duration, a.tolerated_failures) ==
           std::tie(b.state, b.duration, b.tolerated_failures);
  }
  bool operator()(const Diagnostic& a, const Diagnostic& b) const {
    return std::tie(a.code, a.message, a.step) == std::tie(b.code, b.message, b.step);
  }
  bool operator()(const Emitted& a, const Emitted& b) const {
    return std::tie(a.step, a.scope, a.message, a.metadata) ==
           std::tie(b.step, b.scope, b.message, b.metadata);
  }
  bool operator()(const StepSnoozed& a, const StepSnoozed& b) const {
    return std::tie(a.step, a.delay, a.wake_at, a.duration) ==
           std::tie(b.step, b.delay, b.wake_at, b.duration);
  }
  bool operator()(const StepAwaiting& a, const StepAwaiting& b) const {
    return a.step == b.step && a.duration == b.duration && same_await(a.await, b.await);
  }
  bool operator()(const StepAdopted& a, const StepAdopted& b) const {
    return a.step == b.step && a.child == b.child && same(a.result, b.result);
  }
  bool operator()(const GraftExpanded& a, const GraftExpanded& b) const {
    return a.step == b.step && *a.children == *b.children;
  }
  bool operator()(const Paused& a, const Paused& b) const {
    return a.step == b.step && a.reason == b.reason && a.with_parent == b.with_parent;
  }
  bool operator()(const Resumed& a, const Resumed& b) const {
    return a.step == b.step && a.by == b.by && same(a.patch, b.patch);
  }
  bool operator()(const Compensating& a, const Compensating& b) const {
    return std::tie(a.candidates, a.workflow, a.execution, a.steps) ==
           std::tie(b.candidates, b.workflow, b.execution, b.steps);
  }
  bool operator()(const RollbackStarted& a, const RollbackStarted& b) const {
    return std::tie(a.step, a.attempt, a.invocation, a.child, a.workflow, a.execution) ==
           std::tie(b.step, b.attempt, b.invocation, b.child, b.workflow, b.execution);
  }
  bool operator()(const RollbackDone& a, const RollbackDone& b) const {
    return std::tie(a.step, a.duration, a.workflow, a.execution) ==
           std::tie(b.step, b.duration, b.workflow, b.execution);
  }
  bool operator()(const RollbackFailed& a, const RollbackFailed& b) const {
    return std::tie(a.step, a.wake_at, a.duration, a.workflow, a.execution) ==
               std::tie(b.step, b.wake_at, b.duration, b.workflow, b.execution) &&
           same(a.error, b.error);
  }
  bool operator()(const HandlerStarted& a, const HandlerStarted& b) const {
    return std::tie(a.handler, a.invocation, a.step, a.input) ==
           std::tie(b.handler, b.invocation, b.step, b.input);
  }
  bool operator()(const HandlerDone& a, const HandlerDone& b) const {
    return a.invocation == b.invocation && same(a.error, b.error);
  }
  bool operator()(const WorkflowRetry& a, const WorkflowRetry& b) const {
    return std::tie(a.attempt, a.step, a.delay, a.wake_at) ==
               std::tie(b.attempt, b.step, b.delay, b.wake_at) &&
           same(a.error, b.error);
  }
  bool operator()(const CircuitRejected& a, const CircuitRejected& b) const {
    return a.step == b.step && a.breaker == b.breaker;
  }
  bool operator()(const HookCrashed&, const HookCrashed&) const { return true; }
  bool operator()(const ClockShifted& a, const ClockShifted& b) const { return a.by == b.by; }
  bool operator()(const DeadLettered& a, const DeadLettered& b) const { return a.expires_at == b.expires_at; }
  bool operator()(const StepSettled& a, const StepSettled& b) const {
    return std::tie(a.step, a.then, a.rule) == std::tie(b.step, b.then, b.rule);
  }
  template <class A, class B>
  bool operator()(const A&, const B&) const {
    return false;
  }
};

std::string encode(const std::vector<Record>& records, int64_t at, uint64_t first_seq) {
  TextWriter body;
  begin_body(body, at);
  for (size_t i = 0; i < records.size(); ++i) append_event(body, i == 0, first_seq + i, records[i], kNames);
  end_body(body);
  return std::string(body.view());
}

// The row of a state: its columns view it.
struct Row {
  StateColumns columns;
  std::string text;
};
Row encode(const ExecutionState& state, std::span<const std::string> names, std::string_view context) {
  TextWriter text;
  append_state(text, state, names, context);
  return {columns_of(state), std::string(text.view())};
}
Result<DecodedState> decode_state(const Row& row, const OriginPtr& known = nullptr) {
  return journal::decode_state(row.columns, row.text, known);
}

RC_GTEST_PROP(Codec, EveryRecordIsReadAsItWasWritten, ()) {
  const std::vector<Record> records = one_of_each();
  const int64_t at = any_ns();
  const uint64_t first_seq = *rc::gen::inRange<uint64_t>(1, 1'000'000'000'000);
  const auto commit = decode_commit(encode(records, at, first_seq), kSchema);
  if (!commit) RC_FAIL(describe(commit.error()));
  RC_ASSERT(commit->at == at);
  RC_ASSERT(commit->first_seq == first_seq);
  RC_ASSERT(commit->records.size() == records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    RC_LOG() << encode({records[i]}, at, i) << "\n";
    RC_ASSERT(std::visit(Same(), commit->records[i], records[i]));
  }
}

Step any_state_step() {
  Step step;
  step.state = any_of<StepState>(0, 10);
  step.skip_kind = any_of<SkipKind>(0, 7);
  step.tolerated = coin();
  if (step.state == StepState::asking) step.asking = any_of<Kind>(1, 10);
  step.fallback_used = coin();
  step.adopted = coin();
  step.kind = any_of<Kind>(1, 10);
  step.compensation = any_of<Compensation>(0, 4);
  step.failures = any_count(), step.invocations = any_count();
  step.invocation = any_token();
  step.wake_at = any_ns(), step.started_at = any_ns(), step.invoked_at = any_ns(), step.ended_at = any_ns();
  step.ended_seq = any_token();
  step.result = any_result();
  step.error = any_error();
  if (coin()) {
    StepExtra& extra = step.extra.edit();
    extra.reason = any_text();
    extra.interruptions = any_count(), extra.crashes = any_count(), extra.snoozes = any_count();
    extra.patch = any_count(), extra.rule = any_count(), extra.timeout = any_ns();
    extra.fired_by = any_steps();
    if (coin()) extra.await = any_await();
    extra.child = any_id_or_none(), extra.rollback_child = any_id_or_none();
    extra.rollback_failures = any_count(), extra.rollback_error = any_error();
  }
  return step;
}

ExecutionState any_state() {
  ExecutionState state;
  state.id = {any_token()}, state.root = {any_token()}, state.parent = any_id_or_none(),
  state.retry_of = any_id_or_none();
  state.parent_step = any_step_or_none();
  state.paused = coin();
  state.held = state.paused && coin();
  state.without_hooks = coin();
  state.dead_letter_until = any_ns();
  for (int n = *rc::gen::inRange(0, 3); n > 0; --n) state.patches.push_back(any_delta(true));
  for (int n = *rc::gen::inRange(0, 3); n > 0; --n)
    state.handlers.push_back(
        {any_of<HandlerEvent>(0, 3), any_token(), any_step_or_none(), any_object_or_nothing()});
  for (uint32_t graft = *rc::gen::inRange(0u, 3u); graft > 0; --graft) {
    state.expansions.push_back(any_children(graft, 1));
    state.n_children += static_cast<uint32_t>(state.expansions.back()->size());
  }
  state.origin = any_origin();
  state.key = any_text(), state.trigger = any_text(), state.strategy = any_of<Strategy>(0, 3),
  state.reason = any_text();
  state.input_digest = any_digest();
  state.input = any_delta(false);
  state.state = any_of<State>(0, 6);
  state.cause = any_of<StopCause>(0, 2);
  state.rollback = coin(), state.cleanup = coin();
  state.attempt = any_count();
  state.error_step = any_step_or_none();
  state.error = any_error();
  state.created_at = any_ns(), state.started_at = any_ns(), state.ended_at = any_ns(),
  state.wake_at = any_ns(), state.wakes_by_wall_clock = coin();
  state.deadline = any_ns(), state.grace_until = any_ns();
  state.next_seq = any_token(), state.next_commit = any_count(), state.tolerated_failures = any_count();
  // All that any_step() names, and no patch that is not there.
  for (size_t i = 0; i < kNames.size(); ++i) {
    state.steps.push_back(any_state_step());
    if (const uint32_t patch = state.steps.back().extra->patch; patch != 0)
      state.steps.back().extra.edit().patch = patch % static_cast<uint32_t>(state.patches.size() + 1);
  }
  return state;
}

bool same(const Step& a, const Step& b) {
  const auto tie = [](const Step& s) {
    return std::tie(s.state, s.skip_kind, s.tolerated, s.fallback_used, s.adopted, s.asking, s.kind,
                    s.compensation, s.failures, s.invocations, s.invocation, s.wake_at, s.started_at,
                    s.invoked_at, s.ended_at, s.ended_seq);
  };
  const auto extra = [](const Step& s) {
    return std::tie(s.extra->reason, s.extra->interruptions, s.extra->crashes, s.extra->snoozes,
                    s.extra->patch, s.extra->rule, s.extra->timeout, s.extra->fired_by, s.extra->child,
                    s.extra->rollback_child, s.extra->rollback_failures);
  };
  return tie(a) == tie(b) && extra(a) == extra(b) && same(a.result, b.result) && same(a.error, b.error) &&
         same(a.extra->rollback_error, b.extra->rollback_error) && same_await(a.extra->await, b.extra->await);
}

bool same(const ExecutionState& a, const ExecutionState& b) {
  const auto tie = [](const ExecutionState& s) {
    return std::tie(s.id, *s.origin, s.key, s.trigger, s.strategy, s.input_digest, s.root, s.parent,
                    s.parent_step, s.retry_of, s.paused, s.held, s.without_hooks, s.dead_letter_until,
                    s.handlers, s.n_children, s.state, s.cause, s.rollback, s.cleanup, s.attempt,
                    s.error_step, s.reason, s.created_at, s.started_at, s.ended_at, s.wake_at,
                    s.wakes_by_wall_clock, s.deadline, s.grace_until, s.next_seq, s.next_commit,
                    s.tolerated_failures);
  };
  if (tie(a) != tie(b) || !same(a.input, b.input) || !same(a.error, b.error) ||
      a.steps.size() != b.steps.size())
    return false;
  if (a.patches.size() != b.patches.size()) return false;
  if (a.expansions.size() != b.expansions.size()) return false;
  for (size_t i = 0; i < a.expansions.size(); ++i)
    if (*a.expansions[i] != *b.expansions[i]) return false;
  for (size_t i = 0; i < a.patches.size(); ++i)
    if (!same(a.patches[i], b.patches[i])) return false;
  for (size_t i = 0; i < a.steps.size(); ++i)
    if (!same(a.steps[i], b.steps[i])) return false;
  return true;
}

RC_GTEST_PROP(Codec, AStateIsReadAsItWasWritten, ()) {
  const ExecutionState state = any_state();
  const std::string context = any_object_or_nothing();
  const Row row = encode(state, kNames, context);
  const auto decoded = decode_state(row);
  if (!decoded) RC_FAIL(describe(decoded.error()));
  const Row again = encode(decoded->state, decoded->step_names, decoded->context);
  RC_LOG() << row.text << "\n" << again.text << "\n";
  RC_ASSERT(same(decoded->state, state));
  RC_ASSERT(decoded->context == context);
  RC_ASSERT(
      decoded->step_names ==
      std::vector<std::string>(kNames.begin(), kNames.begin() + static_cast<ptrdiff_t>(state.steps.size())));
  RC_ASSERT(again.text == row.text);
}

// The deepest document that a step may put, where it lies deepest in ours.
TEST(Codec, WhatIsAcceptedAsAValueCanBeRecovered) {
  std::string deep = "1";
  while (parse_value("[" + deep + "]")) deep = "[" + deep + "]";
  Delta delta;
  delta.put("deep", parse_value(deep).value());
  const auto result = std::make_shared<const StepResult>(StepResult{delta, {}, true});
  const auto error = std::make_shared<const StepError>(StepError{"e", "m", ErrorClass::retryable, deep});
  const auto commit =
      decode_commit(encode({StepCompleted{0, result, 0}, StepFailed{1, error, AfterFailure::fail, 0},
                            Emitted{0, "s", "m", "{\"a\":" + deep + "}"}},
                           1, 1),
                    kSchema);
  ASSERT_TRUE(commit) << describe(commit.error());
  EXPECT_TRUE(same(std::get<StepCompleted>(commit->records[0]).result, result));
  EXPECT_TRUE(same(std::get<StepFailed>(commit->records[1]).error, error));

  ExecutionState state;
  state.origin = make_origin({.pins = {Digest{}}});
  state.steps.resize(1);
  state.steps[0].result = result;
  state.steps[0].error = error;
  const std::string context = "{\"deep\":" + deep + "}";
  const auto decoded = decode_state(encode(state, kNames, context));
  ASSERT_TRUE(decoded) << describe(decoded.error());
  EXPECT_TRUE(same(decoded->state.steps[0].result, result));
}

TEST(Codec, ABodyIsWhatClientsSee) {
  EXPECT_EQ(encode({StepReady{1}, StepStarted{1, 2, 77}, StepInterrupted{0, false}}, 123, 9),
            R"({"at":123,"events":[{"seq":9,"type":"step.ready","step":"second","i":1},)"
            R"({"seq":10,"type":"step.start","step":"second","i":1,"attempt":2,"invocation":77},)"
            R"({"seq":11,"type":"step.interrupt","step":"first","i":0}]})");
}

TEST(Codec, DeletionsAndValuesThatAreNoMapsHaveTheirOwnMembers) {
  Delta delta;
  delta.unset("gone");
  delta.put("kept", Value::of_integer(1));
  const auto text = [](const StepResult& result) {
    return encode({StepCompleted{0, std::make_shared<const StepResult>(result), 0}}, 0, 1);
  };
  EXPECT_NE(text({delta, {}, true}).find(R"("result":{"kept":1},"unset":["gone"])"), std::string::npos);
  EXPECT_NE(text({{}, Value(), false}).find(R"("value":null)"), std::string::npos);
}

// A disk is part of the world.

std::string a_body() {
  Delta delta;
  delta.put("key", Value::of_json(R"([1,{"a":null}])"));
  delta.put("bytes", Value::of_bytes("\xff\x00"));
  delta.unset("gone");
  const auto result = std::make_shared<const StepResult>(StepResult{delta, {}, true});
  const auto error =
      std::make_shared<const StepError>(StepError{"code", "words", ErrorClass::terminal, R"({"a":1.5})"});
  Created created;
  created.origin = make_origin({.pins = {Digest{}}});
  created.n_steps = 3;
  created.input.put("x", Value::of_real(0.1));
  return encode(
      {created, Begun{1, 5}, StepAsked{0, Kind::backoff, 3}, StepAnswered{0, Kind::condition, true, 9, error},
       StepStarted{0, 1, 2}, StepCompleted{0, result, 7}, StepSkipped{1, SkipKind::not_taken, "r"},
       StepFailed{2, error, AfterFailure::retry, 1}, StepRetry{2, 3, 4}, StepCancelled{2, "r", result},
       StepInterrupted{2, true}, Stopping{StopCause::cancel, error, 1, "r", true, false, 9}, Failed{error, 2},
       Diagnostic{"c", "m", 0}, Emitted{1, "s", "m", "{}"}, Stopped{FinalState::failed, 8, 1}},
      1, 1);
}
ExecutionState a_state() {
  ExecutionState state;
  state.origin = make_origin({.pins = {Digest{}}});
  state.input.put("x", Value::of_real(0.1));
  state.error = std::make_shared<const StepError>(StepError{"code", "words", ErrorClass::terminal, R"([1])"});
  state.steps.resize(2);
  state.steps[0].state = StepState::asking;
  state.steps[0].wake_at = 3;
  state.steps[1].result = std::make_shared<const StepResult>(StepResult{{}, Value::of_integer(3), false});
  return state;
}

// Whatever stands there, the answer is a value or journal_corrupt.
template <class Decode>
void survives_damage(const std::string& text, Decode decode) {
  ASSERT_TRUE(decode(text)) << describe(decode(text).error());
  for (size_t n = 0; n < text.size(); ++n) {
    const auto cut = decode(text.substr(0, n));
    ASSERT_FALSE(cut) << "the first " << n << " bytes";
    ASSERT_EQ(cut.error().code, Code::journal_corrupt);
  }
  size_t refused = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'\0', '"', '{', '}', '[', ']', ',', ':', '-', '0', '9', 'e', '\xff',
                         static_cast<char>(text[i] ^ 1)}) {
      std::string flipped = text;
      flipped[i] = c;
      const auto read = decode(flipped);
      if (read) continue;
      ++refused;
      ASSERT_EQ(read.error().code, Code::journal_corrupt) << flipped;
      ASSERT_FALSE(read.error().message.empty());
    }
  }
  EXPECT_GT(refused, text.size());
}

TEST(Codec, ADamagedCommitIsAnErrorAndNoCrash) {
  survives_damage(a_body(), [](const std::string& text) { return decode_commit(text, kSchema); });
}
TEST(Codec, ADamagedStateIsAnErrorAndNoCrash) {
  const ExecutionState state = a_state();
  const Row row = encode(state, kNames, R"({"a":1})");
  survives_damage(row.text, [&](const std::string& text) { return decode_state(Row{row.columns, text}); });
}

TEST(Codec, WhatDoesNotFitIsNamed) {
  const auto why = [](std::string_view body) {
    const auto commit = decode_commit(body, kSchema);
    return commit ? std::string("no error") : commit.error().message;
  };
  EXPECT_NE(why(R"({"at":1})").find("'events' is missing"), std::string::npos);
  EXPECT_NE(why(R"({"at":1,"events":[{"seq":1,"type":"step.dance"}]})").find("'step.dance'"),
            std::string::npos);
  EXPECT_NE(
      why(R"({"at":1,"events":[{"seq":1,"type":"step.ready","i":0},{"seq":3,"type":"step.ready","i":0}]})")
          .find("sequence"),
      std::string::npos);
  EXPECT_NE(why(R"({"at":1,"events":[{"seq":1,"type":"step.start","i":0,"attempt":"x","invocation":1}]})")
                .find("'attempt'"),
            std::string::npos);
  EXPECT_NE(
      why(R"({"at":1,"events":[{"seq":1,"type":"step.start","i":0,"attempt":4294967296,"invocation":1}]})")
          .find("'attempt'"),
      std::string::npos)
      << "a number that does not fit is not cut";
  EXPECT_NE(why("[]").find("an object is expected"), std::string::npos);
}

TEST(Codec, AStateThatNamesWhatIsNotThereIsRefused) {
  const auto why = [](auto alter) {
    ExecutionState state;
    state.origin = make_origin({.pins = {Digest{}}});
    state.steps.resize(2);
    alter(state);
    const auto read = decode_state(encode(state, kNames, ""));
    return read ? std::string("no error") : read.error().message;
  };
  EXPECT_EQ(why([](ExecutionState& state) { state.error_step = 1; }), "no error");
  EXPECT_NE(why([](ExecutionState& state) { state.error_step = 2; }).find("error"), std::string::npos);
  EXPECT_NE(why([](ExecutionState& state) { state.steps[0].extra.edit().fired_by = {2}; }).find("fired"),
            std::string::npos);
  EXPECT_NE(why([](ExecutionState& state) { state.steps[0].extra.edit().patch = 1; }).find("patch"),
            std::string::npos);
  EXPECT_NE(why([](ExecutionState& state) {
              state.handlers.push_back({HandlerEvent::on_step_error, 9, 2, ""});
            }).find("handler"),
            std::string::npos);
}

TEST(Codec, ASchemaOfTheFutureIsRefused) {
  EXPECT_TRUE(decode_commit(R"({"at":1,"events":[]})", kSchema));
  for (const uint32_t schema : {0u, kSchema + 1}) {
    const auto commit = decode_commit(R"({"at":1,"events":[]})", schema);
    ASSERT_FALSE(commit);
    EXPECT_EQ(commit.error().code, Code::journal_corrupt);
    EXPECT_NE(commit.error().message.find("schema " + std::to_string(schema)), std::string::npos);
  }
}

}  // namespace
}  // namespace pirn::journal
