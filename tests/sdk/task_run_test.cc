// The SDK as a package's function meets it, and the test kit's TaskRun, through the package of
// package_under_test.cc.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <pirn/testkit.hpp>

#include "tests/sdk/package_under_test.h"

namespace {

using pirn::testkit::Ran;
using pirn::testkit::TaskRun;

TEST(Context, ReadsTypedValues) {
  Ran ran =
      TaskRun("echo")
          .context({{"b", true}, {"i", 5}, {"s", "text \"quoted\"\n"}, {"list", std::vector<int>{1, 2}}})
          .set("address", pirn::json::object({{"street", "Löwengasse \t1"}}))
          .run();
  ASSERT_TRUE(ran.done()) << ran.text();
  EXPECT_TRUE(ran.get<bool>("bool"));
  EXPECT_EQ(ran.get<int>("int"), 5);
  EXPECT_EQ(ran.get<double>("double"), 2.5);
  EXPECT_EQ(ran.get<std::string>("text"), "text \"quoted\"\n");
  EXPECT_EQ(ran.get<std::vector<int>>("list"), (std::vector<int>{1, 2}));
  EXPECT_EQ(ran.get<std::string>("street"), "Löwengasse \t1");
  EXPECT_EQ(ran.get<std::string>("missing"), "absent");
  EXPECT_EQ(ran.get<int>("fallback"), 7);
  EXPECT_EQ(ran.get<int>("keys"), 5);
  EXPECT_EQ(ran.get<int>("all"), 5);
  EXPECT_EQ(ran.get<pirn::json::View>("nested").text(), R"({"a":[1,2.5,"x",null]})");
  EXPECT_TRUE(ran.violations.empty()) << ran.text();
}

struct Refusal {
  pirn::Value value;
  const char* code;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.code; }
class ReadInt : public ::testing::TestWithParam<Refusal> {};
TEST_P(ReadInt, RefusesOtherTypesAndRanges) {
  Ran ran = TaskRun("read_int").set("n", GetParam().value).run();
  ASSERT_TRUE(ran.failed()) << ran.text();
  EXPECT_EQ(ran.error.code, GetParam().code);
  EXPECT_EQ(ran.error.error_class, pirn::terminal);
  EXPECT_NE(ran.error.message.find("\"n\""), std::string::npos) << ran.error.message;
}
INSTANTIATE_TEST_SUITE_P(Values, ReadInt,
                         ::testing::Values(Refusal{"5", "wrong_type"}, Refusal{5.5, "wrong_type"},
                                           Refusal{true, "wrong_type"},
                                           Refusal{int64_t{1} << 40, "wrong_type"},
                                           Refusal{nullptr, "wrong_type"},
                                           Refusal{std::vector<int>{5}, "wrong_type"}));

TEST(Context, TakesAWholeDoubleForAnInteger) {
  EXPECT_EQ(TaskRun("read_int").set("n", 5.0).run().get<int>("n"), 5);
}

TEST(Context, AMissingKeyFailsTheStepByItsName) {
  Ran ran = TaskRun("read_int").run();
  ASSERT_TRUE(ran.failed());
  EXPECT_EQ(ran.error.code, "missing_key");
  EXPECT_NE(ran.error.message.find("\"n\""), std::string::npos);
}

TEST(Context, ReadsResultsOfAncestorsOnly) {
  Ran ran = TaskRun("read_ancestor").result_of("fetch", {{"rows", 3}, {"file", "a"}}).run();
  ASSERT_TRUE(ran.done()) << ran.text();
  EXPECT_EQ(ran.get<int>("rows"), 3);
  EXPECT_EQ(ran.get<int>("whole"), 2);

  ran = TaskRun("read_ancestor").not_completed("fetch").run();
  EXPECT_TRUE(ran.skipped());
  EXPECT_EQ(ran.reason, "nothing was fetched");

  ran = TaskRun("read_ancestor").run();
  ASSERT_TRUE(ran.failed());
  EXPECT_EQ(ran.error.code, "not_dependency");
}

TEST(Context, ReadsParameters) {
  Ran ran = TaskRun("read_param").params({{"region", "eu"}}).run();
  EXPECT_EQ(ran.get<std::string>("region"), "eu");
  EXPECT_EQ(ran.get<int>("n"), 3);
}

TEST(Context, ReservedKeysAreDroppedAndBadValuesFailTheStep) {
  Ran ran = TaskRun("puts_badly").run();
  ASSERT_TRUE(ran.failed());
  EXPECT_EQ(ran.error.code, "invalid_value");
  EXPECT_TRUE(ran.delta.empty());
  ASSERT_EQ(ran.violations.size(), 2u) << ran.text();
  EXPECT_NE(ran.violations[0].find("__mine"), std::string::npos);
  EXPECT_NE(ran.violations[1].find("UTF-8"), std::string::npos);
}

TEST(Context, RefusesWhatAHostRefusesForItsSize) {
  constexpr int64_t kKey = pirn::text::kMaxKey, kValue = pirn::text::kMaxChunk;
  EXPECT_TRUE(TaskRun("puts_large").set("key", kKey).set("value", kValue).run().done());
  EXPECT_EQ(TaskRun("puts_large").set("key", kKey + 1).set("value", 1).run().error.code, "too_large");
  EXPECT_EQ(TaskRun("puts_large").set("key", 1).set("value", kValue + 1).run().error.code, "too_large");
}

TEST(Context, HasNoBlobsYet) {
  const Ran ran = TaskRun("puts_blob").run();
  EXPECT_EQ(ran.get<int32_t>("status"), PIRN_E_UNSUPPORTED);
  EXPECT_EQ(ran.get<uint64_t>("blob"), 0u);
}

TEST(Context, HandsOutSecrets) {
  EXPECT_EQ(TaskRun("keeps_secret").secret("token", "12345").run().get<int>("length"), 5);
  EXPECT_EQ(TaskRun("keeps_secret").run().error.code, "missing_key");
}

TEST(Outcome, FailureCarriesCodeClassAndDetails) {
  Ran ran = TaskRun("fails").run();
  ASSERT_TRUE(ran.failed());
  EXPECT_EQ(ran.error.code, "no_disk");
  EXPECT_EQ(ran.error.message, "the disk is full");
  EXPECT_EQ(ran.error.error_class, pirn::transient);
  EXPECT_EQ(ran.error.details.to_json(), "[28]");
}

TEST(Outcome, WhatAHostWouldRepairIsRepairedAndSaid) {
  Ran ran = TaskRun("fails_badly").params({{"code", "HTTP 500"}}).run();
  ASSERT_TRUE(ran.failed());
  EXPECT_EQ(ran.error.code, "http_500");
  EXPECT_EQ(ran.error.error_class, pirn::terminal);
  EXPECT_EQ(ran.error.message, "\xef\xbf\xbd" + std::string(4096 - 3, 'x'));
  EXPECT_EQ(ran.logs.at(0).message, "caf\xef\xbf\xbd");
  EXPECT_EQ(ran.heartbeats.at(0).note, "\xef\xbf\xbd");
  EXPECT_EQ(ran.violations.size(), 4u) << ran.text();
  EXPECT_EQ(TaskRun("fails_badly").params({{"code", ""}}).run().error.code, "failed");
  ran = TaskRun("skips_badly").run();
  EXPECT_TRUE(ran.skipped());
  EXPECT_EQ(ran.reason, "\xef\xbf\xbd");
}

TEST(Outcome, NoExceptionLeavesAFunction) {
  Ran ran = TaskRun("throws").run();
  EXPECT_EQ(ran.error.code, "exception");
  EXPECT_EQ(ran.error.message, "went wrong");
  EXPECT_EQ(ran.error.error_class, pirn::retryable);

  ran = TaskRun("throws_error").run();
  EXPECT_EQ(ran.error.code, "quota");
  EXPECT_EQ(ran.error.error_class, pirn::terminal);
  EXPECT_TRUE(ran.delta.empty());

  ran = TaskRun("throws_int").run();
  EXPECT_EQ(ran.error.code, "exception");
}

TEST(Outcome, AnExceptionKeepsItsCauses) {
  Ran ran = TaskRun("throws_nested").run();
  EXPECT_EQ(ran.error.code, "exception");
  EXPECT_EQ(ran.error.message, "charge failed");
  EXPECT_EQ(
      ran.error.details.to_json(),
      R"({"causes":[{"code":"bank_down","message":"no answer","class":"transient","details":503},{"message":"connection reset"}]})");

  ran = TaskRun("throws_caused").run();
  EXPECT_EQ(ran.error.code, "charge_failed");
  EXPECT_EQ(ran.error.details.to_json(),
            R"({"card":7,"causes":[{"code":"bank_down","message":"no answer","class":"retryable"}]})");

  ran = TaskRun("throws_list").run();
  EXPECT_EQ(ran.error.details.to_json(), "[1,2]") << "details that are no object stay as they are";

  ran = TaskRun("throws_deep").run();
  EXPECT_EQ(ran.error.code, "level_20");
  EXPECT_EQ(ran.error.details.to_json().find("level_11"), std::string::npos) << "8 causes at most";
  EXPECT_NE(ran.error.details.to_json().find("level_12"), std::string::npos);
}

TEST(Outcome, SnoozeAwaitExpand) {
  Ran ran = TaskRun("snoozes").run();
  EXPECT_TRUE(ran.snoozed());
  EXPECT_EQ(ran.duration.ms(), 250);

  ran = TaskRun("awaits").run();
  EXPECT_TRUE(ran.awaiting());
  EXPECT_EQ(ran.await.to_json(),
            R"({"notify":"ops","approvers":["ada","bob"],"timeout":"2d","on_timeout":"give_up"})");

  ran = TaskRun("expands").run();
  ASSERT_TRUE(ran.expanded()) << ran.text();
  EXPECT_EQ(ran.get<int>("count"), 2);
  ASSERT_EQ(ran.children.size(), 2u);
  EXPECT_EQ(ran.children[0].name, "resize_1");
  EXPECT_EQ(ran.children[0].task, "resize");
  EXPECT_EQ(ran.children[0].params.to_json(), R"({"file":"a.png"})");
  EXPECT_EQ(ran.children[0].options, R"({"timeout":"10s","max_retries":2})");
}

TEST(Outcome, WholeResults) {
  Ran ran = TaskRun("answers_list").run();
  ASSERT_TRUE(ran.result);
  EXPECT_EQ(ran.result->to_json(), R"(["a","b"])");
  ran = TaskRun("answers_object").run();
  EXPECT_FALSE(ran.result);
  EXPECT_EQ(ran.get<int>("a"), 1);
}

TEST(Signals, AreWhatTheTestRaises) {
  EXPECT_EQ(TaskRun("looks").run().text(), "done cancelled=false deadline_near=false draining=false");
  EXPECT_EQ(TaskRun("looks").signals(PIRN_SIG_DRAIN).signals(PIRN_SIG_DEADLINE).run().text(),
            "done cancelled=false deadline_near=true draining=true");
  EXPECT_EQ(TaskRun("looks").cancelled().run().text(),
            "done cancelled=true deadline_near=false draining=false");
}

TEST(Signals, CancellationReachesTheHeartbeat) {
  Ran ran = TaskRun("works").run();
  EXPECT_TRUE(ran.done());
  EXPECT_EQ(ran.heartbeats.size(), 10u);

  ran = TaskRun("works").cancelled_at_heartbeat(3).run();
  ASSERT_TRUE(ran.was_cancelled()) << ran.text();
  EXPECT_EQ(ran.reason, "asked to");
  EXPECT_EQ(ran.get<int>("parts"), 3);
  ASSERT_EQ(ran.heartbeats.size(), 4u);
  EXPECT_DOUBLE_EQ(ran.heartbeats[3].progress, 0.3);
  EXPECT_EQ(ran.heartbeats[3].note, "part 3");
}

TEST(Signals, LogsStreamsAndEvents) {
  Ran ran = TaskRun("speaks").run();
  ASSERT_EQ(ran.logs.size(), 2u);
  EXPECT_EQ(ran.logs[0].level, pirn::Level::info);
  EXPECT_EQ(ran.logs[1].message, "two");
  EXPECT_EQ(ran.streamed, "chunk");
  ASSERT_EQ(ran.events.size(), 1u);
  EXPECT_EQ(ran.events[0].scope, "orders");
  EXPECT_EQ(ran.events[0].metadata.to_json(), R"({"rows":3})");
}

TEST(Sources, BoundArgumentsComeFromTheParameters) {
  pirn::Value args(pirn::json::array({"s3", 3, true}));
  EXPECT_EQ(TaskRun("upload_s3").param("args", args).run().get<std::string>("uploaded"), "s3/3/fast");
  EXPECT_EQ(TaskRun("upload_s3").param("args", pirn::Value(pirn::json::array({"s3"}))).run().error.code,
            "wrong_arguments");
  EXPECT_EQ(TaskRun("upload_s3").param("args", pirn::Value(pirn::json::array({3, 3, true}))).run().error.code,
            "wrong_type");
}

TEST(Sources, ClassesAreMadeAnewForEachCallAndRollBack) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(TaskRun("resize").set("file", "a").run().get<int>("calls"), 1);
  Ran ran = TaskRun("resize_rollback")
                .input({{"result", pirn::json::object({{"file", "a.png"}})},
                        {"error", pirn::json::object({{"code", "late"}})}})
                .run();
  EXPECT_TRUE(ran.done()) << ran.text();
  EXPECT_TRUE(ran.logged("undo a.png because of late"));
}

