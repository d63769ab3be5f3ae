// Options of steps, workflows and packages. Their names and meaning are those of the keys in
// docs/reference/definition.md; rule numbers such as R18 refer to docs/semantics.md.
//
// Write options as designated initialisers, in the order in which the members are declared here:
//
//   PIRN_STEP(load, {.after = {"fetch"}, .timeout = 30_s, .max_retries = 5})
//
// A member that is not set is not printed, so the default of the definition language applies; for an option
// of a step that is the workflow's `step_defaults` first. The comments below name these defaults. `pirn pack`
// checks values that the compiler cannot check, and reports file, line and a suggestion. A value out of the
// range that a comment names is such an error: nothing is clamped. Durations are longer than 0 and finite
// unless the comment says otherwise, and labels, descriptions and tags are text in UTF-8.
//
// All types here are values: they own their data, and any thread may use its own copies. Constructors throw
// nothing but std::bad_alloc, and pirn::Error invalid_value where a Value cannot become JSON (value.hpp).
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

// In each enum, `unset` means that the option is not given.

// What a step's failure means when its retries and its fallback are used up (R2). Default: fail.
enum class on_error : uint8_t {
  unset,
  fail,        // the step has failed, and `failure_mode` decides
  skip,        // the step counts as skipped; dependent steps run (R5)
  keep_going,  // the failure is tolerated; dependent steps run (R6). "continue" in the definition
};

// What the first failed step means for its workflow (R2). Default: fail_fast.
enum class failure_mode : uint8_t {
  unset,
  fail_fast,   // the workflow stops
  keep_going,  // steps that do not depend on the failed one still run. "continue" in the definition
};

// How the delay before a retry is randomised (R19). Default: none.
enum class jitter : uint8_t {
  unset,
  none,
  additive,   // up to 10 % longer
  symmetric,  // up to 10 % longer or shorter
  full,       // up to retry_delay longer
};

// When a failed workflow rolls back its completed steps (R26). Default: automatic.
enum class compensate : uint8_t {
  unset,
  automatic,  // under failure_mode::fail_fast only. "auto" in the definition
  always,
  never,
};

// Which of the fires that a host missed while it was down are caught up on (R36). Default: once.
enum class misfire : uint8_t {
  unset,
  once,  // the last one
  skip,  // none that is more than a minute late
  all,   // each of the newest 100,000, in order; with max_running they wait for room, at most 1,000
};

// Which ready steps start (R44). The outcomes do not depend on it. Default: parallel.
enum class strategy : uint8_t {
  unset,
  parallel,    // every ready step
  sequential,  // one step at a time, in canonical order
  hybrid,      // no step of a level while one of a lower level is open
};

// Which of the ready steps of equal priority starts first (R60). Default: canonical.
enum class step_order : uint8_t {
  unset,
  canonical,      // in canonical order
  critical_path,  // the step with the longest path to the end; a step counts with its `estimate` or `timeout`
};

// What a RecoveryRule does (R46). Required in every rule.
enum class recover : uint8_t {
  unset,
  retry,     // with the retry options of the rule
  skip,      // the step counts as skipped
  fallback,  // the rule's `fallback` takes the place of the step
  abort,     // the workflow fails, whatever on_error says
  manual,    // the step awaits the decision of a person (R47)
};

// ---- conditions

// Whether a step runs: an expression over the context, such as
//   path("order.total") > 100 && !path("order.test").exists()
// or a function that is declared with PIRN_CONDITION. A function cannot be combined with &&,
// || and !: `pirn pack` rejects that. A step whose condition is false is skipped, and does not satisfy its
// dependent steps (R5).
//
// The condition is evaluated once, when the steps that this one waits for let it pass; retries do not
// evaluate it again (S16). A function that fails, or takes more than 5 s, counts as false. Each && and ||
// adds two levels to the definition, which may have 32: write a function, or `text` with a list, for a long
// chain.
class Condition {
 public:
  // No condition: the step runs.
  Condition() = default;
  // A function that is declared with PIRN_CONDITION.
  template <detail::IsFunction F>
  Condition(F f) : text_(json::object({{"function", ConditionRef(f).text()}}).str()) {}
  // `text`: a condition as JSON, in the form of the definition.
  explicit Condition(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }  // JSON; empty: no condition
  bool empty() const { return text_.empty(); }

  // Both hold; at least one holds; it does not hold. No operand may be empty.
  friend Condition operator&&(const Condition& a, const Condition& b) { return join("all", a, b); }
  friend Condition operator||(const Condition& a, const Condition& b) { return join("any", a, b); }
  friend Condition operator!(const Condition& a) { return Condition("{\"not\":" + a.text_ + "}"); }

