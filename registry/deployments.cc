// Deployments: which release a package points to, as numbered revisions that are only ever appended.
//
// A deployment is decided twice: once to refuse early and to know what to probe, and again in the
// transaction, because the probe runs without a lock and takes its time.
#include <algorithm>
#include <set>

#include "packager/mutex/mutex.h"
#include "registry/breakers.h"
#include "registry/core.h"

namespace pirn::registry {

namespace {

Revision revision_of(const Row& row) {
  Revision revision;
  revision.tenant = row.text(0);
  revision.package = row.text(1);
  revision.number = static_cast<uint64_t>(row.integer(2));
  revision.release = row.digest(3);
  revision.previous = row.digest(4);
  revision.undo = row.text(5) == "undo";
  revision.at_ms = row.integer(6);
  revision.by = row.text(7);
  revision.why = row.text(8);
  revision.version = row.text(9);
  return revision;
}

std::map<std::string, Digest> workflows_of(const Release* release) {
  std::map<std::string, Digest> workflows;
  if (release)
    for (const definition::Workflow& workflow : release->definition.workflows)
      workflows.emplace(workflow.name, release->digest_of(workflow));
  return workflows;
}

void compare_schedules(const Release* from, const Release& to, DeploymentPlan& plan) {
  const auto schedule_of = [](const Release* release, const std::string& workflow) {
    const definition::Workflow* found = release ? release->find(workflow) : nullptr;
    return found ? found->schedule : std::nullopt;
  };
  std::set<std::string> workflows;
  for (const auto* names : {&plan.added, &plan.changed, &plan.removed})
    workflows.insert(names->begin(), names->end());
  for (const std::string& workflow : workflows) {
    const auto before = schedule_of(from, workflow), after = schedule_of(&to, workflow);
    if (before == after) continue;
    plan.schedules.push_back({workflow, !before ? "starts" : !after ? "stops" : "restarts"});
  }
}

void compare_workflows(const Release* from, const Release& to, DeploymentPlan& plan) {
  const auto before = workflows_of(from), after = workflows_of(&to);
  for (const auto& [name, digest] : after) {
    const auto found = before.find(name);
    if (found == before.end())
      plan.added.push_back(name);
    else
      (found->second == digest ? plan.unchanged : plan.changed).push_back(name);
  }
  for (const auto& [name, digest] : before)
    if (!after.contains(name)) plan.removed.push_back(name);
  compare_schedules(from, to, plan);
}

constexpr size_t kLongestReason = 1024;
constexpr uint32_t kLongestHistory = 1000;
constexpr uint64_t kNewest = INT64_MAX;

}  // namespace

Result<std::vector<Revision>> Registry::Core::revisions(std::string_view tenant, std::string_view package,
                                                        uint64_t newest, uint32_t limit) const {
  std::vector<Revision> revisions;
  PIRN_DO(database_->each(
      "SELECT r.tenant, r.package, r.number, r.release, r.previous, r.kind, r.at, r.by, r.why, l.version"
      " FROM revisions AS r JOIN releases AS l ON l.tenant = r.tenant AND l.digest = r.release"
      " WHERE r.tenant = ? AND r.package = ? AND r.number <= ? ORDER BY r.number DESC LIMIT ?",
      {tenant, package, std::min(newest, kNewest), limit},
      [&](const Row& row) { revisions.push_back(revision_of(row)); }));
  return revisions;
}

Result<std::vector<Revision>> Registry::history(std::string_view tenant, std::string_view package) const {
  PIRN_DO(core_->ask_for_version(tenant, package, {}));
  const MutexLock lock(core_->mutex_);
  return core_->revisions(tenant, package, kNewest, kLongestHistory);
}

// What would happen if the package pointed to `to`; refusals that hold for an undo too.
Result<Registry::Core::Target> Registry::Core::aim(const Tenant& tenant, std::string_view package,
                                                   const Digest& to) const {
  Target target;
  PIRN_TRY(target.to, find_release(tenant.name, to));
  DeploymentPlan& plan = target.plan;
  plan.tenant = tenant.name;
  plan.package = package;
  plan.to = to;
  plan.to_version = target.to.head.version;
  PIRN_TRY(const auto past, revisions(tenant.name, package, kNewest, 1));
  if (!past.empty()) {
    target.current = past.front().number;
    plan.from = past.front().release;
    plan.from_version = past.front().version;
  }
  if (tenant.isolation == Isolation::worker)
    plan.refusals.push_back(
        {Code::worker_isolation_unavailable,
         "the tenant '" + tenant.name + "' requires isolated workers, which this version does not support"});
  if (target.to.withdrawn)
    plan.refusals.push_back(
        {Code::release_withdrawn, std::string(package) + "@" + plan.to_version +
                                      " is withdrawn: a key that signed it was revoked as compromised"});
  return target;
}

Search Registry::Core::deployed_releases(const std::string& tenant) const {
  return [this, tenant](std::string_view package, const Fits& fits) -> Result<ReleasePtr> {
    mutex_.is_held();
    std::vector<Digest> deployed;
    PIRN_DO(database_->each(
        "SELECT release FROM revisions WHERE tenant = ? AND package = ? GROUP BY release "
        "ORDER BY max(number) DESC LIMIT ?",
        {tenant, package, kMostCandidates}, [&](const Row& row) { deployed.push_back(row.digest(0)); }));
    for (const Digest& digest : deployed) {
      PIRN_TRY(const ReleaseRecord record, find_release(tenant, digest));
      if (record.withdrawn) continue;
      // The manifest says enough to choose by, so that one definition at most is read and parsed. A release
      // that cannot be read back any more is no choice, and no reason to refuse the others.
      const auto outline = outline_of(record);
      if (!outline || !fits(*outline)) continue;
      if (const auto release = read_back(record)) return *release;
    }
    return ReleasePtr();
  };
}

Status Registry::Core::check_requirements(const Release& release) const {
  if (release.requirements.empty()) return {};
  const auto met = meet_requirements(release, deployed_releases(release.tenant));
  if (!met) return met.error();
  return {};
}

namespace {

// A deployment goes up. Going below what was once deployed is an undo, which is another permission.
Status check_floor(Database& database, std::string_view tenant, std::string_view package,
                   const Release& release) {
  PIRN_TRY(const auto floor,
           database.integer("SELECT deployed FROM serial_floors WHERE tenant = ? AND package = ?",
                            {tenant, package}));
  if (!floor || release.serial >= *floor) return {};
  return Error{Code::rollback_needed, release.package + "@" + release.version + " has the serial " +
                                          std::to_string(release.serial) + "; a release with the serial " +
                                          std::to_string(*floor) + " was deployed before"};
}

}  // namespace

Result<DeploymentPlan> Registry::plan(const NewDeployment& wanted) const {
  PIRN_TRY(const Digest to, core_->ask_for_version(wanted.tenant, wanted.package, wanted.version));
  MutexLock lock(core_->mutex_);
  PIRN_TRY(const Tenant tenant, core_->find_tenant(wanted.tenant));
  PIRN_TRY(Core::Target target, core_->aim(tenant, wanted.package, to));
  if (Status floor = check_floor(*core_->database_, tenant.name, wanted.package, target.to.head);
      !floor && !target.plan.nothing_to_do())
    target.plan.refusals.push_back(floor.error());
  const CatalogPtr catalog = core_->catalog();
  lock.unlock();
  PIRN_TRY(const ReleasePtr release, core_->read_back(target.to));
  const Active* active = catalog->active(tenant.name, wanted.package);
  compare_workflows(active ? active->release.get() : nullptr, *release, target.plan);
  if (Status breakers = check_breakers(*catalog, *release); !breakers && !target.plan.nothing_to_do())
    target.plan.refusals.push_back(breakers.error());
  lock.lock();
  if (Status met = core_->check_requirements(*release); !met) target.plan.refusals.push_back(met.error());
  return std::move(target.plan);
}

Result<Deployed> Registry::Core::publish_release(Attempt& attempt, const Digest& to, bool undo,
                                                 std::string_view package, std::string_view why,
                                                 const Probe& probe) {
  // Everything that can refuse, asked before the probe and again in the transaction.
  const auto decide = [&]() PIRN_REQUIRES(mutex_) -> Result<Target> {
    PIRN_TRY(const Tenant tenant, find_tenant(attempt.tenant));
    PIRN_TRY(Target target, aim(tenant, package, to));
    if (!target.plan.refusals.empty()) return target.plan.refusals.front();
    if (!undo && !target.plan.nothing_to_do())
      PIRN_DO(check_floor(*database_, tenant.name, package, target.to.head));
    return target;
  };
  Deployed deployed;
  ReleasePtr release;
  const Status ready = [&]() -> Status {
    if (why.size() > kLongestReason)
      return Error{Code::too_large, "the reason is too long: at most " + std::to_string(kLongestReason) +
                                        " bytes are allowed"};
    MutexLock lock(mutex_);
    PIRN_TRY(const Target target, decide());
    const CatalogPtr before = catalog();
    lock.unlock();
    PIRN_TRY(release, read_back(target.to));
    lock.lock();
    PIRN_DO(check_requirements(*release));
    lock.unlock();
    deployed.plan = target.plan;
    const Active* active = before->active(attempt.tenant, package);
    compare_workflows(active ? active->release.get() : nullptr, *release, deployed.plan);
    if (!target.plan.nothing_to_do()) PIRN_DO(check_breakers(*before, *release));
    if (target.plan.nothing_to_do() || !probe) return {};
    Status probed = probe(*release);
    if (probed) return {};
    // That a host has too little is not the library's fault, and said as it is.
    if (probed.error().code == Code::resources_insufficient) return probed;
    Error refused{Code::probe_refused,
                  release->package + "@" + release->version + " could not be loaded in a test process",
                  {},
                  Blame::package};
    refused.causes.push_back(probed.error());
    return refused;
  }();
  if (!ready) return refuse(attempt, ready.error());

  return change<Deployed>(
      attempt,
      [&]() -> Result<Deployed> {
        mutex_.is_held();
        PIRN_TRY(const Target target, decide());
        PIRN_DO(check_requirements(*release));
        deployed.changed = !target.plan.nothing_to_do();
        if (!deployed.changed) {
          PIRN_TRY(auto past, revisions(attempt.tenant, package, kNewest, 1));
          deployed.revision = std::move(past.front());
          attempt.detail = "already active since revision " + std::to_string(deployed.revision.number);
          return deployed;
        }
        PIRN_DO(check_breakers(*catalog(), *release));
        deployed.revision = {attempt.tenant,
                             std::string(package),
                             target.current + 1,
                             to,
                             target.plan.from,
                             release->version,
                             undo,
                             attempt.now_ms,
                             attempt.who.who(),
                             std::string(why)};
        const Revision& revision = deployed.revision;
        attempt.detail = "revision " + std::to_string(revision.number) + ": " + to.hex();
        PIRN_DO(database_->run(
            "INSERT INTO revisions (tenant, package, number, release, previous, kind, at, by, why)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            {revision.tenant, revision.package, revision.number, to,
             revision.previous.is_zero() ? std::string() : revision.previous.hex(),
             std::string_view(undo ? "undo" : "deploy"), revision.at_ms, revision.by, revision.why}));
        PIRN_DO(
            database_->run("UPDATE serial_floors SET deployed = max(coalesce(deployed, ?), ?) WHERE tenant = "
                           "? AND package = ?",
                           {release->serial, release->serial, revision.tenant, revision.package}));
        return deployed;
      },
      // Also when nothing changed: a package that open() could not serve is served again after a repair.
      [&](const Deployed& done) {
        mutex_.is_held();
        edit_catalog({{attempt.tenant, std::string(package), Active{release, done.revision.number}}});
      });
}

