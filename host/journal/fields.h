// Reading the JSON that this folder wrote. The text comes from our own database, but a disk is part of the
// world: what does not fit is an error that names the field, never a crash. For the .cc files of this folder.
#pragma once

#include <boost/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "packager/json/json.h"
#include "registry/ids.h"

namespace pirn::journal {

namespace bj = boost::json;

// Thrown by the readers below and caught by decode().
struct Malformed : std::runtime_error {
  using runtime_error::runtime_error;
};

inline std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

// The fields of one object.
class Fields {
 public:
  explicit Fields(const bj::value& json) : object_(json.if_object()) {
    if (!object_) throw Malformed("an object is expected");
  }

  const bj::value* find(std::string_view name) const {
    return object_->if_contains({name.data(), name.size()});
  }
  const bj::value& get(std::string_view name) const {
    if (const bj::value* value = find(name)) return *value;
    throw Malformed("the field '" + std::string(name) + "' is missing");
  }
  std::string text(std::string_view name) const { return std::string(string_of(get(name), name)); }
  std::string text_or_empty(std::string_view name) const {
    const bj::value* value = find(name);
    return value ? std::string(string_of(*value, name)) : std::string();
  }
  uint64_t number(std::string_view name) const { return number_of(get(name), name); }
  uint64_t number_or(std::string_view name, uint64_t otherwise) const {
    const bj::value* value = find(name);
    return value ? number_of(*value, name) : otherwise;
  }
  uint32_t count(std::string_view name) const { return count_of(number(name), name); }
  uint32_t count_or(std::string_view name, uint32_t otherwise) const {
    return count_of(number_or(name, otherwise), name);
  }
  int64_t instant_or(std::string_view name, int64_t otherwise) const {
    const bj::value* value = find(name);
    if (!value) return otherwise;
    if (!value->is_int64()) throw Malformed("the field '" + std::string(name) + "' is no integer");
    return value->get_int64();
  }
  bool flag_or(std::string_view name, bool otherwise) const {
    const bj::value* value = find(name);
    if (!value) return otherwise;
    if (!value->is_bool()) throw Malformed("the field '" + std::string(name) + "' is no truth value");
    return value->get_bool();
  }
  Digest digest(std::string_view name) const { return digest_of(get(name), name); }
  std::string json_or_empty(std::string_view name) const {
    const bj::value* value = find(name);
    return value ? canonical(*value) : std::string();
  }

  static std::string_view string_of(const bj::value& value, std::string_view name) {
    if (!value.is_string()) throw Malformed("the field '" + std::string(name) + "' is no text");
    return view(value.get_string());
  }
  static Digest digest_of(const bj::value& value, std::string_view name) {
    auto digest = parse_digest(string_of(value, name));
    if (!digest) throw Malformed(digest.error().message);
    return *digest;
  }

 private:
  static uint64_t number_of(const bj::value& value, std::string_view name) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<uint64_t>(value.get_int64());
    throw Malformed("the field '" + std::string(name) + "' is no number");
  }

  static uint32_t count_of(uint64_t number, std::string_view name) {
    if (number > UINT32_MAX) throw Malformed("the field '" + std::string(name) + "' is too large");
    return static_cast<uint32_t>(number);
  }

  const bj::object* object_;
};

// The enumerator whose name_of() is `text`.
template <class Enum>
Enum by_name(std::string_view text, int first, int last) {
  for (int i = first; i <= last; ++i)
    if (name_of(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  throw Malformed("'" + std::string(text) + "' is no known name");
}

inline ExecutionId id_of(std::string_view text) {
  auto id = parse_execution_id(text);
  if (!id) throw Malformed(id.error().message);
  return *id;
}

inline ExecutionId id_or_none(const Fields& fields, std::string_view name) {
  return fields.find(name) ? id_of(fields.text(name)) : ExecutionId();
}

inline Error corrupt(std::string_view what, const std::string& why) {
  return Error{Code::journal_corrupt, "a stored " + std::string(what) + " cannot be read: " + why, "",
               Blame::world};
}

// Parses and hands the root's fields to `read`; anything that does not fit becomes journal_corrupt.
template <class T, class Read>
Result<T> decode(std::string_view what, std::string_view text, Read read) {
  try {
    bj::monotonic_resource memory;
    auto json = parse_own_json(text, what, &memory);
    if (!json) return corrupt(what, json.error().message);
    return read(Fields(*json));
  } catch (const std::exception& failure) {
    return corrupt(what, failure.what());
  }
}

}  // namespace pirn::journal
