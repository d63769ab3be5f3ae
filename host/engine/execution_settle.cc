// What follows when a step has ended: verdicts, conditions and skips, to a fixpoint and in the same commit.
#include "host/engine/execution.h"

#include <algorithm>
#include <functional>

#include "host/journal/codec.h"
#include "packager/definition/condition.h"

namespace pirn::engine {

using journal::SkipKind;
using journal::Step;
using journal::StepClass;
using journal::StepState;
using worker::Kind;

// ---- what follows when a step has ended ----

void Execution::ended_step(Decision& decision, uint32_t step) {
  decision.timers.remove(local_[step].timer);
  count_end(step);
}

void Execution::count_end(uint32_t step) {
  --n_open_;
  for (uint32_t dependent : plan_->dependents(step)) let_go(dependent);
  if (join_info_) ended_in_joins(step);
  if (barrier_) pass_barrier(step);
}

// One of the things that the step waits for is over. After the last one its verdict is due.
void Execution::let_go(uint32_t dependent) {
  if (--local_[dependent].open_dependencies > 0) return;
  worklist_.push_back(plan_->rank(dependent));
  std::push_heap(worklist_.begin(), worklist_.end(), std::greater<>());
}

void Execution::ended_in_joins(uint32_t step) {
  const StepClass of_step = state_.steps[step].dependency_class();
  if (const uint32_t join = plan_->join_of(step); join != kNone) {
    Classes classes;
    classes.add(of_step);
    // What a child has written is in its join already.
    ended_in_join(join, classes, of_step == StepClass::bad ? step : kNone,
                  plan_->is_child(step) ? journal::Context() : local_[step].after);
  }
  if (plan_->is_child(step)) return;
  for (uint32_t dependent : plan_->shared()->join_info(step).any_dependents) {
    AnyProgress& any = join_info_->any[plan_->shared()->join_info(dependent).any];
    --any.open;
    if (any.decided || (of_step != StepClass::ok && any.open > 0)) continue;
    any.decided = true;
    let_go(dependent);
  }
}

// A member is over, or all of a graft that is one.
void Execution::ended_in_join(uint32_t number, const Classes& classes, uint32_t first_bad,
                              const journal::Context& after) {
  JoinProgress& join = join_info_->joins[number];
  join.classes.add(classes);
  join.first_bad = earlier(join.first_bad, first_bad);
  join.after = journal::Context::join(join.after, after);
  if (--join.open > 0) return;
  const Join& of_plan = plan_->shared()->joins()[number];
  for (uint32_t dependent : of_plan.dependents) let_go(dependent);
  if (of_plan.group != kNone) ended_in_join(of_plan.group, join.classes, join.first_bad, join.after);
}

// Of two steps that are over the one that ended first.
uint32_t Execution::earlier(uint32_t a, uint32_t b) const {
  if (a == kNone || b == kNone) return a == kNone ? b : a;
  return state_.steps[b].ended_seq < state_.steps[a].ended_seq ? b : a;
}

// The fixpoint of docs/semantics.md: everything that follows, in the same commit, smallest rank first.
void Execution::settle(Decision& decision) {
  while (!worklist_.empty()) {
    std::pop_heap(worklist_.begin(), worklist_.end(), std::greater<>());
    const uint32_t step = plan_->at_rank(worklist_.back());
    worklist_.pop_back();
    if (state_.steps[step].state == StepState::pending) settle_step(decision, step);
  }
}

Verdict Execution::verdict_of(uint32_t step) const {
  const definition::Step& of_step = plan_->step(step);
  Classes all, any;
  for (uint32_t dependency : of_step.after) all.add(state_.steps[dependency].dependency_class());
  if (!join_info_) return verdict_all(all);
  for (uint32_t number : plan_->shared()->join_info(step).joins_before) {
    const JoinProgress& join = join_info_->joins[number];
    all.add(join.classes);
    if (join.open > 0) all.add(StepClass::open);
  }
  for (uint32_t member : of_step.after_any) any.add(state_.steps[member].dependency_class());
  return both(verdict_all(all), verdict_any(any));
}

// The first one that blocks a step, by commit order.
uint32_t Execution::first_bad_of(uint32_t step) const {
  uint32_t first = kNone;
  const auto look_at = [&](const std::vector<uint32_t>& steps) {
    for (uint32_t dependency : steps)
      if (state_.steps[dependency].dependency_class() == StepClass::bad) first = earlier(first, dependency);
  };
  look_at(plan_->step(step).after);
  look_at(plan_->step(step).after_any);
  for (uint32_t number : plan_->shared()->join_info(step).joins_before)
    first = earlier(first, join_info_->joins[number].first_bad);
  return first;
}

// What counts of `after_any`: the completed members, or if there is none the softer ones (R7).
std::vector<uint32_t> Execution::firing(uint32_t step, uint64_t before_seq) const {
  std::vector<uint32_t> fired_by;
  for (const StepClass wanted : {StepClass::ok, StepClass::soft}) {
    for (uint32_t member : plan_->step(step).after_any)
      if (state_.steps[member].dependency_class() == wanted && state_.steps[member].ended_seq < before_seq)
        fired_by.push_back(member);
    if (!fired_by.empty()) break;
  }
  return fired_by;
}

// As it was fixed when the step passed. Of a false condition that is data, and of a step that was adopted,
// the journal has no more than when they ended.
std::vector<uint32_t> Execution::fired_before(uint32_t step) const {
  const Step& current = state_.steps[step];
  const bool unrecorded = current.extra->fired_by.empty() &&
                          (current.skip_kind == SkipKind::condition || current.state == StepState::completed);
  return unrecorded ? firing(step, current.ended_seq) : current.extra->fired_by;
}

std::vector<uint32_t> Execution::fired_by_to_record(uint32_t step) const {
  if (!join_info_ || plan_->is_child(step) || !state_.steps[step].extra->fired_by.empty()) return {};
  return frame_->fired_by(step);
}

void Execution::settle_step(Decision& decision, uint32_t step) {
  switch (verdict_of(step)) {
    case Verdict::wait:
      return;
    case Verdict::pass:
      return pass(decision, step);
    case Verdict::drop:
      local_[step].after = visible(step);
      return skip(decision, step, SkipKind::not_taken, "no dependency was taken");
    case Verdict::block: {
      const uint32_t first = first_bad_of(step);
      const Step& bad = state_.steps[first];
      std::string reason = "dependency " + plan_->name(first) + " " + std::string(name_of(bad.state));
      // Many steps may be told of one error.
      constexpr size_t kShown = 256;
      if (bad.error) {
        reason += ": " + bad.error->code + ": ";
        const std::string_view shown = journal::begin_within(bad.error->message, kShown);
        reason.append(shown).append(shown.size() < bad.error->message.size() ? "…" : "");
      }
      return skip(decision, step, SkipKind::upstream_failed, std::move(reason));
    }
  }
}

// S1, S2: the condition is evaluated once.
void Execution::pass(Decision& decision, uint32_t step) {
  if (join_info_ && !plan_->step(step).after_any.empty())
    frame_->set_fired_by(step, firing(step, state_.next_seq));
  local_[step].after = visible(step);
  const definition::Condition& when = plan_->step(step).when;
  if (when.kind == definition::Condition::Kind::always) return admit(decision, step);
  if (when.kind == definition::Condition::Kind::function)
    return ask(decision, step, Kind::condition, when.function);
  const bool truth =
      definition::evaluate(when, [&](std::string_view key) -> std::optional<definition::ContextValue> {
        const journal::Value* value = local_[step].after.get(key);
        if (!value) return std::nullopt;
        switch (value->type()) {
          case journal::Value::Type::null:
            return definition::ContextValue();
          case journal::Value::Type::boolean:
            return definition::ContextValue(value->as_bool());
          case journal::Value::Type::integer:
            return definition::ContextValue(value->as_integer());
          case journal::Value::Type::real:
            return definition::ContextValue(value->as_real());
          case journal::Value::Type::json:
            return definition::ContextValue(definition::JsonView{value->as_text()});
          default:
            return definition::ContextValue(value->as_text());
        }
      });
  if (truth)
    admit(decision, step);
  else
    skip(decision, step, SkipKind::condition, "the condition is false");
}

// S1: it will run. How long it may, its own function says, if it has one.
void Execution::admit(Decision& decision, uint32_t step) {
  const std::string& function = plan_->step(step).timeout_function;
  if (!function.empty()) return ask(decision, step, Kind::duration, function);
  make_ready(decision, step);
}

void Execution::skip(Decision& decision, uint32_t step, SkipKind kind, std::string reason) {
  emit(decision, journal::StepSkipped{step, kind, std::move(reason)});
  const bool as_failure = kind == SkipKind::upstream_failed || kind == SkipKind::aborted;  // R54
  hook(decision, step, as_failure ? &definition::Hooks::on_failure : &definition::Hooks::on_skip);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
}

void Execution::make_ready(Decision& decision, uint32_t step, int64_t timeout) {
  emit(decision, journal::StepReady{step, timeout, fired_by_to_record(step)});
  push_ready(step);
}

}  // namespace pirn::engine
