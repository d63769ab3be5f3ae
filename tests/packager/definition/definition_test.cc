#include "packager/definition/definition.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>

namespace pirn::definition {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Definition parsed(std::string_view text) {
  Result<Definition> definition = parse(text, "workflow.json", nullptr);
  EXPECT_TRUE(definition) << (definition ? "" : describe(definition.error()));
  return definition ? *definition : Definition();
}

TEST(Parse, ReadsEveryKeyOfTheLanguage) {
  const Definition definition = parsed(R"({
    "schema": 1,
    "package": {"name": "onboarding", "version": "1.2.3-rc.1+b5", "description": "d", "author": "a", "licence": "l"},
    "workflows": [{
      "name": "user_onboarding", "label": "User onboarding", "description": "w", "version": 4, "at": "src/o.cc:12",
      "timeout": "7d", "failure_mode": "continue", "step_concurrency": 4,
      "tags": ["daily"], "metadata": {"owner": "growth"},
      "hooks": {"on_start": "a", "on_success": "b", "on_failure": "c", "on_skip": "d", "on_finish": "e"},
      "step_defaults": {"timeout": "1m", "max_retries": 1, "on_error": "skip"},
      "steps": [
        {"name": "first"},
        {"name": "second", "task": "work", "label": "L", "description": "D", "at": "src/o.cc:4:7",
         "after": ["third", "first", "first"],
         "when": {"all": [{"path": "order.total", "greater": 100}, {"not": {"path": "x", "in": [1, "a"]}},
                          {"any": [{"path": "y.0", "exists": false}]}]},
         "timeout": 1500, "max_attempts": 6, "retry_delay": "250ms", "retry_backoff": {"table": ["1s", "1h30m"]},
         "retry_max_delay": "5m", "retry_jitter": true,
         "retry_on": ["timeout", {"code": "c", "details": {"b": 1, "a": [2]}}], "no_retry_on": [{"class": "terminal"}],
         "on_error": "continue", "cancellable": false, "context_key": "account",
         "params": {"z": 1.0, "a": "ü"}, "metadata": {"m": null}, "hooks": {"on_skip": "f"}},
        {"name": "third", "when": {"function": "ask"}, "retry_backoff": "linear", "retry_jitter": "full"}
      ]}]})");
  ASSERT_EQ(definition.workflows.size(), 1u);
  EXPECT_EQ(definition.package, "onboarding");
  EXPECT_EQ(definition.version, "1.2.3-rc.1+b5");
  EXPECT_EQ(definition.description + definition.author + definition.licence, "dal");

