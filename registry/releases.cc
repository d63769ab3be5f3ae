// Releases: from uploaded bytes to an immutable row, and back from the row to what an execution runs.
//
// A row keeps the signed bytes of the manifest. Reading back trusts nothing else of the disk: the manifest
// must have the release's digest, the library and each workflow the digest that the manifest names.
#include <algorithm>

#include "packager/archive/verify.h"
#include "packager/digest/digest.h"
#include "packager/library/admission.h"
#include "packager/mutex/mutex.h"
#include "registry/core.h"

namespace pirn::registry {

namespace {

std::vector<definition::Function> functions_of(const archive::Manifest& manifest) {
  std::vector<definition::Function> functions;
  for (const archive::Function& function : manifest.functions)
    functions.push_back({function.id, function.kind});
  return functions;
}

library::AbiNote abi_of(const archive::Manifest& manifest) {
  return {static_cast<uint32_t>(manifest.abi.major), static_cast<uint32_t>(manifest.abi.built_for),
          static_cast<uint32_t>(manifest.abi.minimum)};
}

// Nobody has seen the document that a package carries: canonical, and without the lines of its sources. So
// what is said about a step later points at it by name.
void name_places(const std::string& package, definition::Workflow& workflow) {
  workflow.where = {.file = package + "::" + workflow.name};
  for (definition::Step& step : workflow.steps) step.where = {.file = workflow.where.file + "/" + step.name};
}

// Fills what follows from the manifest and the definition document; checks one against the other.
Status describe_release(const archive::Manifest& manifest, std::string_view document, Release& release) {
  release.package = manifest.package;
  release.version = manifest.version;
  release.serial = manifest.serial;
  release.publisher = manifest.publisher;
  const archive::Library* library = manifest.find_library(archive::host_platform());
  if (!library)
    return Error{Code::platform_missing,
                 release.package + "@" + release.version + " has no library for " +
                     std::string(archive::host_platform()),
                 {},
                 Blame::package};
  release.library = library->sha256;
  release.library_size = library->size;
  release.requirements = manifest.dependencies;
  for (const auto& [resource, amount] : manifest.resources)
    release.resources.push_back({resource, static_cast<double>(amount)});
  release.functions = functions_of(manifest);
  PIRN_TRY(release.definition,
           definition::parse(document, release.package + "/definitions", &release.functions));

  const auto mismatch = [&](const std::string& what) {
    return Error{
        Code::definition_mismatch, release.package + "@" + release.version + ": " + what, {}, Blame::package};
  };
  if (release.definition.workflows.size() != manifest.workflows.size())
    return mismatch("the manifest lists other workflows than the definition contains");
  release.workflow_digests.clear();
  for (definition::Workflow& workflow : release.definition.workflows) {
    name_places(release.package, workflow);
    const Digest digest = sha256(workflow.canonical);
    if (!std::ranges::any_of(manifest.workflows, [&](const archive::WorkflowEntry& entry) {
          return entry.name == workflow.name && entry.sha256 == digest;
        }))
      return mismatch("the workflow '" + workflow.name + "' does not match its digest in the manifest");
    release.workflow_digests.push_back(digest);
  }
  return archive::check_requires(manifest, release.definition);
}

// The rules of packager/library/admission.h; and what the manifest says of the library has to be so, because
// from here on the manifest is what everybody reads.
Status admit_library(const archive::Manifest& manifest, std::string_view bytes) {
  PIRN_TRY(const library::Runtime runtime, library::host_runtime());
  PIRN_TRY(const library::Admitted admitted, library::admit(bytes, runtime));
  return library::compare_admitted(manifest.find_library(archive::host_platform())->needed, abi_of(manifest),
                                   admitted);
}

archive::TrustedKey trusted_key_of(const TrustRow& row) {
  archive::TrustedKey key;
  key.key = row.public_key;
  key.publisher = row.publisher;
  key.package_pattern = row.pattern;
  key.role = row.role == TrustRole::sign ? archive::Role::sign : archive::Role::countersign;
  key.valid_from_unix_s = row.valid_from_ms / 1000;
  if (row.valid_until_ms != 0) key.valid_until_unix_s = row.valid_until_ms / 1000;
  if (row.revoked_at_ms != 0)
    key.revocation = row.reason == RevocationReason::compromised ? archive::Revocation::compromised
                                                                 : archive::Revocation::superseded;
  return key;
}

// Signers ascending by key, each once; `sign` wins where a key has both roles.
std::vector<Signer> signers_of(const std::vector<archive::Signer>& verified) {
  std::map<Digest, bool> countersigner;
  for (const archive::Signer& signer : verified) {
    const bool counter = signer.role == archive::Role::countersign;
    const auto [entry, inserted] = countersigner.emplace(signer.key, counter);
    if (!inserted) entry->second = entry->second && counter;
  }
  std::vector<Signer> signers;
  for (const auto& [key, counter] : countersigner) signers.push_back({key, counter});
  return signers;
}

Error no_package(std::string_view package) {
  return Error{Code::not_found, "there is no package '" + std::string(package) + "'", "See pirn package ls."};
}

Error withdrawn(const Release& release) {
  return Error{Code::release_withdrawn, release.package + "@" + release.version +
                                            " is withdrawn: a key that signed it was revoked as compromised"};
}

}  // namespace

library::Claims claims_of(const Release& release) {
  library::Claims claims{release.package, release.version, std::nullopt, release.functions,
                         library::WorkflowDigests()};
  for (const definition::Workflow& workflow : release.definition.workflows)
    claims.workflows->emplace(workflow.name, release.digest_of(workflow));
  return claims;
}

// --- push ---

struct Registry::Core::Admitted {
  Release release;
  std::string manifest;
  std::string document;  // the whole definition document
  std::string library;   // for this platform
  bool held = false;     // the tenant has this very release
};

Status Registry::Core::check_quota(std::string_view tenant, uint64_t more_bytes) const {
  PIRN_TRY(const auto count, database_->integer("SELECT count(*) FROM releases WHERE tenant = ?", {tenant}));
  if (static_cast<uint64_t>(*count) >= options_.releases_per_tenant)
    return Error{Code::quota_exceeded,
                 "the tenant has " + std::to_string(*count) + " releases, which is the limit"};
  PIRN_TRY(
      const auto bytes,
      database_->integer("SELECT coalesce(sum(archive_size), 0) FROM releases WHERE tenant = ?", {tenant}));
  if (static_cast<uint64_t>(*bytes) + more_bytes > options_.storage_per_tenant)
    return Error{Code::quota_exceeded, "the tenant's packages would take more than the limit of " +
                                           std::to_string(options_.storage_per_tenant) + " bytes"};
  return {};
}

Status Registry::admit_push(const Principal& who, std::string_view tenant, uint64_t declared_size,
                            int64_t now_ms) {
  const Status admitted = [&]() -> Status {
    PIRN_DO(who.require(Permission::push_release, tenant));
    if (declared_size > core_->options_.archive_limit)
      return Error{Code::too_large, "the package has " + std::to_string(declared_size) +
                                        " bytes; the limit is " +
                                        std::to_string(core_->options_.archive_limit)};
    const MutexLock lock(core_->mutex_);
    PIRN_DO(core_->find_tenant(tenant));
    return core_->check_quota(tenant, 0);
  }();
  if (admitted) return admitted;
  return core_->refuse(
      {who, std::string(tenant), Permission::push_release, "package.push", "package", now_ms},
      admitted.error());
}

// Everything that can be said of the bytes, with the trust of this moment; changes nothing.
Result<Registry::Core::Admitted> Registry::Core::admit(const Principal& who, std::string_view tenant_name,
                                                       std::string_view bytes, int64_t now_ms) const {
  PIRN_DO(who.require(Permission::push_release, tenant_name));
  if (bytes.size() > options_.archive_limit)
    return Error{Code::too_large, "the package has " + std::to_string(bytes.size()) +
                                      " bytes; the limit is " + std::to_string(options_.archive_limit)};
  archive::Policy policy;
  std::vector<archive::TrustedKey> trusted;
  {
    const MutexLock lock(mutex_);
    PIRN_TRY(const Tenant tenant, find_tenant(tenant_name));
    PIRN_TRY(const auto rows, trust_of(tenant_name));
    for (const TrustRow& row : rows) trusted.push_back(trusted_key_of(row));
    policy.signatures_required = tenant.signatures_required;
  }
  policy.tenant = tenant_name;
  policy.now_unix_s = now_ms / 1000;
  policy.platform = archive::host_platform();
  policy.decompress = options_.decompress;
  // An equal serial passes here: record_release() tells a version that is taken from a serial that is.
  policy.serial_floor = [&](std::string_view package, const Digest& id) -> int64_t {
    const MutexLock lock(mutex_);
    const auto held =
        database_->integer("SELECT 1 FROM releases WHERE tenant = ? AND digest = ?", {tenant_name, id});
    if (!held || *held) return INT64_MIN;  // a failing database is noticed by the transaction
    const auto floor = database_->integer(
        "SELECT admitted FROM serial_floors WHERE tenant = ? AND package = ?", {tenant_name, package});
    return floor && *floor ? **floor : INT64_MIN;
  };

  Admitted admitted;
  archive::MemorySource source(bytes);
  PIRN_TRY(archive::VerifiedPackage verified, archive::verify(source, trusted, policy));
  admitted.document = verified.definition_document();
  Release& release = admitted.release;
  PIRN_DO(describe_release(verified.manifest, admitted.document, release));
  admitted.library = verified.library(archive::host_platform());
  PIRN_DO(admit_library(verified.manifest, admitted.library));
  admitted.manifest = std::move(verified.manifest_text);
  release.digest = verified.package_id;
  release.tenant = tenant_name;
  release.signers = signers_of(verified.signers);
  release.archive_size = bytes.size();
  release.pushed_at_ms = now_ms;
  release.pushed_by = who.who();
  const MutexLock lock(mutex_);
  PIRN_TRY(const auto held, database_->integer("SELECT 1 FROM releases WHERE tenant = ? AND digest = ?",
                                               {tenant_name, release.digest}));
  admitted.held = held.has_value();
  return admitted;
}

Result<PushedRelease> Registry::push(const Principal& who, std::string_view tenant, std::string_view bytes,
                                     int64_t now_ms, int64_t accepted_serial) {
  Attempt attempt{who, std::string(tenant), Permission::push_release, "package.push", "package", now_ms};
  MutexLock one_at_a_time(core_->push_mutex_);
  auto admitted = core_->admit(who, tenant, bytes, now_ms);
  if (!admitted) return core_->refuse(attempt, admitted.error());
  attempt.object = "package/" + admitted->release.package + "@" + admitted->release.version;
  attempt.detail = admitted->release.digest.hex();
  if (core_->options_.probe && !admitted->held) {
    one_at_a_time.unlock();  // a library may take its time, and other uploads do not wait for it
    if (Status probed = core_->options_.probe(admitted->release, admitted->library); !probed)
      return core_->refuse(attempt, probed.error());
    one_at_a_time.lock();
  }

  std::vector<Digest> added;
  const auto store = [&](std::string_view part, const Digest* expected) -> Result<Digest> {
    bool is_new = false;
    PIRN_TRY(const Digest digest, core_->blobs_->put(part, &is_new));
    if (is_new) added.push_back(digest);
    if (expected && digest != *expected)
      return Error{Code::blob_damaged, "the library differs from the one that was verified", {}, Blame::pirn};
    return digest;
  };
  auto result = [&]() -> Result<PushedRelease> {
    const auto stored = [&]() -> Status {
      PIRN_TRY(admitted->release.archive, store(bytes, nullptr));
      PIRN_DO(store(admitted->library, &admitted->release.library));
      PIRN_DO(store(admitted->document, nullptr));
      return {};
    }();
    if (!stored) return core_->refuse(attempt, stored.error());
    return core_->record_release(attempt, *admitted, accepted_serial);
  }();
  // What a refusal stored, or the same package in another wrapping. If this fails, the next open does it.
  // After an uncertain commit the row may be on disk, so its blobs stay.
  const MutexLock lock(core_->mutex_);
  if (core_->database_->healthy()) static_cast<void>(core_->remove_unreferenced(added));
  return result;
}

namespace {

Status check_signers_in_force(Database& database, const Release& release) {
  for (const Signer& signer : release.signers) {
    PIRN_TRY(
        const auto row,
        database.integer("SELECT 1 FROM trust WHERE tenant = ? AND key_id = ? AND revoked_at = 0 LIMIT 1",
                         {release.tenant, signer.key}));
    if (!row)
      return Error{Code::signer_revoked, "the key " + signer.key.hex() + " was revoked during the upload"};
  }
  return {};
}

Status check_leap(const Release& release, int64_t floor, int64_t accepted_serial) {
  if (release.serial == accepted_serial) return {};
  PIRN_TRY(const archive::Version version, archive::parse_version(release.version));
  const std::string why = archive::why_serial_blocks(release.serial, floor, version);
  if (why.empty()) return {};
  return Error{Code::serial_leap, release.package + "@" + release.version + ": " + why,
               "Lower 'serial' in package.toml, or remove it. If you mean it, push with --accept-serial " +
                   std::to_string(release.serial) + "."};
}

Status insert_release(Database& database, const Release& release, const std::string& manifest,
                      const Digest& definition) {
  PIRN_DO(database.run(
      "INSERT INTO releases (tenant, digest, package, version, serial, publisher, manifest, definition,"
      " archive, archive_size, pushed_at, pushed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {release.tenant, release.digest, release.package, release.version, release.serial, release.publisher,
       Value::blob(manifest), definition, release.archive, release.archive_size, release.pushed_at_ms,
       release.pushed_by}));
  for (const Signer& signer : release.signers)
    PIRN_DO(database.run("INSERT INTO release_signers (tenant, release, key_id, role) VALUES (?, ?, ?, ?)",
                         {release.tenant, release.digest, signer.key,
                          name(signer.countersigner ? TrustRole::countersign : TrustRole::sign)}));
  for (const Digest& blob : std::set<Digest>{release.archive, release.library, definition})
    PIRN_DO(database.run("INSERT INTO release_blobs (tenant, release, blob) VALUES (?, ?, ?)",
                         {release.tenant, release.digest, blob}));
  return database.run(
      "INSERT INTO serial_floors (tenant, package, admitted) VALUES (?, ?, ?)"
      " ON CONFLICT (tenant, package) DO UPDATE SET admitted = excluded.admitted",
      {release.tenant, release.package, release.serial});
}

}  // namespace

