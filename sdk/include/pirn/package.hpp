// The declaring macros, and PIRN_PACKAGE, which lists everything that a package exports.
//
//   PIRN_STEP(create_account, {.rollback = "delete_account"}) { return pirn::ok({{"user_id", 7}}); }
//   PIRN_STEP(load, {.name = "load-config"}) { … }            a name that is not a C++ identifier
//   PIRN_STEP_FROM(upload_s3, pirn::call<upload>("s3"), {…})  a function, with or without bound arguments
//   PIRN_STEP_FROM(resize, pirn::use<Resize>(), {…})          a class with perform(), optionally rollback()
//   PIRN_NESTED(notify, "mail::send", {…})                    another workflow in place of a function
//   PIRN_TASK(delete_account) { … }                           a function that is not a step of a workflow: a
//                                                             rollback, or the task of a graft's children
//   PIRN_WORKFLOW(user_onboarding, {.timeout = 7_d}, create_account, …)
//   PIRN_PACKAGE("onboarding", "1.0.0", {.author = "…"}, user_onboarding, delete_account)
//
// In the body of a function, `ctx` is the pirn::Context and `in` the pirn::Input of its kind. Options may
// refer to steps above them by identifier (.after = create_account), which the compiler checks, or by text
// (.after = "create_account"), which `pirn pack` checks.
//
// Nothing registers itself and there are no static constructors: dlopen() runs no code of the package. To
// declare a step in a header and define it elsewhere, use PIRN_DECLARE_STEP and PIRN_DEFINE.
//
// The compiler rejects names that are not valid, two functions of a package with the same id, a step that a
// workflow lists twice, a reference by identifier to a function of the wrong kind, a body that returns
// another type than its kind, and a step from a lambda with captures. `pirn pack` checks the rest: references
// by text, cycles, ranges of options, and options that exclude each other.
//
// Use the macros at namespace scope, with pirn.hpp included. A function may run concurrently with others and
// with itself. What it throws becomes the error of the step (error.hpp), or what the comment of its kind
// says. Names of functions are ids of the package: [a-z0-9][a-z0-9_-]{0,62}, each once, and at most 1,024.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pirn/function.hpp"
#include "pirn/print.hpp"
#include "pirn/version.h"
#include "pirn/workflow.hpp"

