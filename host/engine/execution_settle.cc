// What follows when a step has ended: verdicts, conditions and skips, to a fixpoint and in the same commit.
#include "host/engine/execution.h"

#include <algorithm>
#include <optional>

#include "host/journal/codec.h"
#include "packager/definition/condition.h"

namespace pirn::engine {

using journal::SkipKind;
using journal::Step;
using journal::StepState;
using worker::Kind;

// ---- what follows when a step has ended ----

void Execution::ended_step(Decision& decision, uint32_t step) {
  decision.timers.remove(local_[step].timer);
  count_end(step);
}

// Counts it as over, and shows what it has written to those who await it as one of several.
void Execution::count_end(uint32_t step) {
  fold_.end_step(plan_, step);
  if (const uint32_t graft = progress_.end_step(plan_, state_.steps, step); graft != kNone)
    fold_.end_graft(plan_, graft);
}

void Execution::look(uint32_t step) { fold_.look(plan_, state_.steps, fired_by(step), step); }

const std::vector<uint32_t>& Execution::fired_by(uint32_t step) const {
  static const std::vector<uint32_t> none;
  return plan_->is_child(step) ? none : frame_->fired_by(step);
}

// The fixpoint of docs/semantics.md: everything that follows, in the same commit, smallest rank first.
void Execution::settle(Decision& decision) {
  while (const std::optional<uint32_t> step = progress_.next_due(plan_))
    if (state_.steps[*step].state == StepState::pending) settle_step(decision, *step);
}

std::vector<uint32_t> Execution::fired_by_to_record(uint32_t step) const {
  return state_.steps[step].extra->fired_by.empty() ? fired_by(step) : std::vector<uint32_t>();
}

void Execution::settle_step(Decision& decision, uint32_t step) {
  switch (progress_.verdict(plan_, state_.steps, step)) {
    case Verdict::wait:
      return;
    case Verdict::pass:
      return pass(decision, step);
    case Verdict::drop:
      look(step);
      return skip(decision, step, SkipKind::not_taken, "no dependency was taken");
    case Verdict::block: {
      const uint32_t first = progress_.first_bad(plan_, state_.steps, step);
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
  if (!plan_->is_child(step) && !plan_->step(step).after_any.empty())
    frame_->set_fired_by(step, firing_members(plan_, state_.steps, step, state_.next_seq));
  look(step);
  const definition::Condition& when = plan_->step(step).when;
  if (when.kind == definition::Condition::Kind::always) return admit(decision, step);
  if (when.kind == definition::Condition::Kind::function)
    return ask(decision, step, Kind::condition, when.function);
  const bool truth =
      definition::evaluate(when, [&](std::string_view key) -> std::optional<definition::ContextValue> {
        const journal::Value* value = fold_.after(step).get(key);
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
  progress_.push_ready(plan_, step);
}

}  // namespace pirn::engine