// The last step: one transaction that asks again what may have changed since the verification began.
Result<PushedRelease> Registry::Core::record_release(Attempt& attempt, const Admitted& admitted,
                                                     int64_t accepted_serial) {
  const Release& release = admitted.release;
  bool already_there = false;
  PIRN_TRY(
      const Digest recorded, change<Digest>(attempt, [&]() -> Result<Digest> {
        mutex_.is_held();
        PIRN_DO(find_tenant(release.tenant));
        PIRN_DO(check_signers_in_force(*database_, release));
        PIRN_TRY(const auto held, database_->integer("SELECT 1 FROM releases WHERE tenant = ? AND digest = ?",
                                                     {release.tenant, release.digest}));
        if (held) {
          already_there = true;
          attempt.detail += " (already pushed)";
          return release.digest;
        }
        if (const auto other = find_version(release.tenant, release.package, release.version); other)
          return Error{Code::version_taken, release.package + "@" + release.version + " is the release " +
                                                other->hex() + "; this package is " + release.digest.hex()};
        PIRN_TRY(const auto floor,
                 database_->integer("SELECT admitted FROM serial_floors WHERE tenant = ? AND package = ?",
                                    {release.tenant, release.package}));
        if (floor && release.serial <= *floor)
          return Error{Code::serial_too_low, release.package + "@" + release.version + " has the serial " +
                                                 std::to_string(release.serial) + "; it must be above " +
                                                 std::to_string(*floor)};
        PIRN_DO(check_leap(release, floor.value_or(0), accepted_serial));
        PIRN_DO(check_quota(release.tenant, release.archive_size));
        PIRN_DO(insert_release(*database_, release, admitted.manifest, sha256(admitted.document)));
        return release.digest;
      }));
  if (!already_there) return PushedRelease{share(release), false};
  MutexLock lock(mutex_);
  PIRN_TRY(const ReleaseRecord record, find_release(release.tenant, recorded));
  lock.unlock();
  PIRN_TRY(ReleasePtr existing, read_back(record));
  return PushedRelease{std::move(existing), true};
}

