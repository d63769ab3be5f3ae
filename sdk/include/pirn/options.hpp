// Options of steps, workflows and packages, under the names and in the order of docs/reference/definition.md.
// They are written as designated initialisers, {.after = {"a"}, .timeout = 30_s}, in the order in which they
// stand here. What is not set is not printed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pirn/duration.hpp"
#include "pirn/error.hpp"
#include "pirn/name.hpp"
#include "pirn/value.hpp"

namespace pirn::inline sdk {

enum class on_error : uint8_t { unset, fail, skip, keep_going };
enum class failure_mode : uint8_t { unset, fail_fast, keep_going };
enum class jitter : uint8_t { unset, none, additive, symmetric, full };
enum class compensate : uint8_t { unset, automatic, always, never };
enum class misfire : uint8_t { unset, once, skip, all };
enum class strategy : uint8_t { unset, parallel, sequential, hybrid };
// Which of the ready steps of equal priority goes first: in canonical order, or the one with the longest way
// to the end, by what its author says of how long steps take (estimate, or else timeout).
enum class step_order : uint8_t { unset, canonical, critical_path };
enum class recover : uint8_t { unset, retry, skip, fallback, abort, manual };

// ---- conditions as data: path("order.total") > 100 && !path("order.test").exists(); or a function:
// PIRN_CONDITION

class Condition {
 public:
  Condition() = default;
  template <detail::IsFunction F>
  Condition(F f) : text_(json::object({{"function", ConditionRef(f).text()}}).str()) {}
  explicit Condition(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend Condition operator&&(const Condition& a, const Condition& b) { return join("all", a, b); }
  friend Condition operator||(const Condition& a, const Condition& b) { return join("any", a, b); }
  friend Condition operator!(const Condition& a) { return Condition("{\"not\":" + a.text_ + "}"); }

 private:
  static Condition join(const char* word, const Condition& a, const Condition& b) {
    return Condition(std::string("{\"") + word + "\":[" + a.text_ + "," + b.text_ + "]}");
  }
  std::string text_;
};

class path {
 public:
  explicit path(std::string text) : path_(std::move(text)) {}

  Condition operator==(const Value& v) const { return make("equals", v); }
  Condition operator!=(const Value& v) const { return make("not_equals", v); }
  Condition operator<(const Value& v) const { return make("less", v); }
  Condition operator<=(const Value& v) const { return make("less_or_equal", v); }
  Condition operator>(const Value& v) const { return make("greater", v); }
  Condition operator>=(const Value& v) const { return make("greater_or_equal", v); }
  Condition in(std::initializer_list<Value> values) const { return make("in", json::array(values)); }
  Condition exists(bool yes = true) const { return make("exists", yes); }

