// A library whose bytes a test changes one field at a time, as a linker that lies would.
#pragma once

#include <elf.h>

#include <cstdint>
#include <functional>
#include <string>

namespace pirn::library {

class Patched {
 public:
  explicit Patched(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }

  // Calls `change` with the first program header of the type, or of the type with that flag; fails the test
  // when there is none.
  Patched& segment(uint32_t type, const std::function<void(Elf64_Phdr&)>& change, uint32_t flags = 0);
  // The same for the first entry of the dynamic section.
  Patched& dynamic(int64_t tag, const std::function<void(Elf64_Dyn&)>& change);
  // Turns an entry that the loader can do without (DT_RELACOUNT) into another one.
  Patched& add_dynamic(int64_t tag, uint64_t value);
  // Turns a program header that the loader can do without (PT_GNU_EH_FRAME) into another one.
  Patched& add_segment(const Elf64_Phdr& segment);
  // The nth entry of DT_RELA.
  Patched& relocation(size_t index, const std::function<void(Elf64_Rela&)>& change);

  Elf64_Phdr segment_of(uint32_t type, uint32_t flags = 0);
  uint64_t value_of(int64_t tag);
  // Any struct at an address of the loaded image.
  template <class T>
  Patched& at(uint64_t address, const std::function<void(T&)>& change) {
    return change_at(offset_of(address), change);
  }

 private:
  size_t offset_of(uint64_t address);
  size_t offset_of_segment(uint32_t type, uint32_t flags);
  size_t offset_of_dynamic(int64_t tag);
  template <class T>
  Patched& change_at(size_t offset, const std::function<void(T&)>& change) {
    T value;
    bytes_.copy(reinterpret_cast<char*>(&value), sizeof value, offset);
    change(value);
    bytes_.replace(offset, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }

  std::string bytes_;
};

}  // namespace pirn::library
