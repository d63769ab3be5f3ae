// Asks a library about itself where it can do no harm: in `pirn-probe`, a process of its own without network,
// without files, without time to waste, which is thrown away afterwards. docs/abi.md, "Admission".
//
// What comes back was written by a process in which the package's code ran, so it may be any lie: it is
// checked for its form here, compared with the manifest by the caller, and checked again when the library is
// loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/error/error.h"

namespace pirn::probe {

struct LibraryDescription {
  std::string id, version, sdk;
  uint32_t abi_major = 0;
  uint32_t abi_minor = 0;
  uint32_t min_host_minor = 0;
  std::vector<definition::Function> functions;  // in the package's order; ids are names, each once
  std::string definition;                       // the document; empty: the package's workflow.json counts
  bool unloads = false;                         // nothing of it stayed in memory when it was closed
};

struct ProbeOptions {
  bool run_init = false;  // also run init and deinit
  std::chrono::milliseconds timeout{20'000};
  std::string probe_path;  // of pirn-probe; empty: $PIRN_PROBE, or beside this program
};

// Any thread; blocks up to the timeout; leaves no process behind. Errors: what Library::load refuses
// (library_…), and probe_unavailable, probe_crashed, probe_timeout, probe_no_answer, probe_answer_invalid,
// probe_init_failed.
Result<LibraryDescription> probe(std::string_view library, const ProbeOptions& options);

}  // namespace pirn::probe