 private:
  static Condition join(const char* word, const Condition& a, const Condition& b) {
    return Condition(std::string("{\"") + word + "\":[" + a.text_ + "," + b.text_ + "]}");
  }
  std::string text_;
};

// A place in the context, "key.member.0": a key of the context, then members of objects or positions in
// lists, from 0. Numbers compare by value and strings by bytes. Values of different types are unequal and
// have no order. A missing path equals nothing, is in no list, and every order comparison with it is false.
class path {
 public:
  // `text`: at most 512 bytes. A key that contains a dot cannot be named.
  explicit path(std::string text) : path_(std::move(text)) {}

  // Whether the value at the path equals `v`, which is of any type but bytes, or does not. Of a missing path
  // the latter is true.
  Condition operator==(const Value& v) const { return make("equals", v); }
  Condition operator!=(const Value& v) const { return make("not_equals", v); }
  // How the value at the path is ordered with `v`, a number or text.
  Condition operator<(const Value& v) const { return make("less", v); }
  Condition operator<=(const Value& v) const { return make("less_or_equal", v); }
  Condition operator>(const Value& v) const { return make("greater", v); }
  Condition operator>=(const Value& v) const { return make("greater_or_equal", v); }
  // Whether the value at the path equals one of these; at most 256.
  Condition in(std::initializer_list<Value> values) const { return make("in", json::array(values)); }
  // Whether the path exists (with null, too), or does not.
  Condition exists(bool yes = true) const { return make("exists", yes); }

 private:
  Condition make(const char* word, const Value& value) const {
    return Condition(json::object({{"path", path_}, {word, value}}).str());
  }
  std::string path_;
};

// ---- timeouts, backoff, error patterns

// How long one invocation may take: a duration or pirn::infinity, or a function that is declared with
// PIRN_DURATION. The function is called once, when the step is about to become ready (R20), and has 5 s
// itself. If it fails or answers 0 or less, 5 min hold, or no limit for a nested workflow.
class Timeout {
 public:
  // Not set.
  Timeout() = default;
  // A duration, longer than 0.
  template <class D>
  requires(std::constructible_from<Duration, const D&> && !detail::IsFunction<D>) Timeout(const D& d)
      : text_(Value(Duration(d).text()).to_json()) {}
  // A function that is declared with PIRN_DURATION.
  template <detail::IsFunction F>
  Timeout(F f) : text_(json::object({{"function", FunctionRef<PIRN_KIND_DURATION>(f).text()}}).str()) {}

  const std::string& text() const { return text_; }  // JSON; empty: not set

 private:
  std::string text_;
};

// How the delay grows from retry to retry (R19). d is retry_delay, n the number of failures so far.
namespace backoff {
enum kind : uint8_t {
  fixed,        // d
  linear,       // d * n
  exponential,  // d * 2^(n-1)
};
}

// A kind of backoff, or a function that is declared with PIRN_BACKOFF. Jitter and retry_max_delay apply to
// the delay that it answers (R19); a negative one counts as 0. The function has 5 s; if it fails, the delay
// is fixed. Workflows and rollbacks call no function: their delay is fixed then (R22).
class Backoff {
 public:
  // Not set.
  Backoff() = default;
  // One of the kinds.
  Backoff(backoff::kind kind) {
    constexpr const char* names[] = {"\"fixed\"", "\"linear\"", "\"exponential\""};
    text_ = names[kind];
  }
  // A function that is declared with PIRN_BACKOFF.
  template <detail::IsFunction F>
  Backoff(F f) : text_(json::object({{"function", FunctionRef<PIRN_KIND_BACKOFF>(f).text()}}).str()) {}
  // `text`: a backoff as JSON, in the form of the definition.
  explicit Backoff(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }  // JSON; empty: not set

 private:
  std::string text_;
};

namespace backoff {
// d * multiplier^(n-1), where d and n are those of backoff::kind. `multiplier` is from 1 to 1000.
inline Backoff exponential_by(double multiplier) {
  return Backoff(json::object({{"exponential", multiplier}}).str());
}
// The n-th delay after the n-th failure; the last one repeats. 1 to 256 delays, each of which may be 0.
// retry_delay has no meaning then.
inline Backoff table(std::initializer_list<Duration> delays) {
  std::vector<std::string> texts;
  for (Duration delay : delays) texts.push_back(delay.text());
  return Backoff(json::object({{"table", texts}}).str());
}
}  // namespace backoff

