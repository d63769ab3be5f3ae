// Decides whether the loader may see a library at all, before any of its code runs. docs/abi.md says why each
// rule is there: most of them keep a library from pinning itself in memory, sharing state with another
// release, or pulling in code that is not signed.
//
// Pure but for host_runtime(), which reads the libraries of this process; any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::library {

// What the package was built for, by its ELF note.
struct AbiNote {
  uint32_t abi_major = 0;
  uint32_t abi_minor = 0;
  uint32_t min_host_minor = 0;

  bool operator==(const AbiNote&) const = default;
};

// What a library may rely on in this process.
struct Runtime {
  std::set<std::string, std::less<>> versions;  // "GLIBC_2.36", "GLIBCXX_3.4.30", …
  // A host that is built with a sanitizer loads packages that are: their runtime library is allowed, too.
  bool sanitized = false;
};

// The runtime of this process, read once. Error: io_failed.
const Result<Runtime>& host_runtime();

struct Admitted {
  AbiNote note;
  std::vector<std::string> needed;  // DT_NEEDED, in order
};

// Admits the bytes of a library, or refuses with the code of the first rule that is broken; further broken
// rules are the causes of that Error. Bytes that cannot be understood are library_malformed.
Result<Admitted> admit(std::string_view bytes, const Runtime& runtime);

// DT_NEEDED of a library for any machine, in order. Errors: library_malformed, library_wrong_machine when it
// is no 64-bit little-endian one.
Result<std::vector<std::string>> needed_libraries(std::string_view bytes);

}  // namespace pirn::library