Result<Deployed> Registry::deploy(const Principal& who, const NewDeployment& wanted, const Probe& probe,
                                  int64_t now_ms) {
  Attempt attempt{who,
                  wanted.tenant,
                  Permission::deploy_release,
                  "package.deploy",
                  "package/" + wanted.package + (wanted.version.empty() ? "" : "@") + wanted.version,
                  now_ms};
  const auto to = [&]() -> Result<Digest> {
    PIRN_DO(who.require(attempt.permission, wanted.tenant));
    return core_->ask_for_version(wanted.tenant, wanted.package, wanted.version);
  }();
  if (!to) return core_->refuse(attempt, to.error());
  return core_->publish_release(attempt, *to, false, wanted.package, wanted.why, probe);
}

Result<Deployed> Registry::undo(const Principal& who, std::string_view tenant, std::string_view package,
                                uint64_t to_revision, std::string_view why, const Probe& probe,
                                int64_t now_ms) {
  Attempt attempt{who,
                  std::string(tenant),
                  Permission::roll_back_release,
                  "rollout.undo",
                  "package/" + std::string(package),
                  now_ms};
  const auto to = [&]() -> Result<Digest> {
    PIRN_DO(who.require(attempt.permission, tenant));
    PIRN_DO(core_->ask_for_version(tenant, package, {}));
    const MutexLock lock(core_->mutex_);
    PIRN_TRY(const auto past, core_->revisions(tenant, package, to_revision == 0 ? kNewest : to_revision, 1));
    const Error nothing{Code::nothing_to_undo,
                        "'" + std::string(package) + "' has no earlier deployment to roll back to"};
    if (to_revision == 0)
      return past.empty() || past.front().previous.is_zero() ? Result<Digest>(nothing)
                                                             : past.front().previous;
    if (!past.empty() && past.front().number == to_revision) return past.front().release;
    PIRN_TRY(const auto newest, core_->revisions(tenant, package, kNewest, 1));
    if (newest.empty()) return nothing;
    return Error{Code::not_found,
                 "'" + std::string(package) + "' has no revision " + std::to_string(to_revision)};
  }();
  if (!to) return core_->refuse(attempt, to.error());
  return core_->publish_release(attempt, *to, true, package, why, probe);
}

