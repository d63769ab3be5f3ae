// The seam between the test kit's Workflow (header-only, for authors) and the library behind it,
// Pirn::testkit: the real engine and scheduler over the memory store, with a virtual clock and an in-process
// runner. No class of the SDK and none of the host crosses it, so that either side includes nothing of the
// other.
//
// All of it belongs to one thread, on which functions of the package are called too. Nothing sleeps.
//
// Each invocation calls its function exactly once, when its virtual time is over or as soon as it is
// cancelled. One that is lost (it timed out, or its host died) has called its function all the same; only its
// outcome is discarded. That is the worst that a real host can do, and what a step must bear: it will be
// called again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pirn/abi.h"

namespace pirn::testkit {

// Stands in for a function of the package; called as a pirn_fn is, so that it may call the real one.
using Substitute = std::function<int32_t(pirn_state*, pirn_call*, const pirn_invocation*, pirn_outcome*)>;

class Engine {
 public:
  virtual ~Engine() = default;

  // Every name may be that of a step when the workflow has a graft.
  virtual bool has_step(const std::string& step) const = 0;

  // From now on `substitute` is called in place of the function of this id, whatever steps name it.
  virtual void substitute(const std::string& function, Substitute substitute) = 0;
  // Is called in place of a workflow of a package that this one requires, "package::workflow". Empty, or what
  // is wrong.
  virtual std::string stand_in(const std::string& workflow, Substitute substitute) = 0;
  // From now on each invocation of this step takes that long of virtual time; 0 unless said. Its outcome
  // arrives at the end, unless a timeout or a cancellation comes first.
  virtual void takes(const std::string& step, int64_t ns) = 0;
  // The next invocation of this step is lost with its host: as restart(), in the middle of it.
  virtual void crash_in(const std::string& step) = 0;

  // What the host has of the resources that steps ask for, {"gpu":2}; else it has enough of everything.
  // Before the start. Empty, or what is wrong.
  virtual std::string provide(const std::string& amounts_json) = 0;

  // Starts the workflow with a JSON object, once, and lets happen what needs no time. Empty, or what is
  // wrong.
  virtual std::string start(const std::string& input_json) = 0;
  // Moves the clock, letting everything happen at its instant, in order; 0 lets happen what needs no time.
  virtual void advance(int64_t ns) = 0;
  // How far away the next thing is that only needs time; nothing: it needs a command, or the workflow has
  // ended.
  virtual std::optional<int64_t> next_due_ns() const = 0;
  // Empty, or why it is refused.
  virtual std::string cancel(const std::string& reason, bool rollback, bool cleanup) = 0;
  // What people say, as `pirn run pause`, `resume`, `signal`, `approve` and `reject` do. Empty, or why it is
  // refused.
  virtual std::string pause() = 0;
  virtual std::string resume(const std::string& context_json, const std::string& step,
                             const std::string& action) = 0;
  virtual std::string signal(const std::string& step, const std::string& payload_json) = 0;
  // Without an approver it is somebody who may answer everything.
  virtual std::string answer(const std::string& step, bool approved, const std::string& approver,
                             const std::string& comment) = 0;
  // The host is killed and started again: all that is not in the store is gone, invocations under way
  // included.
  virtual void restart() = 0;

  virtual int64_t now_ns() const = 0;  // since start
  // The document of `pirn run show -o json`: at least state, context, error and
  // steps[{name, state, skip_kind, attempt, invocations, error{code, message}}]. Before the start the state
  // is "not_started".
  virtual std::string show_json() const = 0;
  // The execution's journal events so far: [{"seq":n,"at_ms":n,"type":"step.start","step":s,…}]; at_ms counts
  // from the start.
  virtual std::string events_json() const = 0;
  // What functions logged so far, lost invocations included:
  // [{"at_ms":n,"level":PIRN_LOG_,"step":s,"message":s},…].
  virtual std::string logs_json() const = 0;
};

// For a workflow of this package, whose init is called unless another Engine of it lives.
// `definition_file` is what defines the workflows of a package that brings no definition of its own; it is
// not looked at if it does. Null when the definition is missing or refused, has no such workflow, or init
// fails; `problem` then says all that is wrong.
std::unique_ptr<Engine> make_engine(const pirn_plugin* plugin, const std::string& workflow,
                                    const std::string& definition_file, std::string& problem);

}  // namespace pirn::testkit
