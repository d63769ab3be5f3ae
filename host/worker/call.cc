#include "host/worker/call.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "host/journal/codec.h"
#include "host/worker/await_options.h"
#include "host/worker/throw_trace.h"
#include "packager/definition/definition.h"

namespace pirn::worker {

using journal::Value;

namespace {

std::string_view view(const pirn_str* text) {
  return text && text->data ? std::string_view(text->data, text->len) : std::string_view();
}

pirn_str str(std::string_view text) { return {text.data(), text.size()}; }

bool readable(const pirn_str* text) { return text && (text->data || text->len == 0); }

// At most `limit` of a longer text's bytes, without the character that they would cut; never none of them.
size_t whole_characters(std::string_view text, size_t limit) {
  size_t end = limit;
  while (end > limit - 3 && end > 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return end;
}

// When PIRN_SIG_DEADLINE is due in a call that begins at `now`.
int64_t deadline_signal_at(int64_t now, int64_t deadline) {
  constexpr int64_t kMostLeft = 60'000'000'000;
  if (deadline == journal::kNever || deadline <= now) return deadline;
  return deadline - std::min((deadline - now) / 10, kMostLeft);
}

pirn_status refuse(pirn_value* out, pirn_status status) {
  if (out) *out = pirn_value{};
  return status;
}

}  // namespace

// ---- the table ----

struct Call::Table {
  static pirn_status get(pirn_call* handle, const pirn_str* key, pirn_value* out) {
    Call& call = of(handle);
    if (!out || (key && !readable(key))) return refuse(out, PIRN_E_INVALID);
    if (!call.on_task_thread()) return refuse(out, PIRN_E_STATE);
    if (!key) {
      std::string json;
      call.invocation_.context.append_json(json);
      return call.lend_json(std::move(json), out);
    }
    const Value* value = call.invocation_.context.get(view(key));
    return value ? call.lend(*value, out) : refuse(out, PIRN_E_ABSENT);
  }

  static pirn_status result(pirn_call* handle, const pirn_str* step, const pirn_str* key, pirn_value* out) {
    Call& call = of(handle);
    if (!out || !readable(step) || (key && !readable(key))) return refuse(out, PIRN_E_INVALID);
    if (!call.on_task_thread()) return refuse(out, PIRN_E_STATE);
    const journal::StepResult* slot = nullptr;
    switch (call.invocation_.frame->result_of(call.invocation_.step, view(step), slot)) {
      case Frame::Access::not_an_ancestor:
        return refuse(out, PIRN_E_DENIED);
      case Frame::Access::absent:
        return refuse(out, PIRN_E_ABSENT);
      case Frame::Access::ok:
        break;
    }
    if (!key) {
      if (!slot->is_map) return call.lend(slot->value, out);
      if (slot->map.empty()) return refuse(out, PIRN_OK);  // PIRN_T_NULL: completed without a result
      std::string json;
      journal::append_result(json, *slot);
      return call.lend_json(std::move(json), out);
    }
    const journal::Delta::Entry* entry = slot->map.find(view(key));
    return entry && !entry->unset ? call.lend(entry->value, out) : refuse(out, PIRN_E_ABSENT);
  }

  static pirn_status param(pirn_call* handle, const pirn_str* key, pirn_value* out) {
    Call& call = of(handle);
    if (!out || (key && !readable(key))) return refuse(out, PIRN_E_INVALID);
    if (!call.on_task_thread()) return refuse(out, PIRN_E_STATE);
    const std::string_view params = call.invocation_.params;
    if (!key) return call.lend_json(params.empty() ? "{}" : std::string(params), out);
    if (!call.params_) {
      auto parsed = params.empty() ? Result<journal::Delta>(journal::Delta()) : journal::parse_object(params);
      call.params_ = parsed ? std::move(parsed).value() : journal::Delta();
    }
    const journal::Delta::Entry* entry = call.params_->find(view(key));
    return entry ? call.lend(entry->value, out) : refuse(out, PIRN_E_ABSENT);
  }

  static pirn_status key_at(pirn_call* handle, uint64_t index, pirn_str* key) {
    Call& call = of(handle);
    if (!key) return PIRN_E_INVALID;
    *key = pirn_str{};
    if (!call.on_task_thread()) return PIRN_E_STATE;
    if (!call.keys_listed_) {
      call.invocation_.context.for_each(
          [&](const journal::Context::Entry& entry) { call.keys_.push_back(&entry); });
      call.keys_listed_ = true;
    }
    if (index >= call.keys_.size()) return PIRN_E_ABSENT;
    *key = str(call.keys_[index]->key);
    return PIRN_OK;
  }

