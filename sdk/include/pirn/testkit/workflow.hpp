// Workflow runs a workflow of the package that is linked into this program: with the real engine, in memory,
// on a virtual clock, on which a month takes milliseconds. Needs the library Pirn::testkit. Use it on one
// thread; functions of the package are called on it, too.
//
// Deterministic: the same calls give the same log(). First replace what is not to be the real thing, then
// call start(), then let time pass with advance() or run().
//
// The virtual clock does not advance while a function runs. takes() gives a step virtual time; its function
// is called once, at the end of that time, and finds the signals of that instant:
//   cancelled()      the call was cancelled, or timed out: either ends its virtual time at once
//   deadline_near()  at most a tenth of the call's time, and at most 60 s, is left, or none after a timeout
//   draining()       the call timed out, nothing was left to do after that (no retry, rollback or handler), so
//                    that the execution ended, and undeploy() was called before
// So a function that polls these signals in a loop finds them set from its first look on, or never.
// TaskRun::cancelled_at_heartbeat() raises a signal in the middle of a call.
//
// Schedules and events start nothing here: a test is about the execution that it starts. Nested workflows of
// the package run as in a host. Hooks, handlers, rollbacks, conditions and backoffs are called and take no
// virtual time.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pirn/pirn.hpp"
#include "pirn/testkit/engine.h"

namespace pirn::inline sdk {
// Prints a Duration, for GoogleTest. A template: <ostream> is included where it is used, and not here.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out,
                                             const Duration& duration) {
  return out << duration.text();
}
}  // namespace pirn::inline sdk

namespace pirn::testkit {

// The path of the package's workflow.json, as pirn_add_package_test() sets it; without that, the file of this
// name in the working directory.
inline std::string workflow_json() {
#ifdef PIRN_WORKFLOW_JSON
  return PIRN_WORKFLOW_JSON;
#else
  return "workflow.json";
#endif
}

// The state of a step. A copy: it does not change when time passes.
struct Step {
  std::string name;       // that of the definition, or of a child
  std::string state;      // "pending", "running", "completed", … (docs/semantics.md, 2.3)
  std::string skip_kind;  // why it was skipped: "condition", "requested", …; empty: it was not
  std::string error_code, error_message;  // of its last failure; empty: none
  std::string compensation;               // of its rollback: "done", "failed", …; empty: there was none
  uint32_t attempt = 0;                   // failures + 1 (R63)
  uint32_t invocations = 0;               // how often its function was called, lost calls included
};

// Of Workflow::cancel().
struct CancelOptions {
  bool rollback = false;  // roll back what has completed (R26)
  bool cleanup = true;    // call on_cancel (R30)
};

// One execution of a workflow, and a host of its own for it. Commands return the object, for chains, and
// throw pirn::Error with the code that their comment names; they change nothing then. Moving is not copying:
// there is one execution.
//
// The first function of on_load is called when a Workflow is made while there is no other, the second one
// when the last one ends.
class Workflow {
 public:
  // Makes an execution that has not started. `name` is the workflow's, without the package. `definition_file`
  // is read if the package lists functions and no workflows. Throws pirn::Error workflow_unusable with
  // everything that is wrong: the definition is not valid or has no such workflow, or on_load failed.
  explicit Workflow(const std::string& name, const std::string& definition_file = workflow_json()) {
    std::string problem;
    engine_ = make_engine(pirn_plugin_v1(PIRN_ABI_MINOR), name, definition_file, problem);
    if (engine_ == nullptr) throw Error("workflow_unusable", problem);
  }

  // ---- before start(): what is not to be the real thing
  //
  // `function` is the id of a function, `step` the name of a step; of a graft's children, any name. A later
  // call for the same function or step replaces an earlier one. Also possible after start(), for calls that
  // have not begun. Errors: no_function, no_step.

