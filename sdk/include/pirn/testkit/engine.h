// The seam between the test kit's Workflow (header-only, for authors) and the library Pirn::testkit: the real
// engine and scheduler over the memory store, with a virtual clock and an in-process runner. No class of the
// SDK or of the host crosses it, so that neither side includes headers of the other. Authors use Workflow
// instead.
//
// Use an Engine on one thread; it calls functions of the package on this thread, too. Nothing sleeps.
//
// Each invocation calls its function exactly once: when its virtual time is over, or as soon as it is
// cancelled. An invocation that is lost, because it timed out or its host crashed, has called its function
// anyway, and only its outcome is discarded. That is the worst that a real host can do. A step must
// bear it: it will be called again.
//
// The function runs in an instant of virtual time, and finds the signals that are raised at that instant:
// PIRN_SIG_CANCEL if the call was cancelled or timed out, PIRN_SIG_DEADLINE if at most a tenth of its time,
// and at most 60 s, is left, and PIRN_SIG_DRAIN if its outcome has been discarded and its release has been
// retired (see undeploy). now_ns() is the begin of the call.
//
// Functions that return a std::string return an empty one for success, else what is wrong, in one or more
// lines for people; the engine is then unchanged. JSON is passed as text. Durations are in nanoseconds of
// virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pirn/abi.h"

namespace pirn::testkit {

// Takes the place of a function of the package. Called as a pirn_fn is, so that it may call the real one.
// Like that, it returns PIRN_DONE … PIRN_CANCELLED; an exception that it throws is the error `exception`.
using Substitute = std::function<int32_t(pirn_state*, pirn_call*, const pirn_invocation*, pirn_outcome*)>;

// One execution of one workflow, and a host of its own for it. Made by make_engine(). Not copied.
class Engine {
 public:
  // Calls no function of the package but its deinit, and that only for the last engine of the package.
  virtual ~Engine() = default;

  // Whether the workflow has a step of this name. Always true if it has a graft: a child may have any name.
  virtual bool has_step(const std::string& step) const = 0;

  // From now on, calls `substitute` in place of the function of this id, for every step that names it.
  virtual void substitute(const std::string& function, Substitute substitute) = 0;
  // Calls `substitute` in place of a workflow of a package that this package requires, "package::workflow".
  virtual std::string stand_in(const std::string& workflow, Substitute substitute) = 0;
  // From now on, each invocation of this step takes `ns` of virtual time. Default: 0. Its outcome arrives at
  // the end, unless a timeout or a cancellation comes first.
  // Negative counts as 0. Hooks, handlers, rollbacks and consultations take no time.
  virtual void takes(const std::string& step, int64_t ns) = 0;
  // Crashes and restarts the host in the middle of the virtual time of the next invocation of this step, as
  // restart() does. Once; call it again for another crash.
  virtual void crash_in(const std::string& step) = 0;

  // Sets the resources of the host, {"gpu":2}; it has none of others. Call it before start(). Default: enough
  // of everything.
  virtual std::string provide(const std::string& amounts_json) = 0;

  // Starts the workflow with a JSON object as the input, and runs everything that is due now. Once.
  virtual std::string start(const std::string& input_json) = 0;
  // Advances the clock by `ns` and runs everything that is due on the way, at its instant and in order. 0 or
  // less runs what is due now.
  virtual void advance(int64_t ns) = 0;
  // The time until the next event that needs only time; nullopt: the workflow has ended, or waits for a
  // command.
  virtual std::optional<int64_t> next_due_ns() const = 0;
  // Cancels the execution. reason empty: none. rollback: roll back what has completed. cleanup: call
  // on_cancel.
  virtual std::string cancel(const std::string& reason, bool rollback, bool cleanup) = 0;
  // The commands of people, as `pirn run pause`, `resume`, `signal`, `approve` and `reject` give them, by a
  // caller with every permission. `step` empty: all steps that await. `action`: complete, retry, skip or
  // fail.
  virtual std::string pause() = 0;
  virtual std::string resume(const std::string& context_json, const std::string& step,
                             const std::string& action) = 0;
  virtual std::string signal(const std::string& step, const std::string& payload_json) = 0;
  // Approves or rejects. approver empty: a caller with the permission answer_approval.
  virtual std::string answer(const std::string& step, bool approved, const std::string& approver,
                             const std::string& comment) = 0;
  // Kills and restarts the host: only what is in the store survives. Invocations under way are lost.
  virtual void restart() = 0;
  // Undeploys the package, after start(). The execution, if it is open, continues on its release, and so it
  // does after restart(). When it has ended, the engine retires the release, and calls whose outcome was
  // discarded at that instant find PIRN_SIG_DRAIN. Nothing is unloaded.
  virtual std::string undeploy() = 0;

  // Virtual time since start(); since the engine was made, before it. The wall clock begins at
  // 2025-01-01T00:00:00Z.
  virtual int64_t now_ns() const = 0;
  // The document of `pirn run show -o json`: at least state, context, error and
  // steps[{name, state, skip_kind, attempt, invocations, error{code, message}}]. The state is "not_started"
  // before start().
  virtual std::string show_json() const = 0;
  // The events of the execution's journal so far: [{"seq":n,"at_ms":n,"type":"step.start","step":s,…}]. at_ms
  // counts from the start.
  virtual std::string events_json() const = 0;
  // What functions have logged so far, lost invocations included:
  // [{"at_ms":n,"level":PIRN_LOG_,"step":s,"message":s},…]
  virtual std::string logs_json() const = 0;
};

// Makes an engine for one workflow of this package. `plugin` is static and not NULL. Calls the package's init
// unless another Engine of it exists. Schedules and events start nothing in it. `definition_file` defines the
// workflows of a package without a definition of its own; it is not read otherwise. Returns null if the
// definition is missing or not valid, has no such workflow, or init fails; `problem` then lists all that is
// wrong.
std::unique_ptr<Engine> make_engine(const pirn_plugin* plugin, const std::string& workflow,
                                    const std::string& definition_file, std::string& problem);

}  // namespace pirn::testkit
