#include "tests/packager/library/elf_patch.h"

#include <gtest/gtest.h>

namespace pirn::library {
namespace {

template <class T>
T read(const std::string& bytes, size_t offset) {
  T value;
  EXPECT_LE(offset + sizeof value, bytes.size());
  bytes.copy(reinterpret_cast<char*>(&value), sizeof value, offset);
  return value;
}

}  // namespace

size_t Patched::offset_of_segment(uint32_t type, uint32_t flags) {
  const auto header = read<Elf64_Ehdr>(bytes_, 0);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    const size_t offset = header.e_phoff + i * sizeof(Elf64_Phdr);
    const auto segment = read<Elf64_Phdr>(bytes_, offset);
    if (segment.p_type == type && (segment.p_flags & flags) == flags) return offset;
  }
  ADD_FAILURE() << "no program header of the type " << type;
  return 0;
}

size_t Patched::offset_of(uint64_t address) {
  const auto header = read<Elf64_Ehdr>(bytes_, 0);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = read<Elf64_Phdr>(bytes_, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address < segment.p_vaddr + segment.p_filesz)
      return segment.p_offset + (address - segment.p_vaddr);
  }
  ADD_FAILURE() << "nothing is loaded at " << address;
  return 0;
}

size_t Patched::offset_of_dynamic(int64_t tag) {
  const Elf64_Phdr segment = segment_of(PT_DYNAMIC);
  for (size_t offset = segment.p_offset; offset < segment.p_offset + segment.p_filesz;
       offset += sizeof(Elf64_Dyn))
    if (read<Elf64_Dyn>(bytes_, offset).d_tag == tag) return offset;
  ADD_FAILURE() << "no dynamic tag " << tag;
  return 0;
}

Elf64_Phdr Patched::segment_of(uint32_t type, uint32_t flags) {
  return read<Elf64_Phdr>(bytes_, offset_of_segment(type, flags));
}
uint64_t Patched::value_of(int64_t tag) { return read<Elf64_Dyn>(bytes_, offset_of_dynamic(tag)).d_un.d_val; }

Patched& Patched::segment(uint32_t type, const std::function<void(Elf64_Phdr&)>& change, uint32_t flags) {
  return change_at(offset_of_segment(type, flags), change);
}
Patched& Patched::dynamic(int64_t tag, const std::function<void(Elf64_Dyn&)>& change) {
  return change_at(offset_of_dynamic(tag), change);
}
Patched& Patched::add_dynamic(int64_t tag, uint64_t value) {
  return dynamic(DT_RELACOUNT, [&](Elf64_Dyn& entry) {
    entry.d_tag = tag;
    entry.d_un.d_val = value;
  });
}
Patched& Patched::add_segment(const Elf64_Phdr& segment) {
  return this->segment(PT_GNU_EH_FRAME, [&](Elf64_Phdr& header) { header = segment; });
}
Patched& Patched::relocation(size_t index, const std::function<void(Elf64_Rela&)>& change) {
  return at<Elf64_Rela>(value_of(DT_RELA) + index * sizeof(Elf64_Rela), change);
}

}  // namespace pirn::library
