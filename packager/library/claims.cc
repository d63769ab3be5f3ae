#include "packager/library/claims.h"

#include <set>

namespace pirn::library {
namespace {

constexpr size_t kMaxDifferences = 20;

// Collects differences between the manifest and the library, each one a sentence.
class Comparison {
 public:
  void differ(std::string difference) {
    ++count_;
    if (causes_.size() < kMaxDifferences)
      causes_.push_back({Code::library_misdescribed, std::move(difference), "", Blame::package});
  }
  void text(const std::string& what, const std::string& manifest, const std::string& library) {
    if (manifest != library)
      differ("the " + what + " is '" + manifest + "' in the manifest and '" + library + "' in the library");
  }
  Status take(const std::string& package) && {
    if (count_ == 0) return {};
    Error error{Code::library_misdescribed,
                "the library of " + package + " differs from the signed manifest in " +
                    std::to_string(count_) + (count_ == 1 ? " place" : " places"),
                "", Blame::package};
    error.causes = std::move(causes_);
    return error;
  }

 private:
  size_t count_ = 0;
  std::vector<Error> causes_;
};

std::string print(const AbiNote& abi) {
  return std::to_string(abi.abi_major) + "." + std::to_string(abi.abi_minor) + ", at least " +
         std::to_string(abi.abi_major) + "." + std::to_string(abi.min_host_minor);
}

void compare_functions(const std::vector<definition::Function>& manifest,
                       const std::vector<definition::Function>& library, Comparison& comparison) {
  std::map<std::string_view, uint32_t> exported, named;
  for (const definition::Function& function : library) exported.emplace(function.id, function.kind);
  for (const definition::Function& function : manifest) {
    named.emplace(function.id, function.kind);
    const auto found = exported.find(function.id);
    if (found == exported.end())
      comparison.differ("the function '" + function.id + "' is in the manifest but not in the library");
    else if (found->second != function.kind)
      comparison.differ("the function '" + function.id + "' has the kind " + std::to_string(function.kind) +
                        " in the manifest and " + std::to_string(found->second) + " in the library");
  }
  for (const auto& [id, kind] : exported)
    if (!named.contains(id))
      comparison.differ("the function '" + std::string(id) + "' is in the library but not in the manifest");
}

void compare_workflows(const WorkflowDigests& manifest, const WorkflowDigests& library,
                       Comparison& comparison) {
  for (const auto& [name, digest] : manifest) {
    const auto found = library.find(name);
    if (found == library.end())
      comparison.differ("the workflow '" + name + "' is in the manifest but not in the library");
    else if (found->second != digest)
      comparison.differ("the workflow '" + name +
                        "' has different definitions in the library and in the manifest");
  }
  for (const auto& [name, digest] : library)
    if (!manifest.contains(name))
      comparison.differ("the workflow '" + name + "' is in the library but not in the manifest");
}

}  // namespace

Result<std::optional<WorkflowDigests>> read_workflows(std::string_view document,
                                                      const std::vector<definition::Function>& functions) {
  if (document.empty()) return std::optional<WorkflowDigests>();
  PIRN_TRY(const definition::Definition definition,
           definition::parse(document, "the definition in the library", &functions));
  WorkflowDigests digests;
  for (const definition::Workflow& workflow : definition.workflows)
    digests.emplace(workflow.name, sha256(workflow.canonical));
  return std::optional(std::move(digests));
}

Status compare_claims(const Claims& manifest, const Claims& library) {
  Comparison comparison;
  comparison.text("package", manifest.package, library.package);
  comparison.text("version", manifest.version, library.version);
  if (manifest.abi && library.abi) comparison.text("ABI", print(*manifest.abi), print(*library.abi));
  compare_functions(manifest.functions, library.functions, comparison);
  if (manifest.workflows && library.workflows)
    compare_workflows(*manifest.workflows, *library.workflows, comparison);
  return std::move(comparison).take(manifest.package + "@" + manifest.version);
}

Status compare_admitted(const std::vector<std::string>& needed, const AbiNote& abi, const Admitted& library) {
  const std::set<std::string> promised(needed.begin(), needed.end());
  const std::set<std::string> found(library.needed.begin(), library.needed.end());
  if (promised != found)
    return Error{Code::library_misdescribed,
                 "the library needs different libraries from those that the manifest lists", "",
                 Blame::package};
  if (!(abi == library.note))
    return Error{Code::library_misdescribed,
                 "the library was built for ABI " + print(library.note) + "; the manifest says " + print(abi),
                 "", Blame::package};
  return {};
}

}  // namespace pirn::library
