// What a step sees and what it may do while it runs. A Context lives as long as the call: never keep it.
//
// Every method belongs to the step's thread but those marked [any thread], which a thread of the step's own
// may use until the step returns.
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

enum class Level : uint32_t {
  trace = PIRN_LOG_TRACE,
  debug = PIRN_LOG_DEBUG,
  info = PIRN_LOG_INFO,
  warn = PIRN_LOG_WARN,
  error = PIRN_LOG_ERROR,
};

namespace detail {
inline pirn_str str(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const pirn_str& text) { return {text.data, text.len}; }

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

inline std::string quoted(std::string_view what, std::string_view key) {
  return std::string(what) + " \"" + std::string(key) + "\"";
}
}  // namespace detail

class Context {
 public:
  Context(pirn_call* call, const pirn_invocation* invocation) : call_(call), invocation_(invocation) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // ---- the context: initial input and results of ancestors. A std::string_view or json::View is lent until
  // the step returns. get throws Error missing_key or wrong_type; find and get_or take null for absent.
  template <class T>
  T get(std::string_view key) const {
    return take<T>(raw(key), "context key", key);
  }
  template <class T>
  std::optional<T> find(std::string_view key) const {
    return maybe<T>(raw(key), "context key", key);
  }
  template <class T>
  T get_or(std::string_view key, T otherwise) const {
    return find<T>(key).value_or(std::move(otherwise));
  }
  bool has(std::string_view key) const { return raw(key).status == PIRN_OK; }
  // The whole context as one document.
  json::View all() const {
    pirn_value value{};
    if (api().get(call_, nullptr, &value) != PIRN_OK) return json::View("{}");
    return json::View(detail::item(value).text);
  }
  std::vector<std::string_view> keys() const {
    std::vector<std::string_view> found;
    pirn_str key{};
    for (uint64_t i = 0; api().key_at(call_, i, &key) == PIRN_OK; ++i) found.push_back(detail::view(key));
    return found;
  }

  // ---- an ancestor's own result, whatever others wrote to the context
  template <class T>
  T result(std::string_view step, std::string_view key) const {
    return take<T>(slot(step, &key), detail::quoted("result", step), key);
  }
  template <class T>
  T result(std::string_view step) const {
    return take<T>(slot(step, nullptr), "result of", step);
  }
  template <class T>
  std::optional<T> find_result(std::string_view step, std::string_view key) const {
    return maybe<T>(slot(step, &key), detail::quoted("result", step), key);
  }
  // Did this ancestor complete? (It may have been skipped, or its failure tolerated.)
  bool completed(std::string_view step) const { return slot(step, nullptr).status == PIRN_OK; }

  // ---- the step's own parameters
  template <class T>
  T param(std::string_view key) const {
    return take<T>(parameter(key), "parameter", key);
  }
  template <class T>
  T param_or(std::string_view key, T otherwise) const {
    return maybe<T>(parameter(key), "parameter", key).value_or(std::move(otherwise));
  }

  // ---- the step's result, committed if it ends with ok. What ok({…}) returns is put after these.
  void put(std::string_view key, const Value& value) {
    pirn_str name = detail::str(key);
    pirn_value raw = value.abi();
    has_result_ = true;
    accept(api().put(call_, &name, &raw), "put", key);
  }
  void unset(std::string_view key) {
    pirn_str name = detail::str(key);
    has_result_ = true;
    accept(api().unset(call_, &name), "unset", key);
  }
  void set_result(const Value& value) {
    pirn_value raw = value.abi();
    has_result_ = true;
    accept(api().set_result(call_, &raw), "set the result", "");
  }
  // Was any of the three called?
  bool has_result() const { return has_result_; }

  // ---- cancellation: return pirn::cancelled() soon after this turns true
  bool cancelled() const { return (signals() & PIRN_SIG_CANCEL) != 0; }        // [any thread]
  bool draining() const { return (signals() & PIRN_SIG_DRAIN) != 0; }          // [any thread]
  bool deadline_near() const { return (signals() & PIRN_SIG_DEADLINE) != 0; }  // [any thread]
  uint32_t signals() const { return api().signals(call_); }                    // [any thread]
  // Says that the step is alive; progress from 0 to 1, negative when unknown. False: stop, the step is
  // cancelled.
  bool heartbeat(double progress = -1, std::string_view note = {}) {
    pirn_str text = detail::str(note);
    return (api().heartbeat(call_, progress, note.empty() ? nullptr : &text) & PIRN_SIG_CANCEL) == 0;
  }

