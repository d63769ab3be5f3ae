#include "packager/library/admission.h"

#include <link.h>
#include <pirn/abi.h>

#include <algorithm>
#include <boost/filesystem/fstream.hpp>
#include <cstring>
#include <iterator>

#include "packager/library/elf.h"
#include "packager/library/elf_bytes.h"

namespace pirn::library {
namespace {

constexpr std::string_view kEntry = "pirn_plugin_v1";
constexpr std::string_view kAllowed[] = {"libc.so.6",           "libm.so.6",       "libstdc++.so.6",
                                         "libgcc_s.so.1",       "libpthread.so.0", "libdl.so.2",
                                         "librt.so.1",
#if defined(__x86_64__)
                                         "ld-linux-x86-64.so.2"
#else
                                         "ld-linux-aarch64.so.1"
#endif
};
constexpr std::string_view kSanitizerRuntimes[] = {"libasan.so.", "libubsan.so.", "libtsan.so."};

constexpr std::string_view kPrivate = "_PRIVATE";  // GLIBC_PRIVATE

#if defined(__x86_64__)
constexpr auto kStaticThreadLocal = {uint32_t{R_X86_64_TPOFF64}, uint32_t{R_X86_64_TPOFF32}};
constexpr uint32_t kCopy = R_X86_64_COPY, kIndirect = R_X86_64_IRELATIVE;
#else
constexpr auto kStaticThreadLocal = {uint32_t{R_AARCH64_TLS_TPREL}};
constexpr uint32_t kCopy = R_AARCH64_COPY, kIndirect = R_AARCH64_IRELATIVE;
#endif

// Beside DT_NEEDED, these make the loader load or interpose other libraries.
constexpr int64_t kLoadsOthers[] = {DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT, DT_CONFIG};

bool is_allowed(std::string_view library, const Runtime& runtime) {
  if (std::find(std::begin(kAllowed), std::end(kAllowed), library) != std::end(kAllowed)) return true;
  return runtime.sanitized &&
         std::any_of(std::begin(kSanitizerRuntimes), std::end(kSanitizerRuntimes),
                     [&](std::string_view prefix) { return library.starts_with(prefix); });
}

// Names in a library are a stranger's bytes.
std::string shown(std::string_view name) {
  constexpr size_t kMax = 120;
  std::string out(name.substr(0, kMax));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return name.size() > kMax ? out + "..." : out;
}

// "a, b, c and 4 more"
std::string shown_list(const std::vector<std::string_view>& names) {
  constexpr size_t kMax = 5;
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kMax); ++i) out += (i == 0 ? "" : ", ") + shown(names[i]);
  if (names.size() > kMax) out += " and " + std::to_string(names.size() - kMax) + " more";
  return out;
}

class Inspection {
 public:
  Inspection(const Elf& elf, const Runtime& runtime) : elf_(elf), runtime_(runtime) {}

  Result<Admitted> run() {
    check_type();
    check_segments();
    check_flags();
    PIRN_DO(check_libraries());
    PIRN_DO(check_names());
    PIRN_DO(check_versions());
    PIRN_DO(check_symbols());
    PIRN_DO(read_note());
    // Last: writable code and code that is relocated have names of their own.
    if (refusals_.empty()) PIRN_DO(elf_.check_initializers());
    if (refusals_.empty()) PIRN_DO(check_relocations());
    if (refusals_.empty()) return std::move(admitted_);
    Error error = std::move(refusals_.front());
    error.causes.assign(std::make_move_iterator(refusals_.begin() + 1),
                        std::make_move_iterator(refusals_.end()));
    return error;
  }

 private:
  void refuse(Code code, std::string message) {
    refusals_.push_back(Error{code, std::move(message), "", Blame::package});
  }

  void check_type() {
    if (elf_.header().e_type != ET_DYN || elf_.segment(PT_INTERP) != nullptr || (flags_1() & DF_1_PIE))
      refuse(Code::library_wrong_type, "the file is an ELF program or object, not a shared library");
  }

  uint64_t flags() const { return elf_.dynamic(DT_FLAGS).value_or(0); }
  uint64_t flags_1() const { return elf_.dynamic(DT_FLAGS_1).value_or(0); }

