#include "host/engine/transitions/settle.h"

#include <optional>

#include "host/engine/transitions/consultations.h"
#include "host/engine/transitions/hooks.h"
#include "host/journal/codec.h"
#include "packager/definition/condition.h"

namespace pirn::engine::transitions {

using journal::SkipKind;
using journal::Step;
using journal::StepState;
using worker::Kind;

namespace {

void settle_step(Execution& execution, Decision& decision, uint32_t step) {
  switch (execution.progress.verdict(execution.plan(), execution.state().steps, step)) {
    case Verdict::wait:
      return;
    case Verdict::pass:
      return pass(execution, decision, step);
    case Verdict::drop:
      look(execution, step);
      return skip(execution, decision, step, SkipKind::not_taken, "no dependency was taken");
    case Verdict::block: {
      const uint32_t first = execution.progress.first_bad(execution.plan(), execution.state().steps, step);
      const Step& bad = execution.step(first);
      std::string reason =
          "dependency " + execution.plan().name(first) + " " + std::string(name_of(bad.state));
      // Many steps may be told of one error.
      constexpr size_t kShown = 256;
      if (bad.error) {
        reason += ": " + bad.error->code + ": ";
        const std::string_view shown = journal::begin_within(bad.error->message, kShown);
        reason.append(shown).append(shown.size() < bad.error->message.size() ? "…" : "");
      }
      return skip(execution, decision, step, SkipKind::upstream_failed, std::move(reason));
    }
  }
}

}  // namespace

void ended_step(Execution& execution, Decision& decision, uint32_t step) {
  decision.timers.remove(execution.local[step].timer);
  count_end(execution, step);
}

// Counts it as over, and shows what it has written to those who await it as one of several.
void count_end(Execution& execution, uint32_t step) {
  execution.fold.end_step(execution.plan(), step);
  if (const uint32_t graft = execution.progress.end_step(execution.plan(), execution.state().steps, step);
      graft != kNone)
    execution.fold.end_graft(execution.plan(), graft);
}

void look(Execution& execution, uint32_t step) {
  execution.fold.look(execution.plan(), execution.state().steps, fired_by(execution, step), step);
}

const std::vector<uint32_t>& fired_by(const Execution& execution, uint32_t step) {
  static const std::vector<uint32_t> none;
  return execution.plan().is_child(step) ? none : execution.frame->fired_by(step);
}

// The fixpoint of docs/semantics.md: everything that follows, in the same commit, smallest rank first.
void settle(Execution& execution, Decision& decision) {
  while (const std::optional<uint32_t> step = execution.progress.next_due(execution.plan()))
    if (execution.state().steps[*step].state == StepState::pending) settle_step(execution, decision, *step);
}

std::vector<uint32_t> fired_by_to_record(const Execution& execution, uint32_t step) {
  return execution.step(step).extra->fired_by.empty() ? fired_by(execution, step) : std::vector<uint32_t>();
}

// S1, S2: the condition is evaluated once.
void pass(Execution& execution, Decision& decision, uint32_t step) {
  if (!execution.plan().is_child(step) && !execution.plan().step(step).after_any.empty())
    execution.frame->set_fired_by(
        step, firing_members(execution.plan(), execution.state().steps, step, execution.state().next_seq));
  look(execution, step);
  const definition::Condition& when = execution.plan().step(step).when;
  if (when.kind == definition::Condition::Kind::always) return admit(execution, decision, step);
  if (when.kind == definition::Condition::Kind::function)
    return ask(execution, decision, step, Kind::condition, when.function);
  const bool truth =
      definition::evaluate(when, [&](std::string_view key) -> std::optional<definition::ContextValue> {
        const journal::Value* value = execution.fold.after(step).get(key);
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
    admit(execution, decision, step);
  else
    skip(execution, decision, step, SkipKind::condition, "the condition is false");
}

// S1: it will run. How long it may, its own function says, if it has one.
void admit(Execution& execution, Decision& decision, uint32_t step) {
  const std::string& function = execution.plan().step(step).timeout_function;
  if (!function.empty()) return ask(execution, decision, step, Kind::duration, function);
  make_ready(execution, decision, step);
}

void skip(Execution& execution, Decision& decision, uint32_t step, SkipKind kind, std::string reason) {
  execution.emit(decision, journal::StepSkipped{step, kind, std::move(reason)});
  const bool as_failure = kind == SkipKind::upstream_failed || kind == SkipKind::aborted;  // R54
  hook(execution, decision, step, as_failure ? &definition::Hooks::on_failure : &definition::Hooks::on_skip);
  hook(execution, decision, step, &definition::Hooks::on_finish);
  ended_step(execution, decision, step);
}

void make_ready(Execution& execution, Decision& decision, uint32_t step, int64_t timeout) {
  execution.emit(decision, journal::StepReady{step, timeout, fired_by_to_record(execution, step)});
  execution.progress.push_ready(execution.plan(), step);
}

}  // namespace pirn::engine::transitions
