// Admission reads what the loader obeys. Each case changes one field of a good library.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <random>

#include "packager/library/admission.h"
#include "packager/library/library.h"
#include "tests/packager/library/elf_patch.h"
#include "tests/packager/library/zoo.h"

namespace pirn::library {
namespace {

#if defined(__x86_64__)
constexpr uint64_t kTpoff = R_X86_64_TPOFF64, kTpoff32 = R_X86_64_TPOFF32, kCopy = R_X86_64_COPY,
                   kIndirect = R_X86_64_IRELATIVE, kDescriptor = R_X86_64_TLSDESC;
#else
constexpr uint64_t kTpoff = R_AARCH64_TLS_TPREL, kTpoff32 = R_AARCH64_TLS_TPREL, kCopy = R_AARCH64_COPY,
                   kIndirect = R_AARCH64_IRELATIVE, kDescriptor = R_AARCH64_TLSDESC;
#endif

struct Case {
  const char* what;
  Code code;
  void (*patch)(Patched&);
  const char* words = "";
};

void set_type(Patched& library, uint64_t type, int64_t addend = 0) {
  library.add_dynamic(DT_DEBUG, 0);  // in place of the count of relative relocations
  library.relocation(0, [&](Elf64_Rela& entry) {
    entry.r_info = ELF64_R_INFO(uint64_t{0}, type);
    entry.r_addend = addend;
  });
}
// The symbol that the host calls.
void change_entry(Patched& library, const std::function<void(Elf64_Sym&)>& change) {
  constexpr std::string_view kName = "pirn_plugin_v1";
  const uint64_t strings = library.value_of(DT_STRTAB), symbols = library.value_of(DT_SYMTAB);
  for (uint64_t i = 1;; ++i) {
    uint64_t name = 0;
    library.at<Elf64_Sym>(symbols + i * sizeof(Elf64_Sym), [&](Elf64_Sym& s) { name = strings + s.st_name; });
    bool found = true;
    for (size_t j = 0; j < kName.size(); ++j)
      library.at<char>(name + j, [&](char& c) { found = found && c == kName[j]; });
    if (!found) continue;
    library.at<Elf64_Sym>(symbols + i * sizeof(Elf64_Sym), change);
    return;
  }
}
Elf64_Phdr like(Patched& library, uint32_t type, uint32_t flags) {
  Elf64_Phdr segment = library.segment_of(type);
  segment.p_flags = flags;
  return segment;
}

const Case kCases[] = {
    // one of each
    {"a second PT_GNU_STACK that is executable", Code::library_malformed,
     [](Patched& l) { l.add_segment(like(l, PT_GNU_STACK, PF_R | PF_W | PF_X)); }, "two program headers"},
    {"a second PT_GNU_STACK that is not", Code::library_malformed,
     [](Patched& l) { l.add_segment(like(l, PT_GNU_STACK, PF_R | PF_W)); }, "two program headers"},
    {"no PT_GNU_STACK", Code::library_executable_stack,
     [](Patched& l) { l.segment(PT_GNU_STACK, [](Elf64_Phdr& s) { s.p_type = PT_NULL; }); }},
    {"an executable stack", Code::library_executable_stack,
     [](Patched& l) { l.segment(PT_GNU_STACK, [](Elf64_Phdr& s) { s.p_flags |= PF_X; }); }},
    {"a second PT_DYNAMIC", Code::library_malformed,
     [](Patched& l) { l.add_segment(l.segment_of(PT_DYNAMIC)); }, "two program headers"},
    {"a second PT_GNU_RELRO", Code::library_malformed,
     [](Patched& l) { l.add_segment(l.segment_of(PT_GNU_RELRO)); }, "two program headers"},
    {"PT_INTERP", Code::library_wrong_type,
     [](Patched& l) { l.segment(PT_GNU_EH_FRAME, [](Elf64_Phdr& s) { s.p_type = PT_INTERP; }); }},
    {"a second DT_STRTAB", Code::library_malformed,
     [](Patched& l) { l.add_dynamic(DT_STRTAB, l.value_of(DT_STRTAB)); }, "the dynamic tag 5 occurs twice"},
    {"a second DT_SYMTAB", Code::library_malformed, [](Patched& l) { l.add_dynamic(DT_SYMTAB, 0); }, "twice"},
    {"a second DT_INIT_ARRAY", Code::library_malformed, [](Patched& l) { l.add_dynamic(DT_INIT_ARRAY, 0); },
     "twice"},
    // thread-local variables
    {"TPOFF64 without the flag", Code::library_static_tls, [](Patched& l) { set_type(l, kTpoff); }},
    {"TPOFF32 without the flag", Code::library_static_tls, [](Patched& l) { set_type(l, kTpoff32); }},
    {"the flag alone", Code::library_static_tls, [](Patched& l) { l.add_dynamic(DT_FLAGS, DF_STATIC_TLS); }},
    {"PT_TLS with more bytes than memory", Code::library_malformed,
     [](Patched& l) {
       Elf64_Phdr tls = l.segment_of(PT_LOAD);
       tls.p_type = PT_TLS, tls.p_filesz = 64, tls.p_memsz = 8, tls.p_align = 8;
       l.add_segment(tls);
     },
     "thread-local"},
    {"PT_TLS that is huge", Code::library_malformed,
     [](Patched& l) {
       l.add_segment({.p_type = PT_TLS,
                      .p_flags = PF_R,
                      .p_offset = 0,
                      .p_vaddr = 0,
                      .p_paddr = 0,
                      .p_filesz = 0,
                      .p_memsz = 1ull << 40,
                      .p_align = 8});
     },
     "thread-local"},
    // relocations
    {"a copy relocation", Code::library_wrong_type, [](Patched& l) { set_type(l, kCopy); }},
    {"a resolver that is not its code", Code::library_malformed,
     [](Patched& l) { set_type(l, kIndirect, 1 << 30); }},
    {"a relocation outside", Code::library_malformed,
     [](Patched& l) { l.relocation(0, [](Elf64_Rela& r) { r.r_offset = 1u << 30; }); },
     "outside its writable segments"},
    {"a relocation of the code", Code::library_malformed,
     [](Patched& l) {
       const uint64_t code = l.segment_of(PT_LOAD, PF_X).p_vaddr;
       l.relocation(0, [&](Elf64_Rela& r) { r.r_offset = code; });
     },
     "outside its writable segments"},
    {"a relocation of the dynamic section", Code::library_malformed,
     [](Patched& l) {
       const uint64_t section = l.segment_of(PT_DYNAMIC).p_vaddr;
       l.relocation(0, [&](Elf64_Rela& r) { r.r_offset = section + 8; });
     },
     "the dynamic section"},
    {"the second half of a TLS descriptor in the dynamic section", Code::library_malformed,
     [](Patched& l) {
       const uint64_t section = l.segment_of(PT_DYNAMIC).p_vaddr;
       set_type(l, kDescriptor);
       l.relocation(0, [&](Elf64_Rela& r) { r.r_offset = section - 8; });
     },
     "the dynamic section"},
    {"the second half of a TLS descriptor outside", Code::library_malformed,
     [](Patched& l) {
       const Elf64_Phdr data = l.segment_of(PT_LOAD, PF_W);
       set_type(l, kDescriptor);
       l.relocation(0, [&](Elf64_Rela& r) { r.r_offset = data.p_vaddr + data.p_memsz - 8; });
     },
     "outside its writable segments"},
    {"PT_DYNAMIC that ends before the dynamic section", Code::library_malformed,
     [](Patched& l) {
       l.segment(PT_DYNAMIC, [](Elf64_Phdr& s) { s.p_filesz = s.p_memsz = 5 * sizeof(Elf64_Dyn); });
     },
     "beyond its header"},
    {"a symbol beyond the table", Code::library_malformed,
     [](Patched& l) {
       l.add_dynamic(DT_DEBUG, 0);
       l.relocation(0, [](Elf64_Rela& r) { r.r_info = ELF64_R_INFO(uint64_t{5000}, R_X86_64_64); });
     },
     "a symbol that does not exist"},
    {"a count that is not kept", Code::library_malformed,
     [](Patched& l) {
       l.relocation(0, [](Elf64_Rela& r) { r.r_info = ELF64_R_INFO(uint64_t{0}, uint64_t{0}); });
     },
     "relative"},
    {"a count beyond them", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_RELACOUNT, [](Elf64_Dyn& d) { d.d_un.d_val = 1 << 20; }); }, "relative"},
    {"relocations beyond the end", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_RELASZ, [](Elf64_Dyn& d) { d.d_un.d_val += 24u << 20; }); }},
    {"entries of another size", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_RELAENT, [](Elf64_Dyn& d) { d.d_un.d_val = 16; }); }, "instead of 24"},
    {"RELR from the middle", Code::library_malformed,
     [](Patched& l) {
       const uint64_t table =
           l.value_of(DT_RELA);  // its second word is odd in no relocation; the first becomes so
       l.dynamic(DT_RELA, [](Elf64_Dyn& d) { d.d_tag = DT_RELR; });
       l.dynamic(DT_RELASZ, [](Elf64_Dyn& d) { d.d_tag = DT_RELRSZ; });
       l.add_dynamic(DT_DEBUG, 0);
       l.at<uint64_t>(table, [](uint64_t& word) { word = 1; });
     },
     "do not start with an address"},
    // segments
    {"writable code", Code::library_writable_code,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_flags |= PF_W; }, PF_X);
     }},
    {"an alignment that is no power of two", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_align = 0x3000; }, PF_X);
     },
     "alignment"},
    {"no alignment", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_align = 0; }, PF_X);
     },
     "alignment"},
    {"an alignment below a page", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_align = 16; }, PF_X);
     },
     "alignment"},
    {"an alignment of a terabyte", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_align = 1ull << 40; }, PF_X);
     },
     "alignment"},
    {"more bytes than memory", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_memsz = s.p_filesz - 1; }, PF_X);
     },
     "size"},
    {"addresses that wrap", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_memsz = ~0ull; }, PF_W);
     },
     "size"},
    {"a segment over another", Code::library_malformed,
     [](Patched& l) {
       l.segment(
           PT_LOAD, [](Elf64_Phdr& s) { s.p_vaddr = 0, s.p_offset = 0; }, PF_W);
     },
     "order"},
    {"a segment before another", Code::library_malformed,
     [](Patched& l) { l.segment(PT_LOAD, [](Elf64_Phdr& s) { s.p_vaddr += 1u << 24; }); }, "order"},
    {"RELRO over the memory of others", Code::library_malformed,
     [](Patched& l) { l.segment(PT_GNU_RELRO, [](Elf64_Phdr& s) { s.p_memsz += 1u << 24; }); }, "protect"},
    {"RELRO elsewhere", Code::library_malformed,
     [](Patched& l) { l.segment(PT_GNU_RELRO, [](Elf64_Phdr& s) { s.p_vaddr += 1u << 24; }); }, "protect"},
    {"PT_PHDR that shows others", Code::library_malformed,
     [](Patched& l) { l.segment(PT_GNU_EH_FRAME, [](Elf64_Phdr& s) { s.p_type = PT_PHDR; }); },
     "program headers"},
    {"PT_NOTE elsewhere", Code::library_malformed,
     [](Patched& l) { l.segment(PT_NOTE, [](Elf64_Phdr& s) { s.p_vaddr += 1u << 24; }); },
     "does not match a loaded segment"},
    {"PT_DYNAMIC in one place for the file and in another for memory", Code::library_malformed,
     [](Patched& l) { l.segment(PT_DYNAMIC, [](Elf64_Phdr& s) { s.p_offset += 16; }); },
     "does not match a loaded segment"},
    // what makes the loader look elsewhere
    {"DT_TEXTREL", Code::library_text_relocations, [](Patched& l) { l.add_dynamic(DT_TEXTREL, 0); }},
    {"DF_TEXTREL", Code::library_text_relocations, [](Patched& l) { l.add_dynamic(DT_FLAGS, DF_TEXTREL); }},
    {"DT_RPATH", Code::library_search_path, [](Patched& l) { l.add_dynamic(DT_RPATH, 1); }},
    {"DT_RUNPATH", Code::library_search_path, [](Patched& l) { l.add_dynamic(DT_RUNPATH, 1); }},
    {"DT_AUDIT", Code::library_foreign_dependency, [](Patched& l) { l.add_dynamic(DT_AUDIT, 1); }},
    {"DT_DEPAUDIT", Code::library_foreign_dependency, [](Patched& l) { l.add_dynamic(DT_DEPAUDIT, 1); }},
    {"DT_FILTER", Code::library_foreign_dependency, [](Patched& l) { l.add_dynamic(DT_FILTER, 1); }},
    {"DT_AUXILIARY", Code::library_foreign_dependency, [](Patched& l) { l.add_dynamic(DT_AUXILIARY, 1); }},
    {"DT_INIT outside", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_INIT, [](Elf64_Dyn& d) { d.d_un.d_ptr = 1u << 30; }); }, "initializer"},
    {"DT_FINI in its data", Code::library_malformed,
     [](Patched& l) {
       const uint64_t data = l.segment_of(PT_LOAD, PF_W).p_vaddr;
       l.dynamic(DT_FINI, [&](Elf64_Dyn& d) { d.d_un.d_ptr = data; });
     },
     "initializer"},
    {"DT_INIT_ARRAY outside", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_INIT_ARRAY, [](Elf64_Dyn& d) { d.d_un.d_ptr = 1u << 30; }); },
     "initializers"},
    {"DT_INIT_ARRAY that is long", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_INIT_ARRAYSZ, [](Elf64_Dyn& d) { d.d_un.d_val = 1u << 30; }); },
     "initializers"},
    // what is called by name
    {"an entry outside", Code::library_malformed,
     [](Patched& l) { change_entry(l, [](Elf64_Sym& s) { s.st_value = 1u << 30; }); }, "is outside its code"},
    {"an entry in its data", Code::library_malformed,
     [](Patched& l) {
       const uint64_t data = l.segment_of(PT_LOAD, PF_W).p_vaddr;
       change_entry(l, [&](Elf64_Sym& s) { s.st_value = data; });
     },
     "is outside its code"},
    {"an entry at an address of the host", Code::library_malformed,
     [](Patched& l) { change_entry(l, [](Elf64_Sym& s) { s.st_shndx = SHN_ABS; }); }, "is outside its code"},
    {"an entry that is not there", Code::library_malformed,
     [](Patched& l) { change_entry(l, [](Elf64_Sym& s) { s.st_shndx = SHN_UNDEF; }); },
     "is outside its code"},
    {"a resolver outside", Code::library_malformed,
     [](Patched& l) {
       const uint64_t symbols = l.value_of(DT_SYMTAB);
       l.at<Elf64_Sym>(symbols + sizeof(Elf64_Sym), [](Elf64_Sym& s) {
         s.st_info = ELF64_ST_INFO(STB_LOCAL, STT_GNU_IFUNC);
         s.st_shndx = 1;
         s.st_value = 1u << 30;
       });
     },
     "is outside its code"},
    // tables
    {"DT_SYMTAB outside", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_SYMTAB, [](Elf64_Dyn& d) { d.d_un.d_ptr = 1u << 30; }); }},
    {"DT_STRTAB outside", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_STRTAB, [](Elf64_Dyn& d) { d.d_un.d_ptr = 1u << 30; }); }},
    {"DT_STRTAB where relocations write", Code::library_malformed,
     [](Patched& l) {
       const uint64_t data = l.segment_of(PT_LOAD, PF_W).p_vaddr;
       l.dynamic(DT_STRTAB, [&](Elf64_Dyn& d) { d.d_un.d_ptr = data; });
     }},
    {"DT_GNU_HASH outside", Code::library_malformed,
     [](Patched& l) { l.dynamic(DT_GNU_HASH, [](Elf64_Dyn& d) { d.d_un.d_ptr = 1u << 30; }); }},
    {"a filter of no power of two", Code::library_malformed,
     [](Patched& l) { l.at<uint32_t>(l.value_of(DT_GNU_HASH) + 8, [](uint32_t& words) { words = 3; }); }},
    {"a symbol of a version that is not listed", Code::library_malformed,
     [](Patched& l) {
       l.at<uint16_t>(l.value_of(DT_VERSYM) + 2, [](uint16_t& version) { version = 0x7f00; });
     },
     "version"},
    {"more versions than the table says", Code::library_malformed,
     [](Patched& l) { l.at<Elf64_Verneed>(l.value_of(DT_VERNEED), [](Elf64_Verneed& n) { n.vn_cnt += 1; }); },
     "longer than it says"},
    {"fewer versions than the loader follows", Code::library_malformed,
     [](Patched& l) {
       const uint64_t table = l.value_of(DT_VERNEED);
       l.at<Elf64_Vernaux>(table + sizeof(Elf64_Verneed), [](Elf64_Vernaux& v) { v.vna_next = sizeof v; });
       l.at<Elf64_Verneed>(table, [](Elf64_Verneed& n) { n.vn_cnt = 1; });
     },
     "longer than it says"},
};