// --- load ---

Result<Digest> Registry::Core::find_version(std::string_view tenant, std::string_view package,
                                            std::string_view version) const {
  Digest digest;
  const auto take = [&](const Row& row) { digest = row.digest(0); };
  if (version.empty())
    PIRN_DO(database_->each(
        "SELECT digest FROM releases WHERE tenant = ? AND package = ? ORDER BY serial DESC LIMIT 1",
        {tenant, package}, take));
  else
    PIRN_DO(database_->each("SELECT digest FROM releases WHERE tenant = ? AND package = ? AND version = ?",
                            {tenant, package, version}, take));
  if (!digest.is_zero()) return digest;
  std::string known;  // of this package; else of the tenant
  PIRN_DO(database_->each(
      "SELECT version FROM releases WHERE tenant = ? AND package = ? ORDER BY serial DESC LIMIT 5",
      {tenant, package}, [&](const Row& row) { known += (known.empty() ? "" : ", ") + row.text(0); }));
  if (!known.empty())
    return Error{Code::not_found, "there is no release " + std::string(package) + "@" + std::string(version),
                 "Its newest versions are: " + known + "."};
  return no_package(package);
}

Result<Digest> Registry::Core::ask_for_version(std::string_view tenant, std::string_view package,
                                               std::string_view version) const {
  std::vector<std::string> packages;
  auto found = [&]() -> Result<Digest> {
    const MutexLock lock(mutex_);
    PIRN_DO(find_tenant(tenant));
    auto release = find_version(tenant, package, version);
    if (!release && package.size() <= kLongestSuggestion)
      PIRN_DO(database_->each("SELECT DISTINCT package FROM releases WHERE tenant = ? LIMIT ?",
                              {tenant, uint64_t{kMostCompared}},
                              [&](const Row& row) { packages.push_back(row.text(0)); }));
    return release;
  }();
  if (found || packages.empty()) return found;
  Error error = std::move(found).error();
  if (error.message != no_package(package).message) return error;  // a version is missing
  if (const std::string near = nearest(package, packages); !near.empty())
    error.hint = "Did you mean '" + near + "'?";
  return error;
}

