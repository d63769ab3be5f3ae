// Times that contradict each other, where the shorter one always wins; error codes that cannot occur.
#include "packager/definition/definition.h"
#include "packager/definition/error_code.h"

namespace pirn::definition {
namespace {

void add_warnings(const Workflow& workflow, const Step& step, std::vector<Warning>& out) {
  const std::string who = "the step '" + step.name + "' of the workflow '" + workflow.name + "'";
  const auto within = [](int64_t ns) { return "its timeout of " + print_duration(ns); };
  if (step.timeout_function.empty() && step.estimate_ns > step.timeout_ns)
    out.push_back({who + " is estimated to take " + print_duration(step.estimate_ns) + ", longer than " +
                       within(step.timeout_ns) + ": it would time out every time",
                   "Give it a longer timeout, or a shorter estimate.", step.where});
  else if (step.estimate_ns > workflow.timeout_ns)
    out.push_back({who + " is estimated to take " + print_duration(step.estimate_ns) +
                       ", longer than the workflow's timeout of " + print_duration(workflow.timeout_ns),
                   "Give the workflow a longer timeout, or the step a shorter estimate.", step.where});
}

void add_code_warnings(const std::string& who, const Where& where, const std::vector<ErrorPattern>& patterns,
                       std::vector<Warning>& out) {
  for (const ErrorPattern& pattern : patterns)
    if (!pattern.code.empty() && !is_error_code(pattern.code))
      out.push_back({"the error code '" + pattern.code + "' of " + who +
                         " does not match [a-z0-9_.-]{1,64}; the host compares it as '" +
                         repaired_error_code(pattern.code) + "'",
                     "Write '" + repaired_error_code(pattern.code) + "'.", where});
}

void add_code_warnings(const std::string& who, const Where& where, const RetryPolicy& retry,
                       const std::vector<RecoveryRule>& rules, std::vector<Warning>& out) {
  add_code_warnings(who, where, retry.retry_on, out);
  add_code_warnings(who, where, retry.no_retry_on, out);
  for (const RecoveryRule& rule : rules) add_code_warnings(who, where, rule.on, out);
}

}  // namespace

std::vector<Warning> warnings(const Definition& definition) {
  std::vector<Warning> out;
  for (const Workflow& workflow : definition.workflows) {
    const std::string who = "the workflow '" + workflow.name + "'";
    add_code_warnings(who, workflow.where, workflow.retry, workflow.recovery, out);
    for (const Step& step : workflow.steps) {
      add_warnings(workflow, step, out);
      add_code_warnings("the step '" + step.name + "' of " + who, step.where, step.retry, step.recovery, out);
    }
  }
  return out;
}

}  // namespace pirn::definition
