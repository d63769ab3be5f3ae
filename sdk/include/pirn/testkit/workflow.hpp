// Workflow runs a workflow of the package that is linked into this program: the real engine, in memory, on a
// virtual clock, in which a month takes milliseconds. Needs the library Pirn::testkit.
//
// Deterministic: the same calls give the same log(). Say first what is to be replaced, then start(), then let
// time pass.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pirn/pirn.hpp"
#include "pirn/testkit/engine.h"

namespace pirn::inline sdk {
// What GoogleTest shows of it.
inline void PrintTo(const Duration& duration, std::ostream* out) { *out << duration.text(); }
}  // namespace pirn::inline sdk

namespace pirn::testkit {

// What `pirn pack` would take for the definition: pirn_add_package_test() says where that is.
inline std::string workflow_json() {
#ifdef PIRN_WORKFLOW_JSON
  return PIRN_WORKFLOW_JSON;
#else
  return "workflow.json";
#endif
}

struct Step {
  std::string name, state, skip_kind, error_code, error_message;
  std::string compensation;  // of a rollback: "done", "failed", …; empty: there was none
  uint32_t attempt = 0;      // failures + 1
  uint32_t invocations = 0;  // how often it was called
};

struct CancelOptions {
  bool rollback = false;  // what has completed is rolled back
  bool cleanup = true;    // on_cancel is called
};

class Workflow {
 public:
  // Throws pirn::Error workflow_unusable with all that is wrong: the definition has problems, it has no such
  // workflow, on_load failed. A package that brings functions and no workflows is defined by the file, which
  // is the workflow.json beside its CMakeLists.txt unless another one is named.
  explicit Workflow(const std::string& name, const std::string& definition_file = workflow_json()) {
    std::string problem;
    engine_ = make_engine(pirn_plugin_v1(PIRN_ABI_MINOR), name, definition_file, problem);
    if (engine_ == nullptr) throw Error("workflow_unusable", problem);
  }

  // ---- before start: what is not to be the real thing. `function` is a function's id, `step` a step's name;
  // an unknown one throws pirn::Error no_function or no_step.

  // Calls this in place of the function. It may read ctx and put, like a step.
  Workflow& mock(const std::string& function, std::function<Outcome(Context&)> body) {
    find(function);
    engine_->substitute(function, stand_in_of(std::move(body)));
    return *this;
  }
  // Stands in for a workflow of a package that this one requires, "payments::charge": what it answers is what
  // that one would give back, a failure is a failure of the step that contains it. Without one it
  // fails with no_mock. Throws pirn::Error no_workflow.
  Workflow& mock_workflow(const std::string& workflow, std::function<Outcome(Context&)> body) {
    return accept("no_workflow", engine_->stand_in(workflow, stand_in_of(std::move(body))));
  }
  // One outcome for each call of the function; the last one repeats.
  Workflow& script(const std::string& function, std::vector<Outcome> outcomes) {
    return mock(function, [outcomes = std::move(outcomes), next = size_t{0}](Context&) mutable {
      if (outcomes.empty()) return ok();
      const Outcome& outcome = outcomes[next];
      if (next + 1 < outcomes.size()) ++next;
      return outcome;
    });
  }
  // The first calls fail, then the real function is called.
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
  // Each invocation of the step takes that long on the virtual clock; no time unless said.
  Workflow& takes(const std::string& step, Duration duration) {
    engine_->takes(known_step(step), duration.ns());
    return *this;
  }
  // The host dies in the step's next invocation, whose function was called in vain, and starts again.
  Workflow& crash_in(const std::string& step) {
    engine_->crash_in(known_step(step));
    return *this;
  }

  // ---- running