 private:
  Condition make(const char* word, const Value& value) const {
    return Condition(json::object({{"path", path_}, {word, value}}).str());
  }
  std::string path_;
};

// ---- timeouts, backoff, error patterns

// A duration, or a function that answers one (PIRN_DURATION).
class Timeout {
 public:
  Timeout() = default;
  template <class D>
  requires(std::constructible_from<Duration, const D&> && !detail::IsFunction<D>) Timeout(const D& d)
      : text_(Value(Duration(d).text()).to_json()) {}
  template <detail::IsFunction F>
  Timeout(F f) : text_(json::object({{"function", FunctionRef<PIRN_KIND_DURATION>(f).text()}}).str()) {}

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

namespace backoff {
enum kind : uint8_t { fixed, linear, exponential };
}

class Backoff {
 public:
  Backoff() = default;
  Backoff(backoff::kind kind) {
    constexpr const char* names[] = {"\"fixed\"", "\"linear\"", "\"exponential\""};
    text_ = names[kind];
  }
  template <detail::IsFunction F>
  Backoff(F f) : text_(json::object({{"function", FunctionRef<PIRN_KIND_BACKOFF>(f).text()}}).str()) {}
  explicit Backoff(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

namespace backoff {
inline Backoff exponential_by(double multiplier) {
  return Backoff(json::object({{"exponential", multiplier}}).str());
}
inline Backoff table(std::initializer_list<Duration> delays) {
  std::vector<std::string> texts;
  for (Duration delay : delays) texts.push_back(delay.text());
  return Backoff(json::object({{"table", texts}}).str());
}
}  // namespace backoff

// An error by its code, by its class, or by its code and details.
class ErrorPattern {
 public:
  ErrorPattern(const char* code) : text_(Value(code).to_json()) {}
  ErrorPattern(std::string code) : text_(Value(std::move(code)).to_json()) {}
  ErrorPattern(ErrorClass c) : text_(json::object({{"class", detail::name_of(c)}}).str()) {}
  ErrorPattern(std::string code, Value details)
      : text_(json::object({{"code", std::move(code)}, {"details", std::move(details)}}).str()) {}

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

using ErrorPatterns = std::vector<ErrorPattern>;

// ---- fallbacks and recovery

// What takes the place of a step whose retries are used up: a function (PIRN_FALLBACK, PIRN_TASK), a value,
// or nothing at all.
class Fallback {
 public:
  Fallback() = default;
  Fallback(const char* function) : text_(Value(function).to_json()) {}
  Fallback(std::string function) : text_(Value(std::move(function)).to_json()) {}
  template <detail::IsFunction F>
  Fallback(F f) : text_(Value(FallbackRef(f).text()).to_json()) {}

  static Fallback of_json(std::string text) {
    Fallback fallback;
    fallback.text_ = std::move(text);
    return fallback;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

namespace fallback {
inline Fallback value(const Value& value) {
  return Fallback::of_json(json::object({{"value", value}}).str());
}
inline Fallback skip() { return Fallback::of_json(json::object({{"skip", true}}).str()); }
}  // namespace fallback

// What happens on an error, before the retry policy is asked: the first rule that matches. The retry options
// belong to recover::retry, `fallback` to recover::fallback.
struct RecoveryRule {
  ErrorPatterns on{};   // empty: every error
  ConditionRef when{};  // asked with the error
  recover action{};
  std::optional<uint32_t> max_retries{};
  std::optional<Duration> retry_delay{};
  Backoff retry_backoff{};
  std::optional<Duration> retry_max_delay{};
  jitter retry_jitter{};
  Fallback fallback{};
};

using RecoveryRules = std::vector<RecoveryRule>;

// ---- steps

// They observe and can never change an outcome.
struct Hooks {
  HookRef on_start{}, on_success{}, on_failure{}, on_skip{}, on_finish{};
};

struct CircuitBreaker {
  std::optional<uint32_t> failure_threshold{}, success_threshold{}, half_open_limit{};
  std::optional<Duration> reset_timeout{};
};

struct StepOptions {
  std::string name{};  // the identifier unless given
  std::string label{};
  std::string description{};
  TaskRef task{};
  std::string workflow{};  // a nested workflow in place of a task
  InputRef input{};
  ResultRef result{};
  StepRefs after{};
  StepRefs after_any{};
  std::string group{};
  std::string after_group{};
  bool graft = false;
  StepRefs after_graft{};
  Condition when{};
  Timeout timeout{};
  std::optional<uint32_t> max_retries{};
  std::optional<Duration> retry_delay{};
  Backoff retry_backoff{};
  std::optional<Duration> retry_max_delay{};
  jitter retry_jitter{};
  ErrorPatterns retry_on{};
  ErrorPatterns no_retry_on{};
  pirn::on_error on_error{};
  RollbackRef rollback{};
  Fallback fallback{};
  RecoveryRules recovery{};
  std::optional<bool> await_approval{};
  HandlerRef on_timeout{};
  std::optional<bool> cancellable{};
  std::string context_key{};
  std::string circuit_breaker{};
  std::optional<CircuitBreaker> circuit_breaker_opts{};
  std::optional<uint32_t> max_snoozes{};
  std::optional<uint32_t> max_crashes{};
  std::optional<int32_t> priority{};
  Fields resources{};
  std::optional<Duration> estimate{};
  Fields params{};
  Fields metadata{};
  Hooks hooks{};
};

// ---- workflows

struct StepDefaults {
  Timeout timeout{};
  std::optional<uint32_t> max_retries{};
  std::optional<Duration> retry_delay{};
  Backoff retry_backoff{};
  std::optional<Duration> retry_max_delay{};
  jitter retry_jitter{};
  ErrorPatterns retry_on{};
  ErrorPatterns no_retry_on{};
  pirn::on_error on_error{};
  Fallback fallback{};
  RecoveryRules recovery{};
  HandlerRef on_timeout{};
  std::optional<bool> cancellable{};
  std::string circuit_breaker{};
  std::optional<CircuitBreaker> circuit_breaker_opts{};
  std::optional<uint32_t> max_snoozes{};
  std::optional<uint32_t> max_crashes{};
  std::optional<int32_t> priority{};
  Fields resources{};
  std::optional<Duration> estimate{};
  Hooks hooks{};
};

// Exactly one of cron, every, at and in. `in` counts the time that passes, the others follow the wall clock.
struct Schedule {
  std::vector<std::string> cron{};
  std::optional<Duration> every{};
  std::string at{};
  std::optional<Duration> in{};
  std::string start_at{};
  std::string end_at{};
  std::string timezone{};
  pirn::misfire misfire{};  // `all` with max_running: missed fires wait for room, 1,000 at most
};

struct WorkflowOptions {
  std::string name{};  // the identifier unless given
  std::string label{};
  std::string description{};
  std::optional<uint32_t> version{};
  std::optional<Duration> timeout{};
  pirn::failure_mode failure_mode{};
  pirn::strategy strategy{};
  step_order order{};
  std::optional<uint32_t> step_concurrency{};
  std::optional<uint32_t> max_running{};
  std::optional<uint32_t> max_retries{};
  std::optional<Duration> retry_delay{};
  Backoff retry_backoff{};
  std::optional<Duration> retry_max_delay{};
  jitter retry_jitter{};
  ErrorPatterns retry_on{};
  ErrorPatterns no_retry_on{};
  pirn::compensate compensate{};
  HandlerRef on_success{};
  HandlerRef on_failure{};
  HandlerRef on_cancel{};
  HandlerRef on_step_error{};
  RecoveryRules recovery{};
  std::optional<bool> dead_letter{};
  std::optional<Duration> dead_letter_ttl{};
  std::optional<Schedule> schedule{};
  std::vector<std::string> on_event{};
  std::vector<std::string> tags{};
  Fields metadata{};
  Hooks hooks{};
  StepDefaults step_defaults{};
};

struct PackageOptions {
  std::string description{};
  std::string author{};
  std::string licence{};
};

}  // namespace pirn::inline sdk
