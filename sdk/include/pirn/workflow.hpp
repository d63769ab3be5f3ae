// The builder of workflows:
//
//   auto data_export() {
//     return pirn::workflow("data_export", {.timeout = 1_h})
//         .step<"fetch", fetch>()
//         .fan_out("fetch", pirn::named<"to_s3">(pirn::call<upload>("s3")),
//                  pirn::named<"to_gcs">(pirn::call<upload>("gcs")))
//         .then<"notify", notify>().timeout(30_s);
//   }
//   PIRN_PACKAGE("exports", "1.0.0", data_export)
//
// The names of the steps are part of the builder's type. The compiler therefore rejects a reference to a step
// that is not declared, and a step that is declared twice. After uses(), or after a step that is declared
// with PIRN_STEP (whose options may set another name), references by text are checked by `pirn pack` instead.
//
// The current steps are those that the last call declared. Modifiers such as timeout() and after() apply to
// them.
//
// A source is what a step calls: a function, pirn::call<f>(arguments…), pirn::use<Class>(), a function that
// is declared with PIRN_TASK, or a lambda without captures. The file and line of each call are kept for
// messages; that is what the parameter `at` is for, which you leave out.
//
// Nothing here performs I/O or keeps state. The functions that return a workflow run when a package is packed
// and when the host loads it, on one thread, and must build the same workflow each time. They throw
// pirn::Error where a Value cannot become JSON (value.hpp); the package then has no definition, and the text
// says why.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pirn/function.hpp"
#include "pirn/name.hpp"
#include "pirn/options.hpp"
#include "pirn/print.hpp"

namespace pirn::inline sdk {
namespace detail {

void no_step_of_this_name_is_declared_above_here();  // never defined: named in the compiler's message

// The names of the steps so far. Open: one of them is known at run time only.
template <bool Open, FixedString... Names>
struct StepNames {
  static constexpr bool kOpen = Open;
  static constexpr bool has([[maybe_unused]] std::string_view name) {
    return ((Names.view() == name) || ...);
  }
  template <FixedString Name>
  using With = StepNames<Open, Names..., Name>;
  using Opened = StepNames<true, Names...>;
};

// An argument that must name a declared step; checked while compiling.
template <class Names>
class KnownStep {
 public:
  // No step.
  constexpr KnownStep() = default;
  template <size_t N>
  consteval KnownStep(const char (&name)[N]) : name_(name, N - 1) {
    if (!Names::kOpen && !Names::has(name_)) no_step_of_this_name_is_declared_above_here();
  }
  template <IsStep Step>
  constexpr KnownStep(Step) : lazy_(&step_name<Step>) {}

  bool given() const { return lazy_ != nullptr || !name_.empty(); }
  StepRef ref() const { return lazy_ != nullptr ? StepRef(lazy_) : StepRef(std::string(name_)); }

