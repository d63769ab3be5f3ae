// Context: what a function of the package sees, and what it may do while it runs. Input: the document that
// its kind receives. Rule numbers such as R9 refer to docs/semantics.md.
//
// Lifetime: a Context lives until the function returns. Never keep a reference to it. Text and documents that
// it lends are valid until then, too.
// Threads: call its methods on the thread on which the function was called. Methods marked [any thread] may
// also be called on threads that the function starts, until it returns. On another thread, a host rejects the
// others: those that read throw host_refused or find nothing, those that write throw wrong_phase.
// Errors: methods report errors by throwing pirn::Error with class terminal, so that an error that the
// function does not catch fails the step without a retry. Each method names the codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pirn/abi.h"
#include "pirn/duration.hpp"
#include "pirn/error.hpp"
#include "pirn/json.hpp"
#include "pirn/value.hpp"

namespace pirn::inline sdk {

// Levels of Context::log(), from the least to the most important.
enum class Level : uint32_t {
  trace = PIRN_LOG_TRACE,
  debug = PIRN_LOG_DEBUG,
  info = PIRN_LOG_INFO,
  warn = PIRN_LOG_WARN,
  error = PIRN_LOG_ERROR,
};

namespace detail {
// Text as the ABI passes it and back. Both refer to the same bytes.
inline pirn_str str(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const pirn_str& text) { return {text.data, text.len}; }

// A value of the host, for convert(). Lent as the value is.
inline Item item(const pirn_value& value) {
  Item item;
  item.type = value.type;
  if (value.type == PIRN_T_F64)
    item.f64 = value.as.f64;
  else if (value.type == PIRN_T_STR || value.type == PIRN_T_BYTES || value.type == PIRN_T_JSON)
    item.text = {static_cast<const char*>(value.as.ptr), value.len};
  else if (value.type != PIRN_T_NULL)
    item.i64 = value.as.i64;
  return item;
}

// Names something in messages: context key "total".
inline std::string quoted(std::string_view what, std::string_view key) {
  return std::string(what) + " \"" + std::string(key) + "\"";
}
}  // namespace detail

// One call of a function, from the function's side. The SDK makes it and passes it to the function; it cannot
// be copied.
class Context {
 public:
  // For the SDK. Both arguments are lent until the function returns.
  Context(pirn_call* call, const pirn_invocation* invocation) : call_(call), invocation_(invocation) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // ---- the context: the execution's input and what ancestors of this step wrote (R8, R9)
  //
  // A snapshot: puts of this call are not visible. T is bool, an integer, a floating-point type, std::string,
  // std::string_view, std::vector or std::optional of these, json::View or json::Text. A std::string_view or
  // json::View is lent until the function returns. An integer converts to a floating-point type, and a number
  // without a fraction to an integer. Bytes are read as std::string or std::string_view. json::View and
  // json::Text read lists and objects only; null is read as an empty std::optional.

  // The value of `key`. Errors: missing_key; wrong_type, also for null and for an integer that does not fit.
  template <class T>
  T get(std::string_view key) const {
    return take<T>(raw(key), "context key", key);
  }
  // The value of `key`; nullopt if there is none or it is null. Errors: wrong_type.
  template <class T>
  std::optional<T> find(std::string_view key) const {
    return maybe<T>(raw(key), "context key", key);
  }
  // The value of `key`; `otherwise` if there is none or it is null. Errors: wrong_type.
  template <class T>
  T get_or(std::string_view key, T otherwise) const {
    return find<T>(key).value_or(std::move(otherwise));
  }
  // Whether the context has `key`, with null, too.
  bool has(std::string_view key) const { return raw(key).status == PIRN_OK; }
  // The whole context as one JSON object, with bytes as {"$bytes": BASE64}. Lent until the function returns.
  // Each call makes a new document of it: read single keys with get().
  json::View all() const {
    pirn_value value{};
    if (api().get(call_, nullptr, &value) != PIRN_OK) return json::View("{}");
    return json::View(detail::item(value).text);
  }
  // The keys of the context, in ascending byte order. Lent until the function returns.
  std::vector<std::string_view> keys() const {
    std::vector<std::string_view> found;
    pirn_str key{};
    for (uint64_t i = 0; api().key_at(call_, i, &key) == PIRN_OK; ++i) found.push_back(detail::view(key));
    return found;
  }

  // ---- the own result of an ancestor step, whatever other steps wrote to the context
  //
  // Errors of all four: not_dependency, if `step` is not an ancestor of this step (R9). Ancestors are the
  // steps that this step waits for, directly or through others; of `after_any` only those that fired the
  // step.

