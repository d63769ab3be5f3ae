#include "packager/library/elf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "packager/library/elf_bytes.h"

namespace pirn::library {
namespace {

constexpr size_t kMaxDynamicEntries = 4096;
constexpr uint32_t kMaxSymbols = 1u << 20;
constexpr uint32_t kMaxVersions = 4096;
constexpr size_t kMaxNotes = 256;

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "say which ELF machine this is"
#endif

// A package may need several libraries; the others of these are refused by name (admission.cc).
constexpr int64_t kMayRepeat[] = {DT_NEEDED, DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT, DT_CONFIG};
constexpr std::pair<int64_t, uint64_t> kExpected[] = {{DT_PLTREL, DT_RELA},
                                                      {DT_RELAENT, sizeof(Elf64_Rela)},
                                                      {DT_SYMENT, sizeof(Elf64_Sym)},
                                                      {DT_RELRENT, sizeof(uint64_t)}};
constexpr int64_t kOtherMachines[] = {DT_REL, DT_RELSZ, DT_RELENT};

}  // namespace

Result<Elf> Elf::read(std::string_view bytes) { return read(bytes, false); }
Result<Elf> Elf::read_foreign(std::string_view bytes) { return read(bytes, true); }

Result<Elf> Elf::read(std::string_view bytes, bool foreign) {
  Elf elf(bytes);
  PIRN_DO(elf.read_header(foreign));
  PIRN_DO(elf.read_segments());
  PIRN_DO(elf.read_dynamic());
  PIRN_DO(elf.read_strings());
  return elf;
}

Status Elf::read_header(bool foreign) {
  const std::optional<Elf64_Ehdr> header = copy<Elf64_Ehdr>(bytes_, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return malformed("it does not start with the ELF magic number");
  header_ = *header;
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB ||
      (!foreign && header_.e_machine != kMachine))
    return Error{Code::library_wrong_machine,
                 "the library is for another machine (ELF machine " + std::to_string(header_.e_machine) +
                     ", this host has " + std::to_string(kMachine) + ")",
                 "", Blame::package};
  if (header_.e_ident[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT)
    return malformed("unknown ELF version");
  if (header_.e_ident[EI_OSABI] != ELFOSABI_SYSV && header_.e_ident[EI_OSABI] != ELFOSABI_GNU)
    return Error{Code::library_wrong_machine, "the library is for another operating system", "",
                 Blame::package};
  return {};
}

template <class T>
std::optional<T> Elf::read(uint64_t address) const {
  const std::optional<std::string_view> bytes = at_address(address, sizeof(T));
  if (!bytes) return {};
  return copy<T>(*bytes, 0);
}

// What the loader reads once more while it relocates must not be what it relocates.
template <class T>
std::optional<T> Elf::read_constant(uint64_t address) const {
  const std::optional<std::string_view> bytes = at_constant_address(address, sizeof(T));
  if (!bytes) return {};
  return copy<T>(*bytes, 0);
}

Status Elf::read_dynamic() {
  const Elf64_Phdr* segment = this->segment(PT_DYNAMIC);
  if (segment == nullptr) return malformed("no dynamic section");
  for (size_t i = 0; i < kMaxDynamicEntries; ++i) {
    // The loader reads on until DT_NULL; relocations may not change what is in the segment
    // (check_relocation).
    if ((i + 1) * sizeof(Elf64_Dyn) > segment->p_memsz)
      return malformed("a dynamic section beyond its header");
    const std::optional<Elf64_Dyn> entry = read<Elf64_Dyn>(segment->p_vaddr + i * sizeof(Elf64_Dyn));
    if (!entry) return malformed("a dynamic section beyond its segment");
    if (entry->d_tag == DT_NULL) return check_dynamic();
    dynamic_.push_back(*entry);
  }
  return malformed("an endless dynamic section");
}

// The loader takes the last value of a tag, and asserts what it expects of others: a failed assertion would
// end the host.
Status Elf::check_dynamic() const {
  std::unordered_set<int64_t> seen;
  for (const Elf64_Dyn& entry : dynamic_)
    if (std::find(std::begin(kMayRepeat), std::end(kMayRepeat), entry.d_tag) == std::end(kMayRepeat) &&
        !seen.insert(entry.d_tag).second)
      return malformed("the dynamic tag " + std::to_string(entry.d_tag) + " occurs twice");
  for (const auto& [tag, value] : kExpected)
    if (const std::optional<uint64_t> found = dynamic(tag); found && *found != value)
      return malformed("the dynamic tag " + std::to_string(tag) + " has the value " + std::to_string(*found) +
                       " instead of " + std::to_string(value));
  for (const int64_t tag : kOtherMachines)
    if (dynamic(tag)) return malformed("relocations of another machine");
  return {};
}

Status Elf::read_strings() {
  const std::optional<uint64_t> address = dynamic(DT_STRTAB);
  const std::optional<uint64_t> size = dynamic(DT_STRSZ);
  if (!address || !size) return malformed("no dynamic strings");
  const std::optional<std::string_view> strings = at_constant_address(*address, *size);
  if (!strings || strings->empty() || strings->back() != '\0')
    return malformed("dynamic strings beyond their segment");
  strings_ = *strings;
  return {};
}

std::vector<uint64_t> Elf::dynamic_values(int64_t tag) const {
  std::vector<uint64_t> values;
  for (const Elf64_Dyn& entry : dynamic_)
    if (entry.d_tag == tag) values.push_back(entry.d_un.d_val);
  return values;
}

std::optional<uint64_t> Elf::dynamic(int64_t tag) const {
  std::optional<uint64_t> value;
  for (const Elf64_Dyn& entry : dynamic_)
    if (entry.d_tag == tag) value = entry.d_un.d_val;
  return value;
}

Result<std::vector<std::string_view>> Elf::dynamic_names(int64_t tag) const {
  std::vector<std::string_view> names;
  for (const uint64_t offset : dynamic_values(tag)) {
    const std::optional<std::string_view> name = this->name(offset);
    if (!name) return malformed("a name beyond the dynamic strings");
    names.push_back(*name);
  }
  return names;
}

std::optional<std::string_view> Elf::name(uint64_t offset) const {
  if (offset >= strings_.size()) return {};
  return strings_.substr(offset, strings_.find('\0', offset) - offset);  // the table ends with a NUL
}

// The GNU hash table lists the symbols that can be found, from `first` on; the last chain tells where they
// end.
std::optional<uint32_t> Elf::count_by_gnu_hash(uint64_t table) const {
  struct Head {
    uint32_t buckets, first, bloom_words, bloom_shift;
  };
  const std::optional<Head> head = read_constant<Head>(table);
  if (!head || head->buckets > kMaxSymbols || head->bloom_words > kMaxSymbols || head->first > kMaxSymbols ||
      !std::has_single_bit(head->bloom_words) ||  // the loader asserts it
      !at_constant_address(table + sizeof(Head), uint64_t{head->bloom_words} * sizeof(uint64_t)))
    return {};
  const uint64_t buckets = table + sizeof(Head) + uint64_t{head->bloom_words} * sizeof(uint64_t);
  const uint64_t chains = buckets + uint64_t{head->buckets} * sizeof(uint32_t);
  uint32_t last = 0;
  for (uint32_t i = 0; i < head->buckets; ++i) {
    const std::optional<uint32_t> bucket = read_constant<uint32_t>(buckets + i * sizeof(uint32_t));
    if (!bucket || (*bucket != 0 && *bucket < head->first)) return {};
    last = std::max(last, *bucket);
  }
  if (last == 0) return head->first;
  for (; last < kMaxSymbols; ++last) {
    const std::optional<uint32_t> link =
        read_constant<uint32_t>(chains + uint64_t{last - head->first} * sizeof(uint32_t));
    if (!link) return {};
    if (*link & 1) return last + 1;
  }
  return {};
}

// The old hash table has a chain for each bucket, which the loader follows to its end: there must be one.
std::optional<uint32_t> Elf::count_by_hash(uint64_t table) const {
  struct Head {
    uint32_t buckets, chains;
  };
  const std::optional<Head> head = read_constant<Head>(table);
  if (!head || head->buckets > kMaxSymbols || head->chains > kMaxSymbols) return {};
  const uint64_t chains = table + sizeof(Head) + uint64_t{head->buckets} * sizeof(uint32_t);
  std::vector<bool> seen(head->chains);
  for (uint32_t i = 0; i < head->buckets; ++i) {
    std::optional<uint32_t> at =
        read_constant<uint32_t>(table + sizeof(Head) + uint64_t{i} * sizeof(uint32_t));
    for (; at && *at != 0; at = read_constant<uint32_t>(chains + uint64_t{*at} * sizeof(uint32_t))) {
      if (*at >= head->chains || seen[*at]) return {};
      seen[*at] = true;
    }
    if (!at) return {};
  }
  return head->chains;
}

Result<uint32_t> Elf::symbol_count() const {
  uint32_t count = 0;
  const std::optional<uint64_t> gnu = dynamic(DT_GNU_HASH);
  const std::optional<uint64_t> old = dynamic(DT_HASH);
  if (!gnu && !old) return malformed("no table of symbols");
  if (gnu) {
    const std::optional<uint32_t> counted = count_by_gnu_hash(*gnu);
    if (!counted) return malformed("a damaged GNU hash table");
    count = *counted;
  }
  if (old) {
    const std::optional<uint32_t> counted = count_by_hash(*old);
    if (!counted) return malformed("a damaged hash table");
    count = std::max(count, *counted);
  }
  if (count > kMaxSymbols) return malformed("more than a million symbols");
  return count;
}

Result<std::vector<Symbol>> Elf::symbols() const {
  PIRN_TRY(const uint32_t count, symbol_count());
  const std::optional<uint64_t> table = dynamic(DT_SYMTAB);
  const std::optional<uint64_t> versions = dynamic(DT_VERSYM);
  if (!table) return malformed("no dynamic symbols");
  std::vector<Symbol> symbols;
  for (uint32_t i = 1; i < count; ++i) {
    const std::optional<Elf64_Sym> entry = read_constant<Elf64_Sym>(*table + uint64_t{i} * sizeof(Elf64_Sym));
    if (!entry) return malformed("dynamic symbols beyond their segment");
    const std::optional<std::string_view> name = this->name(entry->st_name);
    if (!name) return malformed("the name of a symbol beyond the dynamic strings");
    Symbol symbol;
    symbol.name = *name;
    symbol.type = ELF64_ST_TYPE(entry->st_info);
    symbol.binding = ELF64_ST_BIND(entry->st_info);
    symbol.visibility = ELF64_ST_VISIBILITY(entry->st_other);
    symbol.defined = entry->st_shndx != SHN_UNDEF;
    symbol.value = entry->st_value;
    symbol.relative = entry->st_shndx != SHN_ABS;
    if (versions) {
      const std::optional<uint16_t> version =
          read_constant<uint16_t>(*versions + uint64_t{i} * sizeof(uint16_t));
      if (!version) return malformed("versions of symbols beyond their segment");
      symbol.version = *version & 0x7fff;
    }
    symbols.push_back(symbol);
  }
  return symbols;
}

Result<std::vector<VersionNeed>> Elf::needed_versions() const {
  std::vector<VersionNeed> needs;
  std::optional<uint64_t> address = dynamic(DT_VERNEED);
  while (address) {
    const std::optional<Elf64_Verneed> library = read_constant<Elf64_Verneed>(*address);
    const std::optional<std::string_view> file = library ? name(library->vn_file) : std::nullopt;
    if (!file) return malformed("a damaged table of needed versions");
    // The loader follows vna_next and pays no attention to vn_cnt.
    uint64_t entry = *address + library->vn_aux;
    for (uint16_t i = 1;; ++i) {
      const std::optional<Elf64_Vernaux> version = read_constant<Elf64_Vernaux>(entry);
      const std::optional<std::string_view> label = version ? name(version->vna_name) : std::nullopt;
      if (!label || needs.size() >= kMaxVersions) return malformed("a damaged table of needed versions");
      needs.push_back({*file, *label, static_cast<uint16_t>(version->vna_other & 0x7fff)});
      if ((version->vna_next == 0) != (i == library->vn_cnt))
        return malformed("a table of needed versions that is longer than it says");
      if (version->vna_next == 0) break;
      entry += version->vna_next;
    }
    if (library->vn_next == 0) break;
    *address += library->vn_next;
  }
  return needs;
}

Result<std::vector<VersionOffer>> Elf::offered_versions() const {
  std::vector<VersionOffer> offered;
  std::optional<uint64_t> address = dynamic(DT_VERDEF);
  while (address) {
    const std::optional<Elf64_Verdef> definition = read_constant<Elf64_Verdef>(*address);
    const std::optional<Elf64_Verdaux> first =
        definition ? read_constant<Elf64_Verdaux>(*address + definition->vd_aux) : std::nullopt;
    const std::optional<std::string_view> label = first ? name(first->vda_name) : std::nullopt;
    if (!label || offered.size() >= kMaxVersions) return malformed("a damaged table of versions");
    offered.push_back({*label, static_cast<uint16_t>(definition->vd_ndx & 0x7fff)});
    if (definition->vd_next == 0) break;
    *address += definition->vd_next;
  }
  return offered;
}

Result<std::optional<std::string_view>> Elf::note(std::string_view owner, uint32_t type) const {
  size_t seen = 0;
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_NOTE) continue;
    const std::optional<std::string_view> notes = at_address(segment.p_vaddr, segment.p_filesz);
    if (!notes) return malformed("notes that are not loaded");
    const uint64_t alignment = segment.p_align == 8 ? 8 : 4;
    uint64_t offset = 0;
    while (const std::optional<Elf64_Nhdr> note = copy<Elf64_Nhdr>(*notes, offset)) {
      if (++seen > kMaxNotes) return malformed("too many notes");
      const uint64_t name_offset = offset + sizeof(Elf64_Nhdr);
      const uint64_t content_offset = padded(name_offset + note->n_namesz, alignment);
      const uint64_t end = content_offset + note->n_descsz;
      if (end > notes->size()) return malformed("a note beyond its segment");
      const std::string_view name = notes->substr(name_offset, note->n_namesz);
      if (note->n_type == type && name.size() == owner.size() + 1 && name.starts_with(owner) &&
          name.back() == '\0')
        return std::optional(notes->substr(content_offset, note->n_descsz));
      offset = padded(end, alignment);
    }
  }
  return std::optional<std::string_view>();
}

}  // namespace pirn::library
