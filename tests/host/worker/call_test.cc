// Every entry of the ABI's table: what it gives, what it refuses, and that a refusal changes nothing.
#include "host/worker/call.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <thread>

#include "tests/host/worker/frame.h"

namespace pirn::worker {
namespace {

using journal::Delta;
using journal::StepResult;
using journal::Value;

pirn_str str(std::string_view text) { return {text.data(), text.size()}; }
std::string_view text(const pirn_value& value) { return {static_cast<const char*>(value.as.ptr), value.len}; }

pirn_value of_text(std::string_view of, uint32_t type = PIRN_T_STR) {
  pirn_value value{};
  value.type = type;
  value.as.ptr = of.data();
  value.len = of.size();
  return value;
}
pirn_value of_json(std::string_view of) { return of_text(of, PIRN_T_JSON); }
pirn_value of_integer(int64_t of) {
  pirn_value value{};
  value.type = PIRN_T_I64;
  value.as.i64 = of;
  return value;
}
pirn_value of_real(double of) {
  pirn_value value{};
  value.type = PIRN_T_F64;
  value.as.f64 = of;
  return value;
}

// What a package can see and do, with strings in place of pointers. nullptr stands for a NULL pirn_str.
class Api {
 public:
  explicit Api(pirn_call* call) : call_(call), api_(*call->api) {}

