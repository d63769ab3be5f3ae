// What follows when a step has ended: verdicts, conditions and skips, to a fixpoint and in the same commit.
#include "host/engine/execution.h"

#include <algorithm>
#include <functional>

#include "host/engine/verdict.h"
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
  --n_open_;
  decision.timers.remove(local_[step].timer);
  for (uint32_t dependent : plan_->dependents(step)) {
    if (--local_[dependent].open_dependencies > 0) continue;
    worklist_.push_back(plan_->rank(dependent));
    std::push_heap(worklist_.begin(), worklist_.end(), std::greater<>());
  }
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

void Execution::settle_step(Decision& decision, uint32_t step) {
  const std::vector<uint32_t>& after = plan_->step(step).after;
  switch (
      verdict_all(after, [&](uint32_t dependency) { return state_.steps[dependency].dependency_class(); })) {
    case Verdict::wait:
      return;
    case Verdict::pass:
      return pass(decision, step);
    case Verdict::drop:
      local_[step].after = visible(step);
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
  emit(decision, journal::StepReady{step, timeout, {}});
  ready_.push({0, plan_->rank(step), step});
}

}  // namespace pirn::engine
