// How options refer to steps and functions: by identifier, which the compiler checks, or by text, which `pirn
// pack` checks; it reports file, line and a suggestion. A name is [a-z0-9][a-z0-9_-]{0,62} (R69).
//
//   .after = create_account                a step that is declared above
//   .after = {"create_account", "audit"}   steps by name
//   .rollback = delete_account             a function that is declared above
//   .rollback = "delete_account"           a function by id
//
// References are values and own their text. Constructors throw nothing but std::bad_alloc.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pirn/abi.h"

namespace pirn::inline sdk {

// Where something was declared, for messages. It becomes `at` of the definition and no part of its digest.
struct At {
  const char* file = "";  // lent, in practice a literal; not NULL
  unsigned line = 0;      // from 1; 0: not known

  // The place of the caller, when used as a default argument: At at = At::here().
  static constexpr At here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
  // "file:line"
  std::string text() const { return std::string(file) + ":" + std::to_string(line); }
};

namespace detail {

// Whether `text` is [a-z0-9][a-z0-9_-]{0,62} (R69).
constexpr bool is_name(std::string_view text) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 63 || !plain(text[0])) return false;
  for (char c : text)
    if (!plain(c) && c != '_' && c != '-') return false;
  return true;
}

// Text as a template argument: step<"load-config">(…). N counts the NUL at the end.
template <size_t N>
struct FixedString {
  char text[N] = {};
  constexpr FixedString() = default;
  constexpr FixedString(const char (&from)[N]) {
    for (size_t i = 0; i < N; ++i) text[i] = from[i];
  }
  // The text without the NUL. Lent: valid as long as this object.
  constexpr std::string_view view() const { return {text, N - 1}; }

  // Both texts in sequence.
  template <size_t M>
  constexpr FixedString<N + M - 1> operator+(const FixedString<M>& tail) const {
    FixedString<N + M - 1> sum;
    for (size_t i = 0; i + 1 < N; ++i) sum.text[i] = text[i];
    for (size_t i = 0; i < M; ++i) sum.text[N - 1 + i] = tail.text[i];
    return sum;
  }
};

// The declaring macros make empty types derived from these. A FunctionTag has
//   static constexpr auto kId (FixedString)
//   static constexpr uint32_t kKind
//   static … body(Context&, const Input&)
// A StepTag also has
//   static StepOptions options()
//   static constexpr At kAt
struct FunctionTag {};
struct StepTag : FunctionTag {};
struct WorkflowTag {};

template <class T>
concept IsFunction = std::derived_from<T, FunctionTag>;
template <class T>
concept IsStep = std::derived_from<T, StepTag>;

// The name of a declared step: that of its options, else the identifier.
template <class Step>
std::string step_name() {
  std::string name = Step::options().name;
  return name.empty() ? std::string(Step::kId.view()) : name;
}

}  // namespace detail

// Refers to a step of the same workflow. A value that owns its text. `pirn pack` reports a reference to a
// step that the workflow does not have (unknown_step).
class StepRef {
 public:
  // The name of a step. Not NULL.
  StepRef(const char* name) : text_(name) {}
  StepRef(std::string name) : text_(std::move(name)) {}
  // A step that is declared with PIRN_STEP, PIRN_STEP_FROM or PIRN_NESTED.
  template <detail::IsStep Step>
  StepRef(Step) : lazy_(&detail::step_name<Step>) {}
  // A function that returns the name. For the SDK.
  StepRef(std::string (*lazy)()) : lazy_(lazy) {}

  // The name. It is looked up here and not in the constructor: the options of a step, which may set its name,
  // may refer to further steps.
  std::string text() const { return lazy_ ? lazy_() : text_; }

 private:
  std::string text_;
  std::string (*lazy_)() = nullptr;
};

// Refers to steps of the same workflow: .after = "a", .after = {"a", "b"}, .after = {fetch, clean}. Order and
// repetitions have no meaning.
class StepRefs {
 public:
  // No steps.
  StepRefs() = default;
  StepRefs(std::initializer_list<StepRef> refs) : refs_(refs) {}
  template <class T>
  requires std::constructible_from<StepRef, const T&> StepRefs(const T& ref) : refs_{StepRef(ref)} {}

  // Appends a step.
  void add(StepRef ref) { refs_.push_back(std::move(ref)); }
  bool empty() const { return refs_.empty(); }
  auto begin() const { return refs_.begin(); }
  auto end() const { return refs_.end(); }

 private:
  std::vector<StepRef> refs_;
};

// Refers to a function of the package: its id, or a function that is declared with PIRN_TASK and the like. A
// value that owns its text. The compiler checks that a declared function has one of the kinds (PIRN_KIND_).
// `pirn pack` checks ids: unknown_function, wrong_function_kind.
//
// A reference does not export the function. A function that no workflow has as a step must be listed in
// PIRN_PACKAGE or given to uses(), however it is referred to.
template <uint32_t... Kinds>
class FunctionRef {
 public:
  // No function.
  FunctionRef() = default;
  // The id of a function. Not NULL; empty: no function.
  FunctionRef(const char* id) : id_(id) {}
  FunctionRef(std::string id) : id_(std::move(id)) {}
  // A declared function.
  template <detail::IsFunction F>
  FunctionRef(F) : id_(F::kId.view()) {
    static_assert(((F::kKind == Kinds) || ...),
                  "this function is declared for another purpose (PIRN_TASK, PIRN_HOOK, …)");
  }
  const std::string& text() const { return id_; }  // the id; empty: none
  bool empty() const { return id_.empty(); }

 private:
  std::string id_;
};

// What each option accepts: a task may also serve as a rollback, fallback, handler or hook.
using TaskRef = FunctionRef<PIRN_KIND_TASK>;
using RollbackRef = FunctionRef<PIRN_KIND_ROLLBACK, PIRN_KIND_TASK>;
using FallbackRef = FunctionRef<PIRN_KIND_FALLBACK, PIRN_KIND_TASK>;
using HandlerRef = FunctionRef<PIRN_KIND_HANDLER, PIRN_KIND_TASK>;
using HookRef = FunctionRef<PIRN_KIND_HOOK, PIRN_KIND_TASK>;
using ConditionRef = FunctionRef<PIRN_KIND_CONDITION>;
using InputRef = FunctionRef<PIRN_KIND_INPUT>;
using ResultRef = FunctionRef<PIRN_KIND_RESULT>;

}  // namespace pirn::inline sdk