// Matches errors by code, by class, or by code and details, which must be equal then. A code is
// [a-z0-9_.-]{1,64}; another text matches what the host makes of it ("HTTP 500" matches http_500), and `pirn
// pack` warns of it. Details are compared as JSON documents, without the members `causes` and `stacktrace`
// that an exception brings along, unless the pattern has them, too.
class ErrorPattern {
 public:
  // Errors of this code, whatever their class and details. Not NULL.
  ErrorPattern(const char* code) : text_(Value(code).to_json()) {}
  ErrorPattern(std::string code) : text_(Value(std::move(code)).to_json()) {}
  // Errors of exactly this class: pirn::retryable does not match transient errors.
  ErrorPattern(ErrorClass c) : text_(json::object({{"class", detail::name_of(c)}}).str()) {}
  // Errors of this code with these details, which are of any type but bytes.
  ErrorPattern(std::string code, Value details)
      : text_(json::object({{"code", std::move(code)}, {"details", std::move(details)}}).str()) {}

  const std::string& text() const { return text_; }  // JSON

 private:
  std::string text_;
};

// Patterns of which one must match: {"timeout", pirn::transient}. At most 256.
using ErrorPatterns = std::vector<ErrorPattern>;

// ---- fallbacks and recovery

// What takes the place of a step whose retries are used up: a function that is declared with PIRN_FALLBACK or
// PIRN_TASK and is called with the error, fallback::value(), or fallback::skip(). An error of the function
// goes directly to on_error (R46). A step that its fallback completed shows `fallback_used` and the error
// (S9).
class Fallback {
 public:
  // No fallback.
  Fallback() = default;
  // The id of a function, as of FunctionRef.
  Fallback(const char* function) : text_(Value(function).to_json()) {}
  Fallback(std::string function) : text_(Value(std::move(function)).to_json()) {}
  // A function that is declared with PIRN_FALLBACK or PIRN_TASK.
  template <detail::IsFunction F>
  Fallback(F f) : text_(Value(FallbackRef(f).text()).to_json()) {}

  // `text`: a fallback as JSON, in the form of the definition.
  static Fallback of_json(std::string text) {
    Fallback fallback;
    fallback.text_ = std::move(text);
    return fallback;
  }
  const std::string& text() const { return text_; }  // JSON; empty: no fallback

 private:
  std::string text_;
};

namespace fallback {
// The step completes with this result, which is of any type but bytes. It is merged as a result of the step
// is (R10).
inline Fallback value(const Value& value) {
  return Fallback::of_json(json::object({{"value", value}}).str());
}
// The step is skipped; dependent steps run (R5).
inline Fallback skip() { return Fallback::of_json(json::object({{"skip", true}}).str()); }
}  // namespace fallback

// What to do about certain errors. The first rule of the step that matches decides, then the first rule of
// the workflow, and only then the retry policy (R46). At most 64 rules in one list.
struct RecoveryRule {
  // The errors that the rule is for. Default: every error.
  ErrorPatterns on{};
  // A PIRN_CONDITION that is called with the error and must be true as well; it counts as false if it fails
  // or takes more than 5 s. Default: none.
  ConditionRef when{};
  // What to do. Required.
  recover action{};
  // For recover::retry only: as the options of StepOptions, with the same defaults. All failures of the step
  // count, also those that its own policy has retried.
  std::optional<uint32_t> max_retries{};
  std::optional<Duration> retry_delay{};
  Backoff retry_backoff{};
  std::optional<Duration> retry_max_delay{};
  jitter retry_jitter{};
  // For recover::fallback only, where it is required.
  Fallback fallback{};
};

// Rules in the order in which they are tried.
using RecoveryRules = std::vector<RecoveryRule>;

// ---- steps

// Functions that are called on events of steps (R54). They are declared with PIRN_HOOK or PIRN_TASK. A hook
// observes: nothing that it returns, puts or throws changes an outcome (R70). Hooks of a workflow are called
// for each of its steps. pirn::Input says what happened. A hook has 5 s. Default of each: none.
struct Hooks {
  HookRef on_start{};    // before the step's function is called
  HookRef on_success{};  // the step completed
  HookRef on_failure{};  // the step failed, was cancelled, or was skipped because of a failure elsewhere
  HookRef on_skip{};     // the step was skipped for another reason
  HookRef on_finish{};   // after any of the three; once for each step
};