  const Workflow& workflow = definition.workflows[0];
  EXPECT_EQ(workflow.timeout_ns, 7 * 86400 * kSecond);
  EXPECT_EQ(workflow.failure_mode, FailureMode::keep_going);
  EXPECT_EQ(workflow.step_concurrency, 4u);
  EXPECT_EQ(workflow.version, 4u);
  EXPECT_EQ(workflow.tags, std::vector<std::string>{"daily"});
  EXPECT_EQ(workflow.metadata, R"({"owner":"growth"})");
  EXPECT_EQ(workflow.hooks, (Hooks{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(workflow.where.file, "src/o.cc");
  EXPECT_EQ(workflow.where.line, 12u);

  const Step& first = *workflow.find("first");
  EXPECT_EQ(first.task, "first");
  EXPECT_EQ(first.timeout_ns, 60 * kSecond);
  EXPECT_EQ(first.retry.max_retries, 1u);
  EXPECT_EQ(first.on_error, OnError::skip);
  EXPECT_EQ(first.when.kind, Condition::Kind::always);

  const Step& second = *workflow.find("second");
  EXPECT_EQ(second.task, "work");
  EXPECT_EQ(second.after, (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(second.timeout_ns, 1500 * kSecond / 1000);
  EXPECT_EQ(second.retry.max_retries, 5u);
  EXPECT_EQ(second.retry.delay_ns, kSecond / 4);
  EXPECT_EQ(second.retry.backoff.table_ns, (std::vector<int64_t>{kSecond, 5400 * kSecond}));
  EXPECT_EQ(second.retry.max_delay_ns, 300 * kSecond);
  EXPECT_EQ(second.retry.jitter, Jitter::additive);
  EXPECT_EQ(second.retry.retry_on,
            (std::vector<ErrorPattern>{{"timeout", {}, ""}, {"c", {}, R"({"a":[2],"b":1})"}}));
  EXPECT_EQ(second.retry.no_retry_on, (std::vector<ErrorPattern>{{"", ErrorClass::terminal, ""}}));
  EXPECT_EQ(second.on_error, OnError::keep_going);
  EXPECT_FALSE(second.cancellable);
  EXPECT_EQ(second.context_key, "account");
  EXPECT_EQ(second.params, R"({"a":"ü","z":1.0})");
  EXPECT_EQ(second.hooks.on_skip, "f");
  EXPECT_EQ(second.where.column, 7u);
  EXPECT_EQ(second.when.operands.size(), 3u);
  EXPECT_EQ(second.when.operands[0].value, "100");

  const Step& third = *workflow.find("third");
  EXPECT_EQ(third.when.function, "ask");
  EXPECT_EQ(third.retry.backoff.kind, Backoff::Kind::linear);
  EXPECT_EQ(third.retry.jitter, Jitter::full);
  EXPECT_EQ(workflow.find("fourth"), nullptr);
}

TEST(Parse, TheSmallestDocumentsAreLegal) {
  EXPECT_TRUE(parsed(R"({"schema": 1, "package": {"name": "p", "version": "0.1.0"}})").workflows.empty());
  const Definition empty = parsed(
      R"({"schema": 1, "package": {"name": "p", "version": "0.1.0"}, "workflows": [{"name": "w", "steps": []}]})");
  EXPECT_TRUE(empty.workflows[0].steps.empty());
}

TEST(Digest, IsOfTheMeaningAndNotOfTheWriting) {
  const std::string head =
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w",)";
  const auto digest_of = [&](const std::string& rest) {
    return digest(parsed(head + rest).workflows.at(0)).hex();
  };
  const std::string plain = digest_of(R"("steps":[{"name":"a","task":"t"}]}]})");
  EXPECT_EQ(plain, digest_of(R"("at":"x.cc:3","steps":[{"task":"t","at":"x.cc:1","name":"a"}]}]})"));
  EXPECT_EQ(plain,
            digest_of(R"("steps":[{"name":"a","task":"t","max_attempts":4,"timeout":"5m","after":[]}]}]})"));
  EXPECT_EQ(
      plain,
      digest_of(R"("step_defaults":{"max_retries":7},"steps":[{"name":"a","task":"t","max_retries":3}]}]})"));
  EXPECT_NE(plain, digest_of(R"("steps":[{"name":"a","task":"u"}]}]})"));
  EXPECT_NE(plain, digest_of(R"("step_defaults":{"max_retries":7},"steps":[{"name":"a","task":"t"}]}]})"));
  EXPECT_EQ(parsed(head + R"("steps":[{"name":"a","task":"t"}]}]})").workflows[0].canonical,
            R"({"name":"w","steps":[{"name":"a","task":"t"}]})");
}

TEST(Parse, TenThousandStepsInARowAreFast) {
  std::string text =
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[{"name":"s0"})";
  for (int i = 1; i < 10'000; ++i)
    text += R"(,{"name":"s)" + std::to_string(i) + R"(","task":"t","after":["s)" + std::to_string(i - 1) +
            R"("],"timeout":"30s","max_retries":5,"params":{"region":"eu"}})";
  text += "]}]}";
  const auto start = std::chrono::steady_clock::now();
  const Result<Definition> definition = parse(text, "workflow.json", nullptr);
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(definition) << describe(definition.error());
  EXPECT_EQ(definition->workflows.at(0).steps.size(), 10'000u);
  // 100 ms on an idle machine; the bound only catches work that grows with the square.
  EXPECT_LT(took, std::chrono::seconds(5));
  RecordProperty("milliseconds", static_cast<int>(took / std::chrono::milliseconds(1)));
}

// ---- durations ----

TEST(Duration, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*parse_duration("250ms"), kSecond / 4);
  EXPECT_EQ(*parse_duration("1h30m"), 5400 * kSecond);
  EXPECT_EQ(*parse_duration("7d"), 604'800 * kSecond);
  EXPECT_EQ(*parse_duration("1500"), kSecond * 3 / 2);
  EXPECT_EQ(*parse_duration("0s"), 0);
  EXPECT_EQ(*parse_duration("infinity"), kInfinite);
  EXPECT_EQ(*parse_duration("106751d"), 106'751ll * 86'400 * kSecond);
}

TEST(Duration, RefusesTheRest) {
  for (const char* text :
       {"", "s", "-5s", "+5s", "5 s", "5x", "1m1h", "1s1s", "1h30", "5S", "1.5s", "106752d", "5s ",
        "99999999999999999999s", "9223372036854775807ns", "Infinity", "0d5"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, PrintsTheShortestText) {
  EXPECT_EQ(print_duration(5400 * kSecond), "1h30m");
  EXPECT_EQ(print_duration(0), "0ms");
  EXPECT_EQ(print_duration(kInfinite), "infinity");
  EXPECT_EQ(print_duration(kSecond + 1), "1s1ns");
}

TEST(Duration, ReadsBackWhatItPrints) {
  EXPECT_TRUE(rc::check([](uint64_t bits) {
    const auto ns = static_cast<int64_t>(bits >> (1 + bits % 63));
    RC_ASSERT(*parse_duration(print_duration(ns)) == ns);
  }));
}

TEST(Version, FollowsSemver) {
  for (const char* good :
       {"0.0.0", "1.2.3", "10.20.30", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-0.3.7", "1.0.0-x.7.z.92",
        "1.0.0+20130313", "1.0.0-beta+exp.sha.5114f85", "1.0.0--", "1.0.0+001"})
    EXPECT_TRUE(is_semantic_version(good)) << good;
  for (const char* bad : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-01", "1.2.3+",
                          "v1.2.3", "1.2.3-a..b", "1.2.3 ", "1.2.-3", "9999999999.0.0", "1.2.3-ä"})
    EXPECT_FALSE(is_semantic_version(bad)) << bad;
}

}  // namespace
}  // namespace pirn::definition
