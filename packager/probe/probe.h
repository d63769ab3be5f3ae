// Asks a library about itself where it can do no harm: in `pirn-probe`, a process of its own without network,
// without files, without time to waste, which is thrown away afterwards. docs/abi.md, "The probe".
//
// A library has no descriptor to write an answer to, and leaves none behind when it ends the process
// (packager/sandbox/cell.h). What it says about itself through its descriptor, or by changing the memory of
// the process, may be a lie all the same: it is checked for its form here, compared with the manifest by the
// caller (packager/library/claims.h), and compared again when the library is loaded. What confined it, how
// many threads it started and what it did that it must not do, it has no say in (packager/sandbox/guard.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/error/error.h"
#include "packager/library/claims.h"
#include "packager/sandbox/confine.h"

namespace pirn::probe {

struct LibraryDescription {
  std::string id, version, sdk;
  uint32_t abi_major = 0;
  uint32_t abi_minor = 0;
  uint32_t min_host_minor = 0;
  std::vector<definition::Function> functions;  // in the package's order; ids are names, each once
  std::string definition;                       // the document; empty: the package's workflow.json counts
  bool unloads = false;                         // nothing of it stayed in memory when it was closed
  sandbox::Confinement confinement;             // what this system gave, told before its code ran
};

struct ProbeOptions {
  bool run_init = false;  // also run init and deinit
  std::chrono::milliseconds timeout{20'000};
  std::string probe_path;  // of pirn-probe; empty: $PIRN_PROBE, or beside this program
};

// Any thread; blocks up to the timeout; leaves no process behind. Errors: what Library::load refuses
// (library_…), and probe_unavailable, probe_crashed, probe_timeout, probe_no_answer, probe_answer_invalid,
// probe_init_failed, probe_forbidden_call, probe_sandbox_failed.
Result<LibraryDescription> probe(std::string_view library, const ProbeOptions& options);

// The same, and compares what the library says with its manifest; what the system gave for that. Errors: also
// library_misdescribed, with the differences, and definition_invalid.
Result<sandbox::Confinement> confirm(std::string_view library, const library::Claims& manifest,
                                     const ProbeOptions& options);

}  // namespace pirn::probe