  // A key of the result of `step`. Errors: missing_key, also if the step did not complete; wrong_type.
  template <class T>
  T result(std::string_view step, std::string_view key) const {
    return take<T>(slot(step, &key), detail::quoted("result", step), key);
  }
  // The whole result of `step`: an object if it is a map, null if the step completed without a result.
  // Errors: missing_key, if the step did not complete; wrong_type.
  template <class T>
  T result(std::string_view step) const {
    return take<T>(slot(step, nullptr), "result of", step);
  }
  // A key of the result of `step`; nullopt if there is none, it is null, or the step did not complete.
  // Errors: wrong_type.
  template <class T>
  std::optional<T> find_result(std::string_view step, std::string_view key) const {
    return maybe<T>(slot(step, &key), detail::quoted("result", step), key);
  }
  // Whether this ancestor completed, with a result or without. It may also have been skipped, or have failed
  // and been tolerated.
  bool completed(std::string_view step) const { return slot(step, nullptr).status == PIRN_OK; }

  // ---- the parameters of the step: StepOptions::params, or those of a child. Lent as the context is

  // The parameter `key`. Errors: missing_key, wrong_type.
  template <class T>
  T param(std::string_view key) const {
    return take<T>(parameter(key), "parameter", key);
  }
  // The parameter `key`; `otherwise` if there is none or it is null. Errors: wrong_type.
  template <class T>
  T param_or(std::string_view key, T otherwise) const {
    return maybe<T>(parameter(key), "parameter", key).value_or(std::move(otherwise));
  }

  // ---- the step's result; committed with ok(), expand() and cancelled(), dropped otherwise
  //
  // Errors of all three: too_large (a key of more than 255 bytes, a value of more than 1 MiB, a result of
  // more than 8 MiB), invalid_value, wrong_phase (conditions, timeouts and backoffs have no result). Keys
  // that begin with "__" are reserved: they are dropped, and the execution gets the diagnostic
  // `reserved_key`.

  // Adds a key to the result, which is then a map. `key` is UTF-8 and not empty. The last put of a key wins;
  // fields that ok({…}) returns are put after these. Copies key and value. Errors: also wrong_phase after
  // set_result().
  void put(std::string_view key, const Value& value) {
    pirn_str name = detail::str(key);
    pirn_value raw = value.abi();
    has_result_ = true;
    accept(api().put(call_, &name, &raw), "put", key);
  }
  // Deletes `key` from the context for later steps, whichever step wrote it (R10). Errors: also wrong_phase
  // after set_result().
  void unset(std::string_view key) {
    pirn_str name = detail::str(key);
    has_result_ = true;
    accept(api().unset(call_, &name), "unset", key);
  }
  // Sets the whole result. An object counts as the puts of its members; another value is merged into the
  // context only if the step has a context_key. The last call wins. Copies the value. Errors: also
  // wrong_phase after put() or unset().
  void set_result(const Value& value) {
    pirn_value raw = value.abi();
    has_result_ = true;
    accept(api().set_result(call_, &raw), "set the result", "");
  }
  // Whether any of the three was called, whether or not it threw.
  bool has_result() const { return has_result_; }

  // ---- signals; once one of them is true, it stays true. They never interrupt the function

  // [any thread] The step is being cancelled or has timed out: return pirn::cancelled() soon. When an
  // execution is stopped, the host waits 30 s and then discards the outcome (R27); after a timeout it has
  // discarded the outcome already (R20). A step with cancellable = false gets this signal only at its
  // timeout.
  bool cancelled() const { return (signals() & PIRN_SIG_CANCEL) != 0; }
  // [any thread] The release is being retired, and the outcome of this call has already been discarded.
  bool draining() const { return (signals() & PIRN_SIG_DRAIN) != 0; }
  // [any thread] At most a tenth of the call's time, and at most 60 s, is left until deadline_ns(). Never
  // true in a call without a deadline.
  bool deadline_near() const { return (signals() & PIRN_SIG_DEADLINE) != 0; }
  // [any thread] PIRN_SIG_ bits. Cheap enough for an inner loop.
  uint32_t signals() const { return api().signals(call_); }
  // Reports progress to clients that watch the execution: from 0 to 1, or negative if it is unknown; a larger
  // number counts as 1, NaN and infinity as unknown. `note` is cut to 4 KiB. Not stored; does not extend the
  // deadline. Returns false if cancelled() is true. Never throws.
  bool heartbeat(double progress = -1, std::string_view note = {}) {
    pirn_str text = detail::str(note);
    return (api().heartbeat(call_, progress, note.empty() ? nullptr : &text) & PIRN_SIG_CANCEL) == 0;
  }

  // ---- text for people

