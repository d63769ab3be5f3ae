#include "packager/error/step_errors.h"

#include <algorithm>
#include <iterator>

namespace pirn {

namespace {

constexpr std::string_view kRetried = "yes", kTerminal = "no: terminal";

constexpr StepErrorEntry kStepErrors[] = {
    {"await_timeout", "only if `retry_on` names it", "no answer came before the deadline of the await",
     "Give the await a longer timeout, or an on_timeout."},
    {"circuit_open", kRetried, "the circuit breaker of the step let no call through",
     "See pirn breaker ls for the cause. The breaker closes by itself after its reset_timeout; pirn breaker "
     "reset closes it now."},
    {"crashed", kTerminal, "the step ended the process that it ran in more often than its max_crashes allows",
     "The host's log names the signal or the call of exit(). Reproduce it: gdb --args pirn run local "
     "WORKFLOW "
     "--package DIRECTORY. See docs/how-to/live-with-failures.md."},
    {"denied", kTerminal, "the host does not let the function read this", "Read what the step depends on."},
    {"duplicate_step", kTerminal, "a graft made a step of a name that the workflow has already",
     "Give each child a name of its own."},
    {"exception", kRetried, "the function threw an exception",
     "Catch it, and return pirn::fail with a code and a class that say whether to try again."},
    {"execution_too_large", kTerminal, "the result would make the execution larger than a limit allows",
     "Keep results small, or store large data outside and return a reference."},
    {"expand_not_allowed", kTerminal, "the function returned EXPAND, and its step is no graft",
     "Set \"graft\": true on the step."},
    {"failed", "as the function says; if it says nothing: yes", "the function failed without an error code",
     "Return pirn::fail with a code: rules and people find it by that."},
    {"host_refused", kTerminal, "the host did not answer a call of the function",
     "Make the call while the function runs, on its own context."},
    {"invalid_await", kTerminal, "the function asked for an await that cannot be",
     "Correct what the message names."},
    {"invalid_child", kTerminal, "a graft made a step whose name breaks the rule of names",
     "Use 1 to 63 of a-z, 0-9, _ and -, and begin with a letter or a digit."},
    {"invalid_json", kTerminal, "the function parsed a text that is not JSON", "Correct the text."},
    {"invalid_options", kTerminal, "a graft made a step with options that are not valid",
     "Correct what the message names; docs/reference/definition.md has the options."},
    {"invalid_return", kRetried,
     "the function returned an outcome that a function of its kind may not return",
     "Tasks may return any outcome; hooks, handlers, conditions and rollbacks return DONE or FAILED."},
    {"invalid_value", kTerminal, "the function gave the host a value that JSON does not have",
     "Leave out NaN, infinities, integers above 2^63-1 and bytes within documents."},
    {"max_snoozes_exceeded", kTerminal, "the step snoozed more often than its max_snoozes allows",
     "Raise max_snoozes, or snooze for longer."},
    {"missing_key", kTerminal, "the function read a key that the context or the document does not have",
     "Give the key in the input, or let an earlier step write it; ctx.get_or and ctx.find read one that may "
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
     "Raise the timeout, or make the function faster. It is told by ctx.cancelled() and should return then."},
    {"too_large", kTerminal, "the function wrote a value that exceeds a limit",
     "Keep values small, or store large data outside and write a reference."},
    {"too_many_children", kTerminal, "a graft made more steps than a workflow may have",
     "Make fewer, larger steps, or put the work into a nested workflow."},
    {"unknown_function", kTerminal, "a graft made a step of a task that the package does not export",
     "List the task in the package, or correct the name."},
    {"workflow_timeout", kTerminal, "the workflow did not finish within its timeout",
     "Raise the workflow's timeout; pirn run metrics shows which steps took the time."},
    {"wrong_arguments", kTerminal, "the workflow binds a number of arguments that the function does not take",
     "Correct the arguments where the step is declared."},
    {"wrong_phase", kTerminal, "the function made a call that a function of its kind may not make",
     "The header pirn/context.hpp says which functions may make it."},
    {"wrong_type", kTerminal, "the function read a value as another type than it has",
     "Read it as the type that it has; the message names both."},
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
