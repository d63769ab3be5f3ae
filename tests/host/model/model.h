// The reference model: what docs/semantics.md says, executed as slowly and as obviously as possible, to
// compare the engine with. Read it beside that page: each function is one row of a table there and bears its
// number.
//
// It shares nothing with the engine but the definition's structs, the evaluation of conditions that are data
// (packager/definition) and the number that the jitter's hash yields, which the page leaves to the code.
// There is no journal, no increment and no index: whatever follows from the states is computed anew from all
// of them. `Model` is a host: its time, what is under way, what its executions share; `Run` is one execution.
//
// One thread, virtual time.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
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
  bool none = false;  // nothing was given, which an empty map is not
};
inline const Slot kNoSlot{true, {}, "", true};
Json text_of(const Slot& slot);

// ---- what the world outside does: scripted ----

enum class Kind { task, rollback, fallback, handler, condition, backoff, duration, input, result, nested };
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
  Json children_text;                      // as a case has them
  int64_t takes = 0;
  bool ignores_cancel = false;
  uint32_t kills_host = 0;  // so many calls take the host with them before one does this
  bool poison = false;      // a task: each call takes the host with it, and nobody knows that it was this one
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

class Model;
class Run;

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
  Slot slot = kNoSlot;
  Error error;
  uint32_t patch = 0;  // of the commit that completed it
  uint64_t ended = 0;  // commit order
  int64_t ended_at = 0;
  int64_t wake_at = kNever;  // retry_wait, snoozed, awaiting
  std::string on_timeout;    // awaiting
  bool intervention = false;
  bool started = false;            // it ran at least once
  bool adopted = false;            // it ran in another execution; R65
  Kind asking = Kind::condition;   // asking
  std::optional<int64_t> timeout;  // what its timeout function answered
  size_t rule = 0;                 // of the failure under decision: its recovery rule, from 1
  bool asking_rule = false;        // asking: the condition is that rule's
  std::vector<int64_t> delays;     // of its retries, in order
  Compensation compensation = Compensation::none;
  uint32_t rollback_failures = 0;
  bool in_line = false;  // ready: for what it needs of the host's pool; R48
  uint64_t token = 0;    // running: of its invocation, for its breaker
  int64_t invoked_at = 0;
  Run* child = nullptr;  // of its last try; R32
  uint64_t child_age = 0;
  Run* undoing = nullptr;  // what rolls that back
};

enum class Phase { pending, running, stopping, compensating, completed, failed, cancelled };
inline bool terminal(Phase phase) { return phase >= Phase::completed; }
enum class Cause { none, fail, cancel };

struct Execution {
  const definition::Workflow* workflow = nullptr;
  definition::Strategy strategy = definition::Strategy::parallel;
  uint64_t id = 0;
  uint64_t age = 0;  // a nested one is as old as the try of its step
  Context initial;
  std::vector<Context> patches;  // patch number i + 1
  std::vector<Step> steps;

  Phase phase = Phase::pending;
  Cause cause = Cause::none;
  bool paused = false, rollback = false, cleanup = true;
  bool held = false;  // paused with the execution that it belongs to
  bool stopped_with_parent = false;
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
  Run* parent = nullptr;  // R32
  size_t parent_step = kNoStep;
};

// A call under way, or a nested workflow.
struct UnderWay {
  uint64_t number = 0;  // in the order of their beginning
  Run* run = nullptr;
  size_t step = kNoStep;  // none: a handler of the workflow
  Kind kind = Kind::task;
  std::string handler;  // "on_failure", …
  int64_t ends_at = kNever, deadline = kNever;
  bool kills_host = false;
  Deed deed;
};

// What becomes due at an instant. Of one instant the first is what comes first here, within an execution.
struct Alarm {
  enum class What { start, deadline, grace, step, rollback, handler };
  int64_t at = kNever;
  What what = What::step;
  uint64_t of = 0;  // step; handler: the number of its call
  auto operator<=>(const Alarm&) const = default;
};

struct Settings {
  int64_t cancel_grace = 30'000'000'000;
  int64_t consultation_limit = 5'000'000'000;
  int64_t handler_limit = 300'000'000'000;
  size_t slots = 64;
  std::optional<std::map<std::string, double>> pool;  // what the host has; nothing: enough of everything
};