 private:
  std::string_view name_;
  std::string (*lazy_)() = nullptr;
};

// A step with its name, for fan_out.
template <FixedString Name, class Perform, class Rollback>
struct NamedSource {
  Source<Perform, Rollback> source;
  StepOptions options;
  At at;
};

// What is printed of a step of the builder: the parameters of its source, and the rollback of its class
// unless the options name one.
template <FixedString Name, class Perform, class Rollback>
StepData step_data(const Source<Perform, Rollback>& source, StepOptions options, At at) {
  static_assert(is_name(Name.view()), "a step's name is [a-z0-9][a-z0-9_-]{0,62}");
  if constexpr (!std::is_void_v<Rollback>)
    if (options.rollback.empty()) options.rollback = std::string(Name.view()) + "_rollback";
  for (const Field& field : source.params) options.params.add(field.key, field.value);
  std::string task(Name.view());
  if constexpr (requires { typename Perform::Function; }) task = Perform::Function::kId.view();
  return {std::string(Name.view()), std::move(task), at, std::move(options)};
}

// The same of a step that is declared with PIRN_STEP and its like.
template <IsStep Step>
StepData step_data() {
  StepOptions options = Step::options();
  std::string task = options.task.empty() ? std::string(Step::kId.view()) : options.task.text();
  if constexpr (requires { Step::source(); }) {
    for (const Field& field : Step::source().params) options.params.add(field.key, field.value);
    if constexpr (!std::is_void_v<typename Step::Rollback>)
      if (options.rollback.empty()) options.rollback = std::string(Step::Rollback::kId.view());
  }
  return {step_name<Step>(), std::move(task), Step::kAt, std::move(options)};
}

}  // namespace detail

// A step with its name, its source and its options, for fan_out(), parallel() and chain():
// named<"to_s3">(call<upload>("s3"), {.timeout = 1_h}). The step's own function is exported under the step's
// name, so two steps of a package that have the same name and different functions do not compile. A function
// that is declared with PIRN_TASK keeps its id.
template <detail::FixedString Name, class S>
auto named(S source, StepOptions options = {}, At at = At::here()) {
  auto made = detail::as_source(std::move(source));
  return [&]<class P, class R>(detail::Source<P, R>& from) {
    return detail::NamedSource<Name, P, R>{std::move(from), std::move(options), at};
  }(made);
}

// The same for a plain function: named<"fetch", fetch>().
template <detail::FixedString Name, auto F>
auto named(StepOptions options = {}, At at = At::here()) {
  return named<Name>(call<F>(), std::move(options), at);
}

namespace detail {
// A step of branch(), which runs if its condition holds.
template <FixedString Name, class Perform, class Rollback>
struct Arm {
  NamedSource<Name, Perform, Rollback> step;
};
template <FixedString Name, class Perform, class Rollback>
auto arm(Condition condition, NamedSource<Name, Perform, Rollback> step) {
  step.options.when = std::move(condition);
  return Arm<Name, Perform, Rollback>{std::move(step)};
}
}  // namespace detail

// A step of branch(), which runs if its condition holds: arm<"ship", ship>(in_stock). The condition replaces
// options.when.
template <detail::FixedString Name, auto F>
auto arm(Condition condition, StepOptions options = {}, At at = At::here()) {
  return detail::arm(std::move(condition), named<Name>(call<F>(), std::move(options), at));
}
// The same for any source: arm<"wait">(pirn::path("stock") == 0, pirn::call<f>(3)).
template <detail::FixedString Name, class S>
requires(!std::convertible_to<S, StepOptions>) auto arm(Condition condition, S source,
                                                        StepOptions options = {}, At at = At::here()) {
  return detail::arm(std::move(condition), named<Name>(std::move(source), std::move(options), at));
}

// A workflow that is being built; begin one with pirn::workflow(). Every call but add_step() and data()
// consumes the object and returns the workflow with the addition, so write the calls as a chain. `Names`
// holds the names of its steps, `FunctionList` the functions that the package exports for it. A workflow has
// at most 100,000 steps.
template <class Names, class FunctionList>
class Workflow {
  using Step = detail::KnownStep<Names>;

 public:
  using Functions = FunctionList;

  // For the SDK; use pirn::workflow(). `current`: indices of the current steps.
  Workflow(detail::WorkflowData data, std::vector<size_t> current)
      : data_(std::move(data)), current_(std::move(current)) {}

  // ---- steps