  static pirn_status put(pirn_call* handle, const pirn_str* key, const pirn_value* given) {
    Call& call = of(handle);
    if (const pirn_status status = call.may_write()) return status;
    if (call.writes_ == Writes::whole) return PIRN_E_STATE;
    std::string_view name;
    if (const pirn_status status = call.take_key(key, name)) return status;
    Value value;
    if (const pirn_status status = call.take(given, value)) return status;
    const size_t bytes = name.size() + value.size_bytes();
    if (call.result_bytes_ + bytes > call.limits_.result_bytes) return PIRN_E_LIMIT;
    call.result_bytes_ += bytes;
    call.writes_ = Writes::puts;
    call.result_.map.put(name, std::move(value));
    return PIRN_OK;
  }

  static pirn_status unset(pirn_call* handle, const pirn_str* key) {
    Call& call = of(handle);
    if (const pirn_status status = call.may_write()) return status;
    if (call.writes_ == Writes::whole) return PIRN_E_STATE;
    std::string_view name;
    if (const pirn_status status = call.take_key(key, name)) return status;
    if (call.result_bytes_ + name.size() > call.limits_.result_bytes) return PIRN_E_LIMIT;
    call.result_bytes_ += name.size();
    call.writes_ = Writes::puts;
    call.result_.map.unset(name);
    return PIRN_OK;
  }

  static pirn_status set_result(pirn_call* handle, const pirn_value* given) {
    Call& call = of(handle);
    if (const pirn_status status = call.may_write()) return status;
    if (call.writes_ == Writes::puts) return PIRN_E_STATE;
    Value value;
    if (const pirn_status status = call.take(given, value)) return status;
    journal::StepResult result;
    result.is_map = value.type() == Value::Type::json && value.as_text().starts_with('{');
    if (result.is_map) {
      auto map = journal::parse_object(value.as_text());
      if (!map) return PIRN_E_INVALID;
      for (const journal::Delta::Entry& entry : map->entries)
        if (entry.key.starts_with("__")) {
          call.note("reserved_key", "set_result with the reserved key '" + entry.key + "' was refused");
          return PIRN_E_DENIED;
        }
      result.map = std::move(map).value();
    } else {
      result.value = std::move(value);
    }
    call.writes_ = Writes::whole;
    call.result_ = std::move(result);
    return PIRN_OK;
  }

  static pirn_status set_reason(pirn_call* handle, const pirn_str* reason) {
    Call& call = of(handle);
    if (!call.on_task_thread()) return PIRN_E_STATE;
    if (!readable(reason)) return PIRN_E_INVALID;
    call.reason_repairs_ = {};
    call.reason_ =
        repaired_text(view(reason), call.limits_.message_bytes, "the reason", call.reason_repairs_);
    return PIRN_OK;
  }

  static pirn_status set_await(pirn_call* handle, const pirn_str* options) {
    Call& call = of(handle);
    if (!call.on_task_thread()) return PIRN_E_STATE;
    call.await_ = nullptr;
    call.await_refused_.clear();
    if (!options) {
      call.await_ = std::make_shared<const AwaitRequest>();
      return PIRN_OK;
    }
    if (!readable(options)) return refuse_await(call, PIRN_E_INVALID, "they are not readable");
    if (options->len > call.limits_.value_bytes)
      return refuse_await(call, PIRN_E_LIMIT, "they have " + std::to_string(options->len) + " bytes");
    Repairs repairs;
    const std::string json =
        repaired_text(view(options), 3 * call.limits_.value_bytes, "the options' text", repairs);
    auto read = read_await_options(json, *call.invocation_.frame->release);
    if (!read) return refuse_await(call, PIRN_E_INVALID, read.error().message);
    std::string& notify = read->await.notify;
    if (notify.size() > call.limits_.details_bytes) {
      repairs.add("\"notify\" of " + std::to_string(notify.size()) + " bytes was cut");
      notify = cut_json_string(notify, call.limits_.details_bytes);
    }
    call.note_repairs("set_await", repairs);
    call.await_ = std::make_shared<const AwaitRequest>(std::move(read).value());
    return PIRN_OK;
  }
  static pirn_status refuse_await(Call& call, pirn_status status, const std::string& why) {
    call.await_refused_ = "the options of await were refused: " + why;
    call.note("invalid_await", call.await_refused_);
    return status;
  }