// init_executes uses functions of the C library, so it has a table of versions.
const std::string& original() {
  static const std::string bytes = animal("init_executes");
  return bytes;
}
Runtime strict() {
  Runtime runtime = *host_runtime();
  runtime.sanitized = false;
  return runtime;
}

TEST(Loader, RefusesEachLie) {
  ASSERT_TRUE(admit(original(), strict()));
  for (const Case& each : kCases) {
    Patched library(original());
    each.patch(library);
    const Result<Admitted> admitted = admit(library.bytes(), strict());
    ASSERT_FALSE(admitted) << each.what;
    EXPECT_EQ(admitted.error().code, each.code) << each.what << "\n" << describe(admitted.error());
    EXPECT_NE(admitted.error().message.find(each.words), std::string::npos) << each.what << "\n"
                                                                            << describe(admitted.error());
  }
}

// A word of a RELR table stands for 63 relocations: what is small in the file must not be large in the host.
TEST(Loader, ManyRelocationsAreNotCollected) {
  constexpr size_t kWords = 1 << 20;
  std::string bytes = original();
  bytes.resize((bytes.size() + 4095) / 4096 * 4096);
  const uint64_t offset = bytes.size(), address = uint64_t{1} << 24;
  const Elf64_Phdr data = Patched(bytes).segment_of(PT_LOAD, PF_W);
  const uint64_t target = (data.p_vaddr + data.p_memsz + 7) & ~uint64_t{7};
  std::vector<uint64_t> words(kWords, target);
  bytes.append(reinterpret_cast<const char*>(words.data()), kWords * sizeof(uint64_t));
  const auto relocated = [&] {
    Patched library(bytes);
    Elf64_Phdr table = library.segment_of(PT_LOAD);
    table.p_offset = offset, table.p_vaddr = table.p_paddr = address;
    table.p_filesz = table.p_memsz = kWords * sizeof(uint64_t);
    table.p_flags = PF_R, table.p_align = 4096;
    library.add_segment(table);
    library.segment(
        PT_LOAD, [](Elf64_Phdr& segment) { segment.p_memsz += 4096; }, PF_W);
    library.dynamic(DT_RELA, [&](Elf64_Dyn& d) { d = {DT_RELR, {address}}; });
    library.dynamic(DT_RELASZ, [&](Elf64_Dyn& d) { d = {DT_RELRSZ, {kWords * sizeof(uint64_t)}}; });
    library.add_dynamic(DT_DEBUG, 0);
    return admit(library.bytes(), strict());
  };
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  const Result<Admitted> some = relocated();
  EXPECT_TRUE(some) << describe(some.error());
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 24 << 10) << "KiB; the file has 8 MiB";
  for (size_t i = 1; i < kWords; ++i) words[i] = i % 2 == 0 ? target : 0xff;
  bytes.replace(offset, kWords * sizeof(uint64_t), reinterpret_cast<const char*>(words.data()),
                kWords * sizeof(uint64_t));
  const Result<Admitted> many = relocated();
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().message.find("more than two million relocations"), std::string::npos)
      << describe(many.error());
}

