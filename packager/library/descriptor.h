// What a package says about itself, copied out of its memory and checked against the contract of pirn/abi.h.
#pragma once

#include <pirn/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/error/error.h"

namespace pirn::library {

inline constexpr uint32_t kMaxFunctions = 1024;

struct ExportedFunction {
  std::string id;
  uint32_t kind = 0;       // PIRN_KIND_
  pirn_fn call = nullptr;  // valid while the library is loaded
};

struct Descriptor {
  std::string id, version, sdk;
  uint32_t abi_major = 0;
  uint32_t abi_minor = 0;
  uint32_t min_host_minor = 0;
  std::vector<ExportedFunction> functions;  // in the package's order

  const ExportedFunction* find(std::string_view id) const;
};

// The functions as the definition's check wants them.
std::vector<definition::Function> functions_of(const Descriptor& descriptor);

// [loader-thread] Reads nothing beyond the sizes that the package states, and no string beyond its limit.
// A pointer to nowhere still crashes: a library is described in a probe first. Errors: library_refuses_host
// (NULL), library_abi_mismatch, library_descriptor_invalid.
Result<Descriptor> copy_descriptor(const pirn_plugin* plugin);

// [loader-thread] Before init. The definition document, or an empty string when the package has no such hook
// and its workflow.json counts. Errors: library_definition_failed.
Result<std::string> copy_definition(const pirn_plugin* plugin);

}  // namespace pirn::library
