// What a function sees and does when no host is there: the fake behind TaskRun. It checks the contract of
// abi.h as a host would.
#pragma once

#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pirn/pirn.hpp"

namespace pirn::testkit {

// What a function did. Owns everything.
struct Ran {
  struct Event {
    std::string scope, message;
    Value metadata;
  };
  struct Log {
    Level level;
    std::string message;
  };
  struct Heartbeat {
    double progress;
    std::string note;
  };
  struct Error {
    std::string code, message;
    ErrorClass error_class = ErrorClass::retryable;
    Value details;
  };

  int32_t outcome = PIRN_DONE;         // PIRN_DONE … PIRN_CANCELLED
  std::map<std::string, Value> delta;  // what would be merged into the context (or kept, when cancelled)
  std::vector<std::string> removed;    // keys that would be deleted from it
  std::optional<Value> result;         // a result that is no map
  Error error;
  std::string reason;           // skip, cancelled
  bool truth = false;           // condition
  Duration duration;            // snooze, timeout, backoff
  Value await;                  // options of await
  std::vector<Child> children;  // expand
  std::vector<Event> events;
  std::vector<Log> logs;
  std::vector<Heartbeat> heartbeats;
  std::string streamed;
  std::vector<std::string> violations;  // of the contract of abi.h; a host would refuse or fail these

  bool done() const { return outcome == PIRN_DONE; }
  bool failed() const { return outcome == PIRN_FAILED; }
  bool skipped() const { return outcome == PIRN_SKIP; }
  bool snoozed() const { return outcome == PIRN_SNOOZE; }
  bool awaiting() const { return outcome == PIRN_AWAIT; }
  bool expanded() const { return outcome == PIRN_EXPAND; }
  bool was_cancelled() const { return outcome == PIRN_CANCELLED; }

  bool has(const std::string& key) const { return delta.count(key) != 0; }
  // Throws pirn::Error when the key was not put or has another type.
  template <class T>
  T get(const std::string& key) const {
    auto found = delta.find(key);
    if (found == delta.end()) throw pirn::Error("missing_key", "the function put no \"" + key + "\"");
    return detail::convert<T>(detail::item(found->second.abi()), key);
  }
  bool logged(std::string_view part) const {
    for (const Log& log : logs)
      if (log.message.find(part) != log.message.npos) return true;
    return false;
  }
  // In one line, for messages of tests.
  std::string text() const {
    constexpr const char* names[] = {"done",     "failed",   "skipped",  "snoozed",
                                     "awaiting", "expanded", "cancelled"};
    std::string line = outcome >= 0 && outcome <= PIRN_CANCELLED ? names[outcome] : "invalid return";
    if (failed()) line += " " + error.code + ": " + error.message;
    if (!reason.empty()) line += " (" + reason + ")";
    for (const auto& [key, value] : delta)
      line += " " + key + "=" + (value.type() == PIRN_T_BYTES ? "<bytes>" : value.to_json());
    for (const std::string& violation : violations) line += " [" + violation + "]";
    return line;
  }
};

namespace detail {

using pirn::detail::item;
using pirn::detail::str;
using pirn::detail::view;

inline bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    auto byte = [&](size_t k) { return static_cast<unsigned char>(s[k]); };
    unsigned char lead = byte(i++);
    int more = lead < 0x80                   ? 0
               : lead >= 0xc2 && lead < 0xe0 ? 1
               : lead >= 0xe0 && lead < 0xf0 ? 2
               : lead >= 0xf0 && lead < 0xf5 ? 3
                                             : -1;
    if (more < 0 || i + static_cast<size_t>(more) > s.size()) return false;
    if (more > 1 && ((lead == 0xe0 && byte(i) < 0xa0) || (lead == 0xed && byte(i) >= 0xa0) ||
                     (lead == 0xf0 && byte(i) < 0x90) || (lead == 0xf4 && byte(i) >= 0x90)))
      return false;
    for (; more > 0; --more)
      if ((byte(i++) & 0xc0) != 0x80) return false;
  }
  return true;
}

