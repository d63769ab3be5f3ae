// What a library says about itself must be what its signed manifest says, in every detail: from the manifest
// a host knows the functions and workflows of a release without running any of its code, so a library that
// differs would be deployed and then be of no use. The two are compared by everybody who has both: at the
// push and at the deployment with what the probe answers, at every load with what was loaded, by `pirn
// verify` offline.
//
// Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/digest/digest.h"
#include "packager/error/error.h"
#include "packager/library/admission.h"

namespace pirn::library {

using WorkflowDigests = std::map<std::string, Digest>;  // by name: SHA-256 of the canonical text

struct Claims {
  std::string package, version;
  std::optional<AbiNote> abi;                   // nullopt: not compared
  std::vector<definition::Function> functions;  // in any order; ids are unique
  std::optional<WorkflowDigests> workflows;     // nullopt: the library brings no definition, and is not asked
};

// The workflows of the document that a library gave, which may use `functions`; nullopt for the empty
// document. Error: definition_invalid.
Result<std::optional<WorkflowDigests>> read_workflows(std::string_view document,
                                                      const std::vector<definition::Function>& functions);

// Error: library_misdescribed, with one cause for each difference, 20 at most.
Status compare_claims(const Claims& manifest, const Claims& library);

// The same for what admission reads of the file, before any of its code runs: `needed` in any order.
Status compare_admitted(const std::vector<std::string>& needed, const AbiNote& abi, const Admitted& library);

}  // namespace pirn::library