  // Starts, and lets happen what needs no time. Throws pirn::Error start_refused.
  Workflow& start(const Fields& input = {}) { return start(json::object(input)); }
  // Of a document. A template, so that braces mean the fields above.
  template <std::same_as<json::Text> Text>
  Workflow& start(const Text& input) {
    return accept("start_refused", engine_->start(input.str()));
  }
  Workflow& advance(Duration duration) {
    engine_->advance(duration.ns());
    return *this;
  }
  // Jumps from one thing that is due to the next, until the workflow ends, waits for a command, or the limit
  // has passed.
  Workflow& run(Duration limit = Duration::seconds(365LL * 86'400)) {
    const int64_t end = engine_->now_ns() + limit.ns();
    while (auto next = engine_->next_due_ns()) {
      if (*next > end - engine_->now_ns()) break;
      engine_->advance(*next);
    }
    return *this;
  }
  // Throws pirn::Error invalid_transition when the workflow has ended.
  Workflow& cancel(const std::string& reason = "", CancelOptions options = {}) {
    return accept("invalid_transition", engine_->cancel(reason, options.rollback, options.cleanup));
  }
  // Holds the workflow: what runs finishes, nothing starts; deadlines hold. Throws pirn::Error refused, as do
  // those that follow.
  Workflow& pause() { return accept("refused", engine_->pause()); }
  // Ends a pause, with a patch of the context; or answers the steps that await, or the one that is named.
  // `action`, for an intervention: complete, retry, skip, fail.
  Workflow& resume(const Fields& context = {}, const std::string& step = "",
                   const std::string& action = "complete") {
    return accept("refused", engine_->resume(json::object(context).str(), known_or_none(step), action));
  }
  // Tells a step that awaits something what it waits for; a pause stays.
  Workflow& signal(const std::string& step, const Fields& payload = {}) {
    return accept("refused", engine_->signal(known_step(step), json::object(payload).str()));
  }
  // The step that awaits completes with approved, approver and comment. Whoever is named must be one of its
  // approvers; without a name it is somebody who may answer everything.
  Workflow& approve(const std::string& step, const std::string& approver = "",
                    const std::string& comment = "") {
    return accept("refused", engine_->answer(known_step(step), true, approver, comment));
  }
  Workflow& reject(const std::string& step, const std::string& approver = "",
                   const std::string& comment = "") {
    return accept("refused", engine_->answer(known_step(step), false, approver, comment));
  }
  // The host is killed and started again.
  Workflow& restart() {
    engine_->restart();
    return *this;
  }

  // What the host has of the resources that steps ask for, {{"gpu", 2}}, and of nothing else anything; unless
  // this is said it has enough of everything. Before the start.
  Workflow& provide(const Fields& amounts) {
    return accept("refused", engine_->provide(json::object(amounts).str()));
  }

  // ---- what became of it

  // "not_started", "running", "paused", "completed", "failed", "cancelled", …
  std::string state() const { return shown("state"); }
  bool completed() const { return state() == "completed"; }
  std::string error_code() const {
    std::string text = show();
    return json::View(text)["error"].get_or<std::string>("code", "");
  }
  Duration elapsed() const { return Duration::nanoseconds(engine_->now_ns()); }

  bool has(std::string_view key) const {
    std::string text = show();
    return json::View(text)["context"].find(key).has_value();
  }
  // A value of the context; not lent, so read text as std::string. Throws pirn::Error missing_key,
  // wrong_type.
  template <class T>
  T get(std::string_view key) const {
    static_assert(!std::is_same_v<T, json::View>,
                  "the document does not outlive this call: read it as pirn::json::Text");
    std::string text = show();
    return json::View(text)["context"].get<T>(key);
  }

  // In the order of the definition.
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
  // Throws pirn::Error no_step.
  Step step(std::string_view name) const {
    for (Step& step : steps())
      if (step.name == name) return std::move(step);
    throw Error("no_step", "the workflow has no step \"" + std::string(name) + "\"");
  }

  // One line an event, for a golden file: "1500 step.start fetch".
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
  // What functions logged, in order, lost invocations included.
  std::vector<std::string> messages() const {
    std::string text = engine_->logs_json();
    std::vector<std::string> found;
    for (json::View log : json::View(text).items()) found.push_back(log.get<std::string>("message"));
    return found;
  }
  bool logged(std::string_view part) const {
    for (const std::string& message : messages())
      if (message.find(part) != std::string::npos) return true;
    return false;
  }
  // The whole state, for messages of tests.
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