TEST(Loader, WhatTheLinkerMayWriteIsNoLie) {
  Patched library(original());
  library.segment(
      PT_LOAD, [](Elf64_Phdr& s) { s.p_memsz += 8; }, PF_X);  // zeros behind the bytes
  EXPECT_TRUE(admit(library.bytes(), strict()));
  library.add_dynamic(DT_DEBUG, 0);  // no count of relative relocations
  EXPECT_TRUE(admit(library.bytes(), strict()));
}

TEST(Loader, RefusesThePrivateInterfaceOfTheCLibrary) {
  const Error error = admit(animal("private_version"), strict()).error();
  EXPECT_EQ(error.code, Code::library_foreign_dependency) << describe(error);
  EXPECT_NE(error.message.find("private functions of libc.so.6 (GLIBC_PRIVATE)"), std::string::npos)
      << error.message;
}

TEST(Loader, RefusesStaticThreadLocalsWithoutTheFlag) {
  Patched library(animal("static_tls"));
  library.dynamic(DT_FLAGS, [](Elf64_Dyn& entry) { entry.d_un.d_val &= ~uint64_t{DF_STATIC_TLS}; });
  EXPECT_EQ(admit(library.bytes(), strict()).error().code, Code::library_static_tls);
}

// The old hash table is searched when there is no other: its chains have ends.
TEST(Loader, RefusesEndlessChains) {
  const std::string bytes = animal("old_hash");
  ASSERT_TRUE(admit(bytes, strict())) << describe(admit(bytes, strict()).error());
  Patched library(bytes);
  const uint64_t table = library.value_of(DT_HASH);
  uint32_t buckets = 0, chains = 0;
  library.at<uint32_t>(table, [&](uint32_t& word) { buckets = word; });
  library.at<uint32_t>(table + 4, [&](uint32_t& word) { chains = word; });
  for (uint32_t i = 0; i < chains; ++i)
    library.at<uint32_t>(table + 8 + 4 * (buckets + i), [&](uint32_t& next) { next = i; });
  EXPECT_EQ(admit(library.bytes(), strict()).error().code, Code::library_malformed);
}