TEST(Sources, LambdasThatAnswerNothingAreDone) { EXPECT_TRUE(TaskRun("quiet").run().get<bool>("quiet")); }

TEST(Sources, BodiesSeeTheAuthorsNames) { EXPECT_EQ(TaskRun("names").run().get<int>("sum"), 3); }

TEST(Kinds, ATaskMayServeAsARollback) {
  Ran ran = TaskRun("read_int").set("n", 1).as(PIRN_KIND_ROLLBACK).run();
  EXPECT_TRUE(ran.done()) << ran.text();
  EXPECT_TRUE(ran.violations.empty()) << ran.text();
}

TEST(Kinds, ConditionsDurationsAndBackoffs) {
  EXPECT_TRUE(TaskRun("is_large").set("n", 101).run().truth);
  EXPECT_FALSE(TaskRun("is_large").set("n", 100).run().truth);
  EXPECT_TRUE(TaskRun("badly_typed").set("n", 100).run().failed());
  EXPECT_EQ(TaskRun("by_size").set("n", 101).run().duration.text(), "30m");
  EXPECT_TRUE(TaskRun("by_size").set("n", 1).run().duration.infinite());
  Ran ran =
      TaskRun("patient")
          .input({{"attempt", 2}, {"base_delay_ms", 50}, {"error", pirn::json::object({{"code", "busy"}})}})
          .run();
  EXPECT_EQ(ran.duration.ms(), 1000);
  ran = TaskRun("patient").input({{"attempt", 1}, {"base_delay_ms", -500}}).run();
  EXPECT_EQ(ran.duration, pirn::Duration()) << "the ABI has no negative durations: not an endless one";
}