  void check_segments() {
    // Without the header the loader assumes an executable stack, and makes those of the host's threads
    // executable, too.
    const Elf64_Phdr* stack = elf_.segment(PT_GNU_STACK);
    if (stack == nullptr || (stack->p_flags & PF_X))
      refuse(Code::library_executable_stack, "the library requests an executable stack");
    for (const Elf64_Phdr& segment : elf_.segments())
      if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) && (segment.p_flags & PF_X))
        return refuse(Code::library_writable_code,
                      "the library has memory that is both writable and executable");
  }

  void check_flags() {
    if (flags_1() & DF_1_NODELETE)
      refuse(Code::library_nodelete, "the library was linked with -z nodelete and could never be unloaded");
    if (flags_1() & (DF_1_NOOPEN | DF_1_INTERPOSE | DF_1_GLOBAL | DF_1_INITFIRST | DF_1_LOADFLTR))
      refuse(Code::library_forbidden_flags, "the library was linked with flags that affect other libraries");
    if ((flags() & DF_TEXTREL) || elf_.dynamic(DT_TEXTREL))
      refuse(Code::library_text_relocations,
             "the library modifies its own code while it is loaded (text relocations)");
    if (elf_.dynamic(DT_RPATH) || elf_.dynamic(DT_RUNPATH))
      refuse(Code::library_search_path,
             "the library sets a search path for other libraries (RPATH or RUNPATH)");
  }

  Status check_libraries() {
    PIRN_TRY(const std::vector<std::string_view> needed, elf_.dynamic_names(DT_NEEDED));
    std::vector<std::string_view> foreign;
    for (const std::string_view library : needed) {
      admitted_.needed.emplace_back(library);
      if (!is_allowed(library, runtime_)) foreign.push_back(library);
    }
    if (!foreign.empty())
      refuse(Code::library_foreign_dependency,
             "the library needs other libraries than a package may need: " + shown_list(foreign));
    for (const int64_t tag : kLoadsOthers)
      if (elf_.dynamic(tag))
        refuse(Code::library_foreign_dependency,
               "the library makes the loader load other libraries (dynamic tag " + std::to_string(tag) + ")");
    return {};
  }

  // The loader compares what it is asked for with the DT_SONAME of what it has: a library that calls itself
  // /proc/self/fd/9 or libnss_files.so.2 would be handed out in place of the real one.
  Status check_names() {
    PIRN_TRY(const std::vector<std::string_view> names, elf_.dynamic_names(DT_SONAME));
    for (const std::string_view name : names)
      if (name.find('/') != name.npos || name.find(".so.") != name.npos)
        refuse(Code::library_poses_as_another, "the library calls itself " + shown(name) + " (DT_SONAME)");
    return {};
  }

  Status check_versions() {
    PIRN_TRY(const std::vector<VersionNeed> needs, elf_.needed_versions());
    PIRN_TRY(const std::vector<VersionOffer> offers, elf_.offered_versions());
    std::vector<std::string_view> missing;
    for (const VersionNeed& need : needs) {
      versions_.insert(need.index);
      if (!is_allowed(need.library, runtime_))
        refuse(Code::library_foreign_dependency,
               "the library needs a version of " + shown(need.library) + ", which a package may not need");
      else if (std::find(admitted_.needed.begin(), admitted_.needed.end(), need.library) ==
               admitted_.needed.end())
        return malformed("it needs a version of " + shown(need.library) + ", but not that library itself");
      else if (need.version.ends_with(kPrivate))
        refuse_private(need);
      else if (!runtime_.versions.contains(need.version))
        missing.push_back(need.version);
    }
    for (const VersionOffer& offer : offers) versions_.insert(offer.index);
    if (!missing.empty())
      refuse(Code::library_runtime_too_old,
             "the library needs " + shown_list(missing) + ", which this host does not have");
    return {};
  }

  // What the libraries of the system keep for each other changes with every update of them.
  void refuse_private(const VersionNeed& need) {
    Error error{
        Code::library_foreign_dependency,
        "the library uses private functions of " + shown(need.library) + " (" + shown(need.version) + ")",
        "Use only its public functions.", Blame::package};
    refusals_.push_back(std::move(error));
  }

  // The flag is what a linker writes; the relocations are what the loader obeys. Either takes a piece of the
  // few bytes that all threads of the host have for it, and pins the library.
  Status check_relocations() {
    bool static_thread_local = (flags() & DF_STATIC_TLS) != 0, copies = false;
    PIRN_DO(elf_.each_relocation([&](const Relocation& relocation) -> Status {
      static_thread_local =
          static_thread_local || std::find(kStaticThreadLocal.begin(), kStaticThreadLocal.end(),
                                           relocation.type) != kStaticThreadLocal.end();
      copies = copies || relocation.type == kCopy;
      // Its code would not run earlier than its constructors, which a library may have; but it has to be its
      // code.
      if (relocation.type == kIndirect && !elf_.is_code(static_cast<uint64_t>(relocation.addend)))
        return malformed("a relocation that calls a function outside its code");
      return {};
    }));
    if (static_thread_local)
      refuse(Code::library_static_tls, "the library uses the initial-exec model for thread-local variables");
    if (copies)
      refuse(Code::library_wrong_type, "the library has copy relocations, which only programs may have");
    return {};
  }

  Status check_symbols() {
    PIRN_TRY(const std::vector<Symbol> symbols, elf_.symbols());
    bool has_entry = false;
    std::vector<std::string_view> exported, unique, unresolved;
    for (const Symbol& symbol : symbols) {
      if (symbol.versioned() && !versions_.contains(symbol.version))
        return malformed("a symbol with a version that it does not list");
      PIRN_DO(check_call(symbol));
      if (!symbol.defined) {
        if (symbol.binding != STB_WEAK && !symbol.versioned()) unresolved.push_back(symbol.name);
        continue;
      }
      if (symbol.binding == STB_LOCAL) continue;
      if (symbol.binding == STB_GNU_UNIQUE)
        unique.push_back(symbol.name);
      else if (symbol.visibility == STV_HIDDEN || symbol.visibility == STV_INTERNAL)
        continue;
      else if (symbol.name == kEntry && symbol.type == STT_FUNC)
        has_entry = true;
      else
        exported.push_back(symbol.name);
    }
    if (!has_entry)
      refuse(Code::library_no_entry, "the library does not export the function " + std::string(kEntry));
    if (!unique.empty())
      refuse(Code::library_unique_symbols,
             "the library has symbols that are unique in the whole process: " + shown_list(unique));
    if (!exported.empty())
      refuse(Code::library_exports_more,
             "the library exports more than " + std::string(kEntry) + ": " + shown_list(exported));
    if (!unresolved.empty() && !runtime_.sanitized)
      refuse(
          Code::library_unresolved,
          "the library uses symbols that none of the libraries it needs define: " + shown_list(unresolved));
    return {};
  }

  // The loader calls a resolver, wherever it is, as soon as somebody asks for its symbol, and the host the
  // entry.
  Status check_call(const Symbol& symbol) const {
    const bool is_entry = symbol.name == kEntry && (!symbol.defined || symbol.type == STT_FUNC);
    if (!is_entry && !(symbol.defined && symbol.type == STT_GNU_IFUNC)) return {};
    if (!symbol.defined || !symbol.relative || !elf_.is_code(symbol.value))
      return malformed("the symbol " + shown(symbol.name) +
                       ", which the loader or the host calls, is outside its code");
    return {};
  }

  Status read_note() {
    PIRN_TRY(const std::optional<std::string_view> note, elf_.note(PIRN_NOTE_OWNER, PIRN_NOTE_TYPE));
    if (!note || note->size() != sizeof(AbiNote)) {
      refuse(Code::library_abi_note_missing,
             "the library has no ELF note that says which ABI it was built for");
      return {};
    }
    static_assert(sizeof(AbiNote) == 3 * sizeof(uint32_t));
    std::memcpy(&admitted_.note, note->data(), sizeof(AbiNote));
    const AbiNote& abi = admitted_.note;
    if (abi.abi_major != PIRN_ABI_MAJOR)
      refuse(Code::library_abi_mismatch, "the library was built for ABI " + std::to_string(abi.abi_major) +
                                             "; this host supports ABI " + std::to_string(PIRN_ABI_MAJOR));
    else if (abi.min_host_minor > PIRN_ABI_MINOR)
      refuse(Code::library_abi_mismatch, "the library needs ABI " + std::to_string(abi.abi_major) + "." +
                                             std::to_string(abi.min_host_minor) + "; this host has " +
                                             std::to_string(PIRN_ABI_MAJOR) + "." +
                                             std::to_string(PIRN_ABI_MINOR));
    return {};
  }

  const Elf& elf_;
  const Runtime& runtime_;
  Admitted admitted_;
  std::set<uint16_t> versions_;  // indices that symbols may have
  std::vector<Error> refusals_;
};