Result<Registry::Core::ReleaseRecord> Registry::Core::find_release(std::string_view tenant_name,
                                                                   const Digest& digest) const {
  PIRN_TRY(const Tenant tenant, find_tenant(tenant_name));
  ReleaseRecord record;
  bool found = false;
  PIRN_DO(database_->each(
      "SELECT package, version, serial, publisher, manifest, definition, archive, archive_size, pushed_at,"
      " pushed_by FROM releases WHERE tenant = ? AND digest = ?",
      {tenant_name, digest}, [&](const Row& row) {
        found = true;
        Release& head = record.head;
        head.digest = digest;
        head.tenant = tenant_name;
        head.package = row.text(0);
        head.version = row.text(1);
        head.serial = row.integer(2);
        head.publisher = row.text(3);
        record.manifest = row.text(4);
        record.definition = row.digest(5);
        head.archive = row.digest(6);
        head.archive_size = static_cast<uint64_t>(row.integer(7));
        head.pushed_at_ms = row.integer(8);
        head.pushed_by = row.text(9);
      }));
  if (!found) return Error{Code::not_found, "there is no release " + digest.hex()};
  PIRN_DO(database_->each(
      "SELECT key_id, role FROM release_signers WHERE tenant = ? AND release = ? ORDER BY key_id",
      {tenant_name, digest}, [&](const Row& row) {
        record.head.signers.push_back({row.digest(0), row.text(1) == name(TrustRole::countersign)});
      }));
  PIRN_TRY(record.withdrawn, is_withdrawn(tenant, digest));
  return record;
}

