// The package that is linked into a test's program, as the engine knows packages: one release of one tenant,
// which the catalog points to.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "host/engine/engine.h"
#include "packager/library/descriptor.h"
#include "pirn/abi.h"

namespace pirn::testkit {

inline constexpr std::string_view kTenant = "test";

// Immutable; any thread, but for the constructor and the destructor, which call init and deinit of the
// package.
class PackageUnderTest final : public engine::Releases {
 public:
  // The package is initialised once in a program, however many workflows are under test: whoever asks while
  // another one of the same definition holds it shares it. `definition_file` is read if the package has no
  // definition of its own. Errors: those of library::copy_descriptor and definition::parse;
  // library_definition_failed; in_process_load_failed.
  static Result<std::shared_ptr<const PackageUnderTest>> get(const pirn_plugin* plugin,
                                                             const std::string& definition_file);
  ~PackageUnderTest() override;

  const library::Descriptor& descriptor() const { return descriptor_; }
  const registry::Release& release() const { return *release_; }
  pirn_state* state() const { return state_; }

  registry::CatalogPtr catalog() const override { return catalog_; }
  Result<registry::ReleasePtr> load(std::string_view tenant, const Digest& digest) const override;

 private:
  PackageUnderTest(const pirn_plugin* plugin, library::Descriptor descriptor,
                   definition::Definition definition);
  Status initialise();

  const pirn_plugin* const plugin_;
  std::string definition_;  // its text
  const library::Descriptor descriptor_;
  registry::ReleasePtr release_;
  registry::CatalogPtr catalog_;
  pirn_host host_{};
  pirn_state* state_ = nullptr;
  bool initialised_ = false;
};

// What one test has: the package, and stand-ins for all workflows of other packages that it contains. A
// stand-in is a workflow of one step; the function of both has the workflow's name.
class ReleasesUnderTest final : public engine::Releases {
 public:
  explicit ReleasesUnderTest(std::shared_ptr<const PackageUnderTest> package);

  // "package::workflow". not_found: no step of the package under test contains it.
  Status check_stand_in(const std::string& workflow) const;

  // From now on no release is deployed. Executions keep those that they have pinned. The engine must look at
  // the catalog again, which it does in each turn.
  void undeploy() { catalog_ = std::make_shared<const registry::Catalog>(); }

  registry::CatalogPtr catalog() const override { return catalog_; }
  Result<registry::ReleasePtr> load(std::string_view tenant, const Digest& digest) const override;

 private:
  const std::shared_ptr<const PackageUnderTest> package_;
  std::map<std::string, std::set<std::string>> contained_;  // workflows by package
  std::vector<registry::ReleasePtr> releases_;              // the package under test is the first
  registry::CatalogPtr catalog_;
};

}  // namespace pirn::testkit