  // [any thread] Writes a line to the host's log and to the logbook, at once; `pirn run logs` shows it.
  // Messages are cut to 4 KiB. Never throws or blocks.
  void log(Level level, std::string_view message) {
    pirn_str text = detail::str(message);
    api().log(call_, static_cast<uint32_t>(level), &text);
  }
  // [any thread] As log(), with the level of the name.
  void debug(std::string_view message) { log(Level::debug, message); }
  void info(std::string_view message) { log(Level::info, message); }
  void warn(std::string_view message) { log(Level::warn, message); }
  void error(std::string_view message) { log(Level::error, message); }
  // [any thread] Sends a chunk of text to clients that watch the execution, at once. The logbook stores it,
  // within its limits (abi.h, stream): do not stream secrets. End a chunk between two characters; a chunk of
  // more than 1 MiB arrives as several. Never throws or blocks.
  void stream(std::string_view chunk, bool is_final = false) {
    pirn_str text = detail::str(chunk);
    api().stream(call_, &text, is_final ? 1 : 0);
  }
  // Adds an event to the execution's journal, committed with whatever the function returns, failures
  // included. `scope` and `message` are any text; a host repairs what is not UTF-8. At most 1,000 events and
  // 1 MiB in one call. Copies everything. Errors: too_large; invalid_value, for bytes, infinity or NaN in
  // `metadata`, or for metadata of more than 32 levels.
  void emit(std::string_view scope, std::string_view message, const Fields& metadata = {}) {
    pirn_str where = detail::str(scope), what = detail::str(message);
    Value object(json::object(metadata));
    pirn_value raw = object.abi();
    accept(api().emit(call_, &where, &what, metadata.empty() ? nullptr : &raw), "emit", scope);
  }

  // Reserved: hosts grant no secrets yet, and this throws missing_key; the test kit's TaskRun has them. A
  // secret that the package's manifest requests, lent until the function returns. Errors: missing_key,
  // denied. Never put, log or emit a secret.
  std::string_view secret(std::string_view name) const {
    pirn_str key = detail::str(name);
    pirn_value value{};
    return take<std::string_view>({api().secret(call_, &key, &value), value}, "secret", name);
  }

  // ---- the invocation; texts are lent until the function returns

  // PIRN_KIND_ as which the function is called: a task may also serve as a rollback, fallback, handler or
  // hook.
  uint32_t kind() const { return invocation_->kind; }
  // Failures of the step so far + 1 (R63).
  uint32_t attempt() const { return invocation_->attempt; }
  // 1 for the first attempt of the workflow.
  uint32_t workflow_attempt() const { return invocation_->workflow_attempt; }
  // Unique for each call of the execution, rollbacks and hooks included.
  uint64_t invocation_id() const { return invocation_->id; }
  // When this call began: engine time (R72), in nanoseconds since 1970. Constant during the call.
  uint64_t now_ns() const { return api().now_ns(call_); }
  // Engine time after which the outcome is discarded, in nanoseconds since 1970; 0: no deadline.
  uint64_t deadline_ns() const { return invocation_->deadline_unix_ns; }
  // Who runs what: names, the version of the package, and the id of the execution.
  std::string_view tenant() const { return detail::view(invocation_->tenant); }
  std::string_view package() const { return detail::view(invocation_->package); }
  std::string_view version() const { return detail::view(invocation_->version); }
  std::string_view workflow() const { return detail::view(invocation_->workflow); }
  std::string_view execution() const { return detail::view(invocation_->execution); }
  // The name of the step; empty in a handler of the whole workflow.
  std::string_view step() const { return detail::view(invocation_->step); }
  // The same for each try of the same work and for nothing else. Pass it to other systems, so that they
  // recognise a repeated request: a step may be called again after a crash or a timeout.
  std::string_view idempotency_key() const { return detail::view(invocation_->idempotency_key); }

  // The amount of a resource that the step holds, in the unit of StepOptions::resources; 0 if it requested
  // none.
  double resource(std::string_view name) const { return input()["resources"].get_or<double>(name, 0); }
  // The numbers of the GPUs that the step holds, from 0; empty if it requested none. No other running step of
  // the host holds them.
  std::vector<uint32_t> gpus() const {
    std::vector<uint32_t> devices;
    for (json::View device : input()["gpus"].items()) devices.push_back(device.as<uint32_t>());
    return devices;
  }

  // The call of abi.h, for what this class does not offer. Lent until the function returns.
  pirn_call* call() const { return call_; }

 private:
  struct Found {
    pirn_status status;
    pirn_value value;
  };