  // Adds a step that calls a function: step<"fetch", fetch>(). It depends on no step until its options,
  // after() or a similar modifier say so. It becomes the only current step, as after each call that adds one
  // step.
  template <detail::FixedString Name, auto F>
  auto step(StepOptions options = {}, At at = At::here()) && {
    return std::move(*this).template step<Name>(call<F>(), std::move(options), at);
  }
  // Adds a step with any source: step<"load-config">(load), step<"greet">([](pirn::Context& ctx) { … }).
  template <detail::FixedString Name, class S>
  auto step(S source, StepOptions options = {}, At at = At::here()) && {
    return std::move(*this).add(named<Name>(std::move(source), std::move(options), at));
  }
  // Adds a step that is declared with PIRN_STEP, PIRN_STEP_FROM or PIRN_NESTED, with its options there.
  // Modifiers change the step of this workflow only.
  template <detail::IsStep S>
  auto step(S) && {
    data_.steps.push_back(detail::step_data<S>());
    return std::move(*this).template grown<typename Names::Opened>(detail::functions_of_tag<S>());
  }
  // Adds another workflow as one step, "workflow" or "package::workflow" (R32):
  // nested<"notify">("mail::send"). A workflow of another package must be required in package.toml. Replaces
  // options.workflow.
  template <detail::FixedString Name>
  auto nested(std::string workflow, StepOptions options = {}, At at = At::here()) && {
    check_new<Name>();
    options.workflow = std::move(workflow);
    data_.steps.push_back({std::string(Name.view()), "", at, std::move(options)});
    data_.steps.back().task = data_.steps.back().name;
    return std::move(*this).template grown<typename Names::template With<Name>>(detail::Functions<>{});
  }
  // Adds a step whose name is known only at run time, for example in a loop. `task` is a function that the
  // package exports, see uses(). Changes this object and returns it. `pirn pack` checks the names:
  // invalid_name, duplicate_name. An argument of the builder that names such a step compiles only after
  // uses().
  Workflow& add_step(std::string name, TaskRef task, StepOptions options = {}, At at = At::here()) {
    data_.steps.push_back({std::move(name), task.text(), at, std::move(options)});
    current_ = {data_.steps.size() - 1};
    return *this;
  }

  // ---- shapes

  // Adds a step after all current steps: the next one of a chain, or the join after fan_out(). Adds to
  // options.after. Takes what step() takes.
  template <detail::FixedString Name, auto F>
  auto then(StepOptions options = {}, At at = At::here()) && {
    return std::move(*this).template then<Name>(call<F>(), std::move(options), at);
  }
  template <detail::FixedString Name, class S>
  auto then(S source, StepOptions options = {}, At at = At::here()) && {
    for (size_t i : current_) options.after.add(data_.steps[i].name);
    return std::move(*this).template step<Name>(std::move(source), std::move(options), at);
  }
  // Adds steps that do not depend on each other, each after the step `from`:
  // fan_out("fetch", named<"a", f>(), named<"b", g>()). Adds to the option `after` of each. All of them
  // become current.
  template <detail::FixedString... Name, class... P, class... R>
  auto fan_out(Step from, detail::NamedSource<Name, P, R>... steps) && {
    size_t first = data_.steps.size();
    auto wider = std::move(*this).add(std::move(steps)...);
    wider.current_.clear();
    for (size_t i = first; i < wider.data_.steps.size(); ++i) {
      wider.data_.steps[i].options.after.add(from.ref());
      wider.current_.push_back(i);
    }
    return wider;
  }

  // As fan_out(), and makes the steps a group named parallel_FROM (parallel_FROM_2 at the second call, and so
  // on; a long FROM is cut), so that each call makes a group of its own (R66). group("name") gives it another
  // name.
  template <detail::FixedString... Name, class... P, class... R>
  auto parallel(Step from, detail::NamedSource<Name, P, R>... steps) && {
    std::string group = new_group(from.ref().text());
    return std::move(*this).fan_out(from, std::move(steps)...).group(std::move(group));
  }
  // Adds a step after all of these steps, current or not: fan_in<"sum", sum>({"a", "b"}). Adds to
  // options.after. Takes what step() takes.
  template <detail::FixedString Name, auto F>
  auto fan_in(std::initializer_list<Step> steps, StepOptions options = {}, At at = At::here()) && {
    return std::move(*this).template fan_in<Name>(steps, call<F>(), std::move(options), at);
  }
  template <detail::FixedString Name, class S>
  auto fan_in(std::initializer_list<Step> steps, S source, StepOptions options = {}, At at = At::here()) && {
    for (const Step& step : steps) options.after.add(step.ref());
    return std::move(*this).template step<Name>(std::move(source), std::move(options), at);
  }
  // Adds steps after `from`, each of which runs if its condition holds: none, one or several of them. All
  // become current; a step after them runs if at least one of them was taken (R4).
  template <detail::FixedString... Name, class... P, class... R>
  auto branch(Step from, detail::Arm<Name, P, R>... arms) && {
    return std::move(*this).fan_out(from, std::move(arms.step)...);
  }
  // Adds steps one after the other, the first of them after all current steps. The last one becomes current.
  template <detail::FixedString... Name, class... P, class... R>
  auto chain(detail::NamedSource<Name, P, R>... steps) && {
    size_t first = data_.steps.size();
    std::vector<size_t> before = current_;
    auto longer = std::move(*this).add(std::move(steps)...);
    for (size_t i = first; i < longer.data_.steps.size(); ++i) {
      for (size_t step : before) longer.data_.steps[i].options.after.add(longer.data_.steps[step].name);
      before = {i};
    }
    return longer;
  }