  // ---- to people: log and stream are live, emit is journaled with the outcome
  void log(Level level, std::string_view message) {  // [any thread]
    pirn_str text = detail::str(message);
    api().log(call_, static_cast<uint32_t>(level), &text);
  }
  void debug(std::string_view message) { log(Level::debug, message); }  // [any thread]
  void info(std::string_view message) { log(Level::info, message); }    // [any thread]
  void warn(std::string_view message) { log(Level::warn, message); }    // [any thread]
  void error(std::string_view message) { log(Level::error, message); }  // [any thread]
  void stream(std::string_view chunk, bool is_final = false) {          // [any thread]
    pirn_str text = detail::str(chunk);
    api().stream(call_, &text, is_final ? 1 : 0);
  }
  void emit(std::string_view scope, std::string_view message, const Fields& metadata = {}) {
    pirn_str where = detail::str(scope), what = detail::str(message);
    Value object(json::object(metadata));
    pirn_value raw = object.abi();
    accept(api().emit(call_, &where, &what, metadata.empty() ? nullptr : &raw), "emit", scope);
  }

  // A secret that the package's manifest asks for. Lent until the step returns.
  std::string_view secret(std::string_view name) const {
    pirn_str key = detail::str(name);
    pirn_value value{};
    return take<std::string_view>({api().secret(call_, &key, &value), value}, "secret", name);
  }

  // ---- who asks
  uint32_t kind() const { return invocation_->kind; }  // PIRN_KIND_
  uint32_t attempt() const { return invocation_->attempt; }
  uint32_t workflow_attempt() const { return invocation_->workflow_attempt; }
  uint64_t invocation_id() const { return invocation_->id; }  // unique for each call of the execution
  uint64_t now_ns() const {
    return api().now_ns(call_);
  }  // engine time, like the deadline; the same in a replay
  uint64_t deadline_ns() const {
    return invocation_->deadline_unix_ns;
  }  // engine time (Unix, but nobody sets it); 0: none
  std::string_view tenant() const { return detail::view(invocation_->tenant); }
  std::string_view package() const { return detail::view(invocation_->package); }
  std::string_view version() const { return detail::view(invocation_->version); }
  std::string_view workflow() const { return detail::view(invocation_->workflow); }
  std::string_view execution() const { return detail::view(invocation_->execution); }
  std::string_view step() const { return detail::view(invocation_->step); }
  // The same for each try of the same work and for nothing else: hand it to outside systems.
  std::string_view idempotency_key() const { return detail::view(invocation_->idempotency_key); }

  // ---- what the step's `resources` got it: amounts by name (0: it asked for none), and which devices
  double resource(std::string_view name) const { return input()["resources"].get_or<double>(name, 0); }
  std::vector<uint32_t> gpus() const {
    std::vector<uint32_t> devices;
    for (json::View device : input()["gpus"].items()) devices.push_back(device.as<uint32_t>());
    return devices;
  }

  // For what this class does not offer (blobs, extensions).
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
      throw Error("not_dependency", "the step \"" + std::string(step) + "\" is no ancestor of this step",
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

// The document that a function of its kind receives beside the context. What is absent reads as empty, 0 or
// null.
class Input {
 public:
  explicit Input(std::string_view text) : text_(text) {}

  json::View json() const { return json::View(text_.empty() ? std::string_view("{}") : text_); }
  std::string event() const { return text("event"); }  // handlers and hooks: "on_start", …
  std::string step() const { return text("step"); }
  std::string state() const { return text("state"); }
  std::string reason() const { return text("reason"); }
  uint32_t attempt() const { return json().get_or<uint32_t>("attempt", 0); }
  // Of a step that has ended; the host gives parts of a millisecond.
  Duration duration() const {
    return Duration::nanoseconds(static_cast<int64_t>(json().get_or<double>("duration_ms", 0) * 1e6));
  }
  Duration base_delay() const { return Duration::milliseconds(json().get_or<int64_t>("base_delay_ms", 0)); }
  json::View result() const { return json()["result"]; }    // rollback: the step's own result
  json::View context() const { return json()["context"]; }  // result of a nested workflow: the child's
  bool has_error() const { return json()["error"].is_object(); }
  std::string error_code() const { return json()["error"].get_or<std::string>("code", ""); }
  std::string error_message() const { return json()["error"].get_or<std::string>("message", ""); }
  json::View error_details() const { return json()["error"]["details"]; }

 private:
  std::string text(std::string_view key) const { return json().get_or<std::string>(key, ""); }

  std::string_view text_;
};

}  // namespace pirn::inline sdk