  // Calls `body` in place of the function, for every step that names it. It may read the context and put, as
  // a step does; what it throws becomes the error of the step. `body` is kept as long as this object.
  Workflow& mock(const std::string& function, std::function<Outcome(Context&)> body) {
    find(function);
    engine_->substitute(function, stand_in_of(std::move(body)));
    return *this;
  }
  // Calls `body` in place of a workflow of a package that this package requires, "payments::charge". Its
  // fields are what that workflow gives back; its failure is a failure of the step that contains the
  // workflow (nested_workflow_failed). Without a mock this step fails with nested_workflow_failed, whose
  // message names no_mock. Errors: no_workflow, if no step of the package contains it.
  Workflow& mock_workflow(const std::string& workflow, std::function<Outcome(Context&)> body) {
    return accept("no_workflow", engine_->stand_in(workflow, stand_in_of(std::move(body))));
  }
  // Answers the n-th call of the function with the n-th outcome; the last one repeats. Empty: ok().
  Workflow& script(const std::string& function, std::vector<Outcome> outcomes) {
    return mock(function, [outcomes = std::move(outcomes), next = size_t{0}](Context&) mutable {
      if (outcomes.empty()) return ok();
      const Outcome& outcome = outcomes[next];
      if (next + 1 < outcomes.size()) ++next;
      return outcome;
    });
  }
  // Fails the first `times` calls of the function with this error, then calls the real function. `code` is
  // repaired as a host repairs it (text.hpp).
  Workflow& fail_first(const std::string& function, uint32_t times, const std::string& code = "injected",
                       ErrorClass error_class = retryable) {
    const pirn_function* real = find(function);
    engine_->substitute(
        function,
        [=, left = times](pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                          pirn_outcome* out) mutable -> int32_t {
          if (left == 0) return real->call(state, call, invocation, out);
          --left;
          pirn::detail::set_error(call, code, "a failure that the test injected", error_class);
          return PIRN_FAILED;
        });
    return *this;
  }
  // Each invocation of the step takes this long on the virtual clock, unless a timeout or a cancellation
  // comes first. Default: no time. Do not use pirn::infinity: a duration beyond the step's timeout does the
  // same.
  Workflow& takes(const std::string& step, Duration duration) {
    engine_->takes(known_step(step), duration.ns());
    return *this;
  }
  // Crashes and restarts the host during the step's next invocation, in the middle of its virtual time: the
  // function is called, its outcome is lost, and it is called again (S17). Once for each call.
  Workflow& crash_in(const std::string& step) {
    engine_->crash_in(known_step(step));
    return *this;
  }

  // ---- running

