#include "packager/error/step_errors.h"

#include <algorithm>
#include <iterator>

namespace pirn {

namespace {

constexpr std::string_view kRetried = "yes", kTerminal = "no: terminal";

constexpr StepErrorEntry kStepErrors[] = {
    {"await_timeout", "only if `retry_on` names it", "no answer came before the deadline of the await",
     "Give the await a longer timeout, or an on_timeout."},
    {"circuit_open", kRetried, "the step's circuit breaker is open and lets no call through",
     "See pirn breaker ls for the cause. The breaker tries calls again after its reset_timeout; pirn breaker "
     "reset closes it now."},
    {"crashed", kTerminal, "the step ended the process that it ran in more often than its max_crashes allows",
     "The host's log names the signal or the call of exit(). Reproduce it: gdb --args pirn run local "
     "WORKFLOW "
     "--package DIRECTORY. See docs/how-to/live-with-failures.md."},
    {"denied", kTerminal, "the host does not let the function read this", "Read what the step depends on."},
    {"duplicate_step", kTerminal, "a graft created a step with a name that the workflow already has",
     "Give each child a unique name."},
    {"exception", kRetried, "the function threw an exception",
     "Catch it, and return pirn::fail with a code and a class that say whether to retry."},
    {"execution_too_large", kTerminal, "the result would make the execution larger than a limit allows",
     "Keep results small, or store large data outside and return a reference."},
    {"expand_not_allowed", kTerminal, "the function returned EXPAND, but its step is not a graft",
     "Set \"graft\": true on the step."},
    {"failed", "as the function says; yes if it does not say", "the function failed without an error code",
     "Return pirn::fail with a code, which identifies the error to rules and to people."},
    {"host_refused", kTerminal, "the host did not answer a call from the function",
     "Make the call while the function runs, on its own context."},
    {"invalid_await", kTerminal, "the function requested an invalid await",
     "Correct what the message names."},
    {"invalid_child", kTerminal, "a graft created a step with an invalid name",
     "Use 1 to 63 of the characters a-z, 0-9, _ and -, and start with a letter or a digit."},
    {"invalid_json", kTerminal, "the function parsed a text that is not JSON", "Correct the text."},
    {"invalid_options", kTerminal, "a graft created a step with invalid options",
     "Correct what the message names; docs/reference/definition.md lists the options."},
    {"invalid_return", kRetried,
     "the function returned an outcome that a function of its kind may not return",
     "Tasks may return any outcome; hooks, handlers, conditions and rollbacks return DONE or FAILED."},
    {"invalid_value", kTerminal, "the function gave the host a value that JSON cannot represent",
     "Leave out NaN, infinities, integers above 2^63-1 and bytes within documents."},
    {"max_snoozes_exceeded", kTerminal, "the step snoozed more often than its max_snoozes allows",
     "Raise max_snoozes, or snooze for longer."},
    {"missing_key", kTerminal, "the function read a key that the context or the document does not have",
     "Give the key in the input, or write it in an earlier step; ctx.get_or and ctx.find read a key that may "
     "be "
     "absent."},
    {"nested_workflow_cancelled", "only if `retry_on` names it",
     "the workflow that the step contains was cancelled",
     "The message names its execution: pirn run show ID."},
    {"nested_workflow_failed", kRetried, "the workflow that the step contains did not complete",
     "The message names its execution: pirn run show ID."},
    {"not_dependency", kTerminal, "the function read the result of a step that does not come before its own",
     "Add that step to `after`."},
    {"release_unavailable", "yes; no if its key was revoked", "the package could not be loaded for this run",
     "The message says why. Push the same package again if its files are damaged."},
    {"rollback_failed", kTerminal, "a rollback within a nested workflow failed",
     "The message names the step and the execution."},
    {"timeout", kRetried, "the function did not return within its timeout",
     "Raise the timeout, or make the function faster. ctx.cancelled() then returns true, and the function "
     "should return."},
    {"too_large", kTerminal, "the function wrote a value that exceeds a limit",
     "Keep values small, or store large data outside and write a reference."},
    {"too_many_children", kTerminal, "a graft created more steps than a workflow may have",
     "Make fewer, larger steps, or put the work into a nested workflow."},
    {"unknown_function", kTerminal, "a graft created a step for a task that the package does not export",
     "Add the task to the package, or correct the name."},
    {"workflow_timeout", kTerminal, "the workflow did not finish within its timeout",
     "Raise the workflow's timeout; pirn run metrics shows which steps took the time."},
    {"wrong_arguments", kTerminal, "the workflow binds the wrong number of arguments to the function",
     "Correct the arguments where the step is declared."},
    {"wrong_phase", kTerminal, "the function made a call that a function of its kind may not make",
     "The header pirn/context.hpp says which functions may make it."},
    {"wrong_type", kTerminal, "the function read a value as a type that it does not have",
     "Read it as the type that it has; the message names both types."},
};

}  // namespace

std::span<const StepErrorEntry> step_errors() { return kStepErrors; }

const StepErrorEntry* find_step_error(std::string_view name) {
  const StepErrorEntry* const found =
      std::find_if(std::begin(kStepErrors), std::end(kStepErrors),
                   [&](const StepErrorEntry& each) { return each.name == name; });
  return found == std::end(kStepErrors) ? nullptr : found;
}

}  // namespace pirn