TEST(Kinds, HooksAndHandlersReadTheirInput) {
  Ran ran =
      TaskRun("note")
          .input({{"event", "on_finish"}, {"step", "fetch"}, {"state", "completed"}, {"duration_ms", 1500}})
          .run();
  EXPECT_TRUE(ran.logged("on_finish fetch completed 1s500ms")) << ran.logs.at(0).message;
  ran = TaskRun("give_up").input({{"event", "on_cancel"}, {"reason", "too late"}}).run();
  EXPECT_EQ(ran.error.message, "too late");
}

TEST(TaskRunTest, NamesTheFunctionThatIsMissing) {
  try {
    TaskRun run("nope");
    FAIL();
  } catch (const pirn::Error& e) {
    EXPECT_EQ(e.code(), "no_function");
    EXPECT_NE(e.message().find("nope"), std::string::npos);
  }
}

// ---- the descriptor

TEST(Descriptor, IsPureStaticAndNewestFirst) {
  const pirn_plugin* plugin = pirn_plugin_v1(0);
  ASSERT_NE(plugin, nullptr);
  EXPECT_EQ(plugin, pirn_plugin_v1(7));
  EXPECT_EQ(plugin->size, sizeof(pirn_plugin));
  EXPECT_EQ(plugin->flags, 0u);
  EXPECT_EQ(plugin->abi_major, PIRN_ABI_MAJOR);
  EXPECT_STREQ(plugin->id, "under-test");
  EXPECT_STREQ(plugin->version, "1.2.3");
  EXPECT_STREQ(plugin->sdk, "pirn-cpp/" PIRN_SDK_VERSION);
  EXPECT_EQ(plugin->migrate, nullptr);
  for (uint32_t i = 0; i < plugin->n_functions; ++i) {
    EXPECT_EQ(plugin->functions[i]->size, sizeof(pirn_function));
    for (uint32_t k = 0; k < i; ++k) EXPECT_STRNE(plugin->functions[i]->id, plugin->functions[k]->id);
  }
}