// Whether the loader would make this process's stack executable.
bool stack_is_executable() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("[stack]") != std::string::npos) return line.find("x", line.find(' ')) < line.find(' ') + 5;
  return false;
}

// In a process of its own: 0 loaded or refused, and the stack is as it was; else what went wrong.
int load_apart(const std::string& bytes) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    const Result<Library> library = Library::load(bytes, sha256(bytes));
    _exit(stack_is_executable() ? 3 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// Fields of headers and of the dynamic section, changed at random. Whatever is admitted does not end the
// loader by one of its assertions and leaves the stack alone. The library's own code may crash: the addresses
// in it were changed.
TEST(Loader, WhatIsAdmittedDoesNotReachBeyondItself) {
  std::mt19937_64 random(20'261'130);
  const Elf64_Phdr section = Patched(original()).segment_of(PT_DYNAMIC);
  Elf64_Ehdr header;
  std::memcpy(&header, original().data(), sizeof header);
  const uint64_t values[] = {0,       1,      4,       7, 8, 0x1000, 0xffffffff, 1ull << 62, PT_GNU_STACK,
                             PT_LOAD, PT_TLS, DT_FLAGS};
  int admitted = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string bytes = original();
    const bool in_headers = random() % 2 == 0;
    const size_t from = in_headers ? header.e_phoff : section.p_offset;
    const size_t size = in_headers ? header.e_phnum * sizeof(Elf64_Phdr) : section.p_filesz;
    const size_t width = random() % 2 == 0 ? 4 : 8;
    const size_t at = from + random() % (size / width) * width;
    uint64_t value = values[random() % std::size(values)];
    if (random() % 3 == 0) {
      std::memcpy(&value, bytes.data() + at, width);
      value ^= 1ull << random() % (8 * width);
    }
    std::memcpy(bytes.data() + at, &value, width);
    if (!admit(bytes, strict())) continue;
    if (++admitted > 150) continue;
    const int status = load_apart(bytes);
    EXPECT_FALSE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << "round " << round << ": an assertion";
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << "round " << round << ": status " << status;
  }
  EXPECT_GT(admitted, 50) << "or nothing was tried";
}

}  // namespace
}  // namespace pirn::library
