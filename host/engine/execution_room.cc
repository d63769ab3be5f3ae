// How much an execution may store. The store refuses a body above its limit, and then the host has to stop;
// so what would lead to one is refused before anything is decided about it: an outcome becomes the error
// `execution_too_large` of its step, and a person's command is answered with it.
//
// What is counted is JSON text, never less than what will be written: of the row as it will be at the end,
// with the context, and of the one commit in which an outcome and all that follows from it are recorded.
#include "host/engine/execution.h"

#include <algorithm>

namespace pirn::engine {

using worker::Kind;
using worker::Outcome;

namespace {

// What the engine itself writes about a step, in the row and in one commit: names, numbers, short reasons,
// errors of its own.
constexpr size_t kStep = 1 << 10;
// A member of `after_any` in `fired_by`.
constexpr size_t kMember = 12;
// What else there is once: the origin, a person's reason, the workflow's own error, conflicts of a commit.
constexpr size_t kRest = 96 << 10;
// Around an emission or a diagnostic.
constexpr size_t kAround = 256;

bool keeps_result(Kind kind) {
  return kind == Kind::task || kind == Kind::fallback || kind == Kind::result || kind == Kind::handler;
}

// In the shared context (R10, R11).
size_t context_text(const definition::Step& step, const std::string* child, const journal::StepResult& result,
                    size_t text) {
  if (!step.context_key.empty()) return text + kMember + journal::text_size(step.context_key);
  if (!result.is_map) return 0;
  if (!child) return text;
  const size_t name = child->size() + kMember;
  return name + text + result.map.entries.size() * name + text;
}

}  // namespace

void Execution::measure() {
  const size_t input = journal::text_size(state_.input);
  stored_ = {};
  stored_.values = input;
  const Plan& plan = *plan_->shared();
  stored_.row = kRest + 2 * input + plan.n_steps() * kStep + handlers_text();
  if (plan.plain()) return;
  for (uint32_t step = 0; step < plan.n_steps(); ++step)
    stored_.row += plan.step(step).after_any.size() * kMember;
}

void Execution::measure(const Expansion& expansion) {
  const size_t bytes = journal::text_size(*expansion.children);
  stored_.values += bytes;
  stored_.row += bytes + expansion.size() * kStep;
}

void Execution::measure(const journal::Delta& patch) {
  const size_t bytes = journal::text_size(patch);
  stored_.values += bytes;
  stored_.row += 2 * bytes + kAround;
}

void Execution::measure_result(uint32_t step, const journal::StepResult& result) {
  const size_t bytes = journal::text_size(result);
  stored_.values += bytes;
  stored_.row += bytes + context_text(plan_->step(step), plan_->is_child(step) ? &plan_->name(step) : nullptr,
                                      result, bytes);
}

// What the row has of a step beside its result, and a handler is told of its rollback.
size_t Execution::texts_of(uint32_t step) const {
  const journal::Step& current = state_.steps[step];
  size_t bytes = current.error ? journal::text_size(*current.error) : 0;
  if (current.state == journal::StepState::cancelled && current.result)
    bytes += journal::text_size(*current.result);
  const journal::StepExtra& extra = *current.extra.operator->();
  if (!extra.reason.empty()) bytes += journal::text_size(extra.reason);
  if (extra.await) bytes += journal::text_size(*extra.await);
  if (extra.rollback_error) bytes += 2 * journal::text_size(*extra.rollback_error);
  return bytes;
}

void Execution::measure_error(const journal::StepError& error) {
  stored_.largest_error = std::max(stored_.largest_error, journal::text_size(error));
}

size_t Execution::handlers_text() const {
  size_t bytes = 0;
  for (const journal::HandlerRun& run : state_.handlers) bytes += kAround + run.input.size();
  return bytes;
}

// Why there is no room for what an invocation has come back with; empty: there is. `step` is kNoStep when it
// is no step's outcome.
std::string Execution::lack_of_room(const Decision& decision, uint32_t step, Kind kind,
                                    const Outcome& outcome) const {
  size_t values = 0, row = 0, commit = 0;
  if (step != journal::kNoStep && keeps_result(kind)) {
    if (outcome.result) {
      values = journal::text_size(*outcome.result);
      row = values + context_text(plan_->step(step), plan_->is_child(step) ? &plan_->name(step) : nullptr,
                                  *outcome.result, values);
    }
    if (!outcome.children.empty()) {
      const size_t children = journal::text_size(outcome.children);
      values += children;
      row += children + outcome.children.size() * kStep;
      commit = outcome.children.size() * kStep;
    }
    if (!outcome.reason.empty()) row += journal::text_size(outcome.reason);
    if (outcome.await) row += journal::text_size(outcome.await->await);
  }
  // Of the step, of the execution, and what handlers are told of it.
  const size_t error = outcome.error ? journal::text_size(*outcome.error) : 0;
  row += 4 * error;
  commit += row + 2 * error;
  for (const journal::Emitted& emitted : outcome.emitted)
    commit += kAround + journal::text_size(emitted.scope) + journal::text_size(emitted.message) +
              emitted.metadata.size();
  for (const journal::Diagnostic& diagnostic : outcome.diagnostics)
    commit += kAround + journal::text_size(diagnostic.code) + journal::text_size(diagnostic.message);

  const auto lacks = [](const char* what, size_t bytes, size_t limit) {
    return std::string(what) + " would take " + std::to_string(bytes) + " bytes of JSON text; the limit is " +
           std::to_string(limit);
  };
  if (values > 0 && stored_.values + values > decision.execution_limit_bytes)
    return lacks("the values of the execution", stored_.values + values, decision.execution_limit_bytes);
  const size_t largest = std::max(error, stored_.largest_error);
  if (row > 0 && stored_.row + row + 3 * largest > decision.body_limit_bytes)
    return lacks("the execution at its end", stored_.row + row + 3 * largest, decision.body_limit_bytes);
  commit += kRest + plan_->n_steps() * kStep + stored_.rollback_errors + 3 * largest;
  if (commit > decision.body_limit_bytes)
    return lacks("what was answered", commit, decision.body_limit_bytes);
  return {};
}

// An outcome for which there is no room fails for good.
void Execution::limit(const Decision& decision, uint32_t step, Kind kind, Outcome& outcome) const {
  std::string lack = lack_of_room(decision, step, kind, outcome);
  if (lack.empty()) return;
  outcome = Outcome();
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error(std::string(catalogue_entry(Code::execution_too_large).name), std::move(lack),
                             journal::ErrorClass::terminal);
}

// What a person answers becomes the result of each of the steps.
Status Execution::check_room(const Decision& decision, const std::vector<uint32_t>& steps,
                             const journal::Delta& answer) const {
  journal::StepResult result;
  result.map = answer;
  const size_t bytes = journal::text_size(result);
  size_t row = steps.size() * bytes;
  for (const uint32_t step : steps)
    row +=
        context_text(plan_->step(step), plan_->is_child(step) ? &plan_->name(step) : nullptr, result, bytes);
  const size_t values = stored_.values + steps.size() * bytes;
  row += stored_.row + 3 * stored_.largest_error;
  if (values <= decision.execution_limit_bytes && row <= decision.body_limit_bytes) return {};
  return Error{Code::execution_too_large, "with the answer the values of the execution would take " +
                                              std::to_string(values) + " bytes of JSON text, and " +
                                              std::to_string(row) + " at its end; the limits are " +
                                              std::to_string(decision.execution_limit_bytes) + " and " +
                                              std::to_string(decision.body_limit_bytes)};
}

// A patch is in the row and in the context.
Status Execution::check_room(const Decision& decision, const journal::Delta& patch) const {
  const size_t bytes = journal::text_size(patch);
  const size_t row = stored_.row + 2 * bytes + kAround + 3 * stored_.largest_error;
  if (stored_.values + bytes <= decision.execution_limit_bytes && row <= decision.body_limit_bytes) return {};
  return Error{Code::execution_too_large, "with the patch the values of the execution would take " +
                                              std::to_string(stored_.values + bytes) +
                                              " bytes of JSON text; the limit is " +
                                              std::to_string(decision.execution_limit_bytes)};
}

Status check_input(const Decision& decision, const journal::Delta& input) {
  const size_t bytes = journal::text_size(input);
  if (bytes <= decision.execution_limit_bytes) return {};
  return Error{Code::execution_too_large, "the input takes " + std::to_string(bytes) +
                                              " bytes of JSON text; the limit of an execution is " +
                                              std::to_string(decision.execution_limit_bytes)};
}

Status check_heritage(const Decision& decision, const Plan& plan, const journal::Delta& input,
                      const std::vector<journal::Step>& steps, const std::vector<bool>& adopts,
                      const std::vector<ExpansionPtr>& expansions) {
  size_t values = journal::text_size(input), row = kRest + values + steps.size() * kStep;
  for (const ExpansionPtr& expansion : expansions) values += journal::text_size(*expansion->children);
  const auto adopt = [&](uint32_t step, const definition::Step& options, const std::string* child) {
    if (!adopts[step] || !steps[step].result) return;
    const size_t bytes = journal::text_size(*steps[step].result);
    values += bytes;
    row += context_text(options, child, *steps[step].result, bytes);
  };
  for (uint32_t step = 0; step < plan.n_steps(); ++step) adopt(step, plan.step(step), nullptr);
  for (const ExpansionPtr& expansion : expansions)
    for (uint32_t number = 0; number < expansion->size(); ++number)
      adopt(expansion->first + number, *expansion->options[number], &(*expansion->children)[number].name);
  if (values <= decision.execution_limit_bytes && row + values <= decision.body_limit_bytes) return {};
  return Error{Code::execution_too_large,
               "what the new execution would take over has " + std::to_string(values) +
                   " bytes of JSON text, and " + std::to_string(row + values) +
                   " with its context; the limits are " + std::to_string(decision.execution_limit_bytes) +
                   " and " + std::to_string(decision.body_limit_bytes)};
}

}  // namespace pirn::engine