  // Exports functions with the workflow that its steps name by id only: tasks of add_step(), rollbacks,
  // handlers. Adds no step. A function that several workflows use is exported once.
  template <detail::IsFunction... F>
  auto uses(F...) && {
    using All = decltype((FunctionList{} + ... + detail::functions_of_tag<F>()));
    return Workflow<typename Names::Opened, All>(std::move(data_), std::move(current_));
  }

  // ---- options of the workflow; each sets the member of WorkflowOptions of the same name, and replaces what
  // was set before. Ranges and meaning are described there

  // When the workflow starts without a request. Default: never.
  Workflow&& schedule(Schedule when) && { return set(&WorkflowOptions::schedule, std::move(when)); }
  // The events that start the workflow (R39). Default: none.
  Workflow&& on_event(std::vector<std::string> events) && {
    return set(&WorkflowOptions::on_event, std::move(events));
  }
  // Called when the workflow has completed, before its end is recorded (R64). Default of this and the next
  // three: none.
  Workflow&& on_success(HandlerRef f) && { return set(&WorkflowOptions::on_success, std::move(f)); }
  // Called when the last attempt of the workflow has failed.
  Workflow&& on_failure(HandlerRef f) && { return set(&WorkflowOptions::on_failure, std::move(f)); }
  // Called when the workflow was cancelled, with cleanup.
  Workflow&& on_cancel(HandlerRef f) && { return set(&WorkflowOptions::on_cancel, std::move(f)); }
  // Called after each failed invocation of a step; nothing waits for it (R23).
  Workflow&& on_step_error(HandlerRef f) && { return set(&WorkflowOptions::on_step_error, std::move(f)); }

  // ---- modifiers; each sets the option of StepOptions of the same name in all current steps, and replaces
  // what was set before. Ranges and meaning are described there. Without current steps they do nothing
  //
  // after, after_any and after_graft add to the steps that are set already. They take names of steps, and
  // steps that are declared with PIRN_STEP; up to eight in one call.

