// Ran: what a function did in a TaskRun. FakeCall: the host's side of such a call. It checks what abi.h
// requires as a host does, except for
//   - threads, the size of a whole result, and the number and size of events and children
//   - the 32 levels of JSON, and what is inside its numbers and literals (json::View says what is checked)
//   - the options of await, of which only the JSON is checked, and the tasks and options of children
// Authors use Ran only; pirn::testkit::detail is for the test kit.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pirn/pirn.hpp"
#include "pirn/text.hpp"

namespace pirn::testkit {

// What a function did. Owns its data.
struct Ran {
  // One Context::emit().
  struct Event {
    std::string scope, message;
    Value metadata;  // an object; null: none
  };
  // One Context::log().
  struct Log {
    Level level;
    std::string message;  // at most 4 KiB, as in a host
  };
  // One Context::heartbeat().
  struct Heartbeat {
    double progress;   // as the function gave it; negative: unknown
    std::string note;  // empty: none
  };
  // What the function failed with, as a host would record it, but without a stack trace.
  struct Error {
    std::string code, message;  // empty: the function did not say
    ErrorClass error_class = ErrorClass::retryable;
    Value details;  // null: none
  };

  int32_t outcome = PIRN_DONE;         // PIRN_DONE … PIRN_CANCELLED; another number is in `violations`
  std::map<std::string, Value> delta;  // keys that would be merged into the context; when cancelled: kept
  std::vector<std::string> removed;    // keys that unset() would delete from the context
  std::optional<Value> result;         // a whole result that is not a map
  Error error;                         // fail() or an exception
  std::string reason;                  // skip(), cancelled()
  bool truth = false;                  // answer of a condition
  Duration duration;                   // snooze(); answer of a timeout or backoff function
  Value await;                         // options of await(); null: none
  std::vector<Child> children;         // expand()
  std::vector<Event> events;           // emit(), in order
  std::vector<Log> logs;               // log(), in order
  std::vector<Heartbeat> heartbeats;   // heartbeat(), in order
  std::string streamed;                // all chunks of stream()
  // What broke the contract of abi.h: a host would reject it, fail the step, or repair it. Text that a host
  // would repair is repaired here in the same way.
  std::vector<std::string> violations;

  // Which outcome it was; exactly one of these is true, unless the function returned something else.
  bool done() const { return outcome == PIRN_DONE; }
  bool failed() const { return outcome == PIRN_FAILED; }
  bool skipped() const { return outcome == PIRN_SKIP; }
  bool snoozed() const { return outcome == PIRN_SNOOZE; }
  bool awaiting() const { return outcome == PIRN_AWAIT; }
  bool expanded() const { return outcome == PIRN_EXPAND; }
  bool was_cancelled() const { return outcome == PIRN_CANCELLED; }

  // Whether the function put `key`, and the outcome keeps what was put: done, expanded or cancelled.
  bool has(const std::string& key) const { return delta.count(key) != 0; }
  // The value that the function put under `key`, as the types of Context::get(). std::string_view and
  // json::View are lent, valid as long as this object. Throws pirn::Error missing_key or wrong_type.
  template <class T>
  T get(const std::string& key) const {
    auto found = delta.find(key);
    if (found == delta.end()) throw pirn::Error("missing_key", "the function put no \"" + key + "\"");
    return detail::convert<T>(detail::item(found->second.abi()), key);
  }
  // Whether a log message contains `part`.
  bool logged(std::string_view part) const {
    for (const Log& log : logs)
      if (log.message.find(part) != log.message.npos) return true;
    return false;
  }
  // What happened, in one line, for messages of tests: the outcome, the error or the reason, what was put,
  // and what broke the contract. Its form may change.
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

using text::is_utf8;

// Not std::mutex: <mutex> costs a test a tenth of a second of compile time.
class Lock {
 public:
  // Locks for as long as it lives. Not recursive.
  class Holder {
   public:
    explicit Holder(Lock& lock) : lock_(lock) { pthread_mutex_lock(&lock_.mutex_); }
    ~Holder() { pthread_mutex_unlock(&lock_.mutex_); }
    Holder(const Holder&) = delete;

   private:
    Lock& lock_;
  };

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

// The host's side of one call. Its address is the pirn_call, so it must not move while the function runs.
// TaskRun sets what the function sees before the call, and takes `ran` afterwards.
struct FakeCall : pirn_call {
  std::map<std::string, Value> context, params, secrets;
  std::map<std::string, std::optional<Value>> ancestors;  // no value: an ancestor that did not complete
  std::list<std::string> lent;                            // text made for this call
  Lock lock;  // guards ran.logs, ran.streamed and repaired_live: [any-thread]
  std::vector<std::string> repaired_live;
  std::string await_refused;  // why the last set_await was; empty: it was not
  Ran ran;
  uint32_t kind = PIRN_KIND_TASK, signals = 0;
  uint64_t now_ns = 0;
  int cancel_at_heartbeat = -1;  // raises the cancel signal with this heartbeat; 0 is the first, -1: never
  bool whole_result = false, put_something = false;  // set_result, or put or unset, was accepted: not both

