#include "host/engine/retry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace pirn::engine {
namespace {

using definition::Backoff;
using definition::ErrorPattern;
using definition::Jitter;
using definition::RetryPolicy;
using journal::ErrorClass;
using journal::StepError;

constexpr int64_t kSecond = 1'000'000'000;

RetryPolicy policy(Backoff::Kind kind, int64_t delay = kSecond) {
  RetryPolicy out;
  out.backoff.kind = kind;
  out.delay_ns = delay;
  return out;
}
StepError error(std::string code, ErrorClass error_class = ErrorClass::retryable, std::string details = "") {
  return {std::move(code), "words", error_class, std::move(details)};
}

TEST(Retry, RawDelaysOfR19) {
  for (uint32_t n = 1; n <= 8; ++n) {
    EXPECT_EQ(raw_delay(policy(Backoff::Kind::fixed), n), kSecond);
    EXPECT_EQ(raw_delay(policy(Backoff::Kind::linear), n), kSecond * n);
    EXPECT_EQ(raw_delay(policy(Backoff::Kind::exponential), n), kSecond << (n - 1))
        << "the exponent is n - 1";
  }
  RetryPolicy threefold = policy(Backoff::Kind::exponential);
  threefold.backoff.multiplier = 3;
  EXPECT_EQ(raw_delay(threefold, 4), 27 * kSecond);
  RetryPolicy table = policy(Backoff::Kind::table);
  table.backoff.table_ns = {1, 20, 300};
  EXPECT_EQ(raw_delay(table, 1), 1);
  EXPECT_EQ(raw_delay(table, 2), 20);
  EXPECT_EQ(raw_delay(table, 3), 300);
  EXPECT_EQ(raw_delay(table, 99), 300) << "the last entry repeats";
}

TEST(Retry, HugeDelaysSaturate) {
  for (const Backoff::Kind kind : {Backoff::Kind::linear, Backoff::Kind::exponential}) {
    const RetryPolicy large = policy(kind, int64_t{1} << 60);
    EXPECT_EQ(raw_delay(large, 1'000'000), definition::kInfinite);
    EXPECT_EQ(raw_delay(large, UINT32_MAX), definition::kInfinite);
    EXPECT_EQ(raw_delay(policy(kind, 0), UINT32_MAX), 0);
  }
  for (const Jitter jitter : {Jitter::none, Jitter::additive, Jitter::symmetric, Jitter::full}) {
    RetryPolicy large = policy(Backoff::Kind::fixed, definition::kInfinite);
    large.jitter = jitter;
    const int64_t delay = jittered_delay(large, definition::kInfinite, {1}, "s", 1);
    EXPECT_GE(delay, definition::kInfinite / 10 * 8);
    large.max_delay_ns = 5;
    EXPECT_EQ(jittered_delay(large, definition::kInfinite, {1}, "s", 1), 5);
  }
}

RC_GTEST_PROP(Retry, RawDelaysNeverShrink, ()) {
  RetryPolicy any = policy(static_cast<Backoff::Kind>(*rc::gen::inRange(0, 3)),
                           *rc::gen::inRange<int64_t>(0, 1'000 * kSecond));
  const auto n = *rc::gen::inRange<uint32_t>(1, 100);
  RC_ASSERT(raw_delay(any, n) <= raw_delay(any, n + 1));
  RC_ASSERT(raw_delay(any, n) >= 0);
  RC_ASSERT(raw_delay(any, 1) == any.delay_ns);
}

RC_GTEST_PROP(Retry, JitterStaysInItsBoundsAndTheCapComesLast, ()) {
  RetryPolicy any = policy(Backoff::Kind::fixed, *rc::gen::inRange<int64_t>(0, 100 * kSecond));
  any.jitter = static_cast<Jitter>(*rc::gen::inRange(0, 4));
  any.max_delay_ns =
      *rc::gen::oneOf(rc::gen::just(definition::kInfinite), rc::gen::inRange<int64_t>(0, 2'000 * kSecond));
  const auto raw = *rc::gen::inRange<int64_t>(0, 1'000 * kSecond);
  const ExecutionId execution{*rc::gen::arbitrary<uint64_t>()};
  const auto failures = *rc::gen::inRange<uint32_t>(1, 50);
  const int64_t delay = jittered_delay(any, raw, execution, "step", failures);
  RC_ASSERT(delay >= 0 && delay <= any.max_delay_ns);
  RC_ASSERT(delay == jittered_delay(any, raw, execution, "step", failures));  // reproducible
  RetryPolicy uncapped = any;
  uncapped.max_delay_ns = definition::kInfinite;
  const int64_t before = jittered_delay(uncapped, raw, execution, "step", failures);
  RC_ASSERT(delay == std::min(before, any.max_delay_ns));
  const int64_t tenth = raw / 10 + 1;
  switch (any.jitter) {
    case Jitter::none:
      RC_ASSERT(before == raw);
      break;
    case Jitter::additive:
      RC_ASSERT(before >= raw && before <= raw + tenth);
      break;
    case Jitter::symmetric:
      RC_ASSERT(before >= raw - tenth && before <= raw + tenth);
      break;
    case Jitter::full:
      RC_ASSERT(before >= raw && before <= raw + any.delay_ns);
      break;
  }
}

TEST(Retry, JitterIsSpreadAndSeededByExecutionStepAndFailure) {
  RetryPolicy full = policy(Backoff::Kind::fixed, 1'000 * kSecond);
  full.jitter = Jitter::full;
  std::set<int64_t> delays;
  int64_t least = INT64_MAX, most = 0;
  for (uint64_t i = 0; i < 1'000; ++i) {
    const int64_t delay = jittered_delay(full, full.delay_ns, {i}, "step", 1) - full.delay_ns;
    delays.insert(delay);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_EQ(delays.size(), 1'000u);
  EXPECT_LT(least, 20 * kSecond);
  EXPECT_GT(most, 980 * kSecond);
  const int64_t one = jittered_delay(full, full.delay_ns, {1}, "step", 1);
  EXPECT_NE(one, jittered_delay(full, full.delay_ns, {1}, "pets", 1));
  EXPECT_NE(one, jittered_delay(full, full.delay_ns, {1}, "step", 2));
  RetryPolicy symmetric = full;
  symmetric.jitter = Jitter::symmetric;
  least = INT64_MAX, most = 0;
  for (uint64_t i = 0; i < 1'000; ++i) {
    const int64_t delay = jittered_delay(symmetric, full.delay_ns, {i}, "step", 1);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_LT(least, 905 * kSecond) << "to both sides";
  EXPECT_GT(most, 1'095 * kSecond);
  // An old journal's retries are reproduced by this version, too.
  EXPECT_EQ(jittered_delay(full, full.delay_ns, {42}, "charge", 3), 1'787'473'838'584);
}

TEST(Retry, RetriesAreCountedAfterTheFirstTry) {
  RetryPolicy two = policy(Backoff::Kind::fixed);
  two.max_retries = 2;
  EXPECT_TRUE(retry_allowed(two, error("e"), 1));
  EXPECT_TRUE(retry_allowed(two, error("e"), 2));
  EXPECT_FALSE(retry_allowed(two, error("e"), 3)) << "N + 1 invocations in all";
  two.max_retries = 0;
  EXPECT_FALSE(retry_allowed(two, error("e"), 1));
}

TEST(Retry, ListsAndClasses) {
  RetryPolicy lists = policy(Backoff::Kind::fixed);
  EXPECT_TRUE(retry_allowed(lists, error("any", ErrorClass::transient), 1))
      << "an empty list means every error";
  EXPECT_FALSE(retry_allowed(lists, error("any", ErrorClass::terminal), 1));
  lists.retry_on = {{"busy", std::nullopt, ""}, {"", definition::ErrorClass::transient, ""}};
  EXPECT_TRUE(retry_allowed(lists, error("busy"), 1));
  EXPECT_FALSE(retry_allowed(lists, error("other"), 1));
  EXPECT_TRUE(retry_allowed(lists, error("other", ErrorClass::transient), 1));
  lists.no_retry_on = {{"busy", std::nullopt, ""}};
  EXPECT_FALSE(retry_allowed(lists, error("busy"), 1)) << "no_retry_on wins";
  lists.retry_on = {{"gone", std::nullopt, ""}};
  EXPECT_FALSE(retry_allowed(lists, error("gone", ErrorClass::terminal), 1)) << "terminal wins over any list";
}

TEST(Retry, APatternIsRepairedAsTheErrorWas) {
  EXPECT_TRUE(matches({"HTTP 500", std::nullopt, ""}, error("http_500")));
  EXPECT_TRUE(matches({std::string(70, 'A'), std::nullopt, ""}, error(std::string(64, 'a'))));
  EXPECT_FALSE(matches({"HTTP 501", std::nullopt, ""}, error("http_500")));
}

TEST(Retry, AllGivenPartsOfAPatternMustAgree) {
  const StepError busy = error("busy", ErrorClass::transient, R"({"host":1})");
  EXPECT_TRUE(matches({"", std::nullopt, ""}, busy));
  EXPECT_TRUE(matches({"busy", std::nullopt, ""}, busy));
  EXPECT_FALSE(matches({"bus", std::nullopt, ""}, busy));
  EXPECT_TRUE(matches({"busy", definition::ErrorClass::transient, R"({"host":1})"}, busy));
  EXPECT_FALSE(matches({"busy", definition::ErrorClass::retryable, ""}, busy));
  EXPECT_FALSE(matches({"busy", std::nullopt, R"({"host":2})"}, busy));
}

// Causes and a stack trace are added to what the author wrote, who matches what he or she wrote.
TEST(Retry, MatchesTheDetailsOfTheAuthor) {
  const auto pattern = [](std::string details) {
    ErrorPattern out;
    out.code = "http";
    out.details = std::move(details);
    return out;
  };
  const auto http = [](std::string details) {
    return error("http", ErrorClass::retryable, std::move(details));
  };
  EXPECT_TRUE(matches(pattern(R"({"status":503})"),
                      http(R"({"causes":[{"message":"reset"}],"stacktrace":["p+0x1"],"status":503})")));
  EXPECT_FALSE(matches(pattern(R"({"status":503})"), http(R"({"stacktrace":["p+0x1"],"status":504})")));
  EXPECT_FALSE(matches(pattern(R"({"status":503})"), http(R"({"stacktrace":["p+0x1"]})")));
  EXPECT_FALSE(matches(pattern("503"), http(R"({"stacktrace":["p+0x1"]})")));
  EXPECT_TRUE(matches(pattern("503"), http("503")));
}

}  // namespace
}  // namespace pirn::engine
