#include "host/testkit/package_under_test.h"

#include <pirn/version.h>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <pirn/text.hpp>

#include "packager/definition/definition.h"
#include "packager/digest/digest.h"
#include "packager/error/printable.h"

namespace pirn::testkit {

namespace {

const void* no_extension(const pirn_host*, const char*) { return nullptr; }

// What happens outside of any call belongs to no workflow's log, but whoever reads the test's output wants
// it.
void log_of_package(const pirn_host*, uint32_t, const pirn_str* message) {
  if (message && message->data)
    std::fprintf(stderr, "package: %s\n",
                 printable(text::repaired({message->data, message->len}, text::kMaxMessage)).c_str());
}

Result<std::string> read_definition(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad())
    return Error{Code::library_definition_failed,
                 "the package has no definition of its own, and there is no " + path,
                 "Declare its workflows in the sources, or write workflow.json next to its CMakeLists.txt.",
                 Blame::package};
  return text;
}

}  // namespace

Result<std::shared_ptr<const PackageUnderTest>> PackageUnderTest::get(const pirn_plugin* plugin,
                                                                      const std::string& definition_file) {
  static std::weak_ptr<const PackageUnderTest> shared;
  PIRN_TRY(library::Descriptor descriptor, library::copy_descriptor(plugin));
  PIRN_TRY(std::string text, library::copy_definition(plugin));
  const bool own = !text.empty();
  if (!own) {
    PIRN_TRY(text, read_definition(definition_file));
  }
  if (auto present = shared.lock(); present && present->plugin_ == plugin && present->definition_ == text)
    return present;
  const std::vector<definition::Function> functions = library::functions_of(descriptor);
  PIRN_TRY(definition::Definition definition,
           definition::parse(text, own ? "the package's definition" : definition_file, &functions));
  if (!own && (definition.package != descriptor.id || definition.version != descriptor.version))
    return Error{Code::definition_invalid,
                 "the package is " + descriptor.id + " " + descriptor.version + ", " + definition_file +
                     " is of " + definition.package + " " + definition.version,
                 "Give both the same name and version.", Blame::package};
  std::shared_ptr<PackageUnderTest> made(
      new PackageUnderTest(plugin, std::move(descriptor), std::move(definition)));
  made->definition_ = std::move(text);
  PIRN_DO(made->initialise());
  shared = made;
  return std::shared_ptr<const PackageUnderTest>(std::move(made));
}

PackageUnderTest::PackageUnderTest(const pirn_plugin* plugin, library::Descriptor descriptor,
                                   definition::Definition definition)
    : plugin_(plugin), descriptor_(std::move(descriptor)) {
  auto release = std::make_shared<registry::Release>();
  release->tenant = kTenant;
  release->package = definition.package;
  release->version = definition.version;
  release->serial = 1;
  release->functions = library::functions_of(descriptor_);
  std::string identity = release->package + "@" + release->version;
  for (definition::Workflow& workflow : definition.workflows) {
    release->workflow_digests.push_back(sha256(workflow.canonical));
    identity += workflow.canonical;
    // A test is about the one execution that it starts; on a clock that jumps, schedules would start
    // thousands.
    workflow.schedule.reset();
  }
  release->digest = sha256(identity);
  release->definition = std::move(definition);
  release_ = std::move(release);
  catalog_ = std::make_shared<const registry::Catalog>(registry::Catalog().with(
      {std::string(kTenant), release_->package, registry::Active{release_, 1, false}}));
}

Status PackageUnderTest::initialise() {
  host_ =
      pirn_host{sizeof host_, PIRN_ABI_MINOR, "pirn-testkit", PIRN_SDK_VERSION, no_extension, log_of_package};
  if (PIRN_HAS(plugin_, pirn_plugin, init) && plugin_->init) {
    const pirn_status status = plugin_->init(&host_, &state_);
    if (status != PIRN_OK)
      return Error{Code::in_process_load_failed,
                   "init of the package failed with status " + std::to_string(status), "", Blame::package};
  }
  initialised_ = true;
  return {};
}

