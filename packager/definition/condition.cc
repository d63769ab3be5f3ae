#include "packager/definition/condition.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cassert>
#include <charconv>
#include <cmath>
#include <compare>

#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

std::partial_ordering compare(double left, int64_t right) {
  if (std::isnan(left)) return std::partial_ordering::unordered;
  if (left >= 0x1p63) return std::partial_ordering::greater;
  if (left < -0x1p63) return std::partial_ordering::less;
  const double whole = std::trunc(left);
  if (const auto order = static_cast<int64_t>(whole) <=> right; order != 0) return order;
  return left <=> whole;
}

std::partial_ordering compare(double left, uint64_t right) {
  if (right <= static_cast<uint64_t>(INT64_MAX)) return compare(left, static_cast<int64_t>(right));
  if (std::isnan(left)) return std::partial_ordering::unordered;
  if (left >= 0x1p64) return std::partial_ordering::greater;
  if (left < 0x1p63) return std::partial_ordering::less;
  return static_cast<uint64_t>(left) <=> right;  // beyond 2^53 a double is whole
}

std::partial_ordering compare(int64_t left, uint64_t right) {
  return left < 0 ? std::partial_ordering::less : static_cast<uint64_t>(left) <=> right;
}

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

std::partial_ordering compare_numbers(const json::value& left, const json::value& right) {
  const auto with = [](auto number, const json::value& other) -> std::partial_ordering {
    using Number = decltype(number);
    if (const int64_t* integer = other.if_int64()) {
      if constexpr (std::is_same_v<Number, int64_t>)
        return number <=> *integer;
      else if constexpr (std::is_same_v<Number, uint64_t>)
        return reversed(compare(*integer, number));
      else
        return compare(number, *integer);
    }
    if (const uint64_t* integer = other.if_uint64()) {
      if constexpr (std::is_same_v<Number, uint64_t>)
        return number <=> *integer;
      else
        return compare(number, *integer);
    }
    if constexpr (std::is_same_v<Number, double>)
      return number <=> other.get_double();
    else
      return reversed(compare(other.get_double(), number));
  };
  if (const int64_t* integer = left.if_int64()) return with(*integer, right);
  if (const uint64_t* integer = left.if_uint64()) return with(*integer, right);
  return with(left.get_double(), right);
}

bool equal(const json::value& left, const json::value& right);

bool equal_objects(const json::object& left, const json::object& right) {
  if (left.size() != right.size()) return false;
  return std::all_of(left.begin(), left.end(), [&](const json::key_value_pair& member) {
    const json::value* other = right.if_contains(member.key());
    return other != nullptr && equal(member.value(), *other);
  });
}

bool equal(const json::value& left, const json::value& right) {
  if (left.is_number() && right.is_number()) return compare_numbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case json::kind::null:
      return true;
    case json::kind::bool_:
      return left.get_bool() == right.get_bool();
    case json::kind::string:
      return left.get_string() == right.get_string();
    case json::kind::array:
      return std::equal(left.get_array().begin(), left.get_array().end(), right.get_array().begin(),
                        right.get_array().end(), equal);
    default:
      return equal_objects(left.get_object(), right.get_object());
  }
}

std::partial_ordering order(const json::value& left, const json::value& right) {
  if (left.is_number() && right.is_number()) return compare_numbers(left, right);
  if (left.is_string() && right.is_string()) return left.get_string().compare(right.get_string()) <=> 0;
  return std::partial_ordering::unordered;
}

// Nothing for a document that Pirn cannot read (too deep, say): its writer must not bring the engine down.
std::optional<json::value> to_json(const ContextValue& value) {
  using Read = std::optional<json::value>;
  struct Convert {
    Read operator()(std::monostate) const { return json::value(nullptr); }
    Read operator()(bool truth) const { return json::value(truth); }
    Read operator()(int64_t number) const { return json::value(number); }
    Read operator()(uint64_t number) const { return json::value(number); }
    Read operator()(double number) const { return json::value(number); }
    Read operator()(std::string_view text) const {
      return json::value(json::string(text.data(), text.size()));
    }
    Read operator()(JsonView document) const {
      Result<json::value> parsed = parse_own_json(document.text, "a context value", {});
      return parsed ? Read(std::move(*parsed)) : std::nullopt;
    }
  };
  return std::visit(Convert{}, value);
}

// The element of a list, or the member of an object, that one part of a path names.
const json::value* descend(const json::value& value, std::string_view part) {
  if (const json::object* object = value.if_object()) return object->if_contains({part.data(), part.size()});
  const json::array* array = value.if_array();
  if (array == nullptr || part.empty() || (part.size() > 1 && part[0] == '0')) return nullptr;
  size_t index = 0;
  const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (failure != std::errc() || end != part.data() + part.size()) return nullptr;
  return array->if_contains(index);
}

std::optional<json::value> find(std::string_view path, const ContextLookup& lookup) {
  size_t dot = path.find('.');
  const std::optional<ContextValue> top = lookup(path.substr(0, dot));
  if (!top) return {};
  const std::optional<json::value> value = to_json(*top);
  const json::value* place = value ? &*value : nullptr;
  while (dot != path.npos && place != nullptr) {
    path.remove_prefix(dot + 1);
    dot = path.find('.');
    place = descend(*place, path.substr(0, dot));
  }
  if (place == nullptr) return {};
  return *place;
}

json::value wanted(const Condition& condition) {
  Result<json::value> value = parse_json(condition.value, "a condition");
  assert(value && "parse() checked it");
  return *value;
}

bool compares(Condition::Op op, const json::value& actual, const json::value& wanted) {
  using Op = Condition::Op;
  switch (op) {
    case Op::equal:
      return equal(actual, wanted);
    case Op::not_equal:
      return !equal(actual, wanted);
    case Op::less:
      return order(actual, wanted) < 0;
    case Op::less_or_equal:
      return order(actual, wanted) <= 0;
    case Op::greater:
      return order(actual, wanted) > 0;
    case Op::greater_or_equal:
      return order(actual, wanted) >= 0;
  }
  return false;
}

bool is_in(const json::value& actual, const json::value& list) {
  const json::array& elements = list.get_array();
  return std::any_of(elements.begin(), elements.end(),
                     [&](const json::value& e) { return equal(actual, e); });
}

}  // namespace

bool evaluate(const Condition& condition, const ContextLookup& lookup) {
  using Kind = Condition::Kind;
  const auto holds = [&](const Condition& operand) { return evaluate(operand, lookup); };
  switch (condition.kind) {
    case Kind::always:
      return true;
    case Kind::all:
      return std::all_of(condition.operands.begin(), condition.operands.end(), holds);
    case Kind::any:
      return std::any_of(condition.operands.begin(), condition.operands.end(), holds);
    case Kind::negation:
      return !holds(condition.operands.at(0));
    case Kind::function:
      assert(false && "a function is a consultation");
      return false;
    case Kind::compare:
    case Kind::exists:
    case Kind::in:
      break;
  }
  const std::optional<json::value> actual = find(condition.path, lookup);
  if (condition.kind == Kind::exists) return actual.has_value() == (condition.value == "true");
  if (!actual) return condition.kind == Kind::compare && condition.op == Condition::Op::not_equal;
  if (condition.kind == Kind::in) return is_in(*actual, wanted(condition));
  return compares(condition.op, *actual, wanted(condition));
}

bool asks_a_function(const Condition& condition) {
  return condition.kind == Condition::Kind::function ||
         std::any_of(condition.operands.begin(), condition.operands.end(), asks_a_function);
}

}  // namespace pirn::definition