// At open: each package points to the release of its newest revision. One that cannot be read back is set
// aside; the others are served.
Status Registry::Core::read_catalog() {
  struct Pointer {
    std::string tenant, package;
    uint64_t number;
    Digest release;
  };
  std::vector<Pointer> pointers;
  std::vector<CatalogEdit> edits;
  Catalog with_aside;
  PIRN_DO(database_->each(
      "SELECT tenant, package, max(number), release FROM revisions GROUP BY tenant, package", {},
      [&](const Row& row) {
        pointers.push_back({row.text(0), row.text(1), static_cast<uint64_t>(row.integer(2)), row.digest(3)});
      }));
  for (const Pointer& pointer : pointers) {
    const auto record = find_release(pointer.tenant, pointer.release);
    if (!record && record.error().code != Code::not_found) return record.error();
    auto release = record ? read_back(*record) : Result<ReleasePtr>(record.error());
    if (!release) {
      Error why = std::move(release).error();
      why.code = Code::blob_damaged;
      why.blame = Blame::world;
      why.message = pointer.tenant + "::" + pointer.package + " is quarantined: " + why.message;
      why.hint =
          "Restore the blob from a backup and restart the host, or push the package again and deploy it.";
      with_aside = with_aside.with_aside(pointer.tenant, pointer.package, std::move(why));
      continue;
    }
    edits.push_back({pointer.tenant, pointer.package, Active{*release, pointer.number, record->withdrawn}});
  }
  {
    const MutexLock catalog_lock(catalog_mutex_);
    catalog_ = std::make_shared<const Catalog>(std::move(with_aside));
  }
  edit_catalog(edits);
  std::vector<Tenant> tenants;
  PIRN_DO(database_->each("SELECT name, weight, max_running_steps FROM tenants", {}, [&](const Row& row) {
    Tenant& tenant = tenants.emplace_back();
    tenant.name = row.text(0);
    tenant.slots = {static_cast<uint32_t>(row.integer(1)), static_cast<uint32_t>(row.integer(2))};
  }));
  for (const Tenant& tenant : tenants) publish_slots(tenant);
  return {};
}

}  // namespace pirn::registry
