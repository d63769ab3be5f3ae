// How C++ callables become functions of the ABI: one trampoline for each, which lets no exception out. What
// authors use is at the end: call() and use(). The rest, in pirn::detail, is for the SDK.
//
// Everything up to the call of an author's function happens while compiling: the tables are constants, so
// that loading a package runs no code of it. [task-thread] is meant as in abi.h.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pirn/abi.h"
#include "pirn/context.hpp"
#include "pirn/name.hpp"
#include "pirn/outcome.hpp"
#include "pirn/thrown.hpp"

namespace pirn::inline sdk::detail {

// What a function has answered, whatever its kind.
struct Answer {
  Outcome outcome;     // of kinds that return an Outcome; DONE for the others
  bool truth = false;  // of a condition
  Duration duration;   // of a timeout or backoff function
};

// [task-thread] Tells the host the error of this call. Texts and details are lent to this call.
inline void set_error(pirn_call* call, std::string_view code, std::string_view message,
                      ErrorClass error_class, const Value* details = nullptr) noexcept {
  pirn_str c = str(code), m = str(message);
  pirn_value d{};
  if (details != nullptr) d = details->abi();
  // An older host may reject the details; that must not hide the error itself.
  if (call->api->set_error(call, &c, &m, static_cast<uint32_t>(error_class), details ? &d : nullptr) !=
      PIRN_OK)
    call->api->set_error(call, &c, &m, static_cast<uint32_t>(error_class), nullptr);
}

// [task-thread] Reports an exception that leaves the function, with its causes; `typed`: the same exception
// if it is a pirn::Error, else null. Must be called while the exception is handled, since the host then finds
// where it was thrown. Leaves out details that cannot be built for lack of memory: the error itself must
// arrive.
inline void report(pirn_call* call, std::string_view code, std::string_view message, ErrorClass error_class,
                   const Error* typed, const std::exception& thrown) noexcept {
  std::optional<Value> details;
  try {
    details = details_with_causes(typed != nullptr ? typed->details() : json::View(), thrown);
  } catch (...) {
  }
  set_error(call, code, message, error_class, details ? &*details : nullptr);
}

// [task-thread] Passes the children of expand() on. Errors: invalid_child, for the first one that is
// rejected.
inline void deliver_children(pirn_call* call, const std::vector<Child>& children) {
  for (const Child& child : children) {
    pirn_str name = str(child.name), task = str(child.task), options = str(child.options);
    Value params(json::object(child.params));
    pirn_value raw = params.abi();
    if (call->api->expand(call, &name, &task, &raw, child.options.empty() ? nullptr : &options) != PIRN_OK)
      throw Error("invalid_child", "the host refused the child step \"" + child.name + "\"", terminal);
  }
}

// [task-thread] Passes the answer on to the host, and returns the outcome for it. What ok({…}) was given is
// put after what Context::put() was given. Throws pirn::Error: the codes of Context::put(), invalid_child,
// invalid_await.
inline int32_t deliver(Context& ctx, pirn_call* call, const Answer& answer, pirn_outcome* out) {
  const Outcome& outcome = answer.outcome;
  out->truth = answer.truth ? 1 : 0;
  const int64_t ns = answer.duration.ns();  // negative: 0, since the ABI has no negative durations
  out->duration_ns = answer.duration.infinite() ? UINT64_MAX : ns > 0 ? static_cast<uint64_t>(ns) : 0;
  switch (outcome.kind) {
    case PIRN_FAILED:
      set_error(call, outcome.code, outcome.message, outcome.error_class,
                outcome.details ? &*outcome.details : nullptr);
      return PIRN_FAILED;
    case PIRN_SNOOZE:
      out->duration_ns = static_cast<uint64_t>(outcome.duration.ns());
      return PIRN_SNOOZE;
    case PIRN_AWAIT: {
      pirn_str options = str(outcome.await);
      if (call->api->set_await(call, &options) != PIRN_OK)
        throw Error("invalid_await", "the host refused the options of await", terminal);
      return PIRN_AWAIT;
    }
    case PIRN_SKIP:
    case PIRN_CANCELLED: {
      pirn_str reason = str(outcome.message);
      if (!outcome.message.empty()) call->api->set_reason(call, &reason);
      break;
    }
    case PIRN_EXPAND:
      deliver_children(call, outcome.children);
      break;
    default:
      break;
  }
  for (const Field& field : outcome.fields) ctx.put(field.key, field.value);
  if (outcome.result) ctx.set_result(*outcome.result);
  if (outcome.empty_map && !ctx.has_result()) {
    const Value empty(json::object(Fields{}));
    pirn_value raw = empty.abi();
    (void)call->api->set_result(call, &raw);  // refused for kinds that have no result
  }
  return outcome.kind;
}

// Runs an exported function and fills in the answer. May throw.
using Body = void (*)(Context&, const Input&, Answer&);

// [task-thread] A whole call: `body` fills in the answer; no exception gets past here. All arguments are lent
// until it returns. One instance serves all exported functions.
template <class AnyBody>
int32_t run(const AnyBody& body, pirn_call* call, const pirn_invocation* invocation,
            pirn_outcome* out) noexcept {
  try {
    Context ctx(call, invocation);
    Answer answer;
    body(ctx, Input(view(invocation->input)), answer);
    return deliver(ctx, call, answer, out);
  } catch (const Error& e) {
    report(call, e.code(), e.message(), e.error_class(), &e, e);
  } catch (const std::exception& e) {
    report(call, "exception", what_of(e), ErrorClass::retryable, nullptr, e);
  } catch (...) {
    set_error(call, "exception", "an exception that is not a std::exception", ErrorClass::retryable);
  }
  return PIRN_FAILED;
}

// Calls `f` with as many of the arguments as it takes; anything else does not compile.
template <class F>
auto invoke(F&& f, Context& ctx, const Input& input) {
  if constexpr (std::invocable<F&, Context&, const Input&>)
    return f(ctx, input);
  else if constexpr (std::invocable<F&, Context&>)
    return f(ctx);
  else {
    static_assert(
        std::invocable<F&>,
        "a function of a package takes (pirn::Context&), (pirn::Context&, const pirn::Input&) or ()");
    return f();
  }
}

// What a body returned, as the answer of its kind (PIRN_KIND_). Checks its type while compiling.
template <uint32_t Kind, class F>
void answer_with(F&& f, Context& ctx, const Input& input, Answer& answer) {
  using R = decltype(invoke(f, ctx, input));
  if constexpr (Kind == PIRN_KIND_CONDITION) {
    static_assert(std::same_as<R, bool>, "a condition returns bool");
    answer.truth = invoke(f, ctx, input);
  } else if constexpr (Kind == PIRN_KIND_DURATION || Kind == PIRN_KIND_BACKOFF) {
    static_assert(std::constructible_from<Duration, R>,
                  "a timeout or backoff function returns pirn::Duration");
    answer.duration = Duration(invoke(f, ctx, input));
  } else if constexpr (std::is_void_v<R>) {
    invoke(f, ctx, input);
  } else {
    static_assert(std::same_as<R, Outcome>,
                  "a step returns pirn::Outcome: ok(), fail(), skip(), snooze(), await(), expand(), "
                  "cancelled(), or nothing");
    answer.outcome = invoke(f, ctx, input);
  }
}

// The pirn_function of a tag (name.hpp, FunctionTag): its trampoline and its entry of the descriptor.
template <class Tag>
struct Exported {
  static_assert(is_name(Tag::kId.view()), "a function's id is [a-z0-9][a-z0-9_-]{0,62}");