// Options of a circuit breaker (R33). Within a tenant, all steps that name a breaker must give it the same
// options: `pirn pack` checks this within a package, and a deployment between packages. Counts are from 1 to
// 1,000,000.
struct CircuitBreaker {
  // Failures in a row that open the breaker. Default: 5.
  std::optional<uint32_t> failure_threshold{};
  // Successful trials that close it again. Default: 2.
  std::optional<uint32_t> success_threshold{};
  // Trials that may run at the same time while it is half open. Default: 3.
  std::optional<uint32_t> half_open_limit{};
  // How long it stays open before it lets trials through, in engine time (R72). Default: 30 s.
  std::optional<Duration> reset_timeout{};
};

// Options of one step. Of a child of a graft, child() of print.hpp says which are allowed.
struct StepOptions {
  // The name of the step, [a-z0-9][a-z0-9_-]{0,62}; once in a workflow. Default: the C++ identifier. The
  // builder takes the name as an argument and ignores this option.
  std::string name{};
  // What people see instead of the name, at most 256 bytes, and what it is for, at most 16 KiB. No outcome
  // depends on label, description and metadata. Default: empty.
  std::string label{};
  std::string description{};
  // The function to call, if it is another one than the step's own (PIRN_TASK). For PIRN_STEP and its like
  // only: the builder takes the function as an argument and ignores this option.
  TaskRef task{};
  // A workflow that runs in place of a function, "workflow" or "package::workflow" (R32). Write PIRN_NESTED
  // or the builder's nested() instead. Excludes task, graft, rollback and resources.
  std::string workflow{};
  // Of a nested workflow only: a PIRN_INPUT whose puts are laid over the input (R32). It has 5 s. The input
  // is the step's context, with its params laid over it. Default: nothing more.
  InputRef input{};
  // Of a nested workflow only: a PIRN_RESULT that turns its end into the step's result. Default: the keys
  // that its steps wrote.
  ResultRef result{};
  // Steps that this step waits for: all of them. If one fails for good, this step is skipped (R1). Default:
  // none.
  StepRefs after{};
  // Steps of which the first that completes starts this one; the others continue (R7). Default: none.
  StepRefs after_any{};
  // The group that the step belongs to, a name. Default: none.
  std::string group{};
  // A group of which this step is not a member: the step waits for all of its members. Default: none.
  std::string after_group{};
  // The step may return pirn::expand() (R12). Default: false.
  bool graft = false;
  // Grafts for which the step waits, with all of their children. Default: none.
  StepRefs after_graft{};
  // Whether the step runs at all, once the steps that it waits for allow it. Default: it does.
  Condition when{};
  // How long one invocation may take; then it fails with `timeout`, which is retried (R20). A duration longer
  // than 0, pirn::infinity, or a PIRN_DURATION. Default: 5 min. A nested workflow has no timeout unless the
  // step itself sets one.
  Timeout timeout{};
  // Retries after the first failure, 0 to 1,000,000 (R18). Default: 3.
  std::optional<uint32_t> max_retries{};
  // The delay that retry_backoff starts with; may be 0. Engine time (R72). Default: 1 s.
  std::optional<Duration> retry_delay{};
  // How the delay grows. Default: exponential, by 2.
  Backoff retry_backoff{};
  // No delay is longer than this, jitter included; pirn::infinity: no limit. Default: no limit.
  std::optional<Duration> retry_max_delay{};
  // How delays are randomised. Default: not at all.
  jitter retry_jitter{};
  // The errors that are retried. Default: all but those of class terminal, `await_timeout` and
  // `nested_workflow_cancelled` (R15, R32). Class terminal is never retried.
  ErrorPatterns retry_on{};
  // Errors that are not retried, even if retry_on matches them. Default: none.
  ErrorPatterns no_retry_on{};
  // What the failure means when there is no further retry and no fallback. Default: fail.
  pirn::on_error on_error{};
  // A PIRN_ROLLBACK or PIRN_TASK that undoes the step when the workflow is compensated (R24). It has the
  // step's timeout, and is retried by the step's retry policy (R25). Default: none.
  RollbackRef rollback{};
  // What takes the place of the step when its retries are used up, before on_error applies. Default: nothing.
  Fallback fallback{};
  // Rules that decide about errors before the retry policy does (R46). At most 64. Default: none.
  RecoveryRules recovery{};
  // True: a person is expected to answer. Shown in diagrams; also gives the await the step's timeout, if one
  // is set (R15, R16). Default: false.
  std::optional<bool> await_approval{};
  // A PIRN_HANDLER or PIRN_TASK that is called when an await has timed out; its answer is the step's (R15).
  // AwaitOptions::on_timeout takes precedence. Default: the step fails with `await_timeout`.
  HandlerRef on_timeout{};
  // False: when the workflow stops, the step gets no cancel signal and may run until its timeout (R27).
  // Default: true.
  std::optional<bool> cancellable{};
  // The key of the context under which the whole result is stored; at most 256 bytes, and not beginning with
  // "__". Default: a map is merged key by key, and any other result can only be read with Context::result()
  // (R10).
  std::string context_key{};
  // The name of a circuit breaker, which steps of the tenant share (R33), and its options, which are allowed
  // only with a name. Default: none.
  std::string circuit_breaker{};
  std::optional<CircuitBreaker> circuit_breaker_opts{};
  // How often the step may snooze, 0 to 1,000,000; then it fails with `max_snoozes_exceeded` (R17). Default:
  // no limit.
  std::optional<uint32_t> max_snoozes{};
  // How often the step may crash its process, 0 to 1,000,000; then it fails with `crashed` (S17). Default: 3.
  std::optional<uint32_t> max_crashes{};
  // -1,000,000 to 1,000,000. Of the ready steps, those with the higher priority start first (R60). Default:
  // 0.
  std::optional<int32_t> priority{};
  // What the step takes from the host's pool while it runs (R48): {{"cpu", 1.5}, {"memory", 512}, {"gpu", 1}}
  // in cores, MiB and whole devices, or another name that the host is configured with. At most 32 names.
  // Amounts are above 0 and at most 10^12; of "gpu" at most 1024. The step waits for all of them and takes
  // all at once. A workflow that requests more than the host has cannot be deployed there. Default: nothing.
  Fields resources{};
  // How long the step usually takes; used for plans and for step_order::critical_path. Default: unknown.
  std::optional<Duration> estimate{};
  // What the function reads with Context::param(). call<f>(arguments…) adds the key `args`. Default: none.
  Fields params{};
  // An object for people and tools, which Pirn stores and shows. Default: empty.
  Fields metadata{};
  // Hooks of this step, in addition to those of the workflow. Default: none.
  Hooks hooks{};
};

