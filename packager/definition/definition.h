// The definition of a package's workflows, as data: what the SDK prints, what a person may write by hand
// (workflow.json) and what the engine plans from. docs/reference/definition.md is its format.
//
// Everything here is pure and immutable after parse(): any thread, no I/O.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/digest/digest.h"
#include "packager/error/error.h"
#include "packager/schedule/timetable.h"

namespace pirn::definition {

inline constexpr uint32_t kSchema = 1;
inline constexpr size_t kMaxWorkflows = 256;
inline constexpr size_t kMaxSteps = 100'000;  // of one workflow
inline constexpr size_t kMaxGroupEdges =
    1'000'000;                            // of one workflow: members times those that wait for them
inline constexpr size_t kMaxNesting = 8;  // workflows within workflows
inline constexpr int64_t kInfinite = std::numeric_limits<int64_t>::max();  // a duration without end
inline constexpr int64_t kUsualTimeout = 300'000'000'000;                  // of a step

// A JSON value in canonical text (sorted keys, no white space). Empty = absent.
using JsonText = std::string;

// What `when` asks. Data is decided inside the commit; a function is a consultation.
struct Condition {
  enum class Kind : uint8_t { always, all, any, negation, compare, exists, in, function };
  enum class Op : uint8_t { equal, not_equal, less, less_or_equal, greater, greater_or_equal };
  Kind kind = Kind::always;
  Op op = Op::equal;
  std::string path;                 // context path "a.b.0.c": compare, exists, in
  JsonText value;                   // compare: a value; in: an array; exists: true or false
  std::string function;             // function id
  std::vector<Condition> operands;  // all, any, negation (one)

  bool operator==(const Condition&) const = default;
};

struct Backoff {
  enum class Kind : uint8_t { fixed, linear, exponential, table, function };
  Kind kind = Kind::exponential;
  double multiplier = 2.0;
  std::vector<int64_t> table_ns;  // the last entry repeats
  std::string function;

  bool operator==(const Backoff&) const = default;
};

enum class Jitter : uint8_t { none, additive, symmetric, full };
enum class ErrorClass : uint8_t { retryable, transient, terminal };

// Matches an error by code, by class, or by code and details (all given parts must agree).
struct ErrorPattern {
  std::string code;
  std::optional<ErrorClass> error_class;
  JsonText details;

  bool operator==(const ErrorPattern&) const = default;
};

struct RetryPolicy {
  uint32_t max_retries = 3;
  int64_t delay_ns = 1'000'000'000;
  Backoff backoff;
  int64_t max_delay_ns = kInfinite;
  Jitter jitter = Jitter::none;
  std::vector<ErrorPattern> retry_on;     // empty: every error
  std::vector<ErrorPattern> no_retry_on;  // wins over retry_on

  bool operator==(const RetryPolicy&) const = default;
};

enum class OnError : uint8_t { fail, skip, keep_going };
enum class FailureMode : uint8_t { fail_fast, keep_going };
enum class Compensate : uint8_t { automatic, always, never };  // automatic: under fail_fast only (R26)
enum class Strategy : uint8_t { parallel, sequential, hybrid };
// Which of the ready steps of equal priority goes first (R60).
enum class Order : uint8_t { canonical, critical_path };
using schedule::Misfire;

// What takes the place of a step whose retries are exhausted.
struct Fallback {
  enum class Kind : uint8_t { none, function, value, skip };
  Kind kind = Kind::none;
  std::string function;  // a function id: called with the step's context and the original error
  JsonText value;        // the step's result

  bool operator==(const Fallback&) const = default;
};

// What happens on an error that a rule names, before the step's retry policy is asked (R46). The first
// matching rule of the step counts, then the first of the workflow.
struct RecoveryRule {
  enum class Action : uint8_t { retry, skip, fallback, abort, manual };
  std::vector<ErrorPattern> on;  // empty: every error
  std::string when;              // a condition function, asked with the error; empty: none
  Action action = Action::retry;
  RetryPolicy retry;  // action retry
  Fallback fallback;  // action fallback

  bool operator==(const RecoveryRule&) const = default;
};

// Of one name in one tenant there is one breaker (R33), so steps that share a name share these options.
struct CircuitBreaker {
  std::string name;  // empty: none
  uint32_t failure_threshold = 5;
  uint32_t success_threshold = 2;
  uint32_t half_open_limit = 3;
  int64_t reset_timeout_ns = 30'000'000'000;

  bool operator==(const CircuitBreaker&) const = default;
};

// What a step takes from the host's pool while it runs (R48): "cpu" in cores, "memory" in MiB, "gpu" in whole
// devices, or any name of the host's.
struct Resource {
  std::string name;
  double amount = 0;

  bool operator==(const Resource&) const = default;
};

// When a workflow starts by itself (R35 to R38); times are RFC 3339. At most one of cron, every, at, in.
struct Schedule {
  std::vector<std::string> cron;
  int64_t every_ns = 0;  // 0: not given
  std::string at;
  int64_t in_ns = 0;  // 0: not given
  std::string start_at, end_at;
  std::string timezone;  // an IANA name; empty: UTC
  Misfire misfire = Misfire::once;

