// Values that go to the host: what Context::put() takes and what ok({{"key", value}, …}) is made of.
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

// Binary data, in contrast to text. Does not own it: the data must outlive the call that it is passed to.
struct Bytes {
  const void* data = nullptr;
  size_t size = 0;
};

// Owns its data. Null, a bool, an integer, a finite floating-point number, text (UTF-8), bytes, or a JSON
// document. Converts implicitly from the C++ types of these, from std::optional (null if empty) and from
// std::vector (a JSON array). Errors: Error invalid_value for an integer above 2^63-1, for infinity or NaN
// inside a document, and for bytes inside a document.
class Value {
 public:
  Value() = default;  // null
  Value(std::nullptr_t) {}
  template <std::same_as<bool> B>
  Value(B b) : type_(PIRN_T_BOOL) {
    as_.u64 = b ? 1 : 0;
  }
  template <std::integral I>
  requires(!std::same_as<I, bool> && !std::same_as<I, char>) Value(I i) : type_(PIRN_T_I64) {
    if (!std::in_range<int64_t>(i))
      throw Error("invalid_value", "an integer above 2^63-1 has no place in JSON", terminal);
    as_.i64 = static_cast<int64_t>(i);
  }
  template <std::floating_point F>
  Value(F f) : type_(PIRN_T_F64) {
    as_.f64 = static_cast<double>(f);
  }
  Value(const char* text) : type_(PIRN_T_STR), text_(text) {}
  Value(std::string_view text) : type_(PIRN_T_STR), text_(text) {}
  Value(std::string text) : type_(PIRN_T_STR), text_(std::move(text)) {}
  Value(Bytes bytes) : type_(PIRN_T_BYTES), text_(static_cast<const char*>(bytes.data), bytes.size) {}
  Value(json::Text text) : type_(PIRN_T_JSON), text_(std::move(text).str()) {}
  // Copies the document; a scalar becomes that scalar.
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
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  template <class T>
  Value(const std::vector<T>& list) : type_(PIRN_T_JSON), text_("[") {
    for (const auto& element : list) {
      if (text_.size() > 1) text_ += ',';
      Value(element).append_json(text_);
    }
    text_ += ']';
  }
  template <class T>
  requires std::is_pointer_v<T> Value(T)
  = delete;  // a pointer would silently become true

  // A copy of a value that the host lends.
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

  // PIRN_T_
  uint32_t type() const { return type_; }
  // Whether it is a JSON object.
  bool is_object() const {
    return type_ == PIRN_T_JSON && text_.find_first_not_of(" \n\t\r") != text_.npos &&
           text_[text_.find_first_not_of(" \n\t\r")] == '{';
  }

  // As the ABI passes it. Lent: valid until this value changes.
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
  std::string key;
  Value value;
};

// Fields in the order in which they were written: {{"user_id", 7}, {"name", "Ada"}}. The host uses the last
// of equal keys.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) : fields_(fields) {}

  // Appends a field.
  Fields& add(std::string key, Value value) {
    fields_.push_back({std::move(key), std::move(value)});
    return *this;
  }
  bool empty() const { return fields_.empty(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

  // As a JSON object. Errors: invalid_value, as Value::append_json().
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

// A JSON object: object({{"a", 1}, {"b", array({1, 2})}}). Errors: invalid_value.
inline Text object(const Fields& fields) { return Text(fields.to_json()); }
// A JSON array. Errors: invalid_value.
inline Text array(std::initializer_list<Value> elements) {
  std::string out = "[";
  for (const Value& element : elements) {
    if (out.size() > 1) out += ',';
    element.append_json(out);
  }
  return Text(out += ']');
}
// A document that is text already, for example printed by a JSON library. Errors: invalid_json, if it is not
// one whole document.
inline Text raw(std::string text) {
  View checked{text};
  return Text(std::move(text));
}

}  // namespace json
}  // namespace pirn::inline sdk