// ---- workflows

// Options that all steps of a workflow have unless they set them themselves. The members mean what they mean
// in StepOptions, with the same ranges; the comments name what holds if neither sets them. An option that a
// step sets replaces the default as a whole, lists included; hooks and circuit_breaker_opts do so member by
// member. Children of grafts do not inherit them. Steps that run another workflow inherit neither `timeout`
// nor `resources`.
struct StepDefaults {
  Timeout timeout{};                          // of one invocation; 5 min
  std::optional<uint32_t> max_retries{};      // 3
  std::optional<Duration> retry_delay{};      // 1 s
  Backoff retry_backoff{};                    // exponential, by 2
  std::optional<Duration> retry_max_delay{};  // no limit
  jitter retry_jitter{};                      // none
  ErrorPatterns retry_on{};                   // all errors but those of class terminal
  ErrorPatterns no_retry_on{};                // none
  pirn::on_error on_error{};                  // fail
  Fallback fallback{};                        // none
  RecoveryRules recovery{};                   // none
  HandlerRef on_timeout{};                    // none
  std::optional<bool> cancellable{};          // true
  std::string circuit_breaker{};              // none
  std::optional<CircuitBreaker> circuit_breaker_opts{};
  std::optional<uint32_t> max_snoozes{};  // no limit
  std::optional<uint32_t> max_crashes{};  // 3
  std::optional<int32_t> priority{};      // 0
  Fields resources{};                     // none
  std::optional<Duration> estimate{};     // unknown
  Hooks hooks{};                          // none
};

// When a workflow starts without a request (R35 to R38). Set exactly one of cron, every, at and in. Instants
// are RFC 3339 texts, such as "2026-12-24T18:00:00Z". Each fire starts exactly one execution (R36), whose
// input is {"__scheduled_at__": instant, "__trigger__": {"type", "scheduled_at"}}.
struct Schedule {
  // Cron expressions of five fields, or macros such as "@daily"; each of them fires (R35). At most 64.
  std::vector<std::string> cron{};
  // A grid of this width from start_at, which is its first point, or from the deployment, which is not: the
  // first point is one step later (R37).
  std::optional<Duration> every{};
  // One instant (R38). If it has passed at the deployment, it is due at once.
  std::string at{};
  // Once, this long after the deployment. Counts engine time (R72); the others follow the wall clock.
  std::optional<Duration> in{};
  // Bounds for cron and every only, both inclusive; end_at is not before start_at. Default: none.
  std::string start_at{};
  std::string end_at{};
  // The IANA time zone of cron, such as "Europe/Berlin"; for cron only. Default: UTC.
  std::string timezone{};
  // What to do about fires that the host missed. Default: once.
  pirn::misfire misfire{};
};