PackageUnderTest::~PackageUnderTest() {
  if (initialised_ && PIRN_HAS(plugin_, pirn_plugin, deinit) && plugin_->deinit) plugin_->deinit(state_);
}

Result<registry::ReleasePtr> PackageUnderTest::load(std::string_view tenant, const Digest& digest) const {
  if (tenant == kTenant && digest == release_->digest) return release_;
  return Error{Code::not_found, "there is one release, that of the package under test"};
}

namespace {

registry::ReleasePtr stand_in_for(const std::string& package, const std::set<std::string>& workflows) {
  auto release = std::make_shared<registry::Release>();
  std::string text;
  for (const std::string& workflow : workflows) {
    text += (text.empty() ? "" : ",") + ("{\"name\":\"" + workflow) + "\",\"steps\":[{\"name\":\"" +
            workflow + "\",\"max_retries\":0,\"timeout\":\"infinity\"}]}";
    release->functions.push_back({workflow, PIRN_KIND_TASK});
  }
  text = "{\"schema\":1,\"package\":{\"name\":\"" + package + "\",\"version\":\"1.0.0\"},\"workflows\":[" +
         text + "]}";
  auto definition = definition::parse(text, "a stand-in", &release->functions);
  assert(definition && "its names were checked");
  release->tenant = kTenant;
  release->package = package;
  release->version = "1.0.0";
  release->serial = 1;
  release->digest = sha256(text);
  release->definition = std::move(definition).value();
  for (const definition::Workflow& workflow : release->definition.workflows)
    release->workflow_digests.push_back(sha256(workflow.canonical));
  return release;
}

}  // namespace

ReleasesUnderTest::ReleasesUnderTest(std::shared_ptr<const PackageUnderTest> package)
    : package_(std::move(package)) {
  auto own = std::make_shared<registry::Release>(package_->release());
  for (const definition::Workflow& workflow : own->definition.workflows)
    for (const definition::Step& step : workflow.steps)
      if (const size_t colons = step.nested.find("::");
          colons != std::string::npos && step.nested.substr(0, colons) != own->package)
        contained_[step.nested.substr(0, colons)].insert(step.nested.substr(colons + 2));
  releases_.push_back(own);
  for (const auto& [other, workflows] : contained_) {
    own->requirements[other] = "*";
    releases_.push_back(stand_in_for(other, workflows));
  }
  registry::Catalog catalog;
  uint64_t revision = 0;
  for (const registry::ReleasePtr& release : releases_)
    catalog =
        catalog.with({std::string(kTenant), release->package, registry::Active{release, ++revision, false}});
  catalog_ = std::make_shared<const registry::Catalog>(catalog.with_requirements_met(
      std::string(kTenant),
      [&](std::string_view name, const registry::Fits& fits) -> Result<registry::ReleasePtr> {
        for (const registry::ReleasePtr& release : releases_)
          if (release->package == name && fits(*release)) return release;
        return registry::ReleasePtr();
      }));
}

Status ReleasesUnderTest::check_stand_in(const std::string& workflow) const {
  std::vector<std::string> all;
  for (const auto& [package, workflows] : contained_)
    for (const std::string& name : workflows) all.push_back(package + "::" + name);
  if (std::find(all.begin(), all.end(), workflow) != all.end()) return {};
  const std::string near = nearest(workflow, all);
  return Error{
      Code::not_found, "no step of the package contains the workflow '" + workflow + "' of another package",
      near.empty() ? "Write it as the step does: package::workflow." : "Did you mean '" + near + "'?"};
}

Result<registry::ReleasePtr> ReleasesUnderTest::load(std::string_view tenant, const Digest& digest) const {
  for (const registry::ReleasePtr& release : releases_)
    if (tenant == kTenant && digest == release->digest) return release;
  return Error{Code::not_found, "there is no such release in this test"};
}

}  // namespace pirn::testkit
