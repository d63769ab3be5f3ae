// The state of one execution: what a fold of its journal yields. Plain data; apply() and replay() are the
// only ways to change it.
//
// Step indices are declaration indices of the workflow's definition. Nothing here knows the definition: what
// follows from it (verdicts, the context fold) is the engine's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/record.h"

namespace pirn::journal {

enum class StepState : uint8_t {
  pending,
  asking,
  ready,
  running,
  retry_wait,
  snoozed,
  awaiting,  // open
  completed,
  failed,
  skipped,
  cancelled  // terminal, for ever
};
inline bool terminal(StepState state) { return state >= StepState::completed; }

enum class State : uint8_t { pending, running, stopping, compensating, completed, failed, cancelled };
inline bool terminal(State state) { return state >= State::completed; }

// What dependents look at (semantics 2.3).
enum class StepClass : uint8_t { open, ok, soft, untaken, bad };

enum class Compensation : uint8_t { none, pending, running, done, failed };

// A value that is mostly at its default and then takes no room. Copies are deep.
template <class T>
class Rare {
 public:
  Rare() = default;
  Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare(Rare&&) = default;
  Rare& operator=(Rare other) {
    value_ = std::move(other.value_);
    return *this;
  }

  const T* operator->() const { return value_ ? value_.get() : &kDefault; }
  T& edit() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }

 private:
  static inline const T kDefault{};
  std::unique_ptr<T> value_;
};

// What few steps have. Kept apart, so that the many parked executions stay small.
struct StepExtra {
  std::string reason;  // skipped, cancelled
  uint32_t interruptions = 0;
  uint32_t crashes = 0;
  uint32_t snoozes = 0;
  uint32_t patch = 0;              // completed: the patch number of its commit (semantics 2.7)
  uint32_t rule = 0;               // the recovery rule that is asked, or has decided, from 1
  int64_t timeout = 0;             // what its timeout function answered; 0: the definition's
  std::vector<uint32_t> fired_by;  // of `after_any`
  AwaitPtr await;                  // awaiting, or the last one
  ExecutionId child;               // a nested workflow's execution
  ExecutionId rollback_child;      // the execution that rolls that one back
  uint32_t rollback_failures = 0;
  ErrorPtr rollback_error;  // the last one
};

struct Step {
  StepState state = StepState::pending;
  SkipKind skip_kind = SkipKind::none;
  bool tolerated = false;
  bool fallback_used = false;
  bool adopted = false;           // another execution has done it
  Kind asking = Kind::condition;  // asking: what is asked
  Kind kind = Kind::task;         // running: what runs
  Compensation compensation = Compensation::none;
  uint32_t failures = 0;
  uint32_t invocations = 0;
  uint64_t invocation = 0;  // the current token, also of a rollback; 0: none
  int64_t wake_at = 0;      // retry_wait, snoozed, a rollback that waits
  int64_t started_at = 0;   // of the first invocation; 0: never started
  int64_t invoked_at = 0;   // of the current or last invocation
  int64_t ended_at = 0;
  uint64_t ended_seq = 0;  // seq of the record that ended it: the commit order
  ResultPtr result;
  ErrorPtr error;
  Rare<StepExtra> extra;

  StepClass dependency_class() const;
};

// A handler that was started and has not answered.
struct HandlerRun {
  HandlerEvent handler = HandlerEvent::on_success;
  uint64_t invocation = 0;
  uint32_t step = kNoStep;
  std::string input;

  bool operator==(const HandlerRun&) const = default;
};

struct ExecutionState {
  ExecutionId id;
  OriginPtr origin;  // null until the first record
  std::string key, trigger;
  Digest input_digest;
  ExecutionId root, parent, retry_of;
  uint32_t parent_step = kNoStep;
  Delta input;

  State state = State::pending;
  StopCause cause = StopCause::none;
  Strategy strategy = Strategy::as_defined;
  bool rollback = false, cleanup = true;
  bool stopped_with_parent = false;  // cause cancel: by the execution that it belongs to
  bool paused = false;               // by somebody
  bool held = false;                 // it is paused with the execution that it belongs to
  bool without_hooks = false;        // one of them has killed the host
  uint32_t attempt = 0;
  uint32_t error_step = kNoStep;
  ErrorPtr error;
  std::string reason;
  int64_t created_at = 0, started_at = 0, ended_at = 0;
  int64_t wake_at = 0;               // pending
  bool wakes_by_wall_clock = false;  // wake_at is of the wall clock; all other instants are of engine time
  int64_t deadline = kNever;         // of the workflow
  int64_t grace_until = kNever;      // stopping
  uint64_t next_seq = 1;
  uint32_t next_commit = 1;
  uint32_t tolerated_failures = 0;
  int64_t dead_letter_until = 0;  // 0: no dead letter
  std::vector<Delta> patches;     // patch number i + 1
  std::vector<HandlerRun> handlers;
  std::vector<ChildrenPtr> expansions;  // of one graft each; their children are the steps behind the declared
  uint32_t n_children = 0;              // of all expansions
  std::vector<Step> steps;

  uint32_t n_declared() const { return static_cast<uint32_t>(steps.size()) - n_children; }
  uint32_t n_terminal() const;
};

// One record more. `at` is the instant of its commit. What is no transition of semantics 2.5/2.6 is a bug,
// and ends the process before it is written. One: a kind of record.
template <class One>
void apply(ExecutionState& state, One&& record, int64_t at) noexcept;
inline void apply(ExecutionState& state, Record&& record, int64_t at) noexcept {
  std::visit([&](auto&& one) { apply(state, std::move(one), at); }, std::move(record));
}
// The same for a record that was read from a disk. false: it cannot follow what stands before it; the state
// is of no use any more.
[[nodiscard]] bool replay(ExecutionState& state, Record&& record, int64_t at);

std::string_view name_of(StepState state);
std::string_view name_of(State state);
// What clients see: an open execution that is held by hand, or in which nothing but awaiting steps is left to
// do, is "paused".
// Whether something is pending in engine time: what a clock.shift moves.
bool has_instants_ahead(const ExecutionState& state);

std::string_view visible_state(const ExecutionState& state);
std::string_view name_of(Compensation compensation);

}  // namespace pirn::journal