// Options of one workflow.
struct WorkflowOptions {
  // The name of the workflow, [a-z0-9][a-z0-9_-]{0,62}; once in a package, which has at most 256. Default:
  // the C++ identifier. pirn::workflow() takes the name as an argument and ignores this option.
  std::string name{};
  // What people see instead of the name, at most 256 bytes, and what it is for, at most 16 KiB. No outcome
  // depends on label, description, tags and metadata. Default: empty.
  std::string label{};
  std::string description{};
  // A number for people, from 1. Default: 1.
  std::optional<uint32_t> version{};
  // From the first start to the end, with all attempts, waits and pauses, in engine time (R72); then the
  // workflow fails with `workflow_timeout`, which is not retried (R21). May be pirn::infinity. Default: none.
  std::optional<Duration> timeout{};
  // What the first failed step means (R2). Default: fail_fast.
  pirn::failure_mode failure_mode{};
  // Which ready steps start (R44). Default: parallel.
  pirn::strategy strategy{};
  // Which of the ready steps of equal priority starts first (R60). Default: canonical.
  step_order order{};
  // How many steps of one execution may run at the same time, 0 to 1,000,000 (R62). 0: no limit. Default: 0.
  std::optional<uint32_t> step_concurrency{};
  // How many executions may have begun and not ended before fires of the schedule are skipped, 0 to 1,000,000
  // (R40). Starts by people, events and backfills are never skipped. 0: no limit. Default: 0.
  std::optional<uint32_t> max_running{};
  // Further attempts of the whole workflow after a failure, 0 to 1,000,000 (R22). Default: 0.
  std::optional<uint32_t> max_retries{};
  // The delay that retry_backoff starts with; may be 0. Default: 5 s.
  std::optional<Duration> retry_delay{};
  // The other options of these retries mean what they mean in StepOptions and have the same defaults. A
  // backoff function is not called: the delay is fixed then.
  Backoff retry_backoff{};
  std::optional<Duration> retry_max_delay{};
  jitter retry_jitter{};
  ErrorPatterns retry_on{};
  ErrorPatterns no_retry_on{};
  // When completed steps are rolled back after a failure (R26). Default: automatic.
  pirn::compensate compensate{};
  // Handlers (PIRN_HANDLER or PIRN_TASK), which have 5 min. They cannot change the outcome. The first three
  // are called before the end is recorded, after the last rollback (R64). Default of each: none.
  HandlerRef on_success{};     // the workflow completed
  HandlerRef on_failure{};     // the workflow failed, in its last attempt
  HandlerRef on_cancel{};      // the workflow was cancelled, with cleanup (R30)
  HandlerRef on_step_error{};  // after each failed invocation of a step; nothing waits for it (R23)
  // Recovery rules for all steps, tried after those of the step (R46). At most 64. Default: none.
  RecoveryRules recovery{};
  // True: an execution that fails for good leaves a dead letter (R34). Default: false.
  std::optional<bool> dead_letter{};
  // How long a dead letter is kept, in engine time (R72), also while the host is down; pirn::infinity: until
  // it is retried or discarded. Allowed only with dead_letter. Default: 30 days.
  std::optional<Duration> dead_letter_ttl{};
  // When the workflow starts without a request. Default: never.
  std::optional<Schedule> schedule{};
  // Names of events, each of which starts the workflow (R39): at most 64, of 1 to 256 bytes of visible text
  // without space at either end. Default: none.
  std::vector<std::string> on_event{};
  // Words to list workflows by; the same limits. Default: none.
  std::vector<std::string> tags{};
  // An object for people and tools, which Pirn stores and shows. Default: empty.
  Fields metadata{};
  // Hooks for every step of the workflow. Default: none.
  Hooks hooks{};
  // Defaults of its steps.
  StepDefaults step_defaults{};
};

// What people may want to know of a package. Text of at most 256 bytes, the description of at most 16 KiB. No
// outcome depends on it. Default of each: empty.
struct PackageOptions {
  std::string description{};
  std::string author{};
  std::string licence{};  // an SPDX identifier, such as "Apache-2.0"
};

}  // namespace pirn::inline sdk
