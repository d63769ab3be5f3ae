#include "host/engine/stored_size.h"

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

// nullptr: a declared step.
const std::string* child_name(const GrownPlan& plan, uint32_t step) {
  return plan.is_child(step) ? &plan.name(step) : nullptr;
}

}  // namespace

void StoredSize::begin(const Plan& plan, const journal::ExecutionState& state) {
  const size_t input = journal::text_size(state.input);
  *this = {};
  values_ = input;
  row_ = kRest + 2 * input + plan.n_steps() * kStep + texts_of(state.handlers);
  if (plan.plain()) return;
  for (uint32_t step = 0; step < plan.n_steps(); ++step) row_ += plan.step(step).after_any.size() * kMember;
}

void StoredSize::add_children(const Expansion& expansion) {
  const size_t bytes = journal::text_size(*expansion.children);
  values_ += bytes;
  row_ += bytes + expansion.size() * kStep;
}

void StoredSize::add_patch(const journal::Delta& patch) {
  const size_t bytes = journal::text_size(patch);
  values_ += bytes;
  row_ += 2 * bytes + kAround;
}

void StoredSize::add_result(const GrownPlan& plan, uint32_t step, const journal::StepResult& result) {
  const size_t bytes = journal::text_size(result);
  values_ += bytes;
  row_ += bytes + context_text(plan.step(step), child_name(plan, step), result, bytes);
}

// The error of a rollback counts twice: the row has it, and a handler may be told of it.
size_t StoredSize::texts_of(const journal::Step& current) {
  size_t bytes = current.error ? journal::text_size(*current.error) : 0;
  if (current.state == journal::StepState::cancelled && current.result)
    bytes += journal::text_size(*current.result);
  const journal::StepExtra& extra = *current.extra.operator->();
  if (!extra.reason.empty()) bytes += journal::text_size(extra.reason);
  if (extra.await) bytes += journal::text_size(*extra.await);
  if (extra.rollback_error) bytes += 2 * journal::text_size(*extra.rollback_error);
  return bytes;
}

size_t StoredSize::texts_of(const std::vector<journal::HandlerRun>& handlers) {
  size_t bytes = 0;
  for (const journal::HandlerRun& run : handlers) bytes += kAround + run.input.size();
  return bytes;
}

std::string StoredSize::lack(const SizeLimits& limits, const GrownPlan& plan, uint32_t step, Kind kind,
                             const Outcome& outcome) const {
  size_t values = 0, row = 0, commit = 0;
  if (step != journal::kNoStep && keeps_result(kind)) {
    if (outcome.result) {
      values = journal::text_size(*outcome.result);
      row = values + context_text(plan.step(step), child_name(plan, step), *outcome.result, values);
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
  if (values > 0 && values_ + values > limits.execution_bytes)
    return lacks("the values of the execution", values_ + values, limits.execution_bytes);
  const size_t largest = std::max(error, largest_error_);
  if (row > 0 && row_ + row + 3 * largest > limits.body_bytes)
    return lacks("the execution at its end", row_ + row + 3 * largest, limits.body_bytes);
  commit += kRest + plan.n_steps() * kStep + rollback_errors_ + 3 * largest;
  if (commit > limits.body_bytes) return lacks("what was answered", commit, limits.body_bytes);
  return {};
}

Status StoredSize::check_answer(const SizeLimits& limits, const GrownPlan& plan,
                                const std::vector<uint32_t>& steps, const journal::Delta& answer) const {
  journal::StepResult result;
  result.map = answer;
  const size_t bytes = journal::text_size(result);
  size_t row = steps.size() * bytes;
  for (const uint32_t step : steps)
    row += context_text(plan.step(step), child_name(plan, step), result, bytes);
  const size_t values = values_ + steps.size() * bytes;
  row += row_ + 3 * largest_error_;
  if (values <= limits.execution_bytes && row <= limits.body_bytes) return {};
  return Error{Code::execution_too_large,
               "with the answer the values of the execution would take " + std::to_string(values) +
                   " bytes of JSON text, and " + std::to_string(row) + " at its end; the limits are " +
                   std::to_string(limits.execution_bytes) + " and " + std::to_string(limits.body_bytes)};
}

Status StoredSize::check_patch(const SizeLimits& limits, const journal::Delta& patch) const {
  const size_t bytes = journal::text_size(patch);
  const size_t row = row_ + 2 * bytes + kAround + 3 * largest_error_;
  if (values_ + bytes <= limits.execution_bytes && row <= limits.body_bytes) return {};
  return Error{Code::execution_too_large,
               "with the patch the values of the execution would take " + std::to_string(values_ + bytes) +
                   " bytes of JSON text; the limit is " + std::to_string(limits.execution_bytes)};
}

Status check_input(const SizeLimits& limits, const journal::Delta& input) {
  const size_t bytes = journal::text_size(input);
  if (bytes <= limits.execution_bytes) return {};
  return Error{Code::execution_too_large, "the input takes " + std::to_string(bytes) +
                                              " bytes of JSON text; the limit of an execution is " +
                                              std::to_string(limits.execution_bytes)};
}

Status check_heritage(const SizeLimits& limits, const Plan& plan, const journal::Delta& input,
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
  if (values <= limits.execution_bytes && row + values <= limits.body_bytes) return {};
  return Error{Code::execution_too_large,
               "what the new execution would take over has " + std::to_string(values) +
                   " bytes of JSON text, and " + std::to_string(row + values) +
                   " with its context; the limits are " + std::to_string(limits.execution_bytes) + " and " +
                   std::to_string(limits.body_bytes)};
}

}  // namespace pirn::engine