std::vector<std::string> loaded_runtime_files() {
  std::vector<std::string> files;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        const std::string path = info->dlpi_name;
        const std::string name = path.substr(path.rfind('/') + 1);
        if (std::find(std::begin(kAllowed), std::end(kAllowed), name) != std::end(kAllowed))
          static_cast<std::vector<std::string>*>(out)->push_back(path);
        return 0;
      },
      &files);
  return files;
}

Result<Runtime> read_runtime() {
  Runtime runtime;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  runtime.sanitized = true;
#endif
  for (const std::string& path : loaded_runtime_files()) {
    boost::filesystem::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file) return Error{Code::io_failed, "cannot read " + path, "", Blame::world};
    PIRN_TRY(const Elf elf, Elf::read(bytes));
    PIRN_TRY(const std::vector<VersionOffer> versions, elf.offered_versions());
    for (const VersionOffer& offer : versions) runtime.versions.emplace(offer.version);
  }
  return runtime;
}

}  // namespace

const Result<Runtime>& host_runtime() {
  static const Result<Runtime> runtime = read_runtime();
  return runtime;
}

Result<std::vector<std::string>> needed_libraries(std::string_view bytes) {
  PIRN_TRY(const Elf elf, Elf::read_foreign(bytes));
  PIRN_TRY(const std::vector<std::string_view> names, elf.dynamic_names(DT_NEEDED));
  return std::vector<std::string>(names.begin(), names.end());
}

Result<Admitted> admit(std::string_view bytes, const Runtime& runtime) {
  PIRN_TRY(const Elf elf, Elf::read(bytes));
  return Inspection(elf, runtime).run();
}

}  // namespace pirn::library