// R18, R19 (retries.cc). kNever stays never.
int64_t later(int64_t now, int64_t duration);
bool any_matches(const std::vector<definition::ErrorPattern>& patterns, const Error& error);
bool retry_allowed(const definition::RetryPolicy& policy, const Error& error, uint32_t failures);
int64_t raw_delay(const definition::RetryPolicy& policy, uint32_t n);
int64_t delay(const definition::RetryPolicy& policy, int64_t raw, uint64_t execution, const std::string& step,
              uint32_t n);

enum class Action { complete, retry, skip, fail };  // R47

// One execution.
class Run {
 public:
  Run(Model& host, const definition::Workflow& workflow, std::string name, Context initial);

  const std::string& name() const { return name_; }
  const Execution& execution() const { return e_; }
  const Step* find(const std::string& name) const;
  Context context() const;  // the fold over all completed steps
  Context written() const;  // of it what its steps wrote
  bool visibly_paused() const;

  // For the host.
  void belongs_to(Run& parent, size_t step);
  void begin_at(int64_t instant);
  void undo(const Run& past);                                 // rolls back what it has completed; R32
  void go_on_from(const Run& past, const std::string& from);  // R65
  bool cancel(bool rollback, bool cleanup);
  bool pause();
  bool resume(const Context& context, const std::string& step, Action action);
  bool signal(const Context& payload, const std::string& step);
  bool approve(const std::string& step, bool approved);
  void lost(const UnderWay& call);
  void blame(const UnderWay& call);
  void follow();  // E8, E9, E11: what follows from the states alone
  bool may_take_up_one() const { return next_to_take_up() != kNoStep; }
  void take_up_one();
  void supplied(size_t step);
  void leave_line();
  void hold();
  void let_go_on();
  void returned(const UnderWay& call);
  std::optional<Alarm> next_alarm() const;
  void on_alarm(const Alarm& alarm);
  void child_over(const Run& child);
  double uses(const std::string& resource) const;
  std::set<uint64_t> nested_tokens() const;

 private:
  friend Model;

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
  std::set<size_t> all_steps() const;
  bool condition_holds(size_t step) const;
  void set_steps();
  void rank_declared();

  // 2.5 (executions.cc)
  bool belongs_to_paused() const { return e_.parent && e_.parent->e_.paused; }
  std::vector<Run*> children() const;
  void end_pause();
  void E2_begin();
  void set_off();
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
  size_t next_to_take_up() const;
  bool goes_before(const Step& a, const Step& b) const;
  uint32_t level_of(size_t step) const;
  int64_t way(size_t step) const;
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
  std::optional<Error> S15_problem(size_t step, const std::vector<definition::Step>& children) const;
  void S17_interrupted(const UnderWay& call);
  void S18_to_S21_stop(size_t step, bool below_failure);
  void S21_drained(size_t step, const Deed& deed);
  void ask(size_t step, Kind kind);
  void answered(size_t step, Kind kind, const Deed& deed);
  void cancelled(size_t step);
  void outcome(size_t step, Kind kind, const Deed& deed);
  void outcome_of_task(size_t step, const Deed& deed);
  const definition::RetryPolicy& policy_in_force(size_t step) const;
  const definition::RecoveryRule& rule(size_t step, size_t number) const;

  // R32 (nested.cc)
  void begin_child(size_t step, const Context& over);
  void stop_child(size_t step);
  bool wants_child(size_t step) const;
  void roll_back_child(size_t step);

  // R65 (again.cc)
  void take_over(const Run& past, const std::set<size_t>& come);

  // R33 (shared.cc)
  bool counts(size_t step, const Error& error) const;
  void tell_breaker(size_t step, Kind kind, const Deed* deed);

  // run.cc
  void call(size_t step, Kind kind, int64_t limit);
  void ran_out(const UnderWay& call);
  void grace_over();
  void wake(size_t step);
  void hang_up(size_t step);
  UnderWay* under_way(size_t step);
  size_t running() const;
  void end(size_t step, State state);

  Model& host_;
  const std::string name_;
  Execution e_;
  uint64_t commits_ = 0;
  std::map<std::pair<size_t, Kind>, uint32_t> seen_through_;
  std::map<std::tuple<size_t, Kind, uint32_t>, uint32_t> begun_;  // by which one it is
};

// R33.
struct Breaker {
  enum class Circuit { closed, open, half_open };
  Circuit circuit = Circuit::closed;
  uint32_t failures = 0, successes = 0;
  int64_t until = 0;          // open
  std::set<uint64_t> trials;  // half open: those of now that are in flight
  std::set<uint64_t> before;  // those of an earlier time that are, too
};

