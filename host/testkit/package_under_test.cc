#include "host/testkit/package_under_test.h"

#include <cstdio>

#include "packager/definition/definition.h"
#include "packager/digest/digest.h"

namespace pirn::testkit {

namespace {

const void* no_extension(const pirn_host*, const char*) { return nullptr; }

// What happens outside of any call belongs to no workflow's log, but whoever reads the test's output wants
// it.
void log_of_package(const pirn_host*, uint32_t, const pirn_str* message) {
  if (message && message->data)
    std::fprintf(stderr, "package: %.*s\n", static_cast<int>(message->len), message->data);
}

}  // namespace

Result<std::shared_ptr<const PackageUnderTest>> PackageUnderTest::get(const pirn_plugin* plugin) {
  static std::weak_ptr<const PackageUnderTest> shared;
  if (auto present = shared.lock(); present && present->plugin_ == plugin) return present;
  PIRN_TRY(library::Descriptor descriptor, library::copy_descriptor(plugin));
  PIRN_TRY(const std::string text, library::copy_definition(plugin));
  if (text.empty())
    return Error{Code::library_definition_failed, "the package has no definition of its own",
                 "A test knows no workflow.json: let the package's definition hook return it."};
  const std::vector<definition::Function> functions = library::functions_of(descriptor);
  PIRN_TRY(definition::Definition definition,
           definition::parse(text, "the package's definition", &functions));
  std::shared_ptr<PackageUnderTest> made(
      new PackageUnderTest(plugin, std::move(descriptor), std::move(definition)));
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
  host_ = pirn_host{sizeof host_, PIRN_ABI_MINOR, "pirn-testkit", "0.1.0", no_extension, log_of_package};
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

}  // namespace pirn::testkit