namespace pirn::inline sdk::detail {

// The options of PIRN_STEP(id) and PIRN_STEP(id, {…}).
template <class Options>
Options options_of(Options options = {}) {
  return options;
}

// Whether each type is listed once.
template <class... Steps>
constexpr bool distinct() {
  bool once = true;
  [[maybe_unused]] auto count = [&once]<class Step>(std::type_identity<Step>) {
    once = once && ((std::is_same_v<Step, Steps> ? 1 : 0) + ... + 0) == 1;
  };
  (count(std::type_identity<Steps>{}), ...);
  return once;
}

// The builder of what PIRN_WORKFLOW declares, with or without options.
template <class... Steps>
auto declare(const char* id, At at, WorkflowOptions options, Steps...) {
  static_assert((IsStep<Steps> && ...),
                "PIRN_WORKFLOW lists steps: declare them with PIRN_STEP or PIRN_STEP_FROM");
  static_assert(distinct<Steps...>(), "a workflow lists each step once");
  std::string name = options.name.empty() ? id : options.name;
  WorkflowData data{std::move(name), at, std::move(options), {}};
  (data.steps.push_back(step_data<Steps>()), ...);
  using List = decltype((Functions<>{} + ... + functions_of_tag<Steps>()));
  return Workflow<StepNames<true>, List>(std::move(data), {});
}
inline auto declare(const char* id, At at) { return declare(id, at, WorkflowOptions{}); }
template <IsStep First, class... Steps>
auto declare(const char* id, At at, First first, Steps... steps) {
  return declare(id, at, WorkflowOptions{}, first, steps...);
}

// ---- what happens at load and unload

// The init and deinit of one on_load. [loader-thread] init returns PIRN_E_STATE if Start throws; the package
// has no state of its own.
struct LifecycleTag {};
template <auto Start, auto Stop>
struct Lifecycle : LifecycleTag {
  static pirn_status init(const pirn_host* host, pirn_state**) noexcept {
    try {
      Start();
      return PIRN_OK;
    } catch (const std::exception& e) {
      pirn_str text = str(e.what());
      host->log(host, PIRN_LOG_ERROR, &text);
    } catch (...) {
    }
    return PIRN_E_STATE;
  }
  static void deinit(pirn_state*) noexcept { Stop(); }
};

template <class T>
concept IsLifecycle = std::derived_from<T, LifecycleTag>;

// The init and deinit of the descriptor: of the on_load that is listed, else NULL. A second one does not
// compile.
template <class... Lifecycles>
struct Hooked {
  static constexpr decltype(pirn_plugin::init) kInit = nullptr;
  static constexpr decltype(pirn_plugin::deinit) kDeinit = nullptr;
};
template <class First, class... Rest>
struct Hooked<First, Rest...> {
  static_assert(sizeof...(Rest) == 0, "a package lists pirn::on_load once");
  static constexpr decltype(pirn_plugin::init) kInit = &First::init;
  static constexpr decltype(pirn_plugin::deinit) kDeinit = &First::deinit;
};

// ---- what PIRN_PACKAGE lists: workflows (declared or built), and functions that no workflow's step is

template <class T>
concept IsWorkflow = std::derived_from<T, WorkflowTag>;

// The functions that the package exports for an entry of PIRN_PACKAGE.
template <class Entry>
auto functions_of_entry() {
  if constexpr (IsFunction<Entry>)
    return functions_of_tag<Entry>();
  else if constexpr (IsLifecycle<Entry>)
    return Functions<>{};
  else if constexpr (IsWorkflow<Entry>)
    return typename decltype(Entry::make())::Functions{};
  else
    return typename std::invoke_result_t<Entry>::Functions{};
}

// Builds the workflow of an entry, if it is one.
template <class Entry>
void collect(const Entry& entry, std::vector<WorkflowData>& workflows) {
  if constexpr (IsFunction<Entry> || IsLifecycle<Entry>)
    return;
  else if constexpr (IsWorkflow<Entry>)
    workflows.push_back(Entry::make().data());
  else
    workflows.push_back(entry().data());
}

// The on_load entries of a list; both functions are evaluated while compiling only.
template <class... A, class... B>
Hooked<A..., B...> operator+(Hooked<A...>, Hooked<B...>);
template <class Entry>
auto lifecycle_of_entry() {
  if constexpr (IsLifecycle<Entry>)
    return std::type_identity<Hooked<Entry>>{};
  else
    return std::type_identity<Hooked<>>{};
}

// What PIRN_PACKAGE lists, read. Without workflows the package's workflow.json has them.
template <class List, class Life, bool kWithWorkflows>
struct Listed {
  using Functions = List;
  using Lifecycle = Life;
  static constexpr bool kHasWorkflows = kWithWorkflows;
  PackageOptions options;
  std::vector<WorkflowData> workflows;
};

// Reads the arguments of PIRN_PACKAGE, with or without options. Throws what the author's functions throw.
template <class... Entries>
auto list(PackageOptions options, Entries... entries) {
  static_assert(
      ((IsFunction<Entries> || IsWorkflow<Entries> || IsLifecycle<Entries> || std::invocable<Entries>)&&...),
      "PIRN_PACKAGE lists workflows (PIRN_WORKFLOW, or a function that returns pirn::workflow(…)) "
      "and functions");
  using List = decltype((Functions<>{} + ... + functions_of_entry<Entries>()));
  using Life = decltype((std::declval<Hooked<>>() + ... +
                         std::declval<typename decltype(lifecycle_of_entry<Entries>())::type>()));
  constexpr bool kHasWorkflows = (!(IsFunction<Entries> || IsLifecycle<Entries>) || ...);
  Listed<List, Life, kHasWorkflows> listed{std::move(options), {}};
  (collect(entries, listed.workflows), ...);
  return listed;
}
template <class First, class... Entries>
requires(!std::convertible_to<First, PackageOptions>) auto list(First first, Entries... entries) {
  return list(PackageOptions{}, first, entries...);
}

// The definition document (docs/reference/definition.md).
template <class Listed>
std::string document(std::string_view name, std::string_view version, const Listed& listed) {
  std::string text;
  print_document(text, name, version, listed.options, listed.workflows);
  return text;
}

// A version is MAJOR.MINOR.PATCH with an optional pre-release or build part; `pirn pack` checks that part.
constexpr bool is_version(std::string_view text) {
  for (int number = 0; number < 3; ++number) {
    size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    if (digits == 0) return false;
    text.remove_prefix(digits);
    if (number == 2) return text.empty() || text[0] == '-' || text[0] == '+';
    if (text.empty() || text[0] != '.') return false;
    text.remove_prefix(1);
  }
  return false;
}

// Whether a host of this minor version may load the package.
constexpr bool accepts(uint32_t host_minor, uint32_t needed) { return host_minor >= needed; }

// [loader-thread] pirn_plugin.definition. The document is made once and lives until the library is unloaded.
// NULL: Make has thrown, and *error says what; static, too.
template <std::string (*Make)()>
const char* definition(const char** error) noexcept {
  static std::string text, problem;
  try {
    if (text.empty()) text = Make();
    return text.c_str();
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (error != nullptr) *error = problem.c_str();
  return nullptr;
}

}  // namespace pirn::inline sdk::detail

namespace pirn::inline sdk {
// The default of on_load's `Stop`: does nothing.
inline void nothing() {}

// on_load<start> or on_load<start, stop>, listed once in PIRN_PACKAGE: functions without arguments. `Start`
// is called once each time the library is loaded, before any other function of the package but those that
// build the workflows; an exception rejects the load, and the host logs it. `Stop` is called when the library
// is unloaded, after the last call, but not when the process simply ends; it must not throw. Join the
// package's threads in `Stop`. Neither runs concurrently with another function of the package. Two releases
// of a package, or a release of two tenants, are loaded side by side, each with static variables of its own.
template <auto Start, auto Stop = &nothing>
inline constexpr detail::Lifecycle<Start, Stop> on_load{};
}  // namespace pirn::inline sdk

// What built the package, as pirn_plugin.sdk names it. For messages only.
#define PIRN_SDK_NAME "pirn-cpp/" PIRN_SDK_VERSION

// A tag, the object that options refer to, and the declaration of the body. The body is a function of its
// own, outside of the tag: the names in it are the author's.
#define PIRN_DETAIL_FUNCTION(id, base, kind, result, ...)                                                 \
  result pirn_body_##id(::pirn::Context& ctx, const ::pirn::Input& in);                                   \
  struct pirn_tag_##id : base {                                                                           \
    using pirn_result = result;                                                                           \
    static constexpr ::pirn::detail::FixedString kId{#id};                                                \
    static constexpr uint32_t kKind = kind;                                                               \
    static result body(::pirn::Context& ctx, const ::pirn::Input& in) { return pirn_body_##id(ctx, in); } \
    __VA_ARGS__                                                                                           \
  };                                                                                                      \
  static_assert(::pirn::detail::is_name(#id), "a function's id is [a-z0-9][a-z0-9_-]{0,62}");             \
  [[maybe_unused]] inline constexpr pirn_tag_##id id{};

// PIRN_DEFINE(id) { … }: the body of a function that PIRN_DECLARE_STEP or PIRN_DECLARE_TASK has declared, in
// the same namespace.
#define PIRN_DEFINE(id)                                                            \
  pirn_tag_##id::pirn_result pirn_body_##id([[maybe_unused]] ::pirn::Context& ctx, \
                                            [[maybe_unused]] const ::pirn::Input& in)

// PIRN_DECLARE_STEP(id), PIRN_DECLARE_STEP(id, {options}): declares a step; PIRN_DEFINE defines it, in
// exactly one source file. `id` is the id of the function and the name of the step, unless the options set
// another name. The options are evaluated each time the definition is printed.
#define PIRN_DECLARE_STEP(id, ...)                                           \
  PIRN_DETAIL_FUNCTION(                                                      \
      id, ::pirn::detail::StepTag, PIRN_KIND_TASK, ::pirn::Outcome,          \
      static constexpr ::pirn::At kAt{__FILE__, __LINE__};                   \
      static ::pirn::StepOptions options() {                                 \
        return ::pirn::detail::options_of<::pirn::StepOptions>(__VA_ARGS__); \
      })
// PIRN_DECLARE_TASK(id): the same for a function that is not a step itself.
#define PIRN_DECLARE_TASK(id) \
  PIRN_DETAIL_FUNCTION(id, ::pirn::detail::FunctionTag, PIRN_KIND_TASK, ::pirn::Outcome, )

// PIRN_STEP(id) { … }, PIRN_STEP(id, {options}) { … }: a step with these pirn::StepOptions and its function,
// which returns pirn::Outcome (outcome.hpp). An exception is the error of the step (error.hpp).
#define PIRN_STEP(id, ...)                         \
  PIRN_DECLARE_STEP(id __VA_OPT__(, ) __VA_ARGS__) \
  PIRN_DEFINE(id)
// PIRN_TASK(id) { … }: a function that returns pirn::Outcome and is not a step itself. It may be named as a
// task, rollback, fallback, handler or hook.
#define PIRN_TASK(id)   \
  PIRN_DECLARE_TASK(id) \
  PIRN_DEFINE(id)

#define PIRN_DETAIL_DEFINED(id, kind, result)                           \
  PIRN_DETAIL_FUNCTION(id, ::pirn::detail::FunctionTag, kind, result, ) \
  PIRN_DEFINE(id)
// PIRN_ROLLBACK(id) { … } and so on: functions of the other kinds, which options refer to by identifier or
// id. The table of kinds in abi.h says when each is called, what `in` holds, and which outcomes it may
// return; another outcome is the error `invalid_return`. List them in PIRN_PACKAGE, or give them to uses().
//
// These return pirn::Outcome. An exception counts as a failure.
//   PIRN_ROLLBACK  undoes a completed step; must bear to be called twice (R24, R25)
//   PIRN_FALLBACK  takes the place of a step whose retries are used up; answers as a step (R46)
//   PIRN_HANDLER   of an event of the workflow, or on_timeout of a step, which answers as a step (R15, R64)
//   PIRN_INPUT     puts values over the input of a nested workflow (R32)
//   PIRN_RESULT    turns the end of a nested workflow into the result of its step (R32)
#define PIRN_ROLLBACK(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_ROLLBACK, ::pirn::Outcome)
#define PIRN_FALLBACK(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_FALLBACK, ::pirn::Outcome)
#define PIRN_HANDLER(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_HANDLER, ::pirn::Outcome)
#define PIRN_INPUT(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_INPUT, ::pirn::Outcome)
#define PIRN_RESULT(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_RESULT, ::pirn::Outcome)
// Returns nothing; an exception is only noted, as a diagnostic (R70).
#define PIRN_HOOK(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_HOOK, void)
// Returns bool. A condition that throws counts as false, and the execution gets a diagnostic.
#define PIRN_CONDITION(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_CONDITION, bool)
// Return pirn::Duration: a timeout, longer than 0 (pirn::infinity: none), or the delay before the next retry.
// If one throws, the default timeout or the fixed delay holds, and the execution gets a diagnostic.
#define PIRN_DURATION(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_DURATION, ::pirn::Duration)
#define PIRN_BACKOFF(id) PIRN_DETAIL_DEFINED(id, PIRN_KIND_BACKOFF, ::pirn::Duration)

// PIRN_STEP_FROM(id, source), PIRN_STEP_FROM(id, source, {options}): a step whose function is
// pirn::call<f>(…), pirn::use<Class>(), or a lambda without captures that has no comma outside of
// parentheses. `id` is the id of the function and the name of the step, as in PIRN_STEP. Bound arguments
// become the parameter `args`.
#define PIRN_STEP_FROM(id, from, ...)                                                         \
  struct pirn_source_##id {                                                                   \
    static auto source() { return ::pirn::detail::as_source(from); }                          \
  };                                                                                          \
  struct pirn_tag_##id : ::pirn::detail::StepTag, pirn_source_##id {                          \
    static constexpr ::pirn::detail::FixedString kId{#id};                                    \
    static constexpr uint32_t kKind = PIRN_KIND_TASK;                                         \
    static constexpr ::pirn::At kAt{__FILE__, __LINE__};                                      \
    static ::pirn::StepOptions options() {                                                    \
      return ::pirn::detail::options_of<::pirn::StepOptions>(__VA_ARGS__);                    \
    }                                                                                         \
    using Parts = ::pirn::detail::SourceParts<kId, decltype(pirn_source_##id::source())>;     \
    using Rollback = Parts::Rollback;                                                         \
    static auto body(::pirn::Context& ctx, const ::pirn::Input& in) {                         \
      return Parts::Perform::body(ctx, in);                                                   \
    }                                                                                         \
  };                                                                                          \
  static_assert(::pirn::detail::is_name(#id), "a function's id is [a-z0-9][a-z0-9_-]{0,62}"); \
  [[maybe_unused]] inline constexpr pirn_tag_##id id{};

// PIRN_NESTED(id, "workflow"), PIRN_NESTED(id, "package::workflow", {options}): another workflow as a step
// (R32). .input and .result name functions that map its context in and out. `id` is the name of the step,
// unless the options set another one; no function is exported. A workflow of another package must be required
// in package.toml.
#define PIRN_NESTED(id, workflow_name, ...)                                               \
  struct pirn_tag_##id : ::pirn::detail::StepTag {                                        \
    static constexpr ::pirn::detail::FixedString kId{#id};                                \
    static constexpr ::pirn::At kAt{__FILE__, __LINE__};                                  \
    static constexpr bool kNested = true;                                                 \
    static ::pirn::StepOptions options() {                                                \
      auto options = ::pirn::detail::options_of<::pirn::StepOptions>(__VA_ARGS__);        \
      options.workflow = workflow_name;                                                   \
      return options;                                                                     \
    }                                                                                     \
  };                                                                                      \
  static_assert(::pirn::detail::is_name(#id), "a step's id is [a-z0-9][a-z0-9_-]{0,62}"); \
  [[maybe_unused]] inline constexpr pirn_tag_##id id{};

// PIRN_WORKFLOW(id, step, …), PIRN_WORKFLOW(id, {options}, step, …): a workflow with these steps, each listed
// once. `id` is its name, unless the options (pirn::WorkflowOptions) set another one. A step may belong to
// several workflows. The order of the steps has no influence on what waits for what; it decides between steps
// that are ready at the same time (docs/semantics.md, 2.7, rank).
#define PIRN_WORKFLOW(id, ...)                                                                        \
  struct pirn_tag_##id : ::pirn::detail::WorkflowTag {                                                \
    static auto make() {                                                                              \
      return ::pirn::detail::declare(#id, ::pirn::At{__FILE__, __LINE__} __VA_OPT__(, ) __VA_ARGS__); \
    }                                                                                                 \
  };                                                                                                  \
  [[maybe_unused]] inline constexpr pirn_tag_##id id{};

// PIRN_PACKAGE("name", "1.0.0", entry, …), PIRN_PACKAGE("name", "1.0.0", {options}, entry, …): the package;
// once, in one source file, at global scope. `name` is [a-z0-9][a-z0-9_-]{0,62}, `version` a semantic
// version. The options are pirn::PackageOptions. An entry is
//   - a workflow that is declared with PIRN_WORKFLOW,
//   - a function without arguments that returns what pirn::workflow() or a function of patterns.hpp has
//     built,
//   - a function that no listed workflow has as a step: a rollback, handler, hook, …,
//   - pirn::on_load<…>, at most once.
// If functions are all that is listed, the package's workflow.json defines the workflows. A function that
// several workflows use is exported once; two functions with the same id do not compile.
//
// Defines pirn_plugin_v1() of abi.h and the ELF note of PIRN_ABI_NOTE(). Build the library so that it exports
// nothing else, as pirn_add_package() of the SDK's CMake package does. PIRN_TARGET_MINOR, defined before the
// first include, sets the oldest host that may load the package.
#define PIRN_PACKAGE(name, version, ...)                                                                  \
  static_assert(::pirn::detail::is_name(name), "a package's name is [a-z0-9][a-z0-9_-]{0,62}");           \
  static_assert(::pirn::detail::is_version(version), "a package's version is a semantic version, 1.0.0"); \
  PIRN_ABI_NOTE();                                                                                        \
  static std::string pirn_package_document() {                                                            \
    return ::pirn::detail::document(name, version, ::pirn::detail::list(__VA_ARGS__));                    \
  }                                                                                                       \
  extern "C" PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t host_minor) {                         \
    using Listed = decltype(::pirn::detail::list(__VA_ARGS__));                                           \
    using Table = decltype(::pirn::detail::table_of(Listed::Functions{}));                                \
    static constexpr pirn_plugin kPlugin = {                                                              \
        sizeof(pirn_plugin),                                                                              \
        0,                                                                                                \
        PIRN_ABI_MAJOR,                                                                                   \
        PIRN_ABI_MINOR,                                                                                   \
        PIRN_TARGET_MINOR,                                                                                \
        Table::kResult.count,                                                                             \
        name,                                                                                             \
        version,                                                                                          \
        PIRN_SDK_NAME,                                                                                    \
        Table::kResult.entries.data(),                                                                    \
        Listed::kHasWorkflows ? &::pirn::detail::definition<&pirn_package_document> : nullptr,            \
        Listed::Lifecycle::kInit,                                                                         \
        Listed::Lifecycle::kDeinit,                                                                       \
        nullptr,                                                                                          \
        nullptr,                                                                                          \
        nullptr};                                                                                         \
    return ::pirn::detail::accepts(host_minor, PIRN_TARGET_MINOR) ? &kPlugin : nullptr;                   \
  }
