// The words that stand for values, for reading and for printing. Private to packager/definition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/definition.h"

namespace pirn::definition {

template <class E>
struct Choice {
  std::string_view name;
  E value;
};

inline constexpr Choice<OnError> kOnError[] = {
    {"fail", OnError::fail}, {"skip", OnError::skip}, {"continue", OnError::keep_going}};
inline constexpr Choice<FailureMode> kFailureMode[] = {{"fail_fast", FailureMode::fail_fast},
                                                       {"continue", FailureMode::keep_going}};
inline constexpr Choice<ErrorClass> kErrorClass[] = {{"retryable", ErrorClass::retryable},
                                                     {"transient", ErrorClass::transient},
                                                     {"terminal", ErrorClass::terminal}};
inline constexpr Choice<Jitter> kJitter[] = {{"none", Jitter::none},
                                             {"additive", Jitter::additive},
                                             {"symmetric", Jitter::symmetric},
                                             {"full", Jitter::full}};
inline constexpr Choice<Backoff::Kind> kBackoff[] = {{"fixed", Backoff::Kind::fixed},
                                                     {"linear", Backoff::Kind::linear},
                                                     {"exponential", Backoff::Kind::exponential}};
inline constexpr Choice<Strategy> kStrategy[] = {
    {"parallel", Strategy::parallel}, {"sequential", Strategy::sequential}, {"hybrid", Strategy::hybrid}};
inline constexpr Choice<Order> kOrder[] = {{"canonical", Order::canonical},
                                           {"critical_path", Order::critical_path}};
inline constexpr Choice<Compensate> kCompensate[] = {
    {"auto", Compensate::automatic}, {"always", Compensate::always}, {"never", Compensate::never}};
inline constexpr Choice<Misfire> kMisfire[] = {
    {"once", Misfire::once}, {"skip", Misfire::skip}, {"all", Misfire::all}};
inline constexpr Choice<RecoveryRule::Action> kRecoveryAction[] = {
    {"retry", RecoveryRule::Action::retry},
    {"skip", RecoveryRule::Action::skip},
    {"fallback", RecoveryRule::Action::fallback},
    {"abort", RecoveryRule::Action::abort},
    {"manual", RecoveryRule::Action::manual}};
inline constexpr Choice<Condition::Op> kOperators[] = {
    {"equals", Condition::Op::equal},    {"not_equals", Condition::Op::not_equal},
    {"less", Condition::Op::less},       {"less_or_equal", Condition::Op::less_or_equal},
    {"greater", Condition::Op::greater}, {"greater_or_equal", Condition::Op::greater_or_equal}};
// The conditions that are no comparison.
inline constexpr Choice<Condition::Kind> kConditions[] = {
    {"in", Condition::Kind::in},        {"exists", Condition::Kind::exists},
    {"all", Condition::Kind::all},      {"any", Condition::Kind::any},
    {"not", Condition::Kind::negation}, {"function", Condition::Kind::function}};

// Null: no such word.
template <class E, size_t N>
const E* choose(const Choice<E> (&choices)[N], std::string_view name) {
  for (const Choice<E>& choice : choices)
    if (choice.name == name) return &choice.value;
  return nullptr;
}

template <class E, size_t N>
std::string_view name_of(const Choice<E> (&choices)[N], E value) {
  for (const Choice<E>& choice : choices)
    if (choice.value == value) return choice.name;
  return {};
}

template <class E, size_t N>
std::vector<std::string> names_of(const Choice<E> (&choices)[N]) {
  std::vector<std::string> names;
  for (const Choice<E>& choice : choices) names.emplace_back(choice.name);
  return names;
}

}  // namespace pirn::definition
