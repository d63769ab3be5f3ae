// Values that go to the host: what Context::put() takes and what ok({{"key", value}, …}) is made of.
//
// All types here but Bytes own their data. Errors are pirn::Error with class terminal, so that an error that
// a step does not catch fails it without a retry. Any thread may use its own objects.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pirn/abi.h"
#include "pirn/json.hpp"

namespace pirn::inline sdk {

// Binary data, in contrast to text. Does not own it: the data must live until a Value is made of it, which
// copies it.
struct Bytes {
  const void* data = nullptr;  // not NULL unless size is 0
  size_t size = 0;             // in bytes
};

// A value of one of the types of abi.h (PIRN_T_). Converts implicitly from
//
//   nullptr                                      null
//   bool                                         a boolean
//   integer types but char                       a 64-bit integer
//   float, double                                a floating-point number
//   const char*, std::string, std::string_view   text in UTF-8
//   pirn::Bytes                                  bytes
//   json::Text, json::View                       that document
//   std::vector of any of these but Bytes        a JSON array
//   std::optional of any of these                null if it is empty, else its value
//
//   ctx.put("user_id", 7);
//   ctx.put("tags", std::vector<std::string>{"new", "eu"});
//   ctx.put("address", pirn::json::object({{"city", "Oslo"}, {"zip", "0150"}}));
//   ctx.put("photo", pirn::Bytes{data, size});
//
// A Value does not check everything that a host requires: text that is not UTF-8, a number that is not finite
// and more than 1 MiB are rejected where the value is used, by Context::put() and its like.
class Value {
 public:
  // null.
  Value() = default;
  Value(std::nullptr_t) {}
  // true or false.
  template <std::same_as<bool> B>
  Value(B b) : type_(PIRN_T_BOOL) {
    as_.u64 = b ? 1 : 0;
  }
  // An integer. Errors: invalid_value above 2^63-1. A char is not accepted: it may mean text or a number.
  template <std::integral I>
  requires(!std::same_as<I, bool> && !std::same_as<I, char>) Value(I i) : type_(PIRN_T_I64) {
    if (!std::in_range<int64_t>(i))
      throw Error("invalid_value", "an integer above 2^63-1 has no place in JSON", terminal);
    as_.i64 = static_cast<int64_t>(i);
  }
  // A number, as a double. 3.0 stays a floating-point number.
  template <std::floating_point F>
  Value(F f) : type_(PIRN_T_F64) {
    as_.f64 = static_cast<double>(f);
  }
  // Text in UTF-8, which is copied. A `const char*` is NUL-terminated and not NULL.
  Value(const char* text) : type_(PIRN_T_STR), text_(text) {}
  Value(std::string_view text) : type_(PIRN_T_STR), text_(text) {}
  Value(std::string text) : type_(PIRN_T_STR), text_(std::move(text)) {}
  // Bytes, which are copied. They cannot become part of a JSON document (append_json).
  Value(Bytes bytes) : type_(PIRN_T_BYTES), text_(static_cast<const char*>(bytes.data), bytes.size) {}
  // A document.
  Value(json::Text text) : type_(PIRN_T_JSON), text_(std::move(text).str()) {}
  // Copies the document; a scalar becomes that scalar, and an integer beyond 64 bits a floating-point number.
  // Errors: those of json::View::as().
  Value(json::View view) {
    if (view.is_bool())
      *this = Value(view.as<bool>());
    else if (view.is_string())
      *this = Value(view.as<std::string>());
    else if (view.is_number())
      *this = number(view.text());
    else if (!view.is_null())
      *this = Value(json::Text(std::string(view.text())));
  }
  // The value that it holds; null if it is empty.
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  // A JSON array of whatever T converts to. Errors: invalid_value, as append_json().
  template <class T>
  Value(const std::vector<T>& list) : type_(PIRN_T_JSON), text_("[") {
    for (const auto& element : list) {
      if (text_.size() > 1) text_ += ',';
      Value(element).append_json(text_);
    }
    text_ += ']';
  }
  // Not accepted: other pointers, which would silently become true.
  template <class T>
  requires std::is_pointer_v<T> Value(T)
  = delete;

  // A copy of a value that the host lends; a blob keeps its handle only. Errors: those of json::View for a
  // document.
  static Value copy_of(const pirn_value& from) {
    Value value;
    if (from.type == PIRN_T_JSON) return Value(json::View({static_cast<const char*>(from.as.ptr), from.len}));
    value.type_ = from.type;
    if (from.type == PIRN_T_STR || from.type == PIRN_T_BYTES)
      value.text_.assign(static_cast<const char*>(from.as.ptr), from.len);
    else
      value.as_ = from.as;
    return value;
  }

