// JSON documents of the API: reading request bodies strictly, and the few forms that all answers share.
// Private to host/api; any thread.
#pragma once

#include <boost/json.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "host/api/exchange.h"
#include "host/journal/value.h"
#include "registry/ids.h"

namespace pirn::api {

// Bytes of a text in a request body: a name, a reason, a comment, a path. Such texts are compared, journaled
// for each execution that they concern, and repeated in answers.
inline constexpr size_t kLongestText = 4096;
// Keys at the top of an input, a payload or a patch: each becomes a key of the execution's context.
inline constexpr size_t kMaxKeys = 10'000;

// A request body: one JSON object with known members; anything else is refused with the nearest name.
class Document {
 public:
  // An empty body is an empty object.
  static Result<Document> read(std::string_view body, std::initializer_list<std::string_view> known);

  // Null also for a member that is null, which as a rule says as much as leaving it out.
  const boost::json::value* find(std::string_view name) const;
  // Whether it is there, be it null: for members in which null has a meaning.
  bool has(std::string_view name) const { return object_.contains(name); }
  // too_large: more than kLongestText bytes.
  Result<std::string> text(std::string_view name) const;  // required
  Result<std::string> text_or(std::string_view name, std::string_view otherwise) const;
  Result<int64_t> integer_or(std::string_view name, int64_t otherwise, int64_t low, int64_t high) const;
  Result<bool> flag_or(std::string_view name, bool otherwise) const;
  // An input, a payload or a patch; empty without one. too_large: more than kMaxKeys keys.
  struct Keys {
    std::string canonical;  // text
    journal::Delta delta;
  };
  Result<Keys> keys_or_none(std::string_view name) const;

 private:
  boost::json::object object_;
};

// A query parameter that is a number; `otherwise` without it. Errors: invalid_argument, also for an empty
// one.
Result<int64_t> number_parameter(const Request& request, std::string_view name, int64_t otherwise,
                                 int64_t low, int64_t high);

// The id of the execution at which a page ended. Errors: invalid_argument.
Result<ExecutionId> parse_cursor_id(std::string_view text);
Error no_cursor(std::string_view text);

// A value that stands in an argument: what is wrong with it is wrong with the argument.
template <class T>
Result<T> as_argument(std::string_view name, Result<T> value) {
  if (value) return value;
  Error error = value.error();
  if (error.hint.empty()) error.hint = catalogue_entry(error.code).fix;
  error.code = Code::invalid_argument;
  error.message = "'" + std::string(name) + "': " + error.message;
  return error;
}

Response json(int status, const boost::json::value& value);

// The text of a JSON object, some of whose members are texts that are JSON already.
class ObjectText {
 public:
  explicit ObjectText(const boost::json::object& members);
  ObjectText& add(std::string_view name, std::string_view json);
  std::string take();

 private:
  std::string text_;  // without the last brace
};

// RFC 3339 in UTC; null for 0.
boost::json::value time_ms(int64_t ms_since_1970);
std::string time_text_ns(int64_t ns_since_1970);
// From RFC 3339, or a duration back from now ("24h"), or milliseconds since 1970.
Result<int64_t> parse_since_ns(std::string_view text, int64_t now_ns);

int64_t now_ms();

}  // namespace pirn::api