  // Starts the workflow with this input and runs everything that is due now. Once. Errors: start_refused,
  // also if the workflow needs resources that provide() did not name; invalid_value for bytes.
  Workflow& start(const Fields& input = {}) { return start(json::object(input)); }
  // The same with a JSON document, which must be an object. A template, so that braces mean the fields above.
  template <std::same_as<json::Text> Text>
  Workflow& start(const Text& input) {
    return accept("start_refused", engine_->start(input.str()));
  }
  // Advances the clock and runs everything that is due on the way, at its instant. 0 or less runs what is due
  // now. Time passes also after the end.
  Workflow& advance(Duration duration) {
    engine_->advance(duration.ns());
    return *this;
  }
  // Advances the clock from event to event until the workflow ends, waits for a command, or nothing is due
  // within what is left of `limit`. Default: 365 days. The clock stops at the last event.
  Workflow& run(Duration limit = Duration::seconds(365LL * 86'400)) {
    const int64_t end = engine_->now_ns() + limit.ns();
    while (auto next = engine_->next_due_ns()) {
      if (*next > end - engine_->now_ns()) break;
      engine_->advance(*next);
    }
    return *this;
  }
  // Cancels the workflow (R27, R28). Calls that are under way find the signal and return at once, unless
  // their step is not cancellable. Errors: invalid_transition, if it has ended or was not started.
  Workflow& cancel(const std::string& reason = "", CancelOptions options = {}) {
    return accept("invalid_transition", engine_->cancel(reason, options.rollback, options.cleanup));
  }
  // Pauses the workflow: what runs finishes, nothing starts, deadlines stay (E4). Errors of this and the next
  // five: refused, with what a host would say, also before start(); no_step, if a step is named and there is
  // none.
  Workflow& pause() { return accept("refused", engine_->pause()); }
  // Ends a pause, with `context` as a patch of the context. Without a pause: completes the steps that await,
  // or the one that is named, with `context` as the result (R13). `action` answers an intervention (R47):
  // complete, retry, skip or fail.
  Workflow& resume(const Fields& context = {}, const std::string& step = "",
                   const std::string& action = "complete") {
    return accept("refused", engine_->resume(json::object(context).str(), known_or_none(step), action));
  }
  // Completes a step that awaits with `payload` as its result; a pause stays (R13).
  Workflow& signal(const std::string& step, const Fields& payload = {}) {
    return accept("refused", engine_->signal(known_step(step), json::object(payload).str()));
  }
  // Completes a step that awaits with {approved, approver, comment} (R67). `approver` must be one of its
  // approvers; empty: a caller with the permission answer_approval.
  Workflow& approve(const std::string& step, const std::string& approver = "",
                    const std::string& comment = "") {
    return accept("refused", engine_->answer(known_step(step), true, approver, comment));
  }
  // The same with `approved` false: the step completes, and its result says no.
  Workflow& reject(const std::string& step, const std::string& approver = "",
                   const std::string& comment = "") {
    return accept("refused", engine_->answer(known_step(step), false, approver, comment));
  }
  // Kills and restarts the host: invocations under way are lost, and their steps are called again (S17).
  // Everything that was committed, timers included, is still there.
  Workflow& restart() {
    engine_->restart();
    return *this;
  }

  // Undeploys the package. The execution continues on the release that it started with, across restart(),
  // too. When it has ended, the release retires: a call whose outcome was discarded at that instant, because
  // its timeout ended the execution, finds Context::draining() true. Errors: refused, before start().
  Workflow& undeploy() { return accept("refused", engine_->undeploy()); }

  // Sets the resources of the host, {{"gpu", 2}}, in the units of StepOptions::resources; it has none of
  // others. Call it before start(). Default: enough of everything. Errors: refused, for an amount that is not
  // valid or after start().
  Workflow& provide(const Fields& amounts) {
    return accept("refused", engine_->provide(json::object(amounts).str()));
  }

  // ---- the state of the execution

  // "not_started", "running", "paused", "stopping", "compensating", "completed", "failed", "cancelled" or
  // "pending", before the next attempt (docs/semantics.md, 2.5).
  std::string state() const { return shown("state"); }
  // Whether the state is "completed".
  bool completed() const { return state() == "completed"; }
  // The code of the error that the workflow failed with; empty: it has not failed.
  std::string error_code() const {
    std::string text = show();
    return json::View(text)["error"].get_or<std::string>("code", "");
  }
  // Virtual time since start().
  Duration elapsed() const { return Duration::nanoseconds(engine_->now_ns()); }

  // Whether the context has `key`.
  bool has(std::string_view key) const {
    std::string text = show();
    return json::View(text)["context"].find(key).has_value();
  }
  // A value of the context, as the types of json::View::as() but json::View. The context is the fold of what
  // all completed steps wrote over the input (docs/semantics.md, 2.7). Errors: missing_key, wrong_type.
  template <class T>
  T get(std::string_view key) const {
    static_assert(!std::is_same_v<T, json::View>,
                  "the document does not outlive this call: read it as pirn::json::Text");
    std::string text = show();
    return json::View(text)["context"].get<T>(key);
  }

  // The steps, in the order of the definition, then children of grafts, as they were added. Empty before
  // start().
  std::vector<Step> steps() const {
    std::string text = show();
    std::vector<Step> found;
    for (json::View step : json::View(text)["steps"].items()) {
      json::View error = step["error"];
      found.push_back({step.get<std::string>("name"), step.get<std::string>("state"),
                       step.get_or<std::string>("skip_kind", ""), error.get_or<std::string>("code", ""),
                       error.get_or<std::string>("message", ""), step.get_or<std::string>("compensation", ""),
                       step.get_or<uint32_t>("attempt", 0), step.get_or<uint32_t>("invocations", 0)});
    }
    return found;
  }
  // The step of this name. Errors: no_step, also before start().
  Step step(std::string_view name) const {
    for (Step& step : steps())
      if (step.name == name) return std::move(step);
    throw Error("no_step", "the workflow has no step \"" + std::string(name) + "\"");
  }

  // The journal, one line for each event, for a golden file: "1500 step.start fetch", with milliseconds since
  // the start. docs/reference/events.md lists the events. Empty before start().
  std::vector<std::string> log() const {
    std::string text = engine_->events_json();
    std::vector<std::string> lines;
    for (json::View event : json::View(text).items()) {
      std::string line =
          std::to_string(event.get_or<int64_t>("at_ms", 0)) + " " + event.get<std::string>("type");
      if (auto step = event.find("step"); step && step->is_string()) line += " " + step->as<std::string>();
      lines.push_back(std::move(line));
    }
    return lines;
  }
  // What functions have logged with Context::log(), whatever the level, in order, lost invocations included.
  std::vector<std::string> messages() const {
    std::string text = engine_->logs_json();
    std::vector<std::string> found;
    for (json::View log : json::View(text).items()) found.push_back(log.get<std::string>("message"));
    return found;
  }
  // Whether a log message contains `part`.
  bool logged(std::string_view part) const {
    for (const std::string& message : messages())
      if (message.find(part) != std::string::npos) return true;
    return false;
  }
  // The whole state as JSON, for messages of tests: the document of `pirn run show -o json`.
  std::string text() const { return show(); }

 private:
  static Substitute stand_in_of(std::function<Outcome(Context&)> body) {
    return [body = std::move(body)](pirn_state*, pirn_call* call, const pirn_invocation* invocation,
                                    pirn_outcome* out) {
      return pirn::detail::run(
          [&body](Context& ctx, const Input&, pirn::detail::Answer& answer) { answer.outcome = body(ctx); },
          call, invocation, out);
    };
  }
  std::string show() const { return engine_->show_json(); }
  std::string shown(std::string_view key) const {
    std::string text = show();
    return json::View(text).get<std::string>(key);
  }
  Workflow& accept(const char* code, const std::string& problem) {
    if (!problem.empty()) throw Error(code, problem);
    return *this;
  }
  const std::string& known_step(const std::string& step) const {
    if (!engine_->has_step(step)) throw Error("no_step", "the workflow has no step \"" + step + "\"");
    return step;
  }
  const std::string& known_or_none(const std::string& step) const {
    return step.empty() ? step : known_step(step);
  }
  static const pirn_function* find(const std::string& id) {
    const pirn_plugin* plugin = pirn_plugin_v1(PIRN_ABI_MINOR);
    for (uint32_t i = 0; i < plugin->n_functions; ++i)
      if (plugin->functions[i]->id == id) return plugin->functions[i];
    throw Error("no_function", "the package exports no function \"" + id + "\"");
  }

  std::unique_ptr<Engine> engine_;
};

}  // namespace pirn::testkit