TEST(Descriptor, DefinitionIsMadeOnceAndNamesEachStep) {
  const pirn_plugin* plugin = pirn_plugin_v1(0);
  const char* error = nullptr;
  const char* text = plugin->definition(&error);
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text, plugin->definition(&error));
  auto steps = pirn::json::View(text)["workflows"].items().at(0)["steps"].items();
  EXPECT_EQ(steps.size(), 30u);
  EXPECT_EQ(steps[0]["at"].as<std::string>().find("tests/sdk/package_under_test.cc:"), 0u) << steps[0].text();
}

TEST(Descriptor, OnLoadRunsAtInitAndNotBefore) {
  EXPECT_FALSE(g_loaded);
  const pirn_plugin* plugin = pirn_plugin_v1(0);
  ASSERT_NE(plugin->init, nullptr);
  pirn_state* state = nullptr;
  EXPECT_EQ(plugin->init(nullptr, &state), PIRN_OK);
  EXPECT_TRUE(g_loaded);
  plugin->deinit(state);
}

// ---- JSON

TEST(Json, WritesWhatItReads) {
  pirn::json::View view(
      R"( { "a" : [ 1 , -2.5e3 , "x\u00e9\ud83d\ude00\"\\" , true , null ] , "b" : { } } )");
  EXPECT_EQ(view.size(), 2u);
  auto list = view["a"].items();
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0].as<int>(), 1);
  EXPECT_EQ(list[1].as<double>(), -2500.0);
  EXPECT_EQ(list[2].as<std::string>(), "xé😀\"\\");
  EXPECT_TRUE(list[3].as<bool>());
  EXPECT_FALSE(list[4].as<std::optional<int>>());
  EXPECT_TRUE(view["b"].is_object());
  EXPECT_TRUE(view["none"]["deeper"].is_null());
  EXPECT_EQ(view.get_or<int>("none", 4), 4);
  EXPECT_THROW(view.get<int>("none"), pirn::Error);
}

