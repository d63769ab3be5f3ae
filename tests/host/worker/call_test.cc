// Every entry of the ABI's table: what it gives, what it refuses, and that a refusal changes nothing.
#include "tests/host/worker/call_fixture.h"

namespace pirn::worker {
namespace {

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
  EXPECT_EQ(
      print(outcome.result),
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
    for (const double number :
         {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
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
  EXPECT_EQ(
      print(done([](Api& api) { EXPECT_EQ(api.set_result(of_json(R"({"b":1,"a":2})")), PIRN_OK); }).result),
      "a=2;b=1;");
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
  const Outcome reserved =
      done([](Api& api) { EXPECT_EQ(api.set_result(of_json(R"({"a":1,"__b":2})")), PIRN_E_DENIED); });
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

TEST_F(CallTest, TheWordsOfAnEventAreRepaired) {
  const Outcome outcome = done([](Api& api) { EXPECT_EQ(api.emit("im\xff", "\xe9t\xe9"), PIRN_OK); });
  ASSERT_EQ(outcome.emitted.size(), 1u);
  EXPECT_EQ(outcome.emitted[0].scope, "im\xef\xbf\xbd");
  EXPECT_EQ(outcome.emitted[0].message, "\xef\xbf\xbdt\xef\xbf\xbd");
  ASSERT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_EQ(outcome.diagnostics[0].code, "text_repaired");
}

TEST_F(CallTest, EventsAreKeptWithWhateverIsReturned) {
  limits_.emitted = 2;
  limits_.value_bytes = 40;
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    const pirn_value object = of_json(R"({"rows":3})"), list = of_json("[]"), null{};
    EXPECT_EQ(api.emit("import", "began", &object), PIRN_OK);
    EXPECT_EQ(api.emit("import", "list", &list), PIRN_E_TYPE);
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

// ---- children of a graft

TEST_F(CallTest, ChildrenAreCopiedInTheirOrder) {
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    {
      std::string name = "resize-1", params = R"({"b": 2, "a": 1})", options = R"({ "max_retries": 2 })";
      const pirn_value object = of_json(params);
      EXPECT_EQ(api.expand(name.c_str(), "resize", &object, options.c_str()), PIRN_OK);
      name = params = options = "gone";
    }
    const pirn_value null{};
    EXPECT_EQ(api.expand("resize-0", "resize", &null, ""), PIRN_OK);
    return PIRN_EXPAND;
  });
  ASSERT_EQ(outcome.children.size(), 2u);
  EXPECT_EQ(outcome.children[0],
            (journal::Child{0, 0, "resize-1", "resize", R"({"a":1,"b":2})", R"({"max_retries":2})"}));
  EXPECT_EQ(outcome.children[1], (journal::Child{0, 0, "resize-0", "resize", "", ""}));
  EXPECT_TRUE(outcome.diagnostics.empty());
}

TEST_F(CallTest, ARefusedChildChangesNothing) {
  limits_.children = 2;
  limits_.children_bytes = 30;
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    const pirn_value list = of_json("[]"), text = of_text("{}"), broken = of_json("{");
    for (const char* name : {static_cast<const char*>(nullptr), "", "Resize", "a b", "_a", "\xff"})
      EXPECT_EQ(api.expand(name, "resize"), PIRN_E_INVALID);
    for (const char* task : {static_cast<const char*>(nullptr), "", "Resize"})
      EXPECT_EQ(api.expand("a", task), PIRN_E_INVALID);
    EXPECT_EQ(api.expand("a", "resize", &list), PIRN_E_TYPE);
    EXPECT_EQ(api.expand("a", "resize", &text), PIRN_E_TYPE);
    EXPECT_EQ(api.expand("a", "resize", &broken), PIRN_E_INVALID);
    EXPECT_EQ(api.expand("a", "resize", nullptr, "[1]"), PIRN_E_TYPE);
    EXPECT_EQ(api.expand("a", "resize", nullptr, "{"), PIRN_E_INVALID);
    EXPECT_EQ(api.expand("a", "resize"), PIRN_OK);
    EXPECT_EQ(api.expand("a", "other"), PIRN_E_INVALID) << "a repeated name";
    EXPECT_EQ(api.expand("b", "resize", nullptr, R"({"label":"more than thirty bytes"})"), PIRN_E_LIMIT);
    EXPECT_EQ(api.expand("b", "resize"), PIRN_OK);
    EXPECT_EQ(api.expand("c", "resize"), PIRN_E_LIMIT) << "too many";
    pirn_status elsewhere = PIRN_OK;
    std::thread([&] { elsewhere = api.expand("d", "resize"); }).join();
    EXPECT_EQ(elsewhere, PIRN_E_STATE);
    return PIRN_EXPAND;
  });
  ASSERT_EQ(outcome.children.size(), 2u);
  EXPECT_EQ(outcome.children[0].name, "a");
  EXPECT_EQ(outcome.children[1].name, "b");
}

TEST_F(CallTest, OnlyTasksAndFallbacksHaveChildren) {
  for (int kind = 1; kind <= 10; ++kind) {
    invocation_.kind = static_cast<Kind>(kind);
    const bool may = invocation_.kind == Kind::task || invocation_.kind == Kind::fallback;
    done([&](Api& api) { EXPECT_EQ(api.expand("a", "resize"), may ? PIRN_OK : PIRN_E_STATE) << kind; });
  }
}

TEST_F(CallTest, ChildrenOfAnotherAnswerAreDroppedAndSaidSo) {
  const Outcome outcome = done([](Api& api) { EXPECT_EQ(api.expand("a", "resize"), PIRN_OK); });
  EXPECT_TRUE(outcome.children.empty());
  ASSERT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_EQ(outcome.diagnostics[0].code, "children_dropped");
}

TEST_F(CallTest, WhatThisHostDoesNotOffer) {
  done([](Api& api) {
    const auto& table = api.table();
    const pirn_str name = str("n");
    pirn_value value = of_integer(1);
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

TEST_F(CallTest, TheDeadlineIsSignalledWhenATenthOfTheTimeIsLeft) {
  std::atomic<int64_t> now{1234};
  now_ = [&now] { return now.load(); };
  invocation_.deadline = 2234;
  done([&](Api& api) {
    const auto signals = [&] { return api.table().signals(api.call()); };
    EXPECT_EQ(signals(), 0u);
    now = 2133;
    EXPECT_EQ(signals(), 0u);
    EXPECT_EQ(api.table().heartbeat(api.call(), 0.5, nullptr), 0u);
    now = 2134;
    std::thread([&] { EXPECT_EQ(signals(), PIRN_SIG_DEADLINE) << "on any thread"; }).join();
    EXPECT_EQ(api.table().heartbeat(api.call(), 0.5, nullptr), PIRN_SIG_DEADLINE);
    signals_ = PIRN_SIG_CANCEL;
    EXPECT_EQ(signals(), PIRN_SIG_CANCEL | PIRN_SIG_DEADLINE);
    now = 1234;
    EXPECT_EQ(signals(), PIRN_SIG_CANCEL | PIRN_SIG_DEADLINE) << "it stays set";
  });
}

TEST_F(CallTest, OfALongTimeAMinuteIsLeftAtTheDeadlineSignal) {
  constexpr int64_t kMinute = 60'000'000'000;
  std::atomic<int64_t> now{1234};
  now_ = [&now] { return now.load(); };
  invocation_.deadline = 1234 + 1000 * kMinute;
  done([&](Api& api) {
    now = 1233 + 999 * kMinute;
    EXPECT_EQ(api.table().signals(api.call()), 0u);
    now = 1234 + 999 * kMinute;
    EXPECT_EQ(api.table().signals(api.call()), PIRN_SIG_DEADLINE);
  });
}

TEST_F(CallTest, ACallWithoutADeadlineOrAClockGetsNoDeadlineSignal) {
  now_ = [] { return INT64_MAX - 1; };
  const Outcome endless = done([](Api& api) { EXPECT_EQ(api.table().signals(api.call()), 0u); });
  EXPECT_EQ(endless.kind, Outcome::Kind::done);
  invocation_.deadline = 2234;
  Call call(invocation_, listener_, signals_, 3000);
  EXPECT_EQ(Api(call.handle()).table().signals(call.handle()), 0u);
}

TEST_F(CallTest, LiveWordsAreRepairedAndNeverRefused) {
  limits_.message_bytes = 4;
  limits_.value_bytes = 4;
  signals_ = PIRN_SIG_DEADLINE;
  const Outcome outcome = done([](Api& api) {
    const auto& table = api.table();
    const pirn_str fine = str("ok"), bad = str("\xff"), lost{nullptr, 3}, large = str("123\xc3\xbc");
    for (const pirn_str* message : {&fine, &bad, &lost, &large, static_cast<const pirn_str*>(nullptr)}) {
      table.log(api.call(), 77, message);
      table.stream(api.call(), message, 0);
    }
    EXPECT_EQ(table.heartbeat(api.call(), 0.5, &fine), PIRN_SIG_DEADLINE);
    table.heartbeat(api.call(), 3.0, nullptr);
    table.heartbeat(api.call(), std::nan(""), &large);
    table.heartbeat(api.call(), 0.1, &bad);
  });
  EXPECT_EQ(listener_.heard,
            (std::vector<std::string>{"log 4 ok", "stream ok", "log 4 \xef\xbf\xbd", "stream \xef\xbf\xbd",
                                      "log 4 123", "stream 123", "stream \xc3\xbc", "progress 0.500000 ok",
                                      "progress 1.000000 ", "progress -1.000000 123",
                                      "progress 0.100000 \xef\xbf\xbd"}));
  ASSERT_EQ(outcome.diagnostics.size(), 3u) << "one for the log, the stream and the notes";
  EXPECT_EQ(outcome.diagnostics[0].code, "text_repaired");
}

}  // namespace
}  // namespace pirn::worker
