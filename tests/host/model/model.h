// The reference model: what docs/semantics.md says, executed as slowly and as obviously as possible, to
// compare the engine with. Read it beside that page: each function is one row of a table there and bears its
// number.
//
// It shares nothing with the engine but the definition's structs, the evaluation of conditions that are data
// (packager/definition) and the number that the jitter's hash yields, which the page leaves to the code.
// There is no journal, no increment and no index: whatever follows from the states is computed anew from all
// of them.
//
// One thread, virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "packager/definition/definition.h"

namespace pirn::model {

using Json = std::string;                     // canonical
using Context = std::map<std::string, Json>;  // also of a result that is a map
inline constexpr int64_t kNever = INT64_MAX;
inline constexpr size_t kNoStep = SIZE_MAX;

struct Error {
  std::string code;
  definition::ErrorClass error_class = definition::ErrorClass::retryable;
  Json details;
};

// What a step leaves in its slot (R10).
struct Slot {
  bool is_map = true;
  Context map;
  Json value;
};
Json text_of(const Slot& slot);

// ---- what the world outside does: scripted ----

enum class Kind { task, rollback, fallback, handler, condition, backoff, duration };
struct Call {
  std::string workflow, step;
  std::string function;  // of a handler
  Kind kind = Kind::task;
  uint32_t nth = 1;      // of its execution, step and kind; calls that the host lost do not count
  uint32_t attempt = 1;  // failures so far + 1 (R63)
};
struct Deed {
  enum class What { ok, fail, skip, cancelled, snooze, await, expand, hang };
  What what = What::ok;
  Slot slot;                               // ok, cancelled
  Error error;                             // fail
  int64_t duration = 0;                    // snooze, backoff, duration
  bool truth = true;                       // condition
  int64_t await_timeout = kNever;          // await
  std::string on_timeout;                  // await: a function
  std::vector<definition::Step> children;  // expand
  int64_t takes = 0;
  bool ignores_cancel = false;
};
using Script = std::function<Deed(const Call&)>;

// ---- 2.1: objects ----

enum class State {
  pending,
  asking,
  ready,
  running,
  retry_wait,
  snoozed,
  awaiting,
  completed,
  failed,
  skipped,
  cancelled
};
inline bool terminal(State state) { return state >= State::completed; }
enum class Skip { none, condition, not_taken, requested, on_error, recovery, upstream_failed, aborted };
enum class Class { open, ok, soft, untaken, bad };
enum class Verdict { wait, pass, drop, block };
enum class Compensation { none, pending, running, done, failed };

// (rank, 0) for a declared step, (rank of its graft, i + 1) for a child; 2.7.
using Rank = std::pair<uint32_t, uint32_t>;

struct Step {
  definition::Step def;
  size_t graft = kNoStep;  // whose child it is
  Rank rank;
  uint32_t level = 0;  // the longest way from a root; R44

  State state = State::pending;
  Skip skip = Skip::none;
  bool tolerated = false, fallback_used = false;
  uint32_t failures = 0, invocations = 0, interruptions = 0, crashes = 0, snoozes = 0;
  std::vector<size_t> fired_by;
  Slot slot;
  Error error;
  uint32_t patch = 0;  // of the commit that completed it
  uint64_t ended = 0;  // commit order
  int64_t ended_at = 0;
  int64_t wake_at = kNever;  // retry_wait, snoozed, awaiting
  std::string on_timeout;    // awaiting
  bool intervention = false;
  bool started = false;            // it ran at least once
  Kind asking = Kind::condition;   // asking
  std::optional<int64_t> timeout;  // what its timeout function answered
  size_t rule = 0;                 // of the failure under decision: its recovery rule, from 1
  bool asking_rule = false;        // asking: the condition is that rule's
  std::vector<int64_t> delays;     // of its retries, in order
  Compensation compensation = Compensation::none;
  uint32_t rollback_failures = 0;
};

enum class Phase { pending, running, stopping, compensating, completed, failed, cancelled };
inline bool terminal(Phase phase) { return phase >= Phase::completed; }
enum class Cause { none, fail, cancel };

struct Execution {
  const definition::Workflow* workflow = nullptr;
  uint64_t id = 0;
  Context initial;
  std::vector<Context> patches;  // patch number i + 1
  std::vector<Step> steps;

  Phase phase = Phase::pending;
  Cause cause = Cause::none;
  bool paused = false, rollback = false, cleanup = true;
  uint32_t attempt = 0;
  Error error;
  size_t error_step = kNoStep;
  int64_t started_at = kNever, deadline = kNever, grace_until = kNever, wake_at = kNever;
  int64_t ended_at = 0;
  uint32_t tolerated_failures = 0;
  std::vector<std::string> rolled_back;  // names, in the order of the rollbacks that succeeded or gave up
  std::vector<std::string> handlers;     // "on_failure", … as they were called
  bool concluding = false;               // its last handler is under way
  uint32_t dead_letters = 0;
};

// A call under way.
struct UnderWay {
  size_t step = kNoStep;  // none: a handler of the workflow
  Kind kind = Kind::task;
  std::string handler;  // "on_failure", …
  int64_t ends_at = kNever, deadline = kNever;
  Deed deed;
};

struct Settings {
  int64_t cancel_grace = 30'000'000'000;
  int64_t consultation_limit = 5'000'000'000;
  int64_t handler_limit = 300'000'000'000;
  size_t slots = 64;
};

// R18, R19 (retries.cc). kNever stays never.
int64_t later(int64_t now, int64_t duration);
bool any_matches(const std::vector<definition::ErrorPattern>& patterns, const Error& error);
bool retry_allowed(const definition::RetryPolicy& policy, const Error& error, uint32_t failures);
int64_t raw_delay(const definition::RetryPolicy& policy, uint32_t n);
int64_t delay(const definition::RetryPolicy& policy, int64_t raw, uint64_t execution, const std::string& step,
              uint32_t n);

class Model {
 public:
  Model(const definition::Workflow& workflow, uint64_t id, Context initial, Script script, Settings settings);