  static pirn_status expand(pirn_call* handle, const pirn_str* name, const pirn_str* task,
                            const pirn_value* params, const pirn_str* options) {
    Call& call = of(handle);
    if (!call.on_task_thread() || !call.as_task()) return PIRN_E_STATE;
    if (!readable(name) || !definition::is_name(view(name)) || !readable(task) ||
        !definition::is_name(view(task)) || (options && !readable(options)))
      return PIRN_E_INVALID;
    journal::Child child;
    if (const pirn_status status = call.take_object(params, child.params)) return status;
    pirn_value of_options{};
    if (!view(options).empty()) {
      of_options.type = PIRN_T_JSON;
      of_options.as.ptr = options->data;
      of_options.len = options->len;
    }
    if (const pirn_status status = call.take_object(&of_options, child.options)) return status;
    const size_t bytes = name->len + task->len + child.params.size() + child.options.size();
    if (call.children_.size() >= call.limits_.children ||
        bytes > call.limits_.children_bytes - call.children_bytes_)
      return PIRN_E_LIMIT;
    child.name = view(name);
    child.task = view(task);
    if (!call.child_names_.insert(child.name).second) return PIRN_E_INVALID;
    call.children_bytes_ += bytes;
    call.children_.push_back(std::move(child));
    return PIRN_OK;
  }

  static pirn_status set_error(pirn_call* handle, const pirn_str* code, const pirn_str* message,
                               uint32_t error_class, const pirn_value* details) {
    Call& call = of(handle);
    if (!call.on_task_thread()) return PIRN_E_STATE;
    call.error_repairs_ = {};
    call.error_ = repaired_error(code, message, error_class, details, call.limits_, call.error_repairs_);
    add_stacktrace(*call.error_, ThrowTrace::of_handled_exception(), call.limits_);
    return PIRN_OK;
  }

  static pirn_status emit(pirn_call* handle, const pirn_str* scope, const pirn_str* message,
                          const pirn_value* metadata) {
    Call& call = of(handle);
    if (!call.on_task_thread()) return PIRN_E_STATE;
    if (!readable(scope) || !readable(message)) return PIRN_E_INVALID;
    if (scope->len > call.limits_.value_bytes || message->len > call.limits_.value_bytes) return PIRN_E_LIMIT;
    Repairs repairs;
    const size_t whole = 3 * call.limits_.value_bytes;  // U+FFFD has three bytes
    journal::Emitted emitted{call.invocation_.step, repaired_text(view(scope), whole, "the scope", repairs),
                             repaired_text(view(message), whole, "the message", repairs), ""};
    if (const pirn_status status = call.take_object(metadata, emitted.metadata)) return status;
    const size_t bytes = emitted.scope.size() + emitted.message.size() + emitted.metadata.size();
    if (call.emitted_.size() >= call.limits_.emitted ||
        call.emitted_bytes_ + bytes > call.limits_.value_bytes)
      return PIRN_E_LIMIT;
    call.note_repairs("emit", repairs);
    call.emitted_bytes_ += bytes;
    call.emitted_.push_back(std::move(emitted));
    return PIRN_OK;
  }

  static void stream(pirn_call* handle, const pirn_str* chunk, uint32_t is_final) {
    Call& call = of(handle);
    if (!readable(chunk)) return;
    const size_t limit = call.limits_.value_bytes;
    std::string scratch;
    for (std::string_view rest = view(chunk);;) {
      const size_t part = rest.size() <= limit ? rest.size() : whole_characters(rest, limit);
      const std::string_view words = call.live(rest.substr(0, part), 3 * limit, Live::stream, scratch);
      rest.remove_prefix(part);
      call.listener_.on_stream(call.invocation_, words, is_final != 0 && rest.empty());
      if (rest.empty()) return;
    }
  }

  static uint32_t heartbeat(pirn_call* handle, double progress, const pirn_str* text) {
    Call& call = of(handle);
    const std::string_view given = readable(text) ? view(text) : std::string_view();
    std::string scratch;
    call.listener_.on_progress(call.invocation_, std::isfinite(progress) ? std::min(progress, 1.0) : -1.0,
                               call.live(given, call.limits_.message_bytes, Live::note, scratch));
    return call.current_signals();
  }

  static uint32_t signals(const pirn_call* handle) { return of(handle).current_signals(); }

