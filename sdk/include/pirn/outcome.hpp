// What a step returns: ok, fail, skip, snooze, await, expand, cancelled. An Outcome is a value that owns its
// data; making one has no effect until the function returns it. Rule numbers such as R5 refer to
// docs/semantics.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pirn/abi.h"
#include "pirn/duration.hpp"
#include "pirn/error.hpp"
#include "pirn/name.hpp"
#include "pirn/value.hpp"

namespace pirn::inline sdk {

// A step that is added while the workflow runs, see expand(). Make it with child() of print.hpp, which checks
// and prints the options.
struct Child {
  std::string name{};     // new in the execution; [a-z0-9][a-z0-9_-]{0,62}
  std::string task{};     // id of a PIRN_TASK or PIRN_STEP of this package
  Fields params{};        // what the task reads with Context::param()
  std::string options{};  // options of a step as a JSON object; empty: none
};

// What a function returns. Make it with the functions below; which of them a kind of function may return is
// in the table of kinds in abi.h. The comments name the PIRN_ outcomes that use a member.
class [[nodiscard]] Outcome {
 public:
  int32_t kind = PIRN_DONE;     // PIRN_DONE … PIRN_CANCELLED
  Fields fields;                // DONE, EXPAND: put into the result; CANCELLED: kept, not merged
  std::optional<Value> result;  // the whole result, in place of fields
  bool empty_map = false;       // ok() was given fields, and there are none: still a result
  std::string code;             // FAILED
  std::string message;          // FAILED; reason of SKIP and CANCELLED
  ErrorClass error_class = ErrorClass::retryable;  // FAILED
  std::optional<Value> details;                    // FAILED
  Duration duration;                               // SNOOZE
  std::string await;                               // AWAIT: options as JSON
  std::vector<Child> children;                     // EXPAND
};

// The step is completed, without a result beyond what Context::put() or set_result() was given. A step that
// was given nothing has no result, and does not change the context (R10).
inline Outcome ok() { return {}; }
// The step is completed. The fields are put into its result, after those of Context::put(), and merged into
// the context key by key, or stored under the step's context_key (R10). ok({}) is an empty result: with a
// context_key, {} is stored.
inline Outcome ok(Fields fields) {
  Outcome outcome;
  outcome.empty_map = fields.empty();
  outcome.fields = std::move(fields);
  return outcome;
}
// The step is completed with this result, of any type. An object counts as fields. Any other value is stored
// under the step's context_key, or without one can only be read with Context::result() (R10). After
// Context::put() the step fails with the terminal error `wrong_phase`.
inline Outcome ok_value(Value value) {
  Outcome outcome;
  outcome.result = std::move(value);
  return outcome;
}

// The step has failed; what was put is dropped. The retry policy decides what follows, except that errors of
// class `terminal` are never retried.
//   code         [a-z0-9_.-]{1,64}; retry lists and recovery rules match it. The compiler checks literals
//   message      for people; at most 4 KiB of UTF-8
//   error_class  retryable, transient or terminal
//   details      any value but bytes, at most 16 KiB as JSON; retry lists and recovery rules can match it
// The host repairs text that breaks these rules; the code and the class always arrive (abi.h, set_error).
inline Outcome fail(ErrorCode code, std::string message = "", ErrorClass error_class = retryable,
                    std::optional<Value> details = std::nullopt) {
  Outcome outcome;
  outcome.kind = PIRN_FAILED;
  outcome.code = code.view();
  outcome.message = std::move(message);
  outcome.error_class = error_class;
  outcome.details = std::move(details);
  return outcome;
}

// The step skips itself; what was put is dropped. Dependent steps run (R5). `reason` is for people, at most
// 4 KiB of UTF-8; a host repairs other text.
inline Outcome skip(std::string reason) {
  Outcome outcome;
  outcome.kind = PIRN_SKIP;
  outcome.message = std::move(reason);
  return outcome;
}

// Call the step again after `duration` of engine time (R72); what was put is dropped. Uses up no retry, keeps
// no thread, and the attempt stays the same. 0 calls it again at once. A negative or infinite duration is the
// error `invalid_return`. A step that snoozes more often than StepOptions::max_snoozes allows fails with
// `max_snoozes_exceeded` (R17).
inline Outcome snooze(Duration duration) {
  Outcome outcome;
  outcome.kind = PIRN_SNOOZE;
  outcome.duration = duration;
  return outcome;
}

// Options of await(). The host rejects options that are not valid; the step then fails with the terminal
// error `invalid_await`.
struct AwaitOptions {
  // What to show to the people who answer; at most 16 KiB, longer text is cut. Default: nothing.
  std::string notify{};
  // Labels of the API keys that may answer; at most 64, of 1 to 255 bytes. Callers with the permission
  // answer_approval may answer, too (R67). Default: only they may approve or reject.
  std::vector<std::string> approvers{};
  // How long to wait; longer than 0. Default: the step's timeout if the author has set one and
  // await_approval, else no limit (R15).
  std::optional<Duration> timeout{};
  // Called when the timeout has passed; its answer is the step's. Default: StepOptions::on_timeout, else the
  // step fails with `await_timeout`.
  HandlerRef on_timeout{};
  // What is awaited, for people: a name such as "approval", [a-z0-9][a-z0-9_-]{0,62}. "intervention" is
  // reserved for recovery rules. Default: "approval".
  std::string kind{};
};
// The step waits for a person or for an event outside of the workflow, without keeping a thread. A signal, a
// resume or an approval completes it and gives its result; the function is not called again (R13). What was
// put is dropped.
inline Outcome await(const AwaitOptions& options = {}) {
  Fields fields;
  if (!options.notify.empty()) fields.add("notify", options.notify);
  if (!options.approvers.empty()) fields.add("approvers", options.approvers);
  if (options.timeout) fields.add("timeout", options.timeout->text());
  if (!options.on_timeout.empty()) fields.add("on_timeout", options.on_timeout.text());
  if (!options.kind.empty()) fields.add("kind", options.kind);
  Outcome outcome;
  outcome.kind = PIRN_AWAIT;
  outcome.await = fields.to_json();
  return outcome;
}

// The step is completed with `fields` as its result, and these steps are added; they run after it (R12). Only
// for a step with .graft = true; another one fails with `expand_not_allowed`. At most 100,000 children, with
// 32 MiB of text. An empty list is allowed.
inline Outcome expand(std::vector<Child> children, Fields fields = {}) {
  Outcome outcome;
  outcome.kind = PIRN_EXPAND;
  outcome.children = std::move(children);
  outcome.fields = std::move(fields);
  return outcome;
}

// The step stops because ctx.cancelled() is true. `partial` is kept as the step's result but not merged into
// the context (R29). Without a cancel signal this is the error `invalid_return`.
inline Outcome cancelled(std::string reason = "", Fields partial = {}) {
  Outcome outcome;
  outcome.kind = PIRN_CANCELLED;
  outcome.message = std::move(reason);
  outcome.fields = std::move(partial);
  return outcome;
}

}  // namespace pirn::inline sdk