  FakeCall() : pirn_call{&table()} {}

  // Back from the pirn_call that a function passes.
  static FakeCall& of(pirn_call* call) { return *static_cast<FakeCall*>(call); }
  static const FakeCall& of(const pirn_call* call) { return *static_cast<const FakeCall*>(call); }

  // Whether functions of this kind have no result, so that put and its like are PIRN_E_STATE.
  bool answers_no_result() const {
    return kind == PIRN_KIND_CONDITION || kind == PIRN_KIND_DURATION || kind == PIRN_KIND_BACKOFF;
  }
  // Notes what broke the contract; returns `status`, for the function.
  pirn_status violation(pirn_status status, std::string what) {
    ran.violations.push_back(std::move(what));
    return status;
  }
  // Repairs text as a host does; `what` names it in the violation, which goes to `violations` or else to
  // `ran`. NULL is the empty text.
  std::string repaired(const pirn_str* words, size_t limit, const char* what,
                       std::vector<std::string>* violations = nullptr) {
    std::string_view given = words != nullptr && words->data != nullptr ? view(*words) : std::string_view();
    std::string out = text::repaired(given, limit);
    if (out != given)
      (violations != nullptr ? *violations : ran.violations)
          .push_back(std::string(what) + (given.size() > limit ? " that is too long" : " that is not UTF-8"));
    return out;
  }
  // Lends a value, or all of them as one JSON object, until this object ends.
  pirn_status lend(const Value& value, pirn_value* out) {
    *out = value.abi();
    return PIRN_OK;
  }
  pirn_status lend_all(const std::map<std::string, Value>& values, pirn_value* out) {
    std::string& text = lent.emplace_back("{");
    for (const auto& [key, value] : values) {
      if (value.type() == PIRN_T_BYTES) continue;  // a host has {"$bytes": BASE64} here
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
  // The value of a key; all of them, if `key` is NULL. PIRN_E_ABSENT: there is none.
  pirn_status lookup(const std::map<std::string, Value>& values, const pirn_str* key, pirn_value* out) {
    *out = pirn_value{};
    if (key == nullptr) return lend_all(values, out);
    auto found = values.find(std::string(view(*key)));
    return found == values.end() ? PIRN_E_ABSENT : lend(found->second, out);
  }
  // Whether a host accepts this value: PIRN_OK, or the status that it returns.
  pirn_status check(const pirn_value& value) {
    if (value.type == PIRN_T_BLOB) return violation(PIRN_E_UNSUPPORTED, "a blob");
    if (value.type > PIRN_T_BLOB || value.flags != 0)
      return violation(PIRN_E_INVALID, "a value of an unknown type");
    if (value.type >= PIRN_T_STR && value.len > text::kMaxChunk)
      return violation(PIRN_E_LIMIT, "a value of more than 1 MiB");
    std::string_view text = value.type >= PIRN_T_STR && value.type <= PIRN_T_JSON
                                ? std::string_view(static_cast<const char*>(value.as.ptr), value.len)
                                : std::string_view();
    if (value.type == PIRN_T_F64 && !(value.as.f64 - value.as.f64 == 0))
      return violation(PIRN_E_INVALID, "a number that is not finite");
    if (value.type != PIRN_T_BYTES && !is_utf8(text))
      return violation(PIRN_E_INVALID, "text that is not UTF-8");
    if (value.type == PIRN_T_JSON) {
      try {
        json::View document{text};
      } catch (const pirn::Error&) {
        return violation(PIRN_E_INVALID, "text that is not JSON");
      }
    }
    return PIRN_OK;
  }
  // The details of an error as a host keeps them: what is not a value of a limited size is kept as text.
  Value details(const pirn_value& given) {
    bool has_text = given.type == PIRN_T_STR || given.type == PIRN_T_JSON;
    if (!has_text || given.as.ptr == nullptr || given.flags != 0)
      return check(given) == PIRN_OK ? Value::copy_of(given) : Value();
    std::string_view whole(static_cast<const char*>(given.as.ptr), given.len);
    std::string words = text::repaired(whole, 3 * text::kMaxChunk);
    bool document = given.type == PIRN_T_JSON && words.size() <= text::kMaxDetails;
    if (words != whole) ran.violations.push_back("details of an error that are not UTF-8");
    if (document) {
      try {
        return Value(json::View(words));
      } catch (const pirn::Error&) {
      }
    }
    if (given.type == PIRN_T_JSON || words.size() > text::kMaxDetails - 2)
      ran.violations.push_back("details of an error that are not JSON, or too long");
    return Value(text::repaired(words, text::kMaxDetails - 2));
  }
  // Whether a host accepts this key in put and unset.
  pirn_status check_key(const pirn_str* key) {
    if (answers_no_result()) return violation(PIRN_E_STATE, "a function of this kind has no result");
    if (key == nullptr || key->len == 0 || !is_utf8(view(*key)))
      return violation(PIRN_E_INVALID, "a bad key");
    if (key->len > text::kMaxKey) return violation(PIRN_E_LIMIT, "a key of more than 255 bytes");
    if (view(*key).substr(0, 2) == "__")
      return violation(PIRN_E_DENIED, "the reserved key " + std::string(view(*key)));
    if (whole_result) return violation(PIRN_E_STATE, "put after set_result");
    put_something = true;
    return PIRN_OK;
  }

  // The table of abi.h, static. Its functions, below, do what abi.h says, and note what a host would reject
  // or repair.
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

  // ---- what the function reads: what the test has set. Reading never breaks the contract

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
  // ---- what the function answers: kept in `ran`, the last call of a setter wins

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
    of(c).ran.reason = of(c).repaired(reason, text::kMaxMessage, "a reason");
    return PIRN_OK;
  }
  static pirn_status do_set_await(pirn_call* c, const pirn_str* options) {
    FakeCall& call = of(c);
    call.await_refused.clear();
    if (options == nullptr) return PIRN_OK;
    const std::string words = call.repaired(options, text::kMaxChunk, "options of await");
    try {
      call.ran.await = Value(json::View(words));
    } catch (const pirn::Error&) {
      call.await_refused = "options of await that are not JSON";
      return call.violation(PIRN_E_INVALID, call.await_refused);
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
    std::string_view given = code != nullptr && code->data != nullptr ? view(*code) : std::string_view();
    call.ran.error.code = std::string(given);
    if (!text::is_error_code(given)) {
      call.ran.error.code = text::repaired_error_code(given);
      call.ran.violations.push_back("the error code \"" + text::repaired(given, text::kMaxErrorCode) +
                                    "\" became \"" + call.ran.error.code + "\"");
    }
    call.ran.error.message = call.repaired(message, text::kMaxMessage, "an error message");
    if (error_class > PIRN_CLASS_TERMINAL) call.ran.violations.push_back("an error of an unknown class");
    call.ran.error.error_class =
        error_class > PIRN_CLASS_TERMINAL ? ErrorClass::retryable : static_cast<ErrorClass>(error_class);
    call.ran.error.details = details != nullptr ? call.details(*details) : Value();
    return PIRN_OK;
  }
  static pirn_status do_emit(pirn_call* c, const pirn_str* scope, const pirn_str* message,
                             const pirn_value* metadata) {
    if (metadata != nullptr)
      if (pirn_status status = of(c).check(*metadata); status != PIRN_OK) return status;
    of(c).ran.events.push_back({of(c).repaired(scope, 3 * text::kMaxChunk, "the scope of an event"),
                                of(c).repaired(message, 3 * text::kMaxChunk, "the message of an event"),
                                metadata ? Value::copy_of(*metadata) : Value()});
    return PIRN_OK;
  }
  // ---- what it says while it runs; log and stream come from any thread

  static void do_stream(pirn_call* c, const pirn_str* chunk, uint32_t) {
    const Lock::Holder hold(of(c).lock);
    of(c).ran.streamed +=
        of(c).repaired(chunk, 3 * text::kMaxChunk, "a chunk of a stream", &of(c).repaired_live);
  }
  static uint32_t do_heartbeat(pirn_call* c, double progress, const pirn_str* note) {
    FakeCall& call = of(c);
    if (static_cast<int>(call.ran.heartbeats.size()) == call.cancel_at_heartbeat)
      call.signals |= PIRN_SIG_CANCEL;
    call.ran.heartbeats.push_back({progress, call.repaired(note, text::kMaxMessage, "a progress note")});
    return call.signals;
  }
  static uint32_t do_signals(const pirn_call* c) { return of(c).signals; }
  static void do_log(pirn_call* c, uint32_t level, const pirn_str* message) {
    const Lock::Holder hold(of(c).lock);
    of(c).ran.logs.push_back(
        {static_cast<Level>(level < PIRN_LOG_ERROR ? level : PIRN_LOG_ERROR),
         of(c).repaired(message, text::kMaxMessage, "a log line", &of(c).repaired_live)});
  }
  // ---- what hosts do not offer yet; secrets are those of the test

  static pirn_status do_secret(pirn_call* c, const pirn_str* name, pirn_value* out) {
    return of(c).lookup(of(c).secrets, name, out);
  }
  // PIRN_E_UNSUPPORTED, as in a host.
  static pirn_status do_blob_new(pirn_call*, uint64_t, uint64_t* blob, void** writable) {
    *blob = 0;
    *writable = nullptr;
    return PIRN_E_UNSUPPORTED;
  }
  static pirn_status do_blob_seal(pirn_call*, uint64_t) { return PIRN_E_UNSUPPORTED; }
  static pirn_status do_blob_map(pirn_call*, uint64_t, const void** data, uint64_t* len) {
    *data = nullptr;
    *len = 0;
    return PIRN_E_UNSUPPORTED;
  }
  static uint64_t do_now_ns(const pirn_call* c) { return of(c).now_ns; }
};

}  // namespace detail

}  // namespace pirn::testkit
