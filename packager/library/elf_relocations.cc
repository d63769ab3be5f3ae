// Relocations are writes that the loader makes in the memory of the host before any code of the library runs.
// It asks neither where they go nor whether a symbol is one of the table.
#include <array>

#include "packager/library/elf.h"
#include "packager/library/elf_bytes.h"

namespace pirn::library {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kRelative = R_X86_64_RELATIVE;
constexpr uint32_t kDescriptor = R_X86_64_TLSDESC;
#else
constexpr uint32_t kRelative = R_AARCH64_RELATIVE;
constexpr uint32_t kDescriptor = R_AARCH64_TLSDESC;
#endif
constexpr size_t kMaxRelocations = size_t{1} << 21;
constexpr uint64_t kWord = sizeof(uint64_t);

}  // namespace

Status Elf::each_relocation(const Visit& visit) const {
  PIRN_TRY(const uint32_t symbols, symbol_count());
  // A bit of a RELR table is one: the tables alone do not bound them.
  size_t seen = 0;
  const auto checked = [&](const Relocation& relocation) -> Status {
    if (++seen > kMaxRelocations) return malformed("more than two million relocations");
    PIRN_DO(check_relocation(relocation, symbols));
    return visit(relocation);
  };
  PIRN_DO(each_relr(checked));
  // The loader asserts the type of the first ones, which are counted.
  const uint64_t relative = dynamic(DT_RELACOUNT).value_or(0);
  if (relative > dynamic(DT_RELASZ).value_or(0) / sizeof(Elf64_Rela))
    return malformed("more relative relocations than relocations in total");
  uint64_t index = 0;
  PIRN_DO(each_rela(DT_RELA, DT_RELASZ, [&](const Relocation& relocation) -> Status {
    if (index++ < relative && relocation.type != kRelative)
      return malformed("a relocation that is counted as relative but is not");
    return checked(relocation);
  }));
  return each_rela(DT_JMPREL, DT_PLTRELSZ, checked);
}

Status Elf::each_rela(int64_t table_tag, int64_t size_tag, const Visit& visit) const {
  const std::optional<uint64_t> table = dynamic(table_tag);
  const uint64_t size = dynamic(size_tag).value_or(0);
  if (!table) return size == 0 ? Status() : malformed("relocations without an address");
  const std::optional<std::string_view> bytes = at_constant_address(*table, size);
  if (!bytes || size % sizeof(Elf64_Rela) != 0) return malformed("relocations beyond their segment");
  for (uint64_t offset = 0; offset < size; offset += sizeof(Elf64_Rela)) {
    const Elf64_Rela entry = *copy<Elf64_Rela>(*bytes, offset);
    PIRN_DO(visit({entry.r_offset, static_cast<uint32_t>(ELF64_R_TYPE(entry.r_info)),
                   static_cast<uint32_t>(ELF64_R_SYM(entry.r_info)), entry.r_addend}));
  }
  return {};
}

// An even word is an address; an odd one tells by its bits which of the next 63 words are relocated, too.
Status Elf::each_relr(const Visit& visit) const {
  const std::optional<uint64_t> table = dynamic(DT_RELR);
  const uint64_t size = dynamic(DT_RELRSZ).value_or(0);
  if (!table) return size == 0 ? Status() : malformed("relocations without an address");
  const std::optional<std::string_view> bytes = at_constant_address(*table, size);
  if (!bytes || size % kWord != 0) return malformed("relocations beyond their segment");
  std::optional<uint64_t> next;
  for (uint64_t offset = 0; offset < size; offset += kWord) {
    const uint64_t entry = *copy<uint64_t>(*bytes, offset);
    if ((entry & 1) == 0) {
      PIRN_DO(visit({.address = entry, .type = kRelative}));
      next = entry + kWord;
      continue;
    }
    if (!next) return malformed("relative relocations that do not start with an address");
    for (uint64_t i = 0; i < 63; ++i)
      if (entry >> (i + 1) & 1) PIRN_DO(visit({.address = *next + i * kWord, .type = kRelative}));
    *next += 63 * kWord;
  }
  return {};
}

Status Elf::check_relocation(const Relocation& relocation, uint32_t symbols) const {
  const uint64_t size = relocation.type == kDescriptor ? 2 * kWord : kWord;
  const Elf64_Phdr* target = loaded(relocation.address, size);
  if (target == nullptr || !(target->p_flags & PF_W))
    return malformed("a relocation outside its writable segments");
  const Elf64_Phdr& dynamic_section = *segment(PT_DYNAMIC);
  if (relocation.address + size > dynamic_section.p_vaddr &&
      relocation.address < dynamic_section.p_vaddr + dynamic_section.p_memsz)
    return malformed("a relocation of the dynamic section");
  if (relocation.symbol >= symbols && relocation.symbol != 0)
    return malformed("a relocation by a symbol that does not exist");
  return {};
}

Status Elf::check_initializers() const {
  for (const int64_t tag : {DT_INIT, DT_FINI})
    if (const std::optional<uint64_t> address = dynamic(tag); address && !is_code(*address))
      return malformed("an initializer outside its code");
  constexpr std::array<std::pair<int64_t, int64_t>, 3> kArrays = {{{DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
                                                                   {DT_FINI_ARRAY, DT_FINI_ARRAYSZ},
                                                                   {DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ}}};
  for (const auto& [array_tag, size_tag] : kArrays) {
    const std::optional<uint64_t> array = dynamic(array_tag);
    const uint64_t size = dynamic(size_tag).value_or(0);
    if (!array && size == 0) continue;
    if (!array || size % kWord != 0 || loaded(*array, size) == nullptr)
      return malformed("an array of initializers outside its segments");
  }
  return {};
}

}  // namespace pirn::library