// A number that does not fit must not become 0.
TEST(Json, NumbersBeyond64Bits) {
  using pirn::json::View;
  const View large("9223372036854775808"), largest("9223372036854775807"), huge("1e999");
  EXPECT_EQ(largest.as<int64_t>(), INT64_MAX);
  EXPECT_EQ(large.as<double>(), 9223372036854775808.0);
  EXPECT_EQ(pirn::Value(large).type(), PIRN_T_F64);
  EXPECT_EQ(pirn::Value(largest).type(), PIRN_T_I64);
  for (const auto& read : std::initializer_list<std::function<void()>>{
           [&] { (void)large.as<int64_t>(); }, [&] { (void)huge.as<double>(); }, [&] { pirn::Value{huge}; }})
    try {
      read();
      ADD_FAILURE() << "the number was read";
    } catch (const pirn::Error& e) {
      EXPECT_EQ(e.code(), "wrong_type");
    }
}

TEST(Json, RefusesWhatIsNoDocument) {
  for (const char* text :
       {"", " ", "{", "[1,", "{\"a\"}", "{\"a\":}", "\"open", "[1]]", "{a:1}", "[1 2]", "\"\\"})
    EXPECT_THROW(pirn::json::raw(text), pirn::Error) << text;
  EXPECT_THROW(pirn::json::raw(std::string(100'000, '[')), pirn::Error);
}

TEST(Json, RefusesEveryPrefixOfADocument) {
  const std::string whole = R"({"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\"\\",true,null],"b":{"c":{}}})";
  pirn::json::raw(whole);
  for (size_t n = 0; n < whole.size(); ++n) {
    std::vector<char> exact(whole.begin(),
                            whole.begin() + static_cast<std::ptrdiff_t>(n));  // nothing readable behind
    EXPECT_THROW(pirn::json::View(std::string_view(exact.data(), n)), pirn::Error) << whole.substr(0, n);
  }
  for (const char* text : {R"("\u12")", R"("\ud83d\u")", R"("\ud83dx")"}) try {
      (void)pirn::json::View(text).as<std::string>();
    } catch (const pirn::Error& e) {
      EXPECT_EQ(e.code(), "invalid_json");
    }
}

TEST(Json, NumbersKeepTheirKind) {
  pirn::Fields fields{{"i", 1}, {"d", 1.0}, {"e", 1e300}, {"m", INT64_MIN}, {"t", 0.1}};
  EXPECT_EQ(fields.to_json(), R"({"i":1,"d":1.0,"e":1e+300,"m":-9223372036854775808,"t":0.1})");
  EXPECT_THROW(pirn::Fields({{"x", 1.0 / 0.0}}).to_json(), pirn::Error);
  EXPECT_THROW(pirn::Value(UINT64_MAX), pirn::Error);
}

}  // namespace
