// Reads a 64-bit little-endian ELF image as the dynamic loader will see it: through its program headers and
// its dynamic section, never through section headers, which may be absent or lie. The bytes are a stranger's:
// every offset is checked before it is followed, every struct is copied out, and nothing is executed or
// mapped.
//
// The loader trusts what it reads. What it would take from two places, assert, or follow out of the image is
// library_malformed here, so that each rule of admission.h speaks of the very bytes that the loader obeys.
//
// Immutable after read(); any thread, no I/O.
#pragma once

#include <elf.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::library {

// A version of another library that the image needs, and one that it offers itself. Symbols name both by
// `index`.
struct VersionNeed {
  std::string_view library;  // "libc.so.6"
  std::string_view version;  // "GLIBC_2.34"
  uint16_t index = 0;
};
struct VersionOffer {
  std::string_view version;
  uint16_t index = 0;
};

struct Symbol {
  std::string_view name;
  uint8_t type = 0;        // STT_
  uint8_t binding = 0;     // STB_
  uint8_t visibility = 0;  // STV_
  bool defined = false;
  uint64_t value = 0;
  bool relative = true;               // the loader adds the place of the image to the value
  uint16_t version = VER_NDX_GLOBAL;  // index of a VersionNeed or VersionOffer; 0 and 1: of none
  bool versioned() const { return version > VER_NDX_GLOBAL; }
};

// A place that the loader changes before any code of the library runs.
struct Relocation {
  uint64_t address = 0;
  uint32_t type = 0;    // R_…; a RELR entry is a RELATIVE one
  uint32_t symbol = 0;  // index in the table of symbols; 0: none
  int64_t addend = 0;
};

class Elf {
 public:
  // `bytes` are lent for the life of the image. Error: library_malformed, or library_wrong_machine when it is
  // no 64-bit ELF for this machine at all.
  static Result<Elf> read(std::string_view bytes);
  // Also of another machine: everything but relocations can be asked for.
  static Result<Elf> read_foreign(std::string_view bytes);

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
  Result<std::vector<VersionOffer>> offered_versions() const;
  // Visits those of all tables, in the order in which they are applied, two million at most, and keeps none.
  // Each changes bytes that are loaded, writable and no part of the dynamic section, and names a symbol that
  // there is. Error: library_malformed, or the first one of `visit`.
  using Visit = std::function<Status(const Relocation&)>;
  Status each_relocation(const Visit& visit) const;
  // Lies in an executable segment.
  bool is_code(uint64_t address) const;
  // The loader reads or calls these: DT_INIT, DT_FINI and their arrays. Error: library_malformed.
  Status check_initializers() const;
  // The descriptor of the first note of this owner and type; nullopt: there is none.
  Result<std::optional<std::string_view>> note(std::string_view owner, uint32_t type) const;

 private:
  explicit Elf(std::string_view bytes) : bytes_(bytes) {}

  static Result<Elf> read(std::string_view bytes, bool foreign);
  Status read_header(bool foreign);
  Status read_segments();
  Status check_loaded(const Elf64_Phdr& segment) const;
  Status check_special(const Elf64_Phdr& segment) const;
  Status read_dynamic();
  Status check_dynamic() const;
  Status read_strings();

  // `size` bytes at a file offset, or at an address of the loaded image.
  std::optional<std::string_view> at_offset(uint64_t offset, uint64_t size) const;
  std::optional<std::string_view> at_address(uint64_t address, uint64_t size) const;
  // As at_address, in a segment that is not writable: no relocation changes it.
  std::optional<std::string_view> at_constant_address(uint64_t address, uint64_t size) const;
  // The loaded segment that has all of these addresses, also those beyond its bytes in the file.
  const Elf64_Phdr* loaded(uint64_t address, uint64_t size) const;
  template <class T>
  std::optional<T> read(uint64_t address) const;
  template <class T>
  std::optional<T> read_constant(uint64_t address) const;
  std::optional<std::string_view> name(uint64_t offset) const;  // in the dynamic string table
  Result<uint32_t> symbol_count() const;
  std::optional<uint32_t> count_by_gnu_hash(uint64_t table) const;
  std::optional<uint32_t> count_by_hash(uint64_t table) const;
  Status each_rela(int64_t table_tag, int64_t size_tag, const Visit& visit) const;
  Status each_relr(const Visit& visit) const;
  Status check_relocation(const Relocation& relocation, uint32_t symbols) const;

  std::string_view bytes_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Dyn> dynamic_;
  std::string_view strings_;
};

}  // namespace pirn::library
