// The records of an execution's journal: everything that can happen to it, one struct each.
//
// A commit is what one input caused in one execution: an ordered list of records, numbered, stamped with
// engine time, written as one row. Each record carries a gap-free `seq` of its execution, and is at the
// same time the public event that clients see (`type` is its name there). State changes by apply() of a
// record and by nothing else, so the live state is always the fold of the journal (state.h).
//
// Times are nanoseconds since 1970 (UTC), durations are nanoseconds. Values: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "host/journal/value.h"
#include "registry/ids.h"

namespace pirn::journal {

// The schema of a commit's body. A change of meaning takes the next number and an upcaster in codec.cc.
inline constexpr uint32_t kSchema = 1;
inline constexpr int64_t kNever = INT64_MAX;

// Kinds of calls into package code; the numbers are the ABI's (PIRN_KIND_*).
enum class Kind : uint8_t {
  task = 1,
  rollback = 2,
  fallback = 3,
  handler = 4,
  hook = 5,
  condition = 6,
  duration = 7,
  backoff = 8,
  input = 9,
  result = 10
};

enum class SkipKind : uint8_t {
  none,
  condition,
  not_taken,
  requested,
  on_error,
  recovery,
  upstream_failed,
  aborted
};
enum class StopCause : uint8_t { none, fail, cancel };
enum class FinalState : uint8_t { completed, failed, cancelled };
enum class ErrorClass : uint8_t { retryable, transient, terminal };

struct StepError {
  std::string code;
  std::string message;
  ErrorClass error_class = ErrorClass::retryable;
  std::string details;  // JSON text; may be empty
};
using ErrorPtr = std::shared_ptr<const StepError>;

// What a step left in its own slot: the keys it wrote, or one value that is no map (R10).
struct StepResult {
  Delta map;
  Value value;
  bool is_map = true;
};
using ResultPtr = std::shared_ptr<const StepResult>;

inline constexpr uint32_t kNoStep = UINT32_MAX;

// What an execution runs, without any other table. It is the same for all executions of one workflow of one
// release, so it is made once, with its JSON, and shared by them: a start copies no names and prints no
// digests, and an execution that waits does not hold its own.
struct Origin {
  std::string tenant, package, version, workflow;
  std::vector<Digest> pins;  // releases, its own first; packages may require packages
  Digest definition;         // SHA-256 of the workflow's canonical definition
  uint32_t definition_schema = 1;
  std::string json;        // the members above as they stand in a record; set by make_origin()
  size_t row_json_at = 0;  // in it, the members that a state's row has no column for; likewise