  bool operator==(const Schedule&) const = default;
};

// Function ids; empty = none. They run after the outcome is settled and cannot change it.
struct Handlers {
  std::string on_success, on_failure, on_cancel, on_step_error;
  bool operator==(const Handlers&) const = default;
};

// Function ids; empty = none. Hooks observe, they never change an outcome (R70).
struct Hooks {
  std::string on_start, on_success, on_failure, on_skip, on_finish;
  bool any() const {
    return !(on_start.empty() && on_success.empty() && on_failure.empty() && on_skip.empty() &&
             on_finish.empty());
  }
  bool operator==(const Hooks&) const = default;
};

struct Step {
  std::string name;  // unique in the workflow; [a-z0-9][a-z0-9_-]{0,62}
  std::string task;  // function id
  std::string label;
  std::string description;
  // Indices into Workflow::steps, ascending, distinct.
  std::vector<uint32_t> after, after_any, after_graft;
  std::string group;        // of which it is a member; empty: none
  std::string after_group;  // after all of whose members it comes; empty: none
  bool graft = false;       // it may EXPAND
  Condition when;
  // Of one invocation; a nested workflow has none unless it is given.
  int64_t timeout_ns = kUsualTimeout;
  std::string timeout_function;  // answers the timeout; timeout_ns is what holds if it fails
  RetryPolicy retry;
  std::vector<RecoveryRule> recovery;
  Fallback fallback;
  OnError on_error = OnError::fail;
  std::string rollback;         // function id; empty: nothing to compensate
  bool await_approval = false;  // descriptive (R16)
  bool await_inherits = false;  // await_approval, and the author gave a timeout: it bounds an await too (R15)
  std::string on_timeout;       // of an await: a handler whose return is the step's
  bool cancellable = true;
  CircuitBreaker breaker;
  int32_t priority = 0;  // higher goes first
  std::vector<Resource> resources;
  int64_t estimate_ns = 0;  // for plans; 0: unknown
  uint32_t max_snoozes = UINT32_MAX;
  uint32_t max_crashes = 3;
  std::string nested;         // [package::]workflow that runs in place of a task; empty: none
  std::string input, result;  // of a nested workflow: functions that map in and out
  std::string context_key;    // empty: a map result merges flat
  JsonText params;            // an object
  JsonText metadata;          // an object
  Hooks hooks;
  std::string at;  // "file:line" where the author declared it, if known; not part of the digest
  Where where;     // for messages: `at`, or else the place in the parsed text
};

struct Workflow {
  std::string name;
  std::string label;
  std::string description;
  uint32_t version = 1;
  int64_t timeout_ns = kInfinite;
  FailureMode failure_mode = FailureMode::fail_fast;
  uint32_t step_concurrency = 0;  // 0 = unlimited
  uint32_t max_running = 0;       // scheduled executions at a time (R40); 0 = unlimited
  Strategy strategy = Strategy::parallel;
  Order order = Order::canonical;
  RetryPolicy retry = {.max_retries = 0, .delay_ns = 5'000'000'000};  // of the whole workflow (R22)
  Compensate compensate = Compensate::automatic;
  Handlers handlers;
  std::vector<RecoveryRule> recovery;
  bool dead_letter = false;
  int64_t dead_letter_ttl_ns = 30 * int64_t{86'400'000'000'000};
  std::optional<Schedule> schedule;
  std::vector<std::string> on_event;
  std::vector<std::string> tags;
  JsonText metadata;
  Hooks hooks;
  std::vector<Step> steps;
  std::string at;
  Where where;
  JsonText canonical;  // set by parse(): canonical_text() of this workflow
  // Set by parse(): a step of it asks for resources, or one of a workflow of this package that it contains.
  bool takes_resources = false;

  const Step* find(std::string_view step) const;
};

struct Definition {
  uint32_t schema = kSchema;
  std::string package, version, description, author, licence;
  std::vector<Workflow> workflows;

  const Workflow* find(std::string_view workflow) const;
  // Of "workflow" and "package::workflow": its name in this package; empty when it is of another one.
  std::string_view local_name(std::string_view workflow) const;
};

// A function that the package exports, for checking the names that a definition uses.
struct Function {
  std::string id;
  uint32_t kind = 0;  // PIRN_KIND_ of abi.h
};

// Parses and validates a whole document. On failure one Error `definition_invalid` whose causes are ALL
// problems found, each with file, line, column and a suggestion (a text that is not JSON has one:
// malformed_json). `file` names the text in messages; `functions` = nullptr skips the check of function ids.
Result<Definition> parse(std::string_view json, std::string_view file,
                         const std::vector<Function>* functions);

// What is legal and still hardly meant; an author wants to know it before a host runs it.
struct Warning {
  std::string message, hint;
  Where where;
};
std::vector<Warning> warnings(const Definition& definition);

// The options of a child that a graft adds while it runs (abi.h, expand): the keys of a step, without those
// that say what it runs and where it stands among others. Name, task and params of the answer are empty.
// `child` is its name, for messages. Error: definition_invalid, as of parse().
Result<Step> parse_child(std::string_view options_json, std::string_view child,
                         const std::vector<Function>* functions);

// The whole document in canonical text; parse(print(d)) equals d.
JsonText print(const Definition& definition);

// The canonical text of one workflow: what is at its default is left out, step_defaults are resolved into the
// steps, `at` is absent. So the meaning of a text never changes, whatever keys a later schema adds.
JsonText canonical_text(const Workflow& workflow);
// The definition's digest: the SHA-256 of its canonical text.
Digest digest(const Workflow& workflow);

// The form of every name: package, workflow, step, function (R69).
bool is_name(std::string_view text);
// MAJOR.MINOR.PATCH[-pre.release][+build] of semver.org 2.0.0.
bool is_semantic_version(std::string_view text);

// Durations: "250ms" "30s" "5m" "1h30m" "7d" "infinity", or an integer of milliseconds. Error:
// invalid_duration. print_duration() gives the shortest such text; parse_duration() of it gives the same
// nanoseconds.
Result<int64_t> parse_duration(std::string_view text);
std::string print_duration(int64_t ns);

}  // namespace pirn::definition