class Model {
 public:
  // `id_of`: what the host under comparison has given to the execution of that name; it seeds the jitter.
  using IdOf = std::function<uint64_t(const std::string&)>;
  Model(const definition::Definition& definition, Script script, Settings settings, IdOf id_of);

  // Commands, at the present instant. False: refused (E13), and nothing has changed.
  bool start(const std::string& workflow, const std::string& name, Context initial, int64_t in = 0,
             std::optional<definition::Strategy> strategy = std::nullopt);
  bool cancel(const std::string& run, bool rollback = false, bool cleanup = true);
  bool pause(const std::string& run);
  bool resume(const std::string& run, const Context& context, const std::string& step = "",
              Action action = Action::complete);
  bool signal(const std::string& run, const Context& payload, const std::string& step);
  bool approve(const std::string& run, const std::string& step, bool approved);
  bool retry_letter(const std::string& run, const std::string& as);                    // R34
  bool again(const std::string& run, const std::string& as, const std::string& from);  // R65
  void crash(int64_t down);  // the host is lost, and is back after that time
  bool emit(const std::string& event, const std::string& id, Context payload);  // R39
  bool down() const { return back_at_.has_value(); }

  // Lets time pass until nothing is due any more, or until (and at) `instant`.
  void run_until(int64_t instant);
  void run() { run_until(kNever); }

  int64_t now() const { return now_; }
  void begin_at(int64_t now);
  const std::vector<std::unique_ptr<Run>>& runs() const { return runs_; }
  const Run& run_of(const std::string& name) const { return *find(name); }
  std::set<std::string> letters() const;                // of the runs that left them; those that expired not
  std::map<std::string, std::string> breakers() const;  // their states as people see them

 private:
  friend Run;

  Run* find(const std::string& name) const;
  Run& add(const definition::Workflow& workflow, std::string name, Context initial, uint64_t age);
  void begin_call(UnderWay call);
  void happened();
  void follow();
  void follow(Run& run);
  void settle_families();
  void lose();
  void come_back();
  void decide();
  void dispatch();
  bool has_free_slot() const;
  std::optional<int64_t> next_due() const;
  void take_what_is_due();
  bool take_alarm();

  // R36 to R40 (triggers.cc)
  bool fire();
  void start_by_itself(const definition::Workflow& workflow, Context initial);

  // R48 (shared.cc)
  void stand_in_line(Run& run, size_t step);
  bool fits(const definition::Step& step) const;
  bool serve_one();

  // R33
  bool admits(const definition::CircuitBreaker& breaker, uint64_t token);
  void ended(const definition::CircuitBreaker& breaker, uint64_t token, std::optional<bool> good);
  int64_t reopens_at(const definition::CircuitBreaker& breaker) const;
  void lose_trials();

  struct Birth {
    Run* parent;
    size_t step;
    Context initial;
    uint64_t age;
    const Run* undoes;  // rolls back what it has completed; none: the nested workflow itself
  };
  struct Waiting {
    Run* run;
    size_t step;
    int64_t since;
  };

  const definition::Definition& definition_;
  const Script script_;
  const Settings settings_;
  const IdOf id_of_;
  int64_t now_ = 0;
  uint64_t tokens_ = 0;
  uint64_t ages_ = 0;
  std::vector<std::unique_ptr<Run>> runs_;  // the oldest first
  std::vector<UnderWay> calls_;             // in the order of their beginning
  uint64_t n_calls_ = 0;
  std::vector<UnderWay> lost_;  // with the host, when it went down
  std::optional<int64_t> back_at_;
  std::vector<Run*> in_turn_;  // who may start a step: who could first, goes first
  std::vector<Waiting> line_;  // in the order of their coming
  std::map<std::string, Breaker> breakers_;
  std::map<std::string, int64_t> fires_;                           // by workflow: the next one
  std::map<std::pair<std::string, std::string>, Context> events_;  // by event and id: the payload
  std::map<std::string, int64_t> letters_;                         // by run: when it expires
  std::vector<Birth> births_;
  struct Stop {
    Run* child;  // null: the one that is about to be born for that step
    Run* parent;
    size_t step;
    bool rollback;
  };
  std::vector<Stop> stops_;
  std::vector<Run*> let_go_;  // whose pause a stop has ended
  std::vector<Run*> ended_;
};

}  // namespace pirn::model