// What compromised keys signed stands only on the others: there must be enough of them, and one that may
// sign. Without such a key a release stands, also when its tenant asks for more signatures since.
Result<bool> Registry::Core::is_withdrawn(const Tenant& tenant, const Digest& release) const {
  int64_t all = 0, sound = 0, signing = 0;
  PIRN_DO(database_->each(
      "SELECT count(*), coalesce(sum(sound), 0), coalesce(sum(sound AND role = 'sign'), 0) FROM"
      " (SELECT role, NOT EXISTS (SELECT 1 FROM trust WHERE trust.tenant = signer.tenant"
      " AND trust.key_id = signer.key_id AND trust.reason = 'compromised') AS sound"
      " FROM release_signers AS signer WHERE tenant = ? AND release = ?)",
      {tenant.name, release}, [&](const Row& row) {
        all = row.integer(0);
        sound = row.integer(1);
        signing = row.integer(2);
      }));
  return signing == 0 || (sound < all && sound < tenant.signatures_required);
}

Result<std::vector<CatalogEdit>> Registry::Core::new_withdrawals(const Tenant& tenant) const {
  std::vector<CatalogEdit> edits;
  const CatalogPtr current = catalog();
  for (const Active* active : current->packages(tenant.name)) {
    Active next = *active;
    PIRN_TRY(next.withdrawn, is_withdrawn(tenant, next.release->digest));
    if (next.withdrawn != active->withdrawn) edits.push_back({tenant.name, next.release->package, next});
  }
  return edits;
}