  // Commands, at the present instant. False: `invalid_transition` (E13), and nothing has changed.
  void start();
  bool cancel(bool rollback = false, bool cleanup = true);
  bool pause();
  enum class Action { complete, retry, skip, fail };
  bool resume(Context context, const std::string& step = "", Action action = Action::complete);
  bool approve(const std::string& step, bool approved);
  void crash();  // the host is lost and is back at once

  // Lets time pass until nothing is due any more, or until (and at) `instant`.
  void run_until(int64_t instant);
  void run() { run_until(kNever); }

  int64_t now() const { return now_; }
  void begin_at(int64_t now) { now_ = now; }
  const Execution& execution() const { return e_; }
  const Step* find(const std::string& name) const;
  Context context() const;  // the fold over all completed steps
  bool visibly_paused() const;

 private:
  // 2.3, 2.4, 2.7 (verdict.cc)
  Class class_of(const Step& step) const;
  std::set<size_t> all_set(size_t step) const;
  Verdict verdict_all(const std::set<size_t>& all) const;
  Verdict verdict_any(const std::vector<size_t>& any) const;
  Verdict verdict(size_t step) const;
  std::vector<size_t> fired_by(size_t step) const;
  std::set<size_t> ancestors(size_t step) const;
  std::set<size_t> descendants_of_failures() const;
  Context delta(const Step& step) const;
  Context fold(const std::set<size_t>& of) const;
  Context visible(size_t step) const;
  bool condition_holds(size_t step) const;
  void rank_declared();

  // 2.5 (executions.cc)
  void E2_begin();
  void E6_fail(size_t step);
  void E7_deadline();
  void E8_E9_all_over();
  void stop(Cause cause);
  void E11_drained();
  void finalise();
  void F1_retry();
  void F2_failed();
  void F3_cancelled();
  bool to_compensate() const;
  size_t next_to_compensate() const;
  void compensate_next();
  void S22_rolled_back(size_t step, const Deed& deed);
  void call_handler(const std::string& name);
  const std::string& function_of(const std::string& handler) const;
  bool conclude(const std::string& handler);
  void handler_over(const std::string& handler);

  // 2.6 (steps.cc)
  void settle();
  void S1_ready(size_t step);
  void S1_S2_pass(size_t step);
  void skip(size_t step, Skip kind);
  bool S5_may_start(size_t step) const;
  bool goes_before(const Step& a, const Step& b) const;
  uint32_t level_of(size_t step) const;
  void S5_start(size_t step);
  void S7_completed(size_t step, Slot slot);
  void S8_S9_failed(size_t step, const Error& error);
  void recover(size_t step, size_t first_rule);
  void apply_rule(size_t step, size_t number);
  bool S8_retry(size_t step, const definition::RetryPolicy& policy);
  void retry_after(size_t step, const definition::RetryPolicy& policy, int64_t raw);
  bool fall_back(size_t step, const definition::Fallback& fallback);
  void S9_on_error(size_t step, bool abort);
  void S10_timeout(size_t step, Kind kind);
  void S11_snooze(size_t step, int64_t duration);
  void S12_await(size_t step, const Deed& deed);
  void S13_resumed(size_t step, Slot slot);
  void S14_await_over(size_t step);
  void S15_expand(size_t step, const std::vector<definition::Step>& children);
  void S17_interrupted(size_t step);
  void S18_to_S21_stop(size_t step, bool below_failure);
  void S21_drained(size_t step, const Deed& deed);
  void ask(size_t step, Kind kind);
  void answered(size_t step, Kind kind, const Deed& deed);
  void cancelled(size_t step);
  void outcome(size_t step, Kind kind, const Deed& deed);
  const definition::RetryPolicy& policy_in_force(size_t step) const;
  const definition::RecoveryRule& rule(size_t step, size_t number) const;

  // 2.10 (model.cc)
  void decide();
  std::optional<int64_t> next_due() const;
  bool one_thing_due();
  void call(size_t step, Kind kind, int64_t limit);
  void hang_up(size_t step);
  UnderWay* under_way(size_t step);
  size_t running() const;
  void end(size_t step, State state);

  Execution e_;
  const Script script_;
  const Settings settings_;
  int64_t now_ = 0;
  uint64_t commits_ = 0;
  std::vector<UnderWay> calls_;  // in the order of their beginning
  std::map<std::pair<size_t, Kind>, uint32_t> seen_through_;
};

}  // namespace pirn::model