// The host's side of one call, as far as a function can see it.
struct FakeCall : pirn_call {
  std::map<std::string, Value> context, params, secrets;
  std::map<std::string, std::optional<Value>> ancestors;  // no value: an ancestor that did not complete
  std::map<uint64_t, std::pair<std::vector<char>, bool>> blobs;  // bytes, sealed
  std::list<std::string> lent;                                   // text made for this call
  std::mutex lock;  // guards ran.logs and ran.streamed: [any-thread]
  Ran ran;
  uint32_t kind = PIRN_KIND_TASK, signals = 0;
  uint64_t now_ns = 0;
  int cancel_at_heartbeat = -1;  // the cancel signal comes with this heartbeat, 0 is the first
  bool whole_result = false, put_something = false;

  FakeCall() : pirn_call{&table()} {}

  static FakeCall& of(pirn_call* call) { return *static_cast<FakeCall*>(call); }
  static const FakeCall& of(const pirn_call* call) { return *static_cast<const FakeCall*>(call); }

  bool answers_no_result() const {
    return kind == PIRN_KIND_CONDITION || kind == PIRN_KIND_DURATION || kind == PIRN_KIND_BACKOFF;
  }
  pirn_status violation(pirn_status status, std::string what) {
    ran.violations.push_back(std::move(what));
    return status;
  }
  pirn_status lend(const Value& value, pirn_value* out) {
    *out = value.abi();
    return PIRN_OK;
  }
  pirn_status lend_all(const std::map<std::string, Value>& values, pirn_value* out) {
    std::string& text = lent.emplace_back("{");
    for (const auto& [key, value] : values) {
      if (value.type() == PIRN_T_BYTES || value.type() == PIRN_T_BLOB) continue;
      if (text.size() > 1) text += ',';
      json::detail::append_string(text, key);
      text += ':';
      value.append_json(text);
    }
    text += '}';
    *out = pirn_value{};
    out->type = PIRN_T_JSON;
    out->as.ptr = text.data();
    out->len = text.size();
    return PIRN_OK;
  }
  pirn_status lookup(const std::map<std::string, Value>& values, const pirn_str* key, pirn_value* out) {
    *out = pirn_value{};
    if (key == nullptr) return lend_all(values, out);
    auto found = values.find(std::string(view(*key)));
    return found == values.end() ? PIRN_E_ABSENT : lend(found->second, out);
  }
  // Is this a value that a host takes?
  pirn_status check(const pirn_value& value) {
    if (value.type > PIRN_T_BLOB || value.flags != 0)
      return violation(PIRN_E_INVALID, "a value of an unknown type");
    std::string_view text = value.type >= PIRN_T_STR && value.type <= PIRN_T_JSON
                                ? std::string_view(static_cast<const char*>(value.as.ptr), value.len)
                                : std::string_view();
    if (value.type == PIRN_T_F64 && !(value.as.f64 - value.as.f64 == 0))
      return violation(PIRN_E_INVALID, "a number that is not finite");
    if (value.type != PIRN_T_BYTES && !is_utf8(text))
      return violation(PIRN_E_INVALID, "text that is no UTF-8");
    if (value.type == PIRN_T_JSON) {
      try {
        json::View document{text};
      } catch (const pirn::Error&) {
        return violation(PIRN_E_INVALID, "text that is no JSON");
      }
    }
    return PIRN_OK;
  }
  pirn_status check_key(const pirn_str* key) {
    if (answers_no_result()) return violation(PIRN_E_STATE, "a function of this kind has no result");
    if (key == nullptr || key->len == 0 || !is_utf8(view(*key)))
      return violation(PIRN_E_INVALID, "a bad key");
    if (view(*key).substr(0, 2) == "__")
      return violation(PIRN_E_DENIED, "the reserved key " + std::string(view(*key)));
    if (whole_result) return violation(PIRN_E_STATE, "put after set_result");
    put_something = true;
    return PIRN_OK;
  }

  static const pirn_call_api& table() {
    static constexpr pirn_call_api api = {sizeof(pirn_call_api),
                                          0,
                                          &do_get,
                                          &do_result,
                                          &do_param,
                                          &do_key_at,
                                          &do_put,
                                          &do_unset,
                                          &do_set_result,
                                          &do_set_reason,
                                          &do_set_await,
                                          &do_expand,
                                          &do_set_error,
                                          &do_emit,
                                          &do_stream,
                                          &do_heartbeat,
                                          &do_signals,
                                          &do_log,
                                          &do_secret,
                                          &do_blob_new,
                                          &do_blob_seal,
                                          &do_blob_map,
                                          &do_now_ns};
    return api;
  }

