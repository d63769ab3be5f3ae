// Small signed packages, made in memory, and a registry with two tenants that trust their publisher.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "packager/archive/envelope.h"
#include "packager/archive/manifest.h"
#include "registry/registry.h"
#include "tests/registry/scratch.h"

namespace pirn::registry {

inline constexpr int64_t kNow = 1'800'000'000'000;

const signature::PrivateKey& publisher_key();
const signature::PrivateKey& approver_key();
const signature::PrivateKey& stranger_key();

struct Sample {
  std::string package = "etl";
  std::string version = "1.0.0";
  int64_t serial = 0;  // 0: from the version
  std::vector<std::string> workflows = {"load"};
  std::string timeout = "30s";  // of the step of every workflow: another one is another definition
  std::string task = "work";
  std::string nested = "";  // a workflow that the step runs in place of the task
  std::map<std::string, std::string> dependencies = {};
  std::string step_options = "";      // further members of those steps, each with a comma in front
  std::string workflow_options = "";  // the same of the workflows
  std::string description = "";
  std::string library = "";              // bytes; empty: a good library
  std::vector<std::string> needed = {};  // as the manifest says; empty: what the library does need
  std::vector<const signature::PrivateKey*> keys = {&publisher_key()};
};

// A good shared library for this machine that exports the function "work".
const std::string& good_library();
// The whole .pirn file.
std::string archive_of(const Sample& sample);

inline const Principal kOperator = Principal::local_operator();
inline Principal as(const std::string& tenant, Role role) {
  return {tenant, "k-" + std::string(name(role)), role};
}

inline NewTrust trust_in(const std::string& tenant, const signature::PrivateKey& key,
                         TrustRole role = TrustRole::sign) {
  NewTrust trust;
  trust.tenant = tenant;
  trust.publisher = "tests";
  trust.public_key = key.public_key();
  trust.role = role;
  return trust;
}

// A registry in a directory with the tenants acme and globex (in-process) that trust the publisher's key.
class RegistryTest : public testing::Test {
 protected:
  void SetUp() override;
  void reopen();  // as after a restart of the host
  Registry& registry() { return *registry_; }

  Result<PushedRelease> push(const Sample& sample, const std::string& tenant = "acme") {
    return registry().push(as(tenant, Role::publisher), tenant, archive_of(sample), kNow);
  }
  Result<Deployed> deploy(const std::string& version, const std::string& tenant = "acme",
                          const Probe& probe = {}) {
    return registry().deploy(as(tenant, Role::deployer), {tenant, "etl", version, "because"}, probe, kNow);
  }
  Result<Deployed> undo(uint64_t to = 0, const std::string& tenant = "acme") {
    return registry().undo(as(tenant, Role::deployer), tenant, "etl", to, "it broke", {}, kNow);
  }
  std::string active_version(const std::string& tenant = "acme", const std::string& package = "etl") {
    const CatalogPtr catalog = registry().catalog();
    const Active* active = catalog->active(tenant, package);
    return active ? active->release->version : "";
  }
  std::vector<AuditRecord> audit(const std::string& tenant = "") {
    return *registry().audit(tenant, 0, 100'000);
  }
  // Runs a change that must be refused with this code; it must leave one audit record and nothing else.
  template <class Change>
  void expect_refused(Code code, Change&& change) {
    const auto records = audit();
    const auto before = left_behind();
    const auto result = change();
    ASSERT_FALSE(result) << "expected " << catalogue_entry(code).name;
    EXPECT_EQ(result.error().code, code) << describe(result.error());
    EXPECT_EQ(left_behind(), before);
    const auto after = audit();
    ASSERT_EQ(after.size(), records.size() + 1);
    EXPECT_EQ(after.back().outcome, catalogue_entry(code).name);
  }
  // Everything but the audit log, as one text: rows of all tables, names of all blobs.
  std::string left_behind();
  std::vector<std::string> blobs();
  // Runs SQL behind the registry's back, as an intruder or a bad disk would; the triggers do not help.
  void tamper(const std::string& sql);

  Scratch scratch_;
  Options options_{scratch_.path()};
  std::unique_ptr<Registry> registry_;
};

}  // namespace pirn::registry