  static void body(Context& ctx, const Input& input, Answer& answer) {
    answer_with<Tag::kKind>([](Context& c, const Input& i) { return Tag::body(c, i); }, ctx, input, answer);
  }
  static int32_t call(pirn_state*, pirn_call* call, const pirn_invocation* invocation,
                      pirn_outcome* out) noexcept {
    return run(Body(&body), call, invocation, out);
  }
  static constexpr auto kId = Tag::kId;
  static constexpr pirn_function kFunction = {sizeof(pirn_function), Tag::kKind, kId.text, &call};
};

// ---- sources of steps: a function, a function with bound arguments, a class, a lambda

// `Perform` is an empty type with static Outcome body(Context&, const Input&); Rollback the same, or void.
template <class Perform, class Rollback = void>
struct Source {
  Fields params;  // what the source adds to the parameters of its step
};

// The body of a lambda. Each call makes a new one, which is possible because it captures nothing.
template <class L>
struct LambdaBody {
  static_assert(
      std::is_empty_v<L> && std::default_initializable<L>,
      "a lambda of a step captures nothing: what it needs comes from the context or from pirn::call<f>(…)");
  static auto body(Context& ctx, const Input& input) {
    L lambda;
    return invoke(lambda, ctx, input);
  }
};

// Bound arguments travel in the definition, as the parameter "args": visible, and the same in every process.
template <class F>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(Context&, A...)> {
  using Arguments = std::tuple<std::decay_t<A>...>;
};
template <class R, class... A>
struct Signature<R (*)(Context&, A...) noexcept> : Signature<R (*)(Context&, A...)> {};

// The body of a function without bound arguments.
template <auto F>
struct FunctionBody {
  static auto body(Context& ctx, const Input& input) { return invoke(F, ctx, input); }
};

// The body of a function with bound arguments. Errors: wrong_arguments, if the definition holds another
// number of them; missing_key, if it holds none; wrong_type, if one has another type than the parameter.
template <auto F>
struct BoundBody {
  using Arguments = typename Signature<decltype(F)>::Arguments;
  static constexpr size_t kCount = std::tuple_size_v<Arguments>;