  std::string_view row_json() const { return std::string_view(json).substr(row_json_at); }
  bool operator==(const Origin&) const = default;
};
using OriginPtr = std::shared_ptr<const Origin>;
OriginPtr make_origin(Origin origin);

// How the ready steps of an execution are taken up (R44). The definition says it, unless the start does.
enum class Strategy : uint8_t { as_defined, parallel, sequential, hybrid };

// workflow.create: the first record.
struct Created {
  OriginPtr origin;  // never null
  uint32_t n_steps = 0;
  ExecutionId root;    // of a nested execution the outermost one; none: it is the outermost itself
  ExecutionId parent;  // whose step this execution is; 0: none
  uint32_t parent_step = kNoStep;
  ExecutionId retry_of;  // what it retries or runs again from a step (R65); 0: nothing
  std::string key;       // start key, unique within the tenant; may be empty
  Digest input_digest;
  std::string trigger;  // "manual"
  Strategy strategy = Strategy::as_defined;
  Delta input;
  int64_t wake_at = 0;         // 0: at once
  bool by_wall_clock = false;  // wake_at is an instant of the wall clock, not of engine time
};

// workflow.start: an attempt begins. What it says of the execution is there for whoever watches this event
// alone; journals of before do not have it.
struct Begun {
  uint32_t attempt = 1;
  int64_t deadline = kNever;
  std::string workflow;
  ExecutionId execution;
  std::string trigger;  // as in workflow.create
};

// step.ask: a consultation is under way.
struct StepAsked {
  uint32_t step = 0;
  Kind kind = Kind::condition;
  uint64_t invocation = 0;
  uint32_t rule = 0;               // of a recovery rule's condition: its number, from 1
  std::vector<uint32_t> fired_by;  // of `after_any`: fixed before the first question (S1)
};
// step.answer
struct StepAnswered {
  uint32_t step = 0;
  Kind kind = Kind::condition;
  bool truth = false;
  int64_t duration = 0;
  ErrorPtr error;  // the consultation failed; its default holds
};
// step.ready: waits for a slot; `when` is settled.
struct StepReady {
  uint32_t step = 0;
  int64_t timeout = 0;             // what its timeout function answered; 0: the definition's
  std::vector<uint32_t> fired_by;  // of `after_any` (S1)
};
// step.start
struct StepStarted {
  uint32_t step = 0;
  uint32_t attempt = 1;     // failures so far + 1
  uint64_t invocation = 0;  // the token: only its outcome may commit
  Kind kind = Kind::task;   // or fallback
  ExecutionId child;        // a nested workflow: the execution that does the work; 0: none
};
// step.stop: completed.
struct StepCompleted {
  uint32_t step = 0;
  ResultPtr result;
  int64_t duration = 0;
};
// step.skip
struct StepSkipped {
  uint32_t step = 0;
  SkipKind kind = SkipKind::none;
  std::string reason;
};
// step.exception: an invocation failed. What follows is decided in the same commit, unless a function must be
// asked first; what then neither fails nor is tolerated is followed by the record that says how it goes on.
enum class AfterFailure : uint8_t { retry, fail, tolerate, skip, fallback, await, ask };
struct StepFailed {
  uint32_t step = 0;
  ErrorPtr error;
  AfterFailure then = AfterFailure::fail;
  int64_t duration = 0;
  uint32_t rule = 0;  // the recovery rule that decided, from 1: the step's own, then the workflow's
};
// step.settle: what follows a step.exception whose `then` was `ask`.
struct StepSettled {
  uint32_t step = 0;
  AfterFailure then = AfterFailure::fail;
  uint32_t rule = 0;
};
// step.retry
struct StepRetry {
  uint32_t step = 0;
  int64_t delay = 0;
  int64_t wake_at = 0;
};
// step.snooze: the step sleeps; no failure.
struct StepSnoozed {
  uint32_t step = 0;
  int64_t delay = 0;
  int64_t wake_at = 0;
  int64_t duration = 0;
};
// step.await: the step waits for somebody or something outside.
inline constexpr std::string_view kIntervention = "intervention";
struct Await {
  std::string kind;                    // "approval", "event", kIntervention, …
  std::vector<std::string> approvers;  // empty: whoever holds the role
  std::string notify;                  // JSON text; may be empty
  std::string on_timeout;              // function id; may be empty
  int64_t deadline = kNever;
};
using AwaitPtr = std::shared_ptr<const Await>;
struct StepAwaiting {
  uint32_t step = 0;
  AwaitPtr await;
  int64_t duration = 0;
};
// step.adopt: another execution has done this step already (R65).
struct StepAdopted {
  uint32_t step = 0;
  ResultPtr result;
  ExecutionId child;  // of a nested workflow
};
// graft.expand: the children come into being; the step.stop of the same commit completes the graft.
struct Child {
  uint32_t graft = 0;
  uint32_t number = 0;  // among the children of its graft, from 0
  std::string name;
  std::string task;     // function id
  std::string params;   // JSON object; may be empty
  std::string options;  // JSON object, options of a step as in the definition; may be empty