  static void log(pirn_call* handle, uint32_t level, const pirn_str* message) {
    Call& call = of(handle);
    if (!readable(message)) return;
    std::string scratch;
    call.listener_.on_log(call.invocation_, std::min(level, PIRN_LOG_ERROR),
                          call.live(view(message), call.limits_.message_bytes, Live::log, scratch));
  }

  static pirn_status secret(pirn_call*, const pirn_str*, pirn_value* out) {
    return refuse(out, PIRN_E_ABSENT);
  }
  static pirn_status blob_new(pirn_call*, uint64_t, uint64_t* blob, void** writable) {
    if (blob) *blob = 0;
    if (writable) *writable = nullptr;
    return PIRN_E_UNSUPPORTED;
  }
  static pirn_status blob_seal(pirn_call*, uint64_t) { return PIRN_E_UNSUPPORTED; }
  static pirn_status blob_map(pirn_call*, uint64_t, const void** data, uint64_t* len) {
    if (data) *data = nullptr;
    if (len) *len = 0;
    return PIRN_E_UNSUPPORTED;
  }
  static uint64_t now_ns(const pirn_call* handle) { return static_cast<uint64_t>(of(handle).now_ns_); }

  static const pirn_call_api* api() {
    static const pirn_call_api table = {sizeof(pirn_call_api),
                                        0,
                                        get,
                                        result,
                                        param,
                                        key_at,
                                        put,
                                        unset,
                                        set_result,
                                        set_reason,
                                        set_await,
                                        expand,
                                        set_error,
                                        emit,
                                        stream,
                                        heartbeat,
                                        signals,
                                        log,
                                        secret,
                                        blob_new,
                                        blob_seal,
                                        blob_map,
                                        now_ns};
    return &table;
  }
};

// ---- the call ----

Call::Call(const Invocation& invocation, Listener& listener, const std::atomic<uint32_t>& signals,
           int64_t now_ns, const CallLimits& limits, const Now* now)
    : invocation_(invocation),
      listener_(listener),
      signals_(signals),
      now_ns_(now_ns),
      limits_(limits),
      now_(now),
      deadline_signal_at_(now ? deadline_signal_at(now_ns, invocation.deadline) : journal::kNever) {
  handle_.api = Table::api();
  handle_.self = this;
  const Frame& frame = *invocation.frame;
  // The same for each try of the same work: a second workflow attempt is other work.
  idempotency_key_.reserve(64);
  idempotency_key_ += frame.execution_text;
  idempotency_key_ += '/';
  journal::append_unsigned(idempotency_key_, frame.workflow_attempt);
  idempotency_key_ += '/';
  idempotency_key_ += invocation.step_name;
  idempotency_key_ += '/';
  idempotency_key_ += journal::name_of(invocation.kind);
  described_.size = sizeof described_;
  described_.kind = static_cast<uint32_t>(invocation.kind);
  described_.attempt = invocation.attempt;
  described_.workflow_attempt = frame.workflow_attempt;
  described_.id = invocation.id;
  described_.deadline_unix_ns =
      invocation.deadline == journal::kNever ? 0 : static_cast<uint64_t>(invocation.deadline);
  described_.tenant = str(frame.release->tenant);
  described_.package = str(frame.release->package);
  described_.version = str(frame.release->version);
  described_.workflow = str(frame.workflow);
  described_.execution = str(frame.execution_text);
  described_.step = str(invocation.step_name);
  described_.idempotency_key = str(idempotency_key_);
  described_.input =
      str(invocation.input.empty() ? std::string_view("{}") : std::string_view(invocation.input));
}

// The clock is read until the bit is set: it stays set.
uint32_t Call::current_signals() const {
  uint32_t bits = signals_.load(std::memory_order_relaxed);
  if (deadline_signal_at_ == journal::kNever) return bits;
  if (!deadline_is_near_.load(std::memory_order_relaxed)) {
    if ((*now_)() < deadline_signal_at_) return bits;
    deadline_is_near_.store(true, std::memory_order_relaxed);
  }
  return bits | PIRN_SIG_DEADLINE;
}

bool Call::has_result() const {
  return invocation_.kind != Kind::condition && invocation_.kind != Kind::duration &&
         invocation_.kind != Kind::backoff;
}

bool Call::as_task() const {
  return invocation_.kind == Kind::task || invocation_.kind == Kind::fallback || invocation_.for_step;
}

// A JSON object, canonical; nothing when it is absent.
pirn_status Call::take_object(const pirn_value* given, std::string& out) const {
  if (!given || given->type == PIRN_T_NULL) return PIRN_OK;
  Value value;
  if (const pirn_status status = take(given, value)) return status;
  if (value.type() != Value::Type::json || !value.as_text().starts_with('{')) return PIRN_E_TYPE;
  out = value.as_text();
  return PIRN_OK;
}

pirn_status Call::may_write() { return on_task_thread() && has_result() ? PIRN_OK : PIRN_E_STATE; }

void Call::note(std::string code, std::string_view words) {
  std::string message = text::repaired(words, limits_.message_bytes);  // it may repeat what the package said
  const bool known = std::any_of(diagnostics_.begin(), diagnostics_.end(),
                                 [&](const auto& d) { return d.message == message; });
  if (!known && diagnostics_.size() < 16)
    diagnostics_.push_back({std::move(code), std::move(message), invocation_.step});
}

void Call::note_repairs(std::string_view of, const Repairs& repairs) {
  if (!repairs.empty()) note("text_repaired", std::string(of) + ": " + repairs.text());
}

std::string_view Call::live(std::string_view words, size_t limit, Live what, std::string& scratch) {
  if (words.size() <= limit && journal::valid_utf8(words)) return words;
  live_repaired_[static_cast<size_t>(what)].store(true, std::memory_order_relaxed);
  return scratch = text::repaired(words, limit);
}

pirn_status Call::take_key(const pirn_str* key, std::string_view& out) {
  if (!readable(key) || key->len == 0 || !journal::valid_utf8(view(key))) return PIRN_E_INVALID;
  if (key->len > limits_.key_bytes) return PIRN_E_LIMIT;
  out = view(key);
  if (!out.starts_with("__")) return PIRN_OK;
  note("reserved_key", "a write of the reserved key '" + std::string(out) + "' was refused");
  return PIRN_E_DENIED;
}

pirn_status Call::take(const pirn_value* value, Value& out) const {
  if (!value || value->flags != 0) return PIRN_E_INVALID;
  const bool has_text =
      value->type == PIRN_T_STR || value->type == PIRN_T_BYTES || value->type == PIRN_T_JSON;
  if (has_text && !value->as.ptr && value->len != 0) return PIRN_E_INVALID;
  if (has_text && value->len > limits_.value_bytes) return PIRN_E_LIMIT;
  const std::string_view text = has_text && value->as.ptr
                                    ? std::string_view(static_cast<const char*>(value->as.ptr), value->len)
                                    : std::string_view();
  switch (value->type) {
    case PIRN_T_NULL:
      out = Value();
      return PIRN_OK;
    case PIRN_T_BOOL:
      if (value->as.u64 > 1) return PIRN_E_INVALID;
      out = Value::of_bool(value->as.u64 == 1);
      return PIRN_OK;
    case PIRN_T_I64:
      out = Value::of_integer(value->as.i64);
      return PIRN_OK;
    case PIRN_T_F64:
      if (!std::isfinite(value->as.f64)) return PIRN_E_INVALID;
      out = Value::of_real(value->as.f64);
      return PIRN_OK;
    case PIRN_T_STR:
      if (!journal::valid_utf8(text)) return PIRN_E_INVALID;
      out = Value::of_text(text);
      return PIRN_OK;
    case PIRN_T_BYTES:
      out = Value::of_bytes(text);
      return PIRN_OK;
    case PIRN_T_JSON: {
      auto parsed = journal::parse_value(text);
      if (!parsed) return PIRN_E_INVALID;
      out = std::move(parsed).value();
      return PIRN_OK;
    }
    case PIRN_T_BLOB:
      return PIRN_E_UNSUPPORTED;
    default:
      return PIRN_E_INVALID;
  }
}

pirn_status Call::lend(const Value& value, pirn_value* out) {
  *out = pirn_value{};
  out->type = static_cast<uint32_t>(value.type());
  switch (value.type()) {
    case Value::Type::null:
      break;
    case Value::Type::boolean:
      out->as.u64 = value.as_bool();
      break;
    case Value::Type::integer:
      out->as.i64 = value.as_integer();
      break;
    case Value::Type::real:
      out->as.f64 = value.as_real();
      break;
    default:
      out->as.ptr = value.as_text().data();
      out->len = value.as_text().size();
  }
  return PIRN_OK;
}

pirn_status Call::lend_json(std::string json, pirn_value* out) {
  const std::string& lent = lent_texts_.emplace_front(std::move(json));
  *out = pirn_value{};
  out->type = PIRN_T_JSON;
  out->as.ptr = lent.data();
  out->len = lent.size();
  return PIRN_OK;
}

// ---- the outcome ----

Outcome Call::run(pirn_fn function, pirn_state* state) {
  pirn_outcome answer{};
  answer.size = sizeof answer;
  const ThrowTrace trace(invocation_.frame->release->package);
  try {
    return finish(function(state, &handle_, &described_, &answer), answer);
  } catch (const std::exception& failure) {
    const char* what = failure.what();
    return thrown(what ? what : "");
  } catch (...) {
    return thrown("an exception of an unknown type left the function");
  }
}

// What was thrown says what it likes, as long as it likes; the journal holds text.
Outcome Call::thrown(std::string_view what) {
  Repairs repairs;
  Outcome outcome = failed("exception", repaired_text(what, limits_.message_bytes, "the message", repairs));
  note_repairs("the exception", repairs);
  outcome.diagnostics = std::move(diagnostics_);
  return outcome;
}

Outcome Call::said_failed() {
  Outcome outcome = failed("failed", "the function returned FAILED without saying why");
  if (error_) outcome.error = std::make_shared<const journal::StepError>(std::move(*error_));
  note_repairs("the error", error_repairs_);
  return outcome;
}

Outcome Call::failed(std::string code, std::string message, journal::ErrorClass error_class) const {
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = std::make_shared<const journal::StepError>(
      journal::StepError{std::move(code), std::move(message), error_class, ""});
  return outcome;
}

Outcome Call::finish(int32_t returned, const pirn_outcome& answer) {
  Outcome outcome;
  if (returned < PIRN_DONE || returned > PIRN_CANCELLED) {
    outcome = failed("invalid_return",
                     "the function returned " + std::to_string(returned) + ", which is not an outcome");
  } else if (!as_task() && returned != PIRN_DONE && returned != PIRN_FAILED) {
    outcome = failed("invalid_return", "a " + std::string(journal::name_of(invocation_.kind)) +
                                           " function returns DONE or FAILED");
  } else if (invocation_.kind == Kind::condition && answer.truth > 1) {
    outcome = failed("invalid_return", "the truth of a condition is 0 or 1");
  } else if (returned == PIRN_FAILED) {
    outcome = said_failed();
  } else if (returned == PIRN_AWAIT && !await_refused_.empty()) {
    outcome = failed("invalid_await", text::repaired(await_refused_, limits_.message_bytes),
                     journal::ErrorClass::terminal);
  } else {
    outcome.kind = returned == PIRN_DONE     ? Outcome::Kind::done
                   : returned == PIRN_SKIP   ? Outcome::Kind::skip
                   : returned == PIRN_SNOOZE ? Outcome::Kind::snooze
                   : returned == PIRN_AWAIT  ? Outcome::Kind::await
                   : returned == PIRN_EXPAND ? Outcome::Kind::expand
                                             : Outcome::Kind::cancelled;
    outcome.truth = answer.truth == 1;
    outcome.duration = answer.duration_ns > static_cast<uint64_t>(INT64_MAX)
                           ? journal::kNever
                           : static_cast<int64_t>(answer.duration_ns);
    if (outcome.kind == Outcome::Kind::skip || outcome.kind == Outcome::Kind::cancelled)
      note_repairs("the answer", reason_repairs_);
    outcome.reason = std::move(reason_);
    if (outcome.kind == Outcome::Kind::await) outcome.await = std::move(await_);
    const bool expands = outcome.kind == Outcome::Kind::expand;
    const bool keeps_result =
        expands || outcome.kind == Outcome::Kind::done || outcome.kind == Outcome::Kind::cancelled;
    if (keeps_result && writes_ != Writes::none)
      outcome.result = std::make_shared<const journal::StepResult>(std::move(result_));
    if (expands)
      outcome.children = std::move(children_);
    else if (!children_.empty())
      note("children_dropped", "expand() was called, and the function did not return EXPAND");
  }
  static constexpr std::string_view kLive[] = {"a log line", "a chunk of the stream", "a progress note"};
  for (size_t i = 0; i < std::size(kLive); ++i)
    if (live_repaired_[i].load(std::memory_order_relaxed))
      note("text_repaired", std::string(kLive[i]) + " is not UTF-8 or was cut");
  outcome.emitted = std::move(emitted_);
  outcome.diagnostics = std::move(diagnostics_);
  return outcome;
}

}  // namespace pirn::worker