  static auto body(Context& ctx, const Input&) {
    std::vector<json::View> items = ctx.param<json::View>("args").items();
    if (items.size() != kCount)
      throw Error("wrong_arguments",
                  "the parameter \"args\" holds " + std::to_string(items.size()) + " values, not " +
                      std::to_string(kCount),
                  terminal);
    return apply(ctx, items, std::make_index_sequence<kCount>());
  }
  template <size_t... I>
  static auto apply(Context& ctx, const std::vector<json::View>& items, std::index_sequence<I...>) {
    return F(ctx, items[I].template as<std::tuple_element_t<I, Arguments>>("argument " +
                                                                           std::to_string(I + 1))...);
  }
};

// The bodies of perform() and rollback() of a class; each call makes an object of its own.
template <class C>
struct ClassBody {
  static_assert(std::default_initializable<C>,
                "the class of a step is made anew for each call, without arguments");
  static auto body(Context& ctx, const Input& input) {
    C object;
    return invoke(
        [&object](Context& c, const Input& i) {
          if constexpr (requires { object.perform(c, i); })
            return object.perform(c, i);
          else
            return object.perform(c);
        },
        ctx, input);
  }
};
template <class C>
struct ClassRollback {
  static auto body(Context& ctx, const Input& input) {
    C object;
    return invoke(
        [&object](Context& c, const Input& i) {
          if constexpr (requires { object.rollback(c, i); })
            return object.rollback(c, i);
          else
            return object.rollback(c);
        },
        ctx, input);
  }
};

// Whether the class has rollback() with one of the two lists of parameters.
template <class C>
concept HasRollback = requires(C object, Context& c, const Input& i) {
  object.rollback(c, i);
}
|| requires(C object, Context& c) { object.rollback(c); };

template <class C>
using RollbackOf = std::conditional_t<HasRollback<C>, ClassRollback<C>, void>;

// Whether T is a Source.
template <class T>
inline constexpr bool is_source = false;
template <class P, class R>
inline constexpr bool is_source<Source<P, R>> = true;

// A function that PIRN_TASK or its like declared; it is exported under its own id, not under the step's name.
template <IsFunction F>
struct Declared {
  using Function = F;
  static auto body(Context& ctx, const Input& input) { return F::body(ctx, input); }
};

// The source that an author's argument stands for: a lambda and a declared function are accepted, too.
template <class P, class R>
Source<P, R> as_source(Source<P, R> source) {
  return source;
}
template <IsFunction F>
Source<Declared<F>> as_source(F) {
  return {};
}
template <class L>
requires(!is_source<L> && !IsFunction<L>) Source<LambdaBody<L>> as_source(L) { return {}; }

// A function tag made from a source, under this id.
template <FixedString Id, uint32_t Kind, class Bodied>
struct Made : FunctionTag {
  static constexpr auto kId = Id;
  static constexpr uint32_t kKind = Kind;
  static auto body(Context& ctx, const Input& input) { return Bodied::body(ctx, input); }
};

// ---- lists of functions

// Function tags, for one table. May name a tag several times.
template <class... Tags>
struct Functions {};

// Both lists in sequence.
template <class... A, class... B>
Functions<A..., B...> operator+(Functions<A...>, Functions<B...>) {
  return {};
}

// What the package exports for a declared function or step: the function, and the rollback of its class.
template <class Function>
auto functions_of_tag() {
  if constexpr (requires { Function::kNested; })
    return Functions<>{};  // a workflow of its own: no function of this package
  else if constexpr (requires { typename Function::Rollback; }) {
    if constexpr (!std::is_void_v<typename Function::Rollback>)
      return Functions<Function, typename Function::Rollback>{};
    else
      return Functions<Function>{};
  } else {
    return Functions<Function>{};
  }
}

// What PIRN_STEP_FROM needs to know of its source.
template <auto Id, class S>
struct SourceParts;
template <auto Id, class P, class R>
struct SourceParts<Id, Source<P, R>> {
  using Perform = P;
  using Rollback = Made<Id + FixedString("_rollback"), PIRN_KIND_ROLLBACK, R>;
};
template <auto Id, class P>
struct SourceParts<Id, Source<P, void>> {
  using Perform = P;
  using Rollback = void;
};

// What the package exports for a step of the builder of this name.
template <FixedString Id, class Perform, class Rollback>
auto functions_of_source() {
  if constexpr (requires { typename Perform::Function; })
    return functions_of_tag<typename Perform::Function>();
  else if constexpr (std::is_void_v<Rollback>)
    return Functions<Made<Id, PIRN_KIND_TASK, Perform>>{};
  else
    return Functions<Made<Id, PIRN_KIND_TASK, Perform>,
                     Made<Id + FixedString("_rollback"), PIRN_KIND_ROLLBACK, Rollback>>{};
}

// Names the id in the compiler's message.
template <FixedString Id, bool kTaken>
struct OneFunction {
  static_assert(
      !kTaken,
      "two functions of the package have the same id, that of this OneFunction; a function that the "
      "builder takes has the name of its step as its id: give it one of its own with PIRN_TASK");
  static constexpr bool kUnique = true;
};

// A step of two workflows is listed twice and exported once. Compares types: addresses are no constants under
// a sanitizer.
template <class... Tags>
struct Table {
  // The entries of the descriptor, in the order in which the tags are first listed, then NULL.
  struct Result {
    std::array<const pirn_function*, sizeof...(Tags) + 1> entries{};
    uint32_t count = 0;
    bool unique = true;
  };
  // Where a tag is listed first.
  template <class Tag>
  static constexpr size_t first_of() {
    size_t at = 0, first = sizeof...(Tags);
    ((first = std::is_same_v<Tag, Tags> && at < first ? at : first, ++at), ...);
    return first;
  }
  // Whether another function has the id of this one.
  template <class Tag>
  static constexpr bool id_is_taken() {
    return ((!std::is_same_v<Tag, Tags> && Tag::kId.view() == Tags::kId.view()) || ...);
  }
  static constexpr Result compute() {
    Result result;
    [[maybe_unused]] size_t at = 0;
    ((first_of<Tags>() == at++ ? void(result.entries[result.count++] = &Exported<Tags>::kFunction) : void(),
      result.unique = result.unique && OneFunction<Tags::kId, id_is_taken<Tags>()>::kUnique),
     ...);
    return result;
  }
  static constexpr Result kResult = compute();
  static_assert(kResult.unique);
};

// The table of a list, as a type.
template <class... Tags>
Table<Tags...> table_of(Functions<Tags...>) {
  return {};
}

}  // namespace pirn::inline sdk::detail