  static pirn_status do_get(pirn_call* c, const pirn_str* key, pirn_value* out) {
    return of(c).lookup(of(c).context, key, out);
  }
  static pirn_status do_result(pirn_call* c, const pirn_str* step, const pirn_str* key, pirn_value* out) {
    *out = pirn_value{};
    auto found = of(c).ancestors.find(std::string(view(*step)));
    if (found == of(c).ancestors.end()) return PIRN_E_DENIED;
    if (!found->second) return PIRN_E_ABSENT;
    if (key == nullptr) return of(c).lend(*found->second, out);
    if (!found->second->is_object()) return PIRN_E_ABSENT;
    std::string& text = of(c).lent.emplace_back(found->second->to_json());
    auto member = json::View(text).find(view(*key));
    if (!member) return PIRN_E_ABSENT;
    Value value(*member);
    pirn_value raw = value.abi();
    if (raw.type >= PIRN_T_STR) {
      std::string& kept =
          of(c).lent.emplace_back(static_cast<const char*>(raw.as.ptr), static_cast<size_t>(raw.len));
      raw.as.ptr = kept.data();
    }
    *out = raw;
    return PIRN_OK;
  }
  static pirn_status do_param(pirn_call* c, const pirn_str* key, pirn_value* out) {
    return of(c).lookup(of(c).params, key, out);
  }
  static pirn_status do_key_at(pirn_call* c, uint64_t index, pirn_str* key) {
    const auto& context = of(c).context;
    *key = pirn_str{};
    if (index >= context.size()) return PIRN_E_ABSENT;
    *key = str(std::next(context.begin(), static_cast<std::ptrdiff_t>(index))->first);
    return PIRN_OK;
  }
  static pirn_status do_put(pirn_call* c, const pirn_str* key, const pirn_value* value) {
    if (pirn_status status = of(c).check_key(key); status != PIRN_OK) return status;
    if (pirn_status status = of(c).check(*value); status != PIRN_OK) return status;
    of(c).ran.delta[std::string(view(*key))] = Value::copy_of(*value);
    return PIRN_OK;
  }
  static pirn_status do_unset(pirn_call* c, const pirn_str* key) {
    if (pirn_status status = of(c).check_key(key); status != PIRN_OK) return status;
    of(c).ran.delta.erase(std::string(view(*key)));
    of(c).ran.removed.emplace_back(view(*key));
    return PIRN_OK;
  }
  static pirn_status do_set_result(pirn_call* c, const pirn_value* value) {
    FakeCall& call = of(c);
    if (call.answers_no_result())
      return call.violation(PIRN_E_STATE, "a function of this kind has no result");
    if (call.put_something) return call.violation(PIRN_E_STATE, "set_result after put");
    if (pirn_status status = call.check(*value); status != PIRN_OK) return status;
    call.whole_result = true;
    call.ran.delta.clear();
    call.ran.result.reset();
    Value whole = Value::copy_of(*value);
    if (!whole.is_object()) {
      call.ran.result = whole;
      return PIRN_OK;
    }
    std::string text = whole.to_json();
    for (auto& [key, member] : json::View(text).members()) call.ran.delta[key] = Value(member);
    return PIRN_OK;
  }
  static pirn_status do_set_reason(pirn_call* c, const pirn_str* reason) {
    of(c).ran.reason = view(*reason);
    return PIRN_OK;
  }
  static pirn_status do_set_await(pirn_call* c, const pirn_str* options) {
    if (options == nullptr) return PIRN_OK;
    try {
      of(c).ran.await = Value(json::View(view(*options)));
    } catch (const pirn::Error&) {
      return of(c).violation(PIRN_E_INVALID, "options of await that are no JSON");
    }
    return PIRN_OK;
  }
  static pirn_status do_expand(pirn_call* c, const pirn_str* name, const pirn_str* task,
                               const pirn_value* params, const pirn_str* options) {
    FakeCall& call = of(c);
    Child child{
        std::string(view(*name)), std::string(view(*task)), {}, options ? std::string(view(*options)) : ""};
    if (!pirn::detail::is_name(child.name)) return call.violation(PIRN_E_INVALID, "a child with a bad name");
    for (const Child& other : call.ran.children)
      if (other.name == child.name) return call.violation(PIRN_E_INVALID, "two children named " + child.name);
    if (params != nullptr) {
      if (pirn_status status = call.check(*params); status != PIRN_OK) return status;
      std::string text = Value::copy_of(*params).to_json();
      for (auto& [key, member] : json::View(text).members()) child.params.add(key, Value(member));
    }
    call.ran.children.push_back(std::move(child));
    return PIRN_OK;
  }
  static pirn_status do_set_error(pirn_call* c, const pirn_str* code, const pirn_str* message,
                                  uint32_t error_class, const pirn_value* details) {
    FakeCall& call = of(c);
    if (code == nullptr || code->len == 0 || error_class > PIRN_CLASS_TERMINAL)
      return call.violation(PIRN_E_INVALID, "an error without a code, or of an unknown class");
    if (details != nullptr)
      if (pirn_status status = call.check(*details); status != PIRN_OK) return status;
    call.ran.error = {std::string(view(*code)), message ? std::string(view(*message)) : "",
                      static_cast<ErrorClass>(error_class), details ? Value::copy_of(*details) : Value()};
    return PIRN_OK;
  }
  static pirn_status do_emit(pirn_call* c, const pirn_str* scope, const pirn_str* message,
                             const pirn_value* metadata) {
    if (metadata != nullptr)
      if (pirn_status status = of(c).check(*metadata); status != PIRN_OK) return status;
    of(c).ran.events.push_back({std::string(view(*scope)), std::string(view(*message)),
                                metadata ? Value::copy_of(*metadata) : Value()});
    return PIRN_OK;
  }
  static void do_stream(pirn_call* c, const pirn_str* chunk, uint32_t) {
    std::scoped_lock hold(of(c).lock);
    of(c).ran.streamed += view(*chunk);
  }
  static uint32_t do_heartbeat(pirn_call* c, double progress, const pirn_str* note) {
    FakeCall& call = of(c);
    if (static_cast<int>(call.ran.heartbeats.size()) == call.cancel_at_heartbeat)
      call.signals |= PIRN_SIG_CANCEL;
    call.ran.heartbeats.push_back({progress, note ? std::string(view(*note)) : ""});
    return call.signals;
  }
  static uint32_t do_signals(const pirn_call* c) { return of(c).signals; }
  static void do_log(pirn_call* c, uint32_t level, const pirn_str* message) {
    std::scoped_lock hold(of(c).lock);
    of(c).ran.logs.push_back({static_cast<Level>(level), std::string(view(*message))});
  }
  static pirn_status do_secret(pirn_call* c, const pirn_str* name, pirn_value* out) {
    return of(c).lookup(of(c).secrets, name, out);
  }
  static pirn_status do_blob_new(pirn_call* c, uint64_t len, uint64_t* blob, void** writable) {
    *blob = of(c).blobs.size() + 1;
    auto& [bytes, sealed] = of(c).blobs[*blob];
    bytes.resize(len);
    sealed = false;
    *writable = bytes.data();
    return PIRN_OK;
  }
  static pirn_status do_blob_seal(pirn_call* c, uint64_t blob) {
    auto found = of(c).blobs.find(blob);
    if (found == of(c).blobs.end()) return PIRN_E_ABSENT;
    found->second.second = true;
    return PIRN_OK;
  }
  static pirn_status do_blob_map(pirn_call* c, uint64_t blob, const void** data, uint64_t* len) {
    auto found = of(c).blobs.find(blob);
    if (found == of(c).blobs.end()) return PIRN_E_ABSENT;
    *data = found->second.first.data();
    *len = found->second.first.size();
    return PIRN_OK;
  }
  static uint64_t do_now_ns(const pirn_call* c) { return of(c).now_ns; }
};

}  // namespace detail

}  // namespace pirn::testkit
