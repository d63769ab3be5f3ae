// The seam between deciding and doing. The engine decides which invocation starts; a Runner calls the
// package's function somewhere and hands back a Completion. Implementations: InProcessRunner (trusted
// tenants), and a fake one in tests; sandboxed worker processes fit the same seam.
//
// Thread: start(), take_completions(), cancel() and retire() are called from the engine's thread only and do
// not block. A runner calls Wakeup::wake() from any thread when completions are waiting.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/context.h"
#include "host/journal/record.h"
#include "registry/release.h"

namespace pirn::worker {

using journal::Kind;

// What the invocations of one execution's attempt share. Made by the engine; immutable to runners; any
// thread.
class Frame {
 public:
  virtual ~Frame() = default;
  ExecutionId execution;
  std::string execution_text;  // id.text()
  registry::ReleasePtr release;
  std::string_view workflow;  // lives in the release
  uint32_t workflow_attempt = 1;
  uint32_t tenant = 0;  // as the engine numbers tenants: whose slots its invocations take

  enum class Access : uint8_t { ok, absent, not_an_ancestor };
  // The slot of an ancestor of `step`. `out` lives as long as the frame.
  virtual Access result_of(uint32_t step, std::string_view ancestor,
                           const journal::StepResult*& out) const = 0;
};
using FramePtr = std::shared_ptr<const Frame>;

// One call into package code.
struct Invocation {
  uint64_t id = 0;  // unique for each call; the token whose outcome alone may commit
  FramePtr frame;
  Kind kind = Kind::task;
  uint32_t step = 0;
  std::string_view step_name;  // lives in the release
  std::string_view function;   // id of the function to call; lives in the release
  std::string_view params;     // JSON object or empty; lives in the release
  uint32_t attempt = 1;
  int64_t deadline = journal::kNever;  // ns since 1970
  journal::Context context;
  std::string input;      // JSON: what this kind receives beside the context; may be empty
  bool for_step = false;  // a handler whose answer is the step's outcome (on_timeout)
};

// What a function that answers AWAIT asks for.
struct AwaitRequest {
  journal::Await await;            // its deadline is not set yet
  std::optional<int64_t> timeout;  // ns; nullopt: not said
};

struct Outcome {
  enum class Kind : uint8_t { done, failed, skip, snooze, await, expand, cancelled };
  Kind kind = Kind::done;
  journal::ResultPtr result;                  // done: the slot; cancelled: the partial result; null: none
  journal::ErrorPtr error;                    // failed
  std::string reason;                         // skip, cancelled
  int64_t duration = 0;                       // snooze; answer of a duration or backoff function, ns
  bool truth = false;                         // answer of a condition
  std::shared_ptr<const AwaitRequest> await;  // await; null: nothing was asked for
  std::vector<journal::Child> children;  // expand; whose they are and their numbers are the engine's to say
  std::vector<journal::Emitted> emitted;
  std::vector<journal::Diagnostic> diagnostics;  // contract violations worth telling the author
};

struct Completion {
  uint64_t invocation = 0;
  ExecutionId execution;
  uint32_t step = 0;
  Kind kind = Kind::task;
  Outcome outcome;
};

// An invocation that is known to have killed the process before this one. The journal knows which execution
// it was of, but of hooks, which it does not name.
struct FatalInvocation {
  uint64_t invocation = 0;
  ExecutionId hook_of;  // 0: it was no hook
  std::string cause;    // "SIGSEGV", "exit(1)"; empty: nobody knows how

  bool operator==(const FatalInvocation&) const = default;
};

// ---- what one life of a host leaves to the next one (crash_record.h keeps it) ----

// One call, as every life of a host knows it: a step that runs again gets another invocation.
struct CallIdentity {
  ExecutionId execution;
  uint32_t step = 0;  // journal::kNoStep: a handler of the whole workflow
  Kind kind = Kind::task;

