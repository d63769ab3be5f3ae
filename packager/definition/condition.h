// Decides the conditions that are data. Pure: any thread, no I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <variant>

#include "packager/definition/definition.h"

namespace pirn::definition {

// A document as JSON text, for values that are arrays or objects.
struct JsonView {
  std::string_view text;
};
// A value of the context. Views are lent until evaluate() returns. monostate is JSON's null.
using ContextValue =
    std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string_view, JsonView>;
// The value of a top-level key; nullopt: the context has no such key.
using ContextLookup = std::function<std::optional<ContextValue>(std::string_view key)>;

// The truth of a condition without functions: a missing path equals nothing and is in no list, order
// comparisons with it are false; numbers compare by value, exactly, whatever their types; strings by their
// bytes; values of different types are unequal and have no order; arrays and objects are equal when all their
// elements are. A document that is not JSON counts as missing. Of a path "a.b.0", "a" is the context key; "0"
// is a position in a list, or a key of an object.
bool evaluate(const Condition& condition, const ContextLookup& lookup);

// True if it contains a function. Then evaluate() must not be called: package code decides the condition.
bool asks_a_function(const Condition& condition);

}  // namespace pirn::definition