  pirn_status get(const char* key, pirn_value* out) { return with(key, [&](auto* k) { return api_.get(call_, k, out); }); }
  pirn_status param(const char* key, pirn_value* out) { return with(key, [&](auto* k) { return api_.param(call_, k, out); }); }
  pirn_status result(const char* step, const char* key, pirn_value* out) {
    return with(step, [&](auto* s) { return with(key, [&](auto* k) { return api_.result(call_, s, k, out); }); });
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
  pirn_status set_error(std::string_view code, std::string_view message, uint32_t error_class = 0, const pirn_value* details = nullptr) {
    const pirn_str c = str(code), m = str(message);
    return api_.set_error(call_, &c, &m, error_class, details);
  }
  pirn_status emit(std::string_view scope, std::string_view message, const pirn_value* metadata = nullptr) {
    const pirn_str s = str(scope), m = str(message);
    return api_.emit(call_, &s, &m, metadata);
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
    Call call(invocation_, listener_, signals_, 1234, limits_);
    return call.run([](pirn_state* state, pirn_call* handle, const pirn_invocation* invocation,
                       pirn_outcome* outcome) -> int32_t {
      Api api(handle);
      return (*reinterpret_cast<Body*>(state))(api, *invocation, *outcome);
    }, reinterpret_cast<pirn_state*>(&body));
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
};

// ---- what is read

TEST_F(CallTest, GetLendsEachType) {
  set_context("null", Value());
  set_context("bool", Value::of_bool(true));
  set_context("int", Value::of_integer(-7));
  set_context("real", Value::of_real(0.5));
  set_context("text", Value::of_text("é"));
  set_context("bytes", Value::of_bytes(std::string_view("\0\xff", 2)));
  set_context("json", Value::of_json("[1]"));
  done([](Api& api) {
    pirn_value value{};
    EXPECT_EQ(api.get("null", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_NULL);
    EXPECT_EQ(api.get("bool", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_BOOL);
    EXPECT_EQ(value.as.u64, 1u);
    EXPECT_EQ(api.get("int", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_I64);
    EXPECT_EQ(value.as.i64, -7);
    EXPECT_EQ(api.get("real", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_F64);
    EXPECT_EQ(value.as.f64, 0.5);
    EXPECT_EQ(api.get("text", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_STR);
    EXPECT_EQ(text(value), "é");
    EXPECT_EQ(api.get("bytes", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_BYTES);
    EXPECT_EQ(text(value), std::string_view("\0\xff", 2));
    EXPECT_EQ(api.get("json", &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_JSON);
    EXPECT_EQ(text(value), "[1]");
  });
}

TEST_F(CallTest, GetAbsentWholeAndRefused) {
  set_context("b", Value::of_integer(2));
  set_context("a", Value::of_text("x"));
  invocation_.context = invocation_.context.with({"gone", Value(), true, {0, 2, 0}});
  done([](Api& api) {
    pirn_value value = of_integer(9);
    EXPECT_EQ(api.get("gone", &value), PIRN_E_ABSENT);
    EXPECT_EQ(value.type, PIRN_T_NULL) << "zeroed on failure";
    EXPECT_EQ(api.get("", &value), PIRN_E_ABSENT);
    EXPECT_EQ(api.get(nullptr, &value), PIRN_OK);
    EXPECT_EQ(value.type, PIRN_T_JSON);
    EXPECT_EQ(text(value), R"({"a":"x","b":2})");
    const std::string_view first = text(value);
    pirn_value again{};
    EXPECT_EQ(api.get(nullptr, &again), PIRN_OK);
    EXPECT_EQ(first, R"({"a":"x","b":2})") << "lent until the function returns";
    EXPECT_EQ(api.get("a", nullptr), PIRN_E_INVALID);
    const pirn_str bad{nullptr, 3};
    value = of_integer(9);
    EXPECT_EQ(api.table().get(api.call(), &bad, &value), PIRN_E_INVALID);
    EXPECT_EQ(value.type, PIRN_T_NULL);
  });
}

TEST_F(CallTest, KeysComeInOrderWithoutDeletions) {
  set_context("b", Value());
  set_context("a", Value());
  invocation_.context = invocation_.context.with({"aa", Value(), true, {0, 2, 0}});
  done([](Api& api) {
    pirn_str key{};
    EXPECT_EQ(api.table().key_at(api.call(), 0, &key), PIRN_OK);
    EXPECT_EQ(std::string_view(key.data, key.len), "a");
    EXPECT_EQ(api.table().key_at(api.call(), 1, &key), PIRN_OK);
    EXPECT_EQ(std::string_view(key.data, key.len), "b");
    EXPECT_EQ(api.table().key_at(api.call(), 2, &key), PIRN_E_ABSENT);
    EXPECT_EQ(key.len, 0u);
    EXPECT_EQ(api.table().key_at(api.call(), UINT64_MAX, &key), PIRN_E_ABSENT);
    EXPECT_EQ(api.table().key_at(api.call(), 0, nullptr), PIRN_E_INVALID);
  });
}

TEST_F(CallTest, ResultsOfAncestorsOnly) {
  Delta map;
  map.put("rows", Value::of_integer(3));
  map.unset("temp");
  frame_->ancestors["load"] = {map, Value(), true};
  frame_->ancestors["count"] = {{}, Value::of_text("many"), false};
  done([](Api& api) {
    pirn_value value{};
    EXPECT_EQ(api.result("load", "rows", &value), PIRN_OK);
    EXPECT_EQ(value.as.i64, 3);
    EXPECT_EQ(api.result("load", "temp", &value), PIRN_E_ABSENT);
    EXPECT_EQ(api.result("load", "nothing", &value), PIRN_E_ABSENT);
    EXPECT_EQ(api.result("load", nullptr, &value), PIRN_OK);
    EXPECT_EQ(text(value), R"({"rows":3})");
    EXPECT_EQ(api.result("count", nullptr, &value), PIRN_OK);
    EXPECT_EQ(text(value), "many");
    EXPECT_EQ(api.result("count", "rows", &value), PIRN_E_ABSENT);
    EXPECT_EQ(api.result("fetch", nullptr, &value), PIRN_OK) << "completed without a result";
    EXPECT_EQ(value.type, PIRN_T_NULL);
    EXPECT_EQ(api.result("skipped", nullptr, &value), PIRN_E_ABSENT);
    value = of_integer(1);
    EXPECT_EQ(api.result("sibling", nullptr, &value), PIRN_E_DENIED);
    EXPECT_EQ(value.type, PIRN_T_NULL);
    EXPECT_EQ(api.result(nullptr, nullptr, &value), PIRN_E_INVALID);
    EXPECT_EQ(api.result("load", nullptr, nullptr), PIRN_E_INVALID);
  });
}

TEST_F(CallTest, ParametersOfTheStep) {
  invocation_.params = R"({"n":1,"list":[true]})";
  done([](Api& api) {
    pirn_value value{};
    EXPECT_EQ(api.param("n", &value), PIRN_OK);
    EXPECT_EQ(value.as.i64, 1);
    EXPECT_EQ(api.param("list", &value), PIRN_OK);
    EXPECT_EQ(text(value), "[true]");
    EXPECT_EQ(api.param("m", &value), PIRN_E_ABSENT);
    EXPECT_EQ(api.param(nullptr, &value), PIRN_OK);
    EXPECT_EQ(text(value), R"({"n":1,"list":[true]})");
    EXPECT_EQ(api.param("n", nullptr), PIRN_E_INVALID);
  });
  invocation_.params = "";
  done([](Api& api) {
    pirn_value value{};
    EXPECT_EQ(api.param("n", &value), PIRN_E_ABSENT);
    EXPECT_EQ(api.param(nullptr, &value), PIRN_OK);
    EXPECT_EQ(text(value), "{}");
  });
}

TEST_F(CallTest, TheInvocationDescribesItself) {
  invocation_.deadline = 5'000;
  invocation_.input = R"({"a":1})";
  run([&](Api& api, const pirn_invocation& described, pirn_outcome& outcome) {
    EXPECT_EQ(described.size, sizeof(pirn_invocation));
    EXPECT_EQ(described.kind, PIRN_KIND_TASK);
    EXPECT_EQ(described.attempt, 3u);
    EXPECT_EQ(described.workflow_attempt, 2u);
    EXPECT_EQ(described.id, 42u);
    EXPECT_EQ(described.deadline_unix_ns, 5'000u);
    const auto view = [](const pirn_str& s) { return std::string(s.data, s.len); };
    EXPECT_EQ(view(described.tenant), "acme");
    EXPECT_EQ(view(described.package), "orders");
    EXPECT_EQ(view(described.version), "1.2.3");
    EXPECT_EQ(view(described.workflow), "checkout");
    EXPECT_EQ(view(described.execution), frame_->execution_text);
    EXPECT_EQ(view(described.step), "charge");
    EXPECT_EQ(view(described.idempotency_key), frame_->execution_text + "/2/charge/task");
    EXPECT_EQ(view(described.input), R"({"a":1})");
    EXPECT_EQ(outcome.size, sizeof(pirn_outcome));
    EXPECT_EQ(outcome.truth, 0u);
    EXPECT_EQ(outcome.duration_ns, 0u);
    EXPECT_EQ(api.table().now_ns(api.call()), 1234u);
    EXPECT_EQ(api.table().size, sizeof(pirn_call_api));
    return PIRN_DONE;
  });
  invocation_.deadline = journal::kNever;
  invocation_.input = "";
  run([&](Api&, const pirn_invocation& described, pirn_outcome&) {
    EXPECT_EQ(described.deadline_unix_ns, 0u);
    EXPECT_EQ(std::string_view(described.input.data, described.input.len), "{}");
    return PIRN_DONE;
  });
}

// ---- what is written

TEST_F(CallTest, PutsAreCopiedAndTheLastOneOfAKeyWins) {
  const Outcome outcome = done([](Api& api) {
    std::string value = "first";
    std::string key = "text";
    EXPECT_EQ(api.put(key, of_text(value)), PIRN_OK);
    value.assign("XXXXX");
    key.assign("YYYY");
    EXPECT_EQ(api.put("n", of_integer(1)), PIRN_OK);
    EXPECT_EQ(api.put("n", of_real(2.5)), PIRN_OK);
    pirn_value flag{};
    flag.type = PIRN_T_BOOL;
    flag.as.u64 = 1;
    EXPECT_EQ(api.put("flag", flag), PIRN_OK);
    EXPECT_EQ(api.put("null", pirn_value{}), PIRN_OK);
    EXPECT_EQ(api.put("bytes", of_text(std::string_view("\xff", 1), PIRN_T_BYTES)), PIRN_OK);
    EXPECT_EQ(api.put("json", of_json(R"( {"b":1, "a":[]} )")), PIRN_OK);
    EXPECT_EQ(api.put("scalar", of_json("\"s\"")), PIRN_OK);
    EXPECT_EQ(api.put("empty", of_text({nullptr, 0})), PIRN_OK);
    EXPECT_EQ(api.unset("old"), PIRN_OK);
  });
  EXPECT_EQ(print(outcome.result),
            R"(text="first";n=2.5;flag=true;null=null;bytes={"$bytes":"/w=="};json={"a":[],"b":1};scalar="s";empty="";-old;)");
  EXPECT_EQ(outcome.result->map.find("scalar")->value.type(), Value::Type::text);
}

TEST_F(CallTest, PutRefusesWhatBreaksTheContract) {
  limits_.key_bytes = 5;
  limits_.value_bytes = 8;
  limits_.result_bytes = 24;
  const Outcome outcome = done([](Api& api) {
    const pirn_value one = of_integer(1);
    const pirn_str key = str("k"), none{nullptr, 0}, bad{nullptr, 2};
    const auto& table = api.table();
    EXPECT_EQ(table.put(api.call(), nullptr, &one), PIRN_E_INVALID);
    EXPECT_EQ(table.put(api.call(), &none, &one), PIRN_E_INVALID);
    EXPECT_EQ(table.put(api.call(), &bad, &one), PIRN_E_INVALID);
    EXPECT_EQ(table.put(api.call(), &key, nullptr), PIRN_E_INVALID);
    EXPECT_EQ(table.unset(api.call(), nullptr), PIRN_E_INVALID);
    EXPECT_EQ(api.put("\xff", one), PIRN_E_INVALID);
    EXPECT_EQ(api.put("123456", one), PIRN_E_LIMIT);
    EXPECT_EQ(api.put("__k", one), PIRN_E_DENIED);
    EXPECT_EQ(api.unset("__k"), PIRN_E_DENIED);
    EXPECT_EQ(api.put("k", of_text("\xc3")), PIRN_E_INVALID);
    EXPECT_EQ(api.put("k", of_text("123456789")), PIRN_E_LIMIT);
    EXPECT_EQ(api.put("k", of_text({nullptr, 0})), PIRN_OK);
    pirn_value dangling = of_text("abc");
    dangling.as.ptr = nullptr;
    EXPECT_EQ(api.put("k", dangling), PIRN_E_INVALID);
    for (const double number : {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
      EXPECT_EQ(api.put("k", of_real(number)), PIRN_E_INVALID);
    EXPECT_EQ(api.put("k", of_json("{")), PIRN_E_INVALID);
    EXPECT_EQ(api.put("k", of_json("")), PIRN_E_INVALID);
    EXPECT_EQ(api.put("k", of_json("\"\xff\"")), PIRN_E_INVALID);
    pirn_value flagged = one;
    flagged.flags = 1;
    EXPECT_EQ(api.put("k", flagged), PIRN_E_INVALID);
    pirn_value truth{};
    truth.type = PIRN_T_BOOL;
    truth.as.u64 = 2;
    EXPECT_EQ(api.put("k", truth), PIRN_E_INVALID);
    pirn_value unknown{};
    unknown.type = 99;
    EXPECT_EQ(api.put("k", unknown), PIRN_E_INVALID);
    unknown.type = PIRN_T_BLOB;
    EXPECT_EQ(api.put("k", unknown), PIRN_E_UNSUPPORTED);
    EXPECT_EQ(api.put("a", of_text("12345678")), PIRN_OK);
    EXPECT_EQ(api.put("b", of_text("12345678")), PIRN_OK);
    EXPECT_EQ(api.put("c", of_text("12345678")), PIRN_E_LIMIT) << "of the whole result";
  });
  EXPECT_EQ(print(outcome.result), R"(k="";a="12345678";b="12345678";)") << "a refusal changes nothing";
  ASSERT_EQ(outcome.diagnostics.size(), 1u) << "said once";
  EXPECT_EQ(outcome.diagnostics[0].code, "reserved_key");
  EXPECT_EQ(outcome.diagnostics[0].step, 1u);
}

TEST_F(CallTest, AWholeResultIsAMapOrAValue) {
  EXPECT_EQ(print(done([](Api& api) { EXPECT_EQ(api.set_result(of_json(R"({"b":1,"a":2})")), PIRN_OK); }).result), "a=2;b=1;");
  const Outcome list = done([](Api& api) { EXPECT_EQ(api.set_result(of_json("[1,2]")), PIRN_OK); });
  EXPECT_FALSE(list.result->is_map);
  EXPECT_EQ(print(list.result), "[1,2]");
  EXPECT_EQ(print(done([](Api& api) {
                    EXPECT_EQ(api.set_result(of_integer(1)), PIRN_OK);
                    EXPECT_EQ(api.set_result(of_text("last")), PIRN_OK);
                  }).result),
            "\"last\"");
  EXPECT_EQ(print(done([](Api&) {}).result), "none");
}

TEST_F(CallTest, AWholeResultExcludesPuts) {
  const Outcome outcome = done([](Api& api) {
    EXPECT_EQ(api.set_result(of_integer(1)), PIRN_OK);
    EXPECT_EQ(api.put("k", of_integer(1)), PIRN_E_STATE);
    EXPECT_EQ(api.unset("k"), PIRN_E_STATE);
  });
  EXPECT_EQ(print(outcome.result), "1");
  const Outcome puts = done([](Api& api) {
    EXPECT_EQ(api.set_result(of_real(std::nan(""))), PIRN_E_INVALID);
    EXPECT_EQ(api.put("k", of_integer(1)), PIRN_OK) << "the refused result was none";
    EXPECT_EQ(api.set_result(of_integer(1)), PIRN_E_STATE);
    EXPECT_EQ(api.table().set_result(api.call(), nullptr), PIRN_E_STATE);
  });
  EXPECT_EQ(print(puts.result), "k=1;");
  const Outcome reserved = done([](Api& api) { EXPECT_EQ(api.set_result(of_json(R"({"a":1,"__b":2})")), PIRN_E_DENIED); });
  EXPECT_EQ(print(reserved.result), "none");
  EXPECT_EQ(reserved.diagnostics.size(), 1u);
}

TEST_F(CallTest, KindsWithoutAResultRefuseToWrite) {
  for (const Kind kind : {Kind::condition, Kind::duration, Kind::backoff}) {
    invocation_.kind = kind;
    done([](Api& api) {
      EXPECT_EQ(api.put("k", of_integer(1)), PIRN_E_STATE);
      EXPECT_EQ(api.unset("k"), PIRN_E_STATE);
      EXPECT_EQ(api.set_result(of_integer(1)), PIRN_E_STATE);
    });
  }
  for (const Kind kind : {Kind::rollback, Kind::handler, Kind::hook}) {
    invocation_.kind = kind;
    done([](Api& api) { EXPECT_EQ(api.put("k", of_integer(1)), PIRN_OK); });
  }
}

TEST_F(CallTest, EventsAreKeptWithWhateverIsReturned) {
  limits_.emitted = 2;
  limits_.value_bytes = 40;
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    const pirn_value object = of_json(R"({"rows":3})"), list = of_json("[]"), null{};
    EXPECT_EQ(api.emit("import", "began", &object), PIRN_OK);
    EXPECT_EQ(api.emit("import", "list", &list), PIRN_E_TYPE);
    EXPECT_EQ(api.emit("\xff", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.emit("s", "\xff"), PIRN_E_INVALID);
    EXPECT_EQ(api.emit("s", std::string(41, 'x')), PIRN_E_LIMIT);
    EXPECT_EQ(api.table().emit(api.call(), nullptr, nullptr, nullptr), PIRN_E_INVALID);
    EXPECT_EQ(api.emit("import", "ended", &null), PIRN_OK);
    EXPECT_EQ(api.emit("s", "m"), PIRN_E_LIMIT);
    api.put("k", of_integer(1));
    return PIRN_FAILED;
  });
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(print(outcome.result), "none") << "what was put is dropped";
  ASSERT_EQ(outcome.emitted.size(), 2u);
  EXPECT_EQ(outcome.emitted[0].scope, "import");
  EXPECT_EQ(outcome.emitted[0].metadata, R"({"rows":3})");
  EXPECT_EQ(outcome.emitted[1].metadata, "");
  EXPECT_EQ(outcome.emitted[1].step, 1u);
}

TEST_F(CallTest, WhatThisHostDoesNotOffer) {
  done([](Api& api) {
    const auto& table = api.table();
    const pirn_str name = str("n");
    pirn_value value = of_integer(1);
    EXPECT_EQ(table.expand(api.call(), &name, &name, nullptr, nullptr), PIRN_E_UNSUPPORTED);
    EXPECT_EQ(table.secret(api.call(), &name, &value), PIRN_E_ABSENT);
    EXPECT_EQ(value.type, PIRN_T_NULL);
    uint64_t blob = 7, len = 7;
    void* writable = &blob;
    const void* data = &blob;
    EXPECT_EQ(table.blob_new(api.call(), 10, &blob, &writable), PIRN_E_UNSUPPORTED);
    EXPECT_EQ(blob, 0u);
    EXPECT_EQ(writable, nullptr);
    EXPECT_EQ(table.blob_seal(api.call(), 1), PIRN_E_UNSUPPORTED);
    EXPECT_EQ(table.blob_map(api.call(), 1, &data, &len), PIRN_E_UNSUPPORTED);
    EXPECT_EQ(data, nullptr);
    EXPECT_EQ(len, 0u);
  });
}

// ---- threads

TEST_F(CallTest, AnotherThreadMayOnlyTalkAndLook) {
  set_context("a", Value());
  signals_ = PIRN_SIG_CANCEL;
  const Outcome outcome = done([](Api& api) {
    std::thread([&] {
      const auto& table = api.table();
      pirn_value value{};
      pirn_str key{};
      EXPECT_EQ(api.get("a", &value), PIRN_E_STATE);
      EXPECT_EQ(api.param("a", &value), PIRN_E_STATE);
      EXPECT_EQ(api.result("fetch", nullptr, &value), PIRN_E_STATE);
      EXPECT_EQ(table.key_at(api.call(), 0, &key), PIRN_E_STATE);
      EXPECT_EQ(api.put("k", of_integer(1)), PIRN_E_STATE);
      EXPECT_EQ(api.unset("k"), PIRN_E_STATE);
      EXPECT_EQ(api.set_result(of_integer(1)), PIRN_E_STATE);
      EXPECT_EQ(api.set_reason("r"), PIRN_E_STATE);
      EXPECT_EQ(api.set_error("e", "m"), PIRN_E_STATE);
      EXPECT_EQ(api.emit("s", "m"), PIRN_E_STATE);
      EXPECT_EQ(table.signals(api.call()), PIRN_SIG_CANCEL);
      const pirn_str message = str("from afar");
      table.log(api.call(), PIRN_LOG_WARN, &message);
      table.stream(api.call(), &message, 1);
    }).join();
  });
  EXPECT_EQ(print(outcome.result), "none");
  EXPECT_EQ(outcome.emitted.size(), 0u);
  EXPECT_EQ(listener_.heard, (std::vector<std::string>{"log 3 from afar", "stream from afar final"}));
}

TEST_F(CallTest, LiveWordsAreCheckedAndNeverRefused) {
  limits_.message_bytes = 4;
  limits_.value_bytes = 4;
  signals_ = PIRN_SIG_DEADLINE;
  done([](Api& api) {
    const auto& table = api.table();
    const pirn_str fine = str("ok"), bad = str("\xff"), lost{nullptr, 3}, large = str("12345");
    for (const pirn_str* message : {&fine, &bad, &lost, &large, static_cast<const pirn_str*>(nullptr)}) {
      table.log(api.call(), 77, message);
      table.stream(api.call(), message, 0);
    }
    EXPECT_EQ(table.heartbeat(api.call(), 0.5, &fine), PIRN_SIG_DEADLINE);
    table.heartbeat(api.call(), 3.0, nullptr);
    table.heartbeat(api.call(), std::nan(""), &large);
    table.heartbeat(api.call(), 0.1, &bad);
  });
  EXPECT_EQ(listener_.heard, (std::vector<std::string>{"log 4 ok", "stream ok", "progress 0.500000 ok", "progress 1.000000 ",
                                                       "progress -1.000000 "}));
}

// ---- outcomes

TEST_F(CallTest, EveryReturnOfATask) {
  const auto returned = [&](int32_t value) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome& outcome) {
      api.put("k", of_integer(1));
      api.set_reason("because");
      outcome.duration_ns = 77;
      return value;
    });
  };
  EXPECT_EQ(returned(PIRN_DONE).kind, Outcome::Kind::done);
  EXPECT_EQ(print(returned(PIRN_DONE).result), "k=1;");
  EXPECT_EQ(returned(PIRN_SKIP).kind, Outcome::Kind::skip);
  EXPECT_EQ(returned(PIRN_SKIP).reason, "because");
  EXPECT_EQ(print(returned(PIRN_SKIP).result), "none");
  EXPECT_EQ(returned(PIRN_SNOOZE).kind, Outcome::Kind::snooze);
  EXPECT_EQ(returned(PIRN_SNOOZE).duration, 77);
  EXPECT_EQ(print(returned(PIRN_SNOOZE).result), "none");
  EXPECT_EQ(returned(PIRN_AWAIT).kind, Outcome::Kind::await);
  EXPECT_EQ(print(returned(PIRN_AWAIT).result), "none");
  EXPECT_EQ(returned(PIRN_EXPAND).kind, Outcome::Kind::expand);
  EXPECT_EQ(returned(PIRN_CANCELLED).kind, Outcome::Kind::cancelled);
  EXPECT_EQ(print(returned(PIRN_CANCELLED).result), "k=1;") << "the partial result";
  EXPECT_EQ(returned(PIRN_CANCELLED).reason, "because");
  for (const int32_t value : {-1, 7, INT32_MAX, INT32_MIN}) {
    const Outcome outcome = returned(value);
    ASSERT_EQ(outcome.kind, Outcome::Kind::failed) << value;
    EXPECT_EQ(outcome.error->code, "invalid_return");
    EXPECT_EQ(outcome.error->error_class, journal::ErrorClass::retryable);
    EXPECT_NE(outcome.error->message.find(std::to_string(value)), std::string::npos);
  }
}

// ---- await

TEST_F(CallTest, AnAwaitTakesItsOptionsOrNone) {
  const auto await = [&](const char* options, pirn_status expected) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome&) {
      const pirn_str json = str(options ? options : "");
      EXPECT_EQ(api.table().set_await(api.call(), options ? &json : nullptr), expected);
      return PIRN_AWAIT;
    });
  };
  EXPECT_TRUE(await(nullptr, PIRN_OK).await);
  EXPECT_EQ(await(R"({"approvers":["ada"]})", PIRN_OK).await->await.approvers, std::vector<std::string>{"ada"});
  const Outcome refused = await(R"({"unknown":1})", PIRN_E_INVALID);
  EXPECT_FALSE(refused.await);
  ASSERT_EQ(refused.diagnostics.size(), 1u) << "the journal tells the author";
  EXPECT_EQ(refused.diagnostics[0].code, "invalid_await");
  EXPECT_FALSE(await(("{\"notify\":\"" + std::string(20'000, 'x') + "\"}").c_str(), PIRN_E_LIMIT).await);
}

TEST_F(CallTest, AHandlerThatAnswersForItsStepAnswersAsATask) {
  const auto skips = [](Api&, const pirn_invocation&, pirn_outcome&) { return PIRN_SKIP; };
  invocation_.kind = Kind::handler;
  EXPECT_EQ(run(skips).kind, Outcome::Kind::failed);
  invocation_.for_step = true;
  EXPECT_EQ(run(skips).kind, Outcome::Kind::skip);
}

TEST_F(CallTest, OtherKindsReturnDoneOrFailed) {
  for (const Kind kind : {Kind::rollback, Kind::handler, Kind::hook, Kind::condition, Kind::duration, Kind::backoff, Kind::input, Kind::result}) {
    invocation_.kind = kind;
    for (int32_t value = PIRN_SKIP; value <= PIRN_CANCELLED; ++value) {
      const Outcome outcome = run([&](Api&, const pirn_invocation&, pirn_outcome&) { return value; });
      ASSERT_EQ(outcome.kind, Outcome::Kind::failed) << journal::name_of(kind) << " " << value;
      EXPECT_EQ(outcome.error->code, "invalid_return");
    }
    EXPECT_EQ(done([](Api&) {}).kind, Outcome::Kind::done);
  }
  invocation_.kind = Kind::fallback;
  EXPECT_EQ(run([](Api&, const pirn_invocation&, pirn_outcome&) { return PIRN_SKIP; }).kind, Outcome::Kind::skip) << "as a task";
}

TEST_F(CallTest, AnswersOfConditionsAndDelays) {
  invocation_.kind = Kind::condition;
  const auto truth = [&](uint32_t value) {
    return run([&](Api&, const pirn_invocation&, pirn_outcome& outcome) { return outcome.truth = value, PIRN_DONE; });
  };
  EXPECT_FALSE(truth(0).truth);
  EXPECT_TRUE(truth(1).truth);
  EXPECT_EQ(truth(2).error->code, "invalid_return");
  invocation_.kind = Kind::backoff;
  const auto duration = [&](uint64_t value) {
    return run([&](Api&, const pirn_invocation&, pirn_outcome& outcome) { return outcome.duration_ns = value, PIRN_DONE; }).duration;
  };
  EXPECT_EQ(duration(5), 5);
  EXPECT_EQ(duration(INT64_MAX), INT64_MAX);
  EXPECT_EQ(duration(static_cast<uint64_t>(INT64_MAX) + 1), journal::kNever) << "never negative";
  EXPECT_EQ(duration(UINT64_MAX), journal::kNever) << "no limit";
}

TEST_F(CallTest, AFailureSaysWhy) {
  const pirn_value details = of_json(R"({"disk": "sda"})");
  const Outcome outcome = run([&](Api& api, const pirn_invocation&, pirn_outcome&) {
    EXPECT_EQ(api.set_error("first", "overwritten"), PIRN_OK);
    EXPECT_EQ(api.set_error("no_disk-1.x", "the disk is full", PIRN_CLASS_TERMINAL, &details), PIRN_OK);
    EXPECT_EQ(api.set_error("", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("Upper", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("a b", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error(std::string(65, 'a'), "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("e", "\xff"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("e", "m", 3), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("e", std::string((64 << 10) + 1, 'x')), PIRN_E_LIMIT);
    const pirn_value bad = of_json("{");
    EXPECT_EQ(api.set_error("e", "m", 0, &bad), PIRN_E_INVALID);
    return PIRN_FAILED;
  });
  ASSERT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.error->code, "no_disk-1.x") << "refused calls change nothing";
  EXPECT_EQ(outcome.error->message, "the disk is full");
  EXPECT_EQ(outcome.error->error_class, journal::ErrorClass::terminal);
  EXPECT_EQ(outcome.error->details, R"({"disk":"sda"})");

  const Outcome mute = run([](Api&, const pirn_invocation&, pirn_outcome&) { return PIRN_FAILED; });
  EXPECT_EQ(mute.error->code, "failed");
  EXPECT_EQ(mute.error->error_class, journal::ErrorClass::retryable);
  EXPECT_EQ(done([](Api& api) { api.set_error("e", "m"); }).error, nullptr) << "DONE after all";
  EXPECT_EQ(run([](Api& api, const pirn_invocation&, pirn_outcome&) {
              const pirn_str code = str("e");
              EXPECT_EQ(api.table().set_error(api.call(), &code, nullptr, 0, nullptr), PIRN_OK) << "no message";
              EXPECT_EQ(api.table().set_error(api.call(), nullptr, nullptr, 0, nullptr), PIRN_E_INVALID);
              return PIRN_FAILED;
            }).error->code,
            "e");
}

TEST_F(CallTest, ReasonsAreChecked) {
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    EXPECT_EQ(api.set_reason("fine"), PIRN_OK);
    EXPECT_EQ(api.set_reason("\xff"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_reason(std::string((64 << 10) + 1, 'x')), PIRN_E_LIMIT);
    EXPECT_EQ(api.table().set_reason(api.call(), nullptr), PIRN_E_INVALID);
    return PIRN_SKIP;
  });
  EXPECT_EQ(outcome.reason, "fine");
}

TEST_F(CallTest, AnExceptionIsAnErrorAndItsWordsAreMadeReadable) {
  const auto thrown = [&](auto what) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome&) -> int32_t {
      api.put("k", of_integer(1));
      throw what;
    });
  };
  const Outcome outcome = thrown(std::runtime_error("went wrong"));
  ASSERT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.error->code, "exception");
  EXPECT_EQ(outcome.error->message, "went wrong");
  EXPECT_EQ(print(outcome.result), "none");
  EXPECT_EQ(thrown(3).error->code, "exception");
  // What goes into the journal must be text.
  EXPECT_TRUE(journal::valid_utf8(thrown(std::runtime_error("caf\xe9 \xff")).error->message));
  EXPECT_NE(thrown(std::runtime_error("caf\xe9 x")).error->message.find("caf"), std::string::npos);
  EXPECT_LE(thrown(std::runtime_error(std::string(1 << 20, 'x'))).error->message.size(), limits_.message_bytes);
}

}  // namespace
}  // namespace pirn::worker