  bool operator==(const CallIdentity&) const = default;
};

// A call that was under way when the last life ended.
struct LastCall {
  uint64_t invocation = 0;
  CallIdentity call;

  bool operator==(const LastCall&) const = default;
};

// A call that may have ended the process: it was under way when that happened, and nobody knows who did it.
struct Suspect {
  CallIdentity call;
  int64_t window_ns = 0;  // for so long other calls wait while this one is on trial
  uint32_t deaths = 0;    // how often the process has ended while this call was on trial

  bool operator==(const Suspect&) const = default;
};

// The suspect that is on trial. `alone`: the process has run nothing else before it, and runs nothing beside
// it, so that it is to blame if the process ends. invocation 0: nobody is on trial.
struct Trial {
  uint64_t invocation = 0;
  bool alone = false;

  bool operator==(const Trial&) const = default;
};

struct LastLife {
  // clean: the host ended by itself, or there was none. power_loss: the machine was started anew since then,
  // so that what is recorded may be old and nobody is suspected.
  enum class End : uint8_t { clean, crash, power_loss };
  End end = End::clean;
  std::vector<FatalInvocation> fatal;  // known: a fatal signal or exit() on the thread of the invocation
  std::vector<LastCall> running;       // in any order
  std::vector<Suspect> suspects;       // as keep_suspects() had them last
  Trial trial;
};

// Live and best effort: what a running function says before it returns. Any thread; must not block.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_log(const Invocation& invocation, uint32_t level, std::string_view message) = 0;
  virtual void on_progress(const Invocation& invocation, double progress, std::string_view note) = 0;
  virtual void on_stream(const Invocation& invocation, std::string_view chunk, bool final) = 0;
  // What a call has cost, where the runner measures it; before its completion is handed back.
  virtual void on_cost(const Invocation&, int64_t /*cpu_ns*/, int64_t /*wall_ns*/) {}
};

class Wakeup {
 public:
  virtual ~Wakeup() = default;
  virtual void wake() = 0;  // any thread; cheap when the engine is awake
};

// One release that this runner has loaded, for the operator.
struct Residence {
  std::string tenant, package, version;
  Digest release;
  bool retired = false;       // nothing pins it any more
  bool still_mapped = false;  // retired and unloaded, but the system still maps it
  uint32_t stuck_calls = 0;   // timed-out or cancelled calls that have not returned
};

class Runner {
 public:
  virtual ~Runner() = default;

  // How many invocations may be under way at once.
  virtual size_t slots() const = 0;
  // Takes the invocations out of the batch. Each yields exactly one Completion; an abandoned one when its
  // function returns after all, and none if no thread had begun with it.
  virtual void start(std::span<Invocation> batch) = 0;
  // Appends what has completed.
  virtual void take_completions(std::vector<Completion>& out) = 0;
  // Appends, for each invocation whose slot is free again since the last call, the tenant of its frame. An
  // abandoned invocation keeps its slot for as long as its function keeps the thread.
  virtual void take_freed(std::vector<uint32_t>& out) = 0;

  enum class Signal : uint8_t {
    cancel,   // raise the cancel flag; the function decides
    abandon,  // its outcome is not wanted any more (timed out, fenced)
  };
  // No effect when the invocation has completed.
  virtual void cancel(uint64_t invocation, Signal signal) = 0;

  // What the next life has to know if this one ends without a word; in force before the next start(). Kept
  // where a runner keeps a record of what it runs; the default keeps nothing.
  virtual void keep_suspects(std::span<const Suspect> /*suspects*/) {}
  virtual void put_on_trial(const Trial& /*trial*/) {}

  // Nothing pins this release any more and the catalog does not point to it: unload it when its calls are
  // over.
  virtual void retire(const registry::ReleasePtr& release) = 0;

  // Any thread.
  virtual std::vector<Residence> residences() const = 0;
  virtual uint32_t stuck_calls() const = 0;
};

}  // namespace pirn::worker