  // Waits for all of these steps (R1, R4).
  Workflow&& after(Step a, Step b = {}, Step c = {}, Step d = {}, Step e = {}, Step f = {}, Step g = {},
                   Step h = {}) && {
    return refs(&StepOptions::after, {a, b, c, d, e, f, g, h});
  }
  // Waits for the first of these steps that completes (R7).
  Workflow&& after_any(Step a, Step b = {}, Step c = {}, Step d = {}, Step e = {}, Step f = {}, Step g = {},
                       Step h = {}) && {
    return refs(&StepOptions::after_any, {a, b, c, d, e, f, g, h});
  }
  // Waits for this graft and all of its children.
  Workflow&& after_graft(Step a) && { return refs(&StepOptions::after_graft, {a}); }
  // Makes the steps members of a group; a step has one at most.
  Workflow&& group(std::string name) && { return set(&StepOptions::group, std::move(name)); }
  // Waits for all members of this group.
  Workflow&& after_group(std::string name) && { return set(&StepOptions::after_group, std::move(name)); }
  // Allows the steps to return expand() (R12).
  Workflow&& graft() && { return set(&StepOptions::graft, true); }
  // What people see instead of the name, at most 256 bytes.
  Workflow&& label(std::string text) && { return set(&StepOptions::label, std::move(text)); }
  // What the steps are for, at most 16 KiB.
  Workflow&& description(std::string text) && { return set(&StepOptions::description, std::move(text)); }
  // Skips the steps unless this condition holds. Default: none.
  Workflow&& when(Condition condition) && { return set(&StepOptions::when, std::move(condition)); }
  // How long one invocation may take (R20). Default: 5 min.
  Workflow&& timeout(Timeout timeout) && { return set(&StepOptions::timeout, std::move(timeout)); }
  // Retries after the first failure, 0 to 1,000,000 (R18). Default: 3.
  Workflow&& max_retries(uint32_t n) && { return set(&StepOptions::max_retries, n); }
  // The delay that retry_backoff starts with, 0 or more (R19). Default: 1 s.
  Workflow&& retry_delay(Duration delay) && { return set(&StepOptions::retry_delay, delay); }
  // How the delay grows. Default: exponential, by 2.
  Workflow&& retry_backoff(Backoff backoff) && {
    return set(&StepOptions::retry_backoff, std::move(backoff));
  }
  // No delay is longer than this, jitter included. Default: no limit.
  Workflow&& retry_max_delay(Duration delay) && { return set(&StepOptions::retry_max_delay, delay); }
  // How delays are randomised. Default: jitter::none.
  Workflow&& retry_jitter(jitter kind) && { return set(&StepOptions::retry_jitter, kind); }
  // The errors that are retried. Default: all but those of class terminal, `await_timeout` and
  // `nested_workflow_cancelled`.
  Workflow&& retry_on(ErrorPatterns errors) && { return set(&StepOptions::retry_on, std::move(errors)); }
  // Errors that are not retried, even if retry_on matches them. Default: none.
  Workflow&& no_retry_on(ErrorPatterns errors) && {
    return set(&StepOptions::no_retry_on, std::move(errors));
  }
  // What a failure for good means (R2). Default: on_error::fail.
  Workflow&& on_error(pirn::on_error what) && { return set(&StepOptions::on_error, what); }
  // The function that undoes the steps when the workflow is compensated (R24). Default: rollback() of the
  // class that use<Class>() names, else none.
  Workflow&& rollback(RollbackRef function) && { return set(&StepOptions::rollback, std::move(function)); }
  // What takes the place of the steps when their retries are used up. Default: nothing.
  Workflow&& fallback(Fallback what) && { return set(&StepOptions::fallback, std::move(what)); }
  // Rules that decide about errors before the retry policy does (R46). Default: none.
  Workflow&& recovery(RecoveryRules rules) && { return set(&StepOptions::recovery, std::move(rules)); }
  // A person is expected to answer (R15, R16). Default: false.
  Workflow&& await_approval(bool yes = true) && { return set(&StepOptions::await_approval, yes); }
  // Called when an await has timed out; its answer is the step's (R15). Default: none.
  Workflow&& on_timeout(HandlerRef function) && { return set(&StepOptions::on_timeout, std::move(function)); }
  // False: no cancel signal when the workflow stops (R27). Default: true.
  Workflow&& cancellable(bool yes) && { return set(&StepOptions::cancellable, yes); }
  // The key of the context under which the whole result is stored (R10). Default: none.
  Workflow&& context_key(std::string key) && { return set(&StepOptions::context_key, std::move(key)); }
  // The circuit breaker that the steps share with others of the tenant, and its options (R33). Sets
  // circuit_breaker_opts, too. Default: none.
  Workflow&& circuit_breaker(std::string name, CircuitBreaker options = {}) && {
    std::move(*this).set(&StepOptions::circuit_breaker, std::move(name));
    return set(&StepOptions::circuit_breaker_opts, options);
  }
  // How often the steps may snooze (R17). Default: no limit.
  Workflow&& max_snoozes(uint32_t n) && { return set(&StepOptions::max_snoozes, n); }
  // How often the steps may crash their process (S17). Default: 3.
  Workflow&& max_crashes(uint32_t n) && { return set(&StepOptions::max_crashes, n); }
  // How long the steps usually take, for plans and step_order::critical_path (R57, R60). Default: unknown.
  Workflow&& estimate(Duration duration) && { return set(&StepOptions::estimate, duration); }
  // -1,000,000 to 1,000,000; higher starts first (R60). Default: 0.
  Workflow&& priority(int32_t n) && { return set(&StepOptions::priority, n); }
  // What the steps take from the host's pool while they run (R48). Default: nothing.
  Workflow&& resources(Fields fields) && { return set(&StepOptions::resources, std::move(fields)); }
  // What the functions read with Context::param(). Replaces the arguments of call<f>(…), too.
  Workflow&& params(Fields fields) && { return set(&StepOptions::params, std::move(fields)); }
  // An object for people and tools.
  Workflow&& metadata(Fields fields) && { return set(&StepOptions::metadata, std::move(fields)); }
  // Functions that observe the steps, in addition to those of the workflow (R54, R70).
  Workflow&& hooks(Hooks hooks) && { return set(&StepOptions::hooks, std::move(hooks)); }