  // PIRN_T_ of abi.h.
  uint32_t type() const { return type_; }
  // Whether it is a document whose text begins as an object does.
  bool is_object() const {
    return type_ == PIRN_T_JSON && text_.find_first_not_of(" \n\t\r") != text_.npos &&
           text_[text_.find_first_not_of(" \n\t\r")] == '{';
  }

  // As the ABI passes it. Lent: valid until this value changes, moves or ends.
  pirn_value abi() const {
    pirn_value value{};
    value.type = type_;
    value.as = as_;
    if (type_ >= PIRN_T_STR) {
      value.as.ptr = text_.data();
      value.len = text_.size();
    }
    return value;
  }

  // Appends the value as JSON text. Errors: invalid_value for bytes, infinity and NaN.
  void append_json(std::string& out) const {
    switch (type_) {
      case PIRN_T_BOOL:
        out += as_.u64 ? "true" : "false";
        break;
      case PIRN_T_I64:
        json::detail::append_integer(out, as_.i64);
        break;
      case PIRN_T_F64:
        json::detail::append_double(out, as_.f64);
        break;
      case PIRN_T_STR:
        json::detail::append_string(out, text_);
        break;
      case PIRN_T_JSON:
        out += text_;
        break;
      case PIRN_T_BYTES:
        throw Error("invalid_value", "bytes have no place inside a JSON document", terminal);
      default:
        out += "null";
    }
  }
  // The value as JSON text. Errors: as append_json().
  std::string to_json() const {
    std::string out;
    append_json(out);
    return out;
  }

 private:
  // The number in a JSON text: an integer if it is written as one and fits.
  static Value number(std::string_view text) {
    int64_t integer = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, integer);
    if (read.ptr == end && read.ec == std::errc()) return Value(integer);
    return Value(json::View(text).as<double>());
  }

  using As = decltype(pirn_value::as);
  uint32_t type_ = PIRN_T_NULL;
  As as_{};
  std::string text_;
};

inline Error::Error(ErrorCode code, std::string message, ErrorClass error_class, const Value& details)
    : Error(code, std::move(message), error_class) {
  details_ = details.to_json();
}
inline json::View Error::details() const { return json::View(details_); }
inline json::View Error::causes() const { return json::View(causes_); }

// A key with its value.
struct Field {
  std::string key;  // UTF-8; as a key of the context at most 255 bytes, and not beginning with "__"
  Value value;
};

// Fields in the order in which they were written: {{"user_id", 7}, {"name", "Ada"}}. Nothing is checked here.
// The host uses the last of equal keys.
class Fields {
 public:
  // No fields.
  Fields() = default;
  Fields(std::initializer_list<Field> fields) : fields_(fields) {}

  // Appends a field, also if there is one with this key. Returns this object.
  Fields& add(std::string key, Value value) {
    fields_.push_back({std::move(key), std::move(value)});
    return *this;
  }
  bool empty() const { return fields_.empty(); }
  // Iterators over Field. Valid until a field is added.
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

  // As a JSON object, with equal keys repeated. Errors: invalid_value, as Value::append_json().
  std::string to_json() const {
    std::string out = "{";
    for (const Field& field : fields_) {
      if (out.size() > 1) out += ',';
      json::detail::append_string(out, field.key);
      out += ':';
      field.value.append_json(out);
    }
    return out += '}';
  }

 private:
  std::vector<Field> fields_;
};

namespace json {

// A JSON object: object({{"a", 1}, {"b", array({1, 2})}}). Errors: invalid_value for bytes, infinity and NaN.
inline Text object(const Fields& fields) { return Text(fields.to_json()); }
// A JSON array: array({1, "two", nullptr}). Errors: invalid_value for bytes, infinity and NaN.
inline Text array(std::initializer_list<Value> elements) {
  std::string out = "[";
  for (const Value& element : elements) {
    if (out.size() > 1) out += ',';
    element.append_json(out);
  }
  return Text(out += ']');
}
// A document that is text already, for example printed by a JSON library. Errors: invalid_json, if it is not
// one whole document; View says what is checked here and what only the host checks.
inline Text raw(std::string text) {
  View checked{text};
  return Text(std::move(text));
}

}  // namespace json
}  // namespace pirn::inline sdk
