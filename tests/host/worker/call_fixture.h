// A call as the tests of the ABI's table make it: a function, what it is given, what came of it.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <thread>

#include "host/worker/call.h"
#include "tests/host/worker/frame.h"

namespace pirn::worker {

using journal::Delta;
using journal::StepResult;
using journal::Value;

inline pirn_str str(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view text(const pirn_value& value) {
  return {static_cast<const char*>(value.as.ptr), value.len};
}

inline pirn_value of_text(std::string_view of, uint32_t type = PIRN_T_STR) {
  pirn_value value{};
  value.type = type;
  value.as.ptr = of.data();
  value.len = of.size();
  return value;
}
inline pirn_value of_json(std::string_view of) { return of_text(of, PIRN_T_JSON); }
inline pirn_value of_integer(int64_t of) {
  pirn_value value{};
  value.type = PIRN_T_I64;
  value.as.i64 = of;
  return value;
}
inline pirn_value of_real(double of) {
  pirn_value value{};
  value.type = PIRN_T_F64;
  value.as.f64 = of;
  return value;
}

// What a package can see and do, with strings in place of pointers. nullptr stands for a NULL pirn_str.
class Api {
 public:
  explicit Api(pirn_call* call) : call_(call), api_(*call->api) {}

  pirn_status get(const char* key, pirn_value* out) {
    return with(key, [&](auto* k) { return api_.get(call_, k, out); });
  }
  pirn_status param(const char* key, pirn_value* out) {
    return with(key, [&](auto* k) { return api_.param(call_, k, out); });
  }
  pirn_status result(const char* step, const char* key, pirn_value* out) {
    return with(step,
                [&](auto* s) { return with(key, [&](auto* k) { return api_.result(call_, s, k, out); }); });
  }
  pirn_status put(std::string_view key, const pirn_value& value) {
    const pirn_str k = str(key);
    return api_.put(call_, &k, &value);
  }
  pirn_status unset(std::string_view key) {
    const pirn_str k = str(key);
    return api_.unset(call_, &k);
  }
  pirn_status set_result(const pirn_value& value) { return api_.set_result(call_, &value); }
  pirn_status set_reason(std::string_view reason) {
    const pirn_str r = str(reason);
    return api_.set_reason(call_, &r);
  }
  pirn_status set_error(std::string_view code, std::string_view message, uint32_t error_class = 0,
                        const pirn_value* details = nullptr) {
    const pirn_str c = str(code), m = str(message);
    return api_.set_error(call_, &c, &m, error_class, details);
  }
  pirn_status emit(std::string_view scope, std::string_view message, const pirn_value* metadata = nullptr) {
    const pirn_str s = str(scope), m = str(message);
    return api_.emit(call_, &s, &m, metadata);
  }
  pirn_status expand(const char* name, const char* task, const pirn_value* params = nullptr,
                     const char* options = nullptr) {
    return with(name, [&](auto* n) {
      return with(task, [&](auto* t) {
        return with(options, [&](auto* o) { return api_.expand(call_, n, t, params, o); });
      });
    });
  }
  pirn_call* call() { return call_; }
  const pirn_call_api& table() { return api_; }

 private:
  template <class Use>
  static pirn_status with(const char* text, Use use) {
    if (!text) return use(static_cast<const pirn_str*>(nullptr));
    const pirn_str s = str(text);
    return use(&s);
  }
  pirn_call* call_;
  const pirn_call_api& api_;
};

class RecordingListener : public Listener {
 public:
  void on_log(const Invocation&, uint32_t level, std::string_view message) override {
    heard.push_back("log " + std::to_string(level) + " " + std::string(message));
  }
  void on_progress(const Invocation&, double progress, std::string_view note) override {
    heard.push_back("progress " + std::to_string(progress) + " " + std::string(note));
  }
  void on_stream(const Invocation&, std::string_view chunk, bool final) override {
    heard.push_back("stream " + std::string(chunk) + (final ? " final" : ""));
  }
  std::vector<std::string> heard;
};

class CallTest : public ::testing::Test {
 protected:
  using Body = std::function<int32_t(Api&, const pirn_invocation&, pirn_outcome&)>;

  CallTest() {
    invocation_.id = 42;
    invocation_.frame = frame_;
    invocation_.kind = Kind::task;
    invocation_.step = 1;
    invocation_.step_name = "charge";
    invocation_.function = "charge_card";
    invocation_.attempt = 3;
    frame_->ancestors["fetch"] = {{}, Value(), true};
    frame_->pending_ancestors.insert("skipped");
  }

  Outcome run(Body body) {
    Call call(invocation_, listener_, signals_, 1234, limits_, &now_);
    return call.run(
        [](pirn_state* state, pirn_call* handle, const pirn_invocation* invocation,
           pirn_outcome* outcome) -> int32_t {
          Api api(handle);
          return (*reinterpret_cast<Body*>(state))(api, *invocation, *outcome);
        },
        reinterpret_cast<pirn_state*>(&body));
  }
  // The body returns DONE.
  Outcome done(std::function<void(Api&)> body) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome&) { return body(api), PIRN_DONE; });
  }
  void set_context(const std::string& key, Value value) {
    invocation_.context = invocation_.context.with({key, std::move(value), false, {0, 1, 0}});
  }
  // A result of a step, as the projection would print it.
  static std::string print(const journal::ResultPtr& result) {
    std::string out;
    if (!result) return "none";
    for (const Delta::Entry& entry : result->map.entries) {
      out += entry.unset ? "-" + entry.key : entry.key + "=";
      if (!entry.unset) journal::append_json(out, entry.value);
      out += ";";
    }
    if (!result->is_map) journal::append_json(out, result->value);
    return out;
  }

  std::shared_ptr<TestFrame> frame_ = TestFrame::make();
  Invocation invocation_;
  RecordingListener listener_;
  std::atomic<uint32_t> signals_{0};
  CallLimits limits_;
  Call::Now now_ = [] { return 1234; };
};

}  // namespace pirn::worker