  bool operator==(const Child&) const = default;
};
// Shared, never copied: there may be a hundred thousand of them, and invocations read them, too.
using ChildrenPtr = std::shared_ptr<const std::vector<Child>>;
struct GraftExpanded {
  uint32_t step = 0;
  ChildrenPtr children;  // never null; may be empty
};
// step.cancel
struct StepCancelled {
  uint32_t step = 0;
  std::string reason;
  ResultPtr partial;  // kept in the slot, not merged (R29); may be null
};
// step.interrupt: the host lost the invocation; nobody is blamed.
struct StepInterrupted {
  uint32_t step = 0;
  bool crashed = false;  // this invocation is known to have killed its process
  std::string cause;     // and how, where that is known: "SIGSEGV", "exit"
};
// workflow.cancel (cause cancel) or workflow.stopping (cause fail): running steps drain until grace_until.
struct Stopping {
  StopCause cause = StopCause::fail;
  ErrorPtr error;           // cause fail: the error
  uint32_t step = kNoStep;  // cause fail: whose error it is
  std::string reason;       // cause cancel
  bool rollback = false;
  bool cleanup = true;
  int64_t grace_until = kNever;
  bool with_parent = false;  // cause cancel, nested: by the execution that it belongs to, and by no person
};
// workflow.pause: by somebody, or (with a step) because the step begins to wait for somebody.
struct Paused {
  uint32_t step = kNoStep;
  std::string reason;
  bool with_parent = false;  // nested: with the execution that it belongs to
};
// workflow.resume: ends a manual pause and may patch the context, or (with a step) ends its waiting; the
// step's own record follows.
struct Resumed {
  uint32_t step = kNoStep;
  Delta patch;
  std::string by;  // who, when known
};
// workflow.compensate: completed steps are rolled back, newest first. For workflow and execution see Begun.
struct Compensating {
  uint32_t candidates = 0;
  std::string workflow;
  ExecutionId execution;
  std::vector<std::string> steps;  // names, in the order in which they are rolled back
};
// rollback.start
struct RollbackStarted {
  uint32_t step = 0;
  uint32_t attempt = 1;
  uint64_t invocation = 0;
  ExecutionId child;  // a nested workflow: the execution that rolls its steps back; 0: none
  std::string workflow;
  ExecutionId execution;
};
// rollback.stop
struct RollbackDone {
  uint32_t step = 0;
  int64_t duration = 0;
  std::string workflow;
  ExecutionId execution;
};
// rollback.exception: tried again at wake_at, or given up (kNever).
struct RollbackFailed {
  uint32_t step = 0;
  ErrorPtr error;
  int64_t wake_at = kNever;
  int64_t duration = 0;
  std::string workflow;
  ExecutionId execution;
};
// handler.start, handler.stop: handlers of the workflow, at least once (semantics 2.5).
enum class HandlerEvent : uint8_t { on_success, on_failure, on_cancel, on_step_error };
struct HandlerStarted {
  HandlerEvent handler = HandlerEvent::on_success;
  uint64_t invocation = 0;
  uint32_t step = kNoStep;  // on_step_error
  std::string input;        // JSON: what it is told
};
struct HandlerDone {
  uint64_t invocation = 0;
  ErrorPtr error;
};
// workflow.retry: the attempt has failed, another begins at wake_at with all steps reset (F1).
struct WorkflowRetry {
  uint32_t attempt = 2;  // the one that follows
  ErrorPtr error;
  uint32_t step = kNoStep;
  int64_t delay = 0;
  int64_t wake_at = 0;
};
// circuit.reject: an open breaker refused the step; its step.exception follows.
struct CircuitRejected {
  uint32_t step = 0;
  std::string breaker;
};
// dead_letter.insert: the tenant keeps this failed execution until somebody decides about it (R34).
struct DeadLettered {
  int64_t expires_at = kNever;
};
// workflow.fail: once, before the stop of a failed execution.
struct Failed {
  ErrorPtr error;
  uint32_t step = kNoStep;
};
// workflow.stop: always the last record.
struct Stopped {
  FinalState state = FinalState::completed;
  int64_t duration = 0;
  uint32_t tolerated_failures = 0;
};
// diagnostic: something worth knowing that changes no state.
struct Diagnostic {
  std::string code;
  std::string message;
  uint32_t step = kNoStep;
};
// clock.shift: a restart has set engine time so much further than it would have gone, after the system's
// clock was set (engine/time_line.h). What was pending in engine time is moved with it.
struct ClockShifted {
  int64_t by = 0;
};
// hook.crash: a hook of this execution has killed the host; none of it is called any more.
struct HookCrashed {};
// node: emitted by task code, committed with its outcome.
struct Emitted {
  uint32_t step = 0;  // kNoStep: by a handler of the workflow
  std::string scope;
  std::string message;
  std::string metadata;  // JSON text; may be empty
};

using Record =
    std::variant<Created, Begun, StepAsked, StepAnswered, StepReady, StepStarted, StepCompleted, StepSkipped,
                 StepFailed, StepRetry, StepCancelled, StepInterrupted, Stopping, Failed, Stopped, Diagnostic,
                 Emitted, StepSnoozed, StepAwaiting, StepAdopted, GraftExpanded, Paused, Resumed,
                 Compensating, RollbackStarted, RollbackDone, RollbackFailed, HandlerStarted, HandlerDone,
                 WorkflowRetry, CircuitRejected, DeadLettered, StepSettled, HookCrashed, ClockShifted>;

std::string_view name_of(Strategy strategy);
std::string_view name_of(SkipKind kind);
std::string_view name_of(FinalState state);
std::string_view name_of(ErrorClass error_class);
std::string_view name_of(Kind kind);
std::string_view name_of(HandlerEvent handler);
std::string_view name_of(AfterFailure then);

}  // namespace pirn::journal
