// Reads a 64-bit little-endian ELF image as the dynamic loader will see it: through its program headers and
// its dynamic section, never through section headers, which may be absent or lie. The bytes are a stranger's:
// every offset is checked before it is followed, every struct is copied out, and nothing is executed or
// mapped.
//
// Immutable after read(); any thread, no I/O.
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::library {

// A version of another library that the image needs, or one that it offers itself.
struct VersionNeed {
  std::string_view library;  // "libc.so.6"
  std::string_view version;  // "GLIBC_2.34"
};

struct Symbol {
  std::string_view name;
  uint8_t type = 0;        // STT_
  uint8_t binding = 0;     // STB_
  uint8_t visibility = 0;  // STV_
  bool defined = false;
  bool versioned = false;  // bound to a version of another library
};

class Elf {
 public:
  // `bytes` are lent for the life of the image. Error: library_malformed, or library_wrong_machine when it is
  // no 64-bit ELF for this machine at all.
  static Result<Elf> read(std::string_view bytes);

  const Elf64_Ehdr& header() const { return header_; }
  const std::vector<Elf64_Phdr>& segments() const { return segments_; }
  const Elf64_Phdr* segment(uint32_t type) const;

  // The values of a tag of the dynamic section, in order.
  std::vector<uint64_t> dynamic_values(int64_t tag) const;
  std::optional<uint64_t> dynamic(int64_t tag) const;  // the last one, which the loader takes
  // As dynamic_values, for tags whose value is a name.
  Result<std::vector<std::string_view>> dynamic_names(int64_t tag) const;

  // Every dynamic symbol that the loader can find or has to find, without the null symbol.
  Result<std::vector<Symbol>> symbols() const;
  Result<std::vector<VersionNeed>> needed_versions() const;
  Result<std::vector<std::string_view>> offered_versions() const;
  // The descriptor of the first note of this owner and type; nullopt: there is none.
  Result<std::optional<std::string_view>> note(std::string_view owner, uint32_t type) const;

 private:
  explicit Elf(std::string_view bytes) : bytes_(bytes) {}

  Status read_header();
  Status read_segments();
  Status read_dynamic();
  Status read_strings();

  // `size` bytes at a file offset, or at an address of the loaded image.
  std::optional<std::string_view> at_offset(uint64_t offset, uint64_t size) const;
  std::optional<std::string_view> at_address(uint64_t address, uint64_t size) const;
  template <class T>
  std::optional<T> read_at(uint64_t address) const;
  std::optional<std::string_view> name(uint64_t offset) const;  // in the dynamic string table
  Result<uint32_t> symbol_count() const;
  std::optional<uint32_t> count_by_gnu_hash(uint64_t table) const;

  std::string_view bytes_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Dyn> dynamic_;
  std::string_view strings_;
};

}  // namespace pirn::library