  const pirn_call_api& api() const { return *call_->api; }
  json::View input() const { return json::View(detail::view(invocation_->input)); }
  Found raw(std::string_view key) const {
    pirn_str name = detail::str(key);
    Found found{};
    found.status = api().get(call_, &name, &found.value);
    return found;
  }
  Found slot(std::string_view step, const std::string_view* key) const {
    pirn_str from = detail::str(step), name = key ? detail::str(*key) : pirn_str{};
    Found found{};
    found.status = api().result(call_, &from, key ? &name : nullptr, &found.value);
    if (found.status == PIRN_E_DENIED)
      throw Error("not_dependency", "the step \"" + std::string(step) + "\" is not an ancestor of this step",
                  terminal);
    return found;
  }
  Found parameter(std::string_view key) const {
    pirn_str name = detail::str(key);
    Found found{};
    found.status = api().param(call_, &name, &found.value);
    return found;
  }

  template <class T>
  static T take(const Found& found, std::string_view what, std::string_view key) {
    if (found.status == PIRN_E_ABSENT)
      throw Error("missing_key", "there is no " + detail::quoted(what, key), terminal);
    if (found.status == PIRN_E_DENIED)
      throw Error("denied", "no access to " + detail::quoted(what, key), terminal);
    if (found.status != PIRN_OK)
      throw Error("host_refused", "the host refused to read " + detail::quoted(what, key), terminal);
    return detail::convert<T>(detail::item(found.value), detail::quoted(what, key));
  }
  template <class T>
  static std::optional<T> maybe(const Found& found, std::string_view what, std::string_view key) {
    if (found.status == PIRN_E_ABSENT) return std::nullopt;
    if (found.status == PIRN_OK && found.value.type == PIRN_T_NULL) return std::nullopt;
    return take<T>(found, what, key);
  }
  // A reserved key is dropped (the host adds a diagnostic); everything else that is refused fails the step.
  static void accept(pirn_status status, std::string_view what, std::string_view key) {
    if (status == PIRN_OK || status == PIRN_E_DENIED) return;
    std::string did = std::string(what) + (key.empty() ? "" : " \"" + std::string(key) + "\"");
    if (status == PIRN_E_LIMIT)
      throw Error("too_large", "could not " + did + ": it exceeds a limit", terminal);
    if (status == PIRN_E_STATE) throw Error("wrong_phase", "could not " + did + " here", terminal);
    throw Error("invalid_value", "could not " + did + ": the value is not valid", terminal);
  }

  pirn_call* call_;
  const pirn_invocation* invocation_;
  bool has_result_ = false;
};

// The document that a function receives in addition to the context, by its kind; the table of kinds in abi.h
// lists the members. What is absent reads as empty, 0 or null. Lent: valid until the function returns. The
// strings that it returns are copies.
class Input {
 public:
  // For the SDK. `text`: a JSON object, lent; empty: {}.
  explicit Input(std::string_view text) : text_(text) {}

  // The whole document.
  json::View json() const { return json::View(text_.empty() ? std::string_view("{}") : text_); }
  // Handlers and hooks: the event that the function is called for, such as "on_start" or "on_failure".
  std::string event() const { return text("event"); }
  // Handlers and hooks: the step that the event is about; empty: the whole workflow.
  std::string step() const { return text("step"); }
  // Hooks: the state of the step. PIRN_RESULT: the final state of the nested execution.
  std::string state() const { return text("state"); }
  // Hooks of a skipped or cancelled step, and on_cancel: why.
  std::string reason() const { return text("reason"); }
  // Hooks and handlers of a step: the attempt, from 1; 0 if the step never began. Backoffs: the number of
  // failures so far.
  uint32_t attempt() const { return json().get_or<uint32_t>("attempt", 0); }
  // Hooks of a step that has ended: the time from its start to its end; 0 if it never started.
  Duration duration() const {
    return Duration::nanoseconds(static_cast<int64_t>(json().get_or<double>("duration_ms", 0) * 1e6));
  }
  // Backoffs: the retry_delay of the policy.
  Duration base_delay() const { return Duration::milliseconds(json().get_or<int64_t>("base_delay_ms", 0)); }
  // Rollbacks: the step's own result.
  json::View result() const { return json()["result"]; }
  // PIRN_RESULT: the context of the nested execution.
  json::View context() const { return json()["context"]; }
  // Whether the call is about an error, and its parts: code and message are empty and the details null if
  // there is none or they are absent.
  bool has_error() const { return json()["error"].is_object(); }
  std::string error_code() const { return json()["error"].get_or<std::string>("code", ""); }
  std::string error_message() const { return json()["error"].get_or<std::string>("message", ""); }
  json::View error_details() const { return json()["error"]["details"]; }

 private:
  std::string text(std::string_view key) const { return json().get_or<std::string>(key, ""); }

  std::string_view text_;
};

}  // namespace pirn::inline sdk
