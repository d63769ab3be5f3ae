// What the files of the ELF reader share. Only for them.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "packager/error/error.h"

namespace pirn::library {

inline Error malformed(std::string why) {
  return Error{Code::library_malformed, "the library is not an intact ELF file: " + std::move(why), "",
               Blame::package};
}

// The bytes of `T` at `offset` of `from`, copied: nothing about their alignment is known.
template <class T>
std::optional<T> copy(std::string_view from, uint64_t offset) {
  if (offset > from.size() || from.size() - offset < sizeof(T)) return {};
  T value;
  std::memcpy(&value, from.data() + offset, sizeof(T));
  return value;
}

inline uint64_t padded(uint64_t size, uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace pirn::library
