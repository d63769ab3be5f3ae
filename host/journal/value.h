// A typed, immutable value of a context, a parameter or a result. Cheap to copy: text is shared.
// The types and their numbers are those of the ABI (sdk/include/pirn/abi.h, PIRN_T_*).
//
// Any thread. In the journal a value is JSON; what JSON has no type for is an object with one reserved key:
// bytes are {"$bytes":"<base64>"}. A double always prints with a point or an exponent, so that it stays a
// double.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "packager/error/error.h"

namespace pirn::journal {

class Value {
 public:
  enum class Type : uint8_t { null = 0, boolean = 1, integer = 2, real = 3, text = 4, bytes = 5, json = 6 };

  Value() = default;
  static Value of_bool(bool value);
  static Value of_integer(int64_t value);
  static Value of_real(double value);  // NaN and infinities have no JSON; the caller refuses them first
  static Value of_text(std::string_view utf8);
  static Value of_bytes(std::string_view bytes);
  static Value of_json(std::string_view valid_object_or_array);

  Type type() const { return type_; }
  bool as_bool() const { return scalar_.boolean; }
  int64_t as_integer() const { return scalar_.integer; }
  double as_real() const { return scalar_.real; }
  // text, bytes, json. Lives as long as any copy of this value.
  std::string_view as_text() const { return text_ ? std::string_view(*text_) : std::string_view(); }

  bool operator==(const Value& other) const;
  size_t size_bytes() const { return text_ ? text_->size() : 8; }

 private:
  Type type_ = Type::null;
  union {
    bool boolean;
    int64_t integer;
    double real;
  } scalar_ = {.integer = 0};
  std::shared_ptr<const std::string> text_;
};

// What a step wrote: keys in the order written, the last one of a key wins. `unset` deletes the key (R10).
struct Delta {
  struct Entry {
    std::string key;
    Value value;
    bool unset = false;
  };
  std::vector<Entry> entries;

  bool empty() const { return entries.empty(); }
  void put(std::string_view key, Value value);
  void unset(std::string_view key);
  const Entry* find(std::string_view key) const;

 private:
  Entry& entry(std::string_view key);
};

// A key/value object of JSON text, e.g. an execution's input. The error names the offset.
Result<Delta> parse_object(std::string_view json);
// Any JSON text as a value: objects and arrays stay text, scalars become typed.
Result<Value> parse_value(std::string_view json);

// The canonical text of JSON that Pirn wrote, which may nest deeper than what others write.
std::string canonical_own(std::string_view json);

// Appends JSON text.
void append_json(std::string& out, const Value& value);
void append_json_string(std::string& out, std::string_view utf8);
void append_integer(std::string& out, int64_t value);
void append_unsigned(std::string& out, uint64_t value);

bool valid_utf8(std::string_view text);

}  // namespace pirn::journal