namespace pirn::inline sdk {

// A function as the source of a step: call<fetch>() for Outcome fetch(Context&), Outcome fetch(Context&,
// const Input&) or Outcome fetch(); a function that returns void stands for ok().
//
// With bound arguments: call<upload>("s3", 3) for Outcome upload(Context&, std::string target, int tries).
// The arguments are converted to the parameters' types and stored in the definition, as the step's parameter
// "args": they must convert to Value, cannot be bytes, and people can read them. When the step runs, they are
// read from there as by json::View::as(), so a parameter cannot be a std::string_view.
template <auto F, class... A>
auto call(A&&... arguments) {
  if constexpr (sizeof...(A) == 0) {
    return detail::Source<detail::FunctionBody<F>>{};
  } else {
    using Arguments = typename detail::BoundBody<F>::Arguments;
    static_assert(std::tuple_size_v<Arguments> == sizeof...(A),
                  "as many arguments as the function takes after the context");
    Arguments converted(std::forward<A>(arguments)...);
    detail::Source<detail::BoundBody<F>> source;
    source.params.add("args",
                      std::apply([](auto&... each) { return json::array({Value(each)...}); }, converted));
    return source;
  }
}

// A class as the source of a step: it has perform(Context&) or perform(Context&, const Input&), and
// optionally rollback() with the same choice of parameters, which is exported as ID_rollback and becomes the
// step's rollback unless the options name another one. Both return Outcome or void. Each call
// default-constructs an object of its own, so members do not outlive a call. An exception of the constructor
// is one of the function.
template <class C>
auto use() {
  return detail::Source<detail::ClassBody<C>, detail::RollbackOf<C>>{};
}

}  // namespace pirn::inline sdk
