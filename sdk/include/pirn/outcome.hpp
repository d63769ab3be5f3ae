// What a step answers: ok, fail, skip, snooze, await, expand, cancelled.
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

// A step that is added while the workflow runs. `options` is the text of a step's options, see child().
struct Child {
  std::string name{};
  std::string task{};
  Fields params{};
  std::string options{};
};

class [[nodiscard]] Outcome {
 public:
  int32_t kind = PIRN_DONE;
  Fields fields;                // DONE, EXPAND, CANCELLED: merged into the context
  std::optional<Value> result;  // the whole result, in place of fields
  bool empty_map = false;       // fields were given, and there are none: a result all the same
  std::string code, message;    // FAILED; message: reason of SKIP and CANCELLED
  ErrorClass error_class = ErrorClass::retryable;
  std::optional<Value> details;
  Duration duration;            // SNOOZE
  std::string await;            // AWAIT: options as JSON
  std::vector<Child> children;  // EXPAND
};

// Done, with nothing for the context.
inline Outcome ok() { return {}; }
// Done; the fields are merged into the context (or stand under the step's context_key, as {} if there are
// none).
inline Outcome ok(Fields fields) {
  Outcome outcome;
  outcome.empty_map = fields.empty();
  outcome.fields = std::move(fields);
  return outcome;
}
// Done; a result that need not be a map. An object is merged like fields, anything else stays in the step's
// slot.
inline Outcome ok_value(Value value) {
  Outcome outcome;
  outcome.result = std::move(value);
  return outcome;
}

// Failed. `code` is what retry lists match; `details` is any value. A host repairs a message that is not
// UTF-8 and cuts one that is longer than 4 KiB; the code and the class always arrive.
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

// Skipped at its own wish; the workflow goes on and dependents run.
inline Outcome skip(std::string reason) {
  Outcome outcome;
  outcome.kind = PIRN_SKIP;
  outcome.message = std::move(reason);
  return outcome;
}

// Call again after that; no retry is consumed.
inline Outcome snooze(Duration duration) {
  Outcome outcome;
  outcome.kind = PIRN_SNOOZE;
  outcome.duration = duration;
  return outcome;
}

// Wait for a person or an outside event; a signal or a resume completes the step.
struct AwaitOptions {
  std::string notify{};
  std::vector<std::string> approvers{};
  std::optional<Duration> timeout{};
  HandlerRef on_timeout{};  // its answer is the step's
  std::string kind{};
};
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

// Done, and these steps come after; only a step that is declared as a graft may.
inline Outcome expand(std::vector<Child> children, Fields fields = {}) {
  Outcome outcome;
  outcome.kind = PIRN_EXPAND;
  outcome.children = std::move(children);
  outcome.fields = std::move(fields);
  return outcome;
}

// Stopped because ctx.cancelled(); what was done so far is kept in the step's slot.
inline Outcome cancelled(std::string reason = "", Fields partial = {}) {
  Outcome outcome;
  outcome.kind = PIRN_CANCELLED;
  outcome.message = std::move(reason);
  outcome.fields = std::move(partial);
  return outcome;
}

}  // namespace pirn::inline sdk