ReleasePtr Registry::Core::share(Release release) const {
  const MutexLock lock(held_mutex_);
  std::erase_if(held_, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = held_[{release.tenant, release.digest}];
  ReleasePtr shared = slot.lock();
  if (!shared) slot = shared = std::make_shared<const Release>(std::move(release));
  return shared;
}

Result<Release> Registry::Core::outline_of(const ReleaseRecord& record) const {
  PIRN_TRY(const archive::Manifest manifest, archive::parse_manifest(record.manifest));
  Release outline = record.head;
  for (const archive::WorkflowEntry& workflow : manifest.workflows)
    outline.definition.workflows.emplace_back().name = workflow.name;
  return outline;
}

Result<ReleasePtr> Registry::Core::read_back(const ReleaseRecord& record) const {
  {
    const MutexLock lock(held_mutex_);
    if (const auto found = held_.find({record.head.tenant, record.head.digest}); found != held_.end())
      if (ReleasePtr shared = found->second.lock()) return shared;
  }
  if (archive::package_id(record.manifest) != record.head.digest)
    return Error{Code::blob_damaged,
                 "the manifest of " + record.head.package + "@" + record.head.version +
                     " is not the manifest that was signed",
                 {},
                 Blame::world};
  PIRN_TRY(const archive::Manifest manifest, archive::parse_manifest(record.manifest));
  PIRN_TRY(const std::string document, blobs_->get(record.definition));
  Release release = record.head;
  PIRN_DO(describe_release(manifest, document, release));
  return share(std::move(release));
}

Result<ReleasePtr> Registry::load_release(std::string_view tenant, const Digest& digest) const {
  MutexLock lock(core_->mutex_);
  PIRN_TRY(const Core::ReleaseRecord record, core_->find_release(tenant, digest));
  lock.unlock();
  if (record.withdrawn) return withdrawn(record.head);
  return core_->read_back(record);
}

Result<ReleasePtr> Registry::read_release(std::string_view tenant, const Digest& digest) const {
  MutexLock lock(core_->mutex_);
  PIRN_TRY(const Core::ReleaseRecord record, core_->find_release(tenant, digest));
  lock.unlock();
  return core_->read_back(record);
}

Result<std::string> Registry::load_library(const Release& release) const {
  MutexLock lock(core_->mutex_);
  PIRN_TRY(const Core::ReleaseRecord record, core_->find_release(release.tenant, release.digest));
  lock.unlock();
  if (record.withdrawn) return withdrawn(release);
  return core_->blobs_->get(release.library);
}

// --- lists ---

// A tenant may have thousands of releases, and each is asked for its signers: nobody waits for all of that at
// once. What changes meanwhile is shown as it was or as it is.
Result<std::vector<ReleaseRow>> Registry::Core::list_releases(std::string_view tenant_name,
                                                              std::string_view package) const {
  constexpr size_t kRowsPerLock = 64;
  MutexLock lock(mutex_);
  PIRN_TRY(const Tenant tenant, find_tenant(tenant_name));
  std::vector<ReleaseRow> rows;
  // The revisions are read once for all releases, and not once for each.
  PIRN_DO(database_->each(
      "SELECT l.digest, l.package, l.version, l.publisher, l.serial, l.archive_size, l.pushed_at, "
      "l.pushed_by,"
      " coalesce(r.newest, 0),"
      " coalesce((SELECT max(number) FROM revisions WHERE tenant = l.tenant AND package = l.package), 0)"
      " FROM releases AS l LEFT JOIN (SELECT release, max(number) AS newest FROM revisions"
      "   WHERE tenant = ? AND (? = '' OR package = ?) GROUP BY release) AS r ON r.release = l.digest"
      " WHERE l.tenant = ? AND (? = '' OR l.package = ?) ORDER BY l.package, l.serial DESC",
      {tenant_name, package, package, tenant_name, package, package}, [&](const Row& row) {
        ReleaseRow out;
        out.digest = row.digest(0);
        out.package = row.text(1);
        out.version = row.text(2);
        out.publisher = row.text(3);
        out.serial = row.integer(4);
        out.archive_size = static_cast<uint64_t>(row.integer(5));
        out.pushed_at_ms = row.integer(6);
        out.pushed_by = row.text(7);
        out.revision = static_cast<uint64_t>(row.integer(8));
        out.active = out.revision != 0 && row.integer(8) == row.integer(9);
        rows.push_back(std::move(out));
      }));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kRowsPerLock == kRowsPerLock - 1) {
      lock.unlock();
      lock.lock();
    }
    ReleaseRow& row = rows[i];
    PIRN_DO(database_->each(
        "SELECT key_id, role FROM release_signers WHERE tenant = ? AND release = ? ORDER BY key_id",
        {tenant_name, row.digest}, [&](const Row& signer) {
          row.signers.push_back({signer.digest(0), signer.text(1) == name(TrustRole::countersign)});
        }));
    PIRN_TRY(row.withdrawn, is_withdrawn(tenant, row.digest));
  }
  return rows;
}

Result<std::vector<ReleaseRow>> Registry::releases(std::string_view tenant) const {
  return core_->list_releases(tenant, {});
}

Result<std::vector<ReleaseRow>> Registry::releases(std::string_view tenant, std::string_view package) const {
  if (package.empty()) return no_package(package);
  PIRN_TRY(auto rows, core_->list_releases(tenant, package));
  if (rows.empty()) return no_package(package);
  return rows;
}

}  // namespace pirn::registry