  // What the definition document is printed from. Lent, valid as long as this object. For the SDK.
  const detail::WorkflowData& data() const { return data_; }

 private:
  template <class N, class F>
  friend class Workflow;

  template <detail::FixedString Name>
  static void check_new() {
    static_assert(detail::is_name(Name.view()), "a step's name is [a-z0-9][a-z0-9_-]{0,62}");
    static_assert(!Names::has(Name.view()), "this workflow has a step of this name already");
  }

  template <class NewNames, class More>
  auto grown(More) && {
    using All = decltype(FunctionList{} + More{});
    std::vector<size_t> current = {data_.steps.size() - 1};
    return Workflow<NewNames, All>(std::move(data_), std::move(current));
  }

  auto add() && { return std::move(*this); }
  template <detail::FixedString Name, class P, class R, class... More>
  auto add(detail::NamedSource<Name, P, R> step, More... more) && {
    check_new<Name>();
    data_.steps.push_back(detail::step_data<Name>(step.source, std::move(step.options), step.at));
    return std::move(*this)
        .template grown<typename Names::template With<Name>>(detail::functions_of_source<Name, P, R>())
        .add(std::move(more)...);
  }

  // Each call is a group of its own, also when two come after one step.
  std::string new_group(const std::string& from) const {
    const std::string base = ("parallel_" + from).substr(0, 56);
    std::string name = base;
    auto taken = [&] {
      for (const detail::StepData& step : data_.steps)
        if (step.options.group == name) return true;
      return false;
    };
    for (int n = 2; taken(); ++n) name = base + "_" + std::to_string(n);
    return name;
  }

  template <class T, class V>
  Workflow&& set(T WorkflowOptions::*member, V value) {
    data_.options.*member = std::move(value);
    return std::move(*this);
  }
  template <class T, class V>
  Workflow&& set(T StepOptions::*member, V value) {
    for (size_t i : current_) data_.steps[i].options.*member = value;
    return std::move(*this);
  }
  Workflow&& refs(StepRefs StepOptions::*member, std::initializer_list<Step> steps) {
    for (size_t i : current_)
      for (const Step& step : steps)
        if (step.given()) (data_.steps[i].options.*member).add(step.ref());
    return std::move(*this);
  }

  detail::WorkflowData data_;
  std::vector<size_t> current_;
};

// Begins a workflow without steps. `name` is [a-z0-9][a-z0-9_-]{0,62}, which `pirn pack` checks; options.name
// is not used. A workflow that stays without steps is legal and completes at once (R41).
inline auto workflow(std::string name, WorkflowOptions options = {}, At at = At::here()) {
  return Workflow<detail::StepNames<false>, detail::Functions<>>(
      detail::WorkflowData{std::move(name), at, std::move(options), {}}, {});
}

}  // namespace pirn::inline sdk
