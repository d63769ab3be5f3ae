// Program headers, with the eyes of the loader: it maps the PT_LOAD segments in their order without looking
// whether they overlap, takes the last one of those that should be single, and believes what they say about
// addresses.
#include <algorithm>
#include <bit>
#include <iterator>

#include "packager/library/elf.h"
#include "packager/library/elf_bytes.h"

namespace pirn::library {
namespace {

constexpr uint16_t kMaxSegments = 64;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kMaxAlignment = 64u << 20;
constexpr uint64_t kMaxAddress = 1ull << 46;
constexpr uint64_t kMaxThreadLocal = 16u << 20;  // each thread of the host gets as much

constexpr uint32_t kSingle[] = {PT_DYNAMIC,   PT_INTERP,       PT_PHDR,      PT_TLS,
                                PT_GNU_STACK, PT_GNU_EH_FRAME, PT_GNU_RELRO, PT_GNU_PROPERTY};

bool is_single(uint32_t type) {
  return std::find(std::begin(kSingle), std::end(kSingle), type) != std::end(kSingle);
}

std::string hexadecimal(uint32_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[number >> shift & 15];
  return "0x" + out;
}

}  // namespace

Status Elf::read_segments() {
  if (header_.e_phentsize != sizeof(Elf64_Phdr)) return malformed("program headers of an unknown size");
  if (header_.e_phnum == 0 || header_.e_phnum > kMaxSegments)
    return malformed("an implausible number of program headers");
  std::optional<uint64_t> loaded_end;
  for (uint16_t i = 0; i < header_.e_phnum; ++i) {
    const std::optional<Elf64_Phdr> segment =
        copy<Elf64_Phdr>(bytes_, header_.e_phoff + i * sizeof(Elf64_Phdr));
    if (header_.e_phoff > bytes_.size() || !segment) return malformed("program headers beyond its end");
    if (is_single(segment->p_type) && this->segment(segment->p_type) != nullptr)
      return malformed("two program headers of the type " + hexadecimal(segment->p_type) +
                       ", where the loader would use the last");
    segments_.push_back(*segment);
    if (segment->p_type != PT_LOAD) continue;
    PIRN_DO(check_loaded(*segment));
    // What is read here must be what will be mapped: no segment may cover a page of another one.
    if (loaded_end && segment->p_vaddr / kPage * kPage < padded(*loaded_end, kPage))
      return malformed("segments that overlap, or are not in ascending order");
    loaded_end = segment->p_vaddr + segment->p_memsz;
  }
  if (!loaded_end) return malformed("no segment to load");
  for (const Elf64_Phdr& segment : segments_) PIRN_DO(check_special(segment));
  return {};
}

Status Elf::check_loaded(const Elf64_Phdr& segment) const {
  if (!at_offset(segment.p_offset, segment.p_filesz)) return malformed("a segment beyond its end");
  if (segment.p_memsz == 0 || segment.p_filesz > segment.p_memsz ||
      segment.p_vaddr + segment.p_memsz < segment.p_vaddr || segment.p_vaddr + segment.p_memsz > kMaxAddress)
    return malformed("a segment of an impossible size");
  if (!std::has_single_bit(segment.p_align) || segment.p_align < kPage || segment.p_align > kMaxAlignment)
    return malformed("a segment of an impossible alignment");
  if (segment.p_vaddr % segment.p_align != segment.p_offset % segment.p_align)
    return malformed("a segment that cannot be mapped");
  return {};
}

// Headers that point into what is loaded. The loader follows each of them in the memory of the host.
Status Elf::check_special(const Elf64_Phdr& segment) const {
  const auto in_file = [&] {
    const std::optional<std::string_view> here = at_offset(segment.p_offset, segment.p_filesz);
    const std::optional<std::string_view> there = at_address(segment.p_vaddr, segment.p_filesz);
    return segment.p_filesz <= segment.p_memsz && here && there && here->data() == there->data();
  };
  switch (segment.p_type) {
    case PT_DYNAMIC:
    case PT_NOTE:
    case PT_GNU_PROPERTY:
    case PT_GNU_EH_FRAME:
      if (segment.p_filesz == 0 || segment.p_filesz != segment.p_memsz || !in_file())
        return malformed("the program header " + hexadecimal(segment.p_type) +
                         " does not match a loaded segment");
      return {};
    case PT_PHDR:
      if (segment.p_offset != header_.e_phoff || segment.p_filesz != header_.e_phnum * sizeof(Elf64_Phdr) ||
          !in_file())
        return malformed("program headers that point to other program headers");
      return {};
    case PT_TLS:
      if (segment.p_memsz > kMaxThreadLocal || segment.p_align > kPage ||
          (segment.p_align != 0 && !std::has_single_bit(segment.p_align)) ||
          (segment.p_filesz != 0 ? !in_file() : false))
        return malformed("thread-local variables of an impossible size or place");
      return {};
    case PT_GNU_RELRO: {
      const Elf64_Phdr* of = loaded(segment.p_vaddr, 1);
      if (segment.p_memsz != 0 &&
          (of == nullptr || segment.p_memsz > padded(of->p_vaddr + of->p_memsz, kPage) - segment.p_vaddr))
        return malformed("memory to protect outside its segments");
      return {};
    }
    default:
      return {};
  }
}

const Elf64_Phdr* Elf::segment(uint32_t type) const {
  const auto found =
      std::find_if(segments_.begin(), segments_.end(), [&](const auto& s) { return s.p_type == type; });
  return found == segments_.end() ? nullptr : &*found;
}

const Elf64_Phdr* Elf::loaded(uint64_t address, uint64_t size) const {
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    const uint64_t inside = address - segment.p_vaddr;
    if (inside <= segment.p_memsz && segment.p_memsz - inside >= size) return &segment;
  }
  return nullptr;
}

bool Elf::is_code(uint64_t address) const {
  const Elf64_Phdr* segment = loaded(address, 1);
  return segment != nullptr && (segment->p_flags & PF_X) != 0;
}

std::optional<std::string_view> Elf::at_offset(uint64_t offset, uint64_t size) const {
  if (offset > bytes_.size() || bytes_.size() - offset < size) return {};
  return bytes_.substr(offset, size);
}

std::optional<std::string_view> Elf::at_address(uint64_t address, uint64_t size) const {
  const Elf64_Phdr* segment = loaded(address, size);
  if (segment == nullptr) return {};
  const uint64_t inside = address - segment->p_vaddr;
  if (inside > segment->p_filesz || segment->p_filesz - inside < size) return {};
  return at_offset(segment->p_offset + inside, size);
}

std::optional<std::string_view> Elf::at_constant_address(uint64_t address, uint64_t size) const {
  const Elf64_Phdr* segment = loaded(address, size);
  if (segment == nullptr || (segment->p_flags & PF_W)) return {};
  return at_address(address, size);
}

}  // namespace pirn::library
