#include "registry/registry.h"

#include "registry/core.h"
#include "registry/schema.h"

namespace pirn::registry {

// --- opening ---

Result<std::unique_ptr<Registry>> Registry::open(Options options) {
  PIRN_TRY(auto core, Core::open(std::move(options)));
  return std::unique_ptr<Registry>(new Registry(std::move(core)));
}

Registry::Registry(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Registry::~Registry() = default;

Result<std::unique_ptr<Registry::Core>> Registry::Core::open(Options options) {
  std::unique_ptr<Core> core(new Core(std::move(options)));
  PIRN_DO(core->open_files());
  PIRN_DO(core->sweep_blobs());
  PIRN_DO(core->read_keys());
  PIRN_DO(core->read_catalog());
  return core;
}

Status Registry::Core::open_files() {
  const std::string& directory = options_.directory;
  const bool in_memory = directory.empty();
  PIRN_TRY(database_, Database::open(in_memory ? std::string() : directory + "/registry.db"));
  PIRN_DO(migrate(*database_, migrations()));
  if (in_memory) {
    blobs_ = blobs_in_memory();
    PIRN_TRY(pepper_, random_pepper());
    return {};
  }
  PIRN_TRY(blobs_, open_blobs(directory + "/blobs"));
  return open_pepper_file(directory + "/registry.pepper");
}

// The database knows a keyed hash of a constant, so that a pepper from elsewhere is noticed here and not by
// every key being refused.
Status Registry::Core::open_pepper_file(const std::string& path) {
  std::string expected;
  PIRN_DO(database_->each("SELECT value FROM meta WHERE key = 'pepper_check'", {},
                          [&](const Row& row) { expected = row.text(0); }));
  PIRN_TRY(pepper_, open_pepper(path, expected.empty()));
  const std::string check = mac(pepper_, "PIRN1-PEPPER").hex();
  if (expected.empty()) {
    return database_->run("INSERT INTO meta (key, value) VALUES ('pepper_check', ?)", {check});
  }
  if (check != expected)
    return Error{Code::pepper_lost,
                 path + " is not the pepper that the API keys in registry.db were made with",
                 {},
                 Blame::world};
  return {};
}

Status Registry::Core::sweep_blobs() {
  PIRN_TRY(const std::vector<Digest> blobs, blobs_->list());
  return remove_unreferenced(blobs);
}

Status Registry::Core::remove_unreferenced(const std::vector<Digest>& blobs) {
  for (const Digest& blob : blobs) {
    PIRN_TRY(const auto used,
             database_->integer("SELECT 1 FROM release_blobs WHERE blob = ? LIMIT 1", {blob}));
    if (!used) PIRN_DO(blobs_->remove(blob));
  }
  return {};
}

// --- audit ---

AuditRecord Registry::Core::audit_record(const Attempt& attempt, std::string_view outcome,
                                         std::string_view detail) {
  AuditRecord record;
  record.at_ms = attempt.now_ms;
  // Who reaches for a foreign tenant leaves a trace in his own log, never in the other's.
  record.tenant = attempt.who.is_operator() ? attempt.tenant : attempt.who.tenant;
  record.actor = attempt.who.who();
  record.action = attempt.action;
  record.object = attempt.object;
  record.outcome = outcome;
  record.detail = detail;
  return record;
}

Error Registry::Core::refuse_locked(const Attempt& attempt, Error error) {
  const Status recorded = [&]() -> Status {
    Transaction transaction(*database_);
    PIRN_DO(transaction.begin());
    PIRN_DO(append_audit(*database_, audit_record(attempt, error.name(), error.message)));
    return transaction.commit();
  }();
  return recorded ? std::move(error) : recorded.error();
}

Error Registry::Core::refuse(const Attempt& attempt, Error error) {
  const std::lock_guard lock(mutex_);
  return refuse_locked(attempt, std::move(error));
}

Status Registry::record_refusal(const Principal& who, std::string_view tenant, std::string_view action,
                                std::string_view object, const Error& error, int64_t now_ms) {
  const Attempt attempt{
      who, std::string(tenant), Permission::view, std::string(action), std::string(object), now_ms};
  const Error recorded = core_->refuse(attempt, error);
  if (recorded.code != error.code) return recorded;
  return {};
}

Result<std::vector<AuditRecord>> Registry::audit(std::string_view tenant, uint64_t after_seq,
                                                 uint32_t limit) const {
  const std::lock_guard lock(core_->mutex_);
  return read_audit(*core_->database_, tenant, after_seq, limit);
}

Result<uint64_t> Registry::verify_audit() const {
  const std::lock_guard lock(core_->mutex_);
  return verify_audit_chain(*core_->database_);
}

// --- catalog ---

CatalogPtr Registry::catalog() const { return core_->catalog(); }
const std::vector<Error>& Registry::problems() const { return core_->problems_; }

CatalogPtr Registry::Core::catalog() const {
  const std::lock_guard lock(catalog_mutex_);
  return catalog_;
}

// A package that moves can be what others of the tenant require: they are looked at in the same edit.
void Registry::Core::edit_catalog(const std::vector<CatalogEdit>& edits, std::set<std::string> tenants) {
  Catalog next = *catalog();  // edits are serialised by mutex_
  for (const CatalogEdit& edit : edits) {
    next = next.with(edit);
    tenants.insert(edit.tenant);
  }
  for (const std::string& tenant : tenants)
    next = next.with_requirements_met(tenant, deployed_releases(tenant));
  auto published = std::make_shared<const Catalog>(std::move(next));
  const std::lock_guard lock(catalog_mutex_);
  catalog_.swap(published);
}

// The engine looks at the catalog at each turn: what it may use counts from the next one on.
void Registry::Core::publish_slots(const Tenant& tenant) {
  if (catalog()->slot_terms(tenant.name) == tenant.slots) return;
  auto published = std::make_shared<const Catalog>(catalog()->with_slot_terms(tenant.name, tenant.slots));
  const std::lock_guard lock(catalog_mutex_);
  catalog_.swap(published);
}

// --- tenants ---

namespace {

Tenant tenant_of(const Row& row) {
  Tenant tenant;
  tenant.name = row.text(0);
  tenant.isolation = row.text(1) == name(Isolation::in_process) ? Isolation::in_process : Isolation::worker;
  tenant.signatures_required = static_cast<uint32_t>(row.integer(2));
  tenant.created_at_ms = row.integer(3);
  tenant.created_by = row.text(4);
  tenant.slots.weight = static_cast<uint32_t>(row.integer(5));
  tenant.slots.max_running_steps = static_cast<uint32_t>(row.integer(6));
  return tenant;
}

constexpr uint32_t kMostSignatures = 16;

Status check_signatures(uint32_t required) {
  if (required >= 1 && required <= kMostSignatures) return {};
  return Error{Code::invalid_argument, "a tenant can require 1 to " + std::to_string(kMostSignatures) +
                                           " signatures, not " + std::to_string(required)};
}

Status check_slots(const SlotTerms& slots) {
  const auto refused = [](std::string_view what, uint32_t from, uint32_t to, uint32_t found) {
    return Error{Code::invalid_argument, "the " + std::string(what) + " of a tenant must be from " +
                                             std::to_string(from) + " to " + std::to_string(to) + ", not " +
                                             std::to_string(found)};
  };
  if (slots.weight < 1 || slots.weight > kMostWeight) return refused("weight", 1, kMostWeight, slots.weight);
  if (slots.max_running_steps > kMostRunningSteps)
    return refused("cap on running steps", 1, kMostRunningSteps, slots.max_running_steps);
  return {};
}

Status check_new(const NewTenant& tenant) {
  if (!archive::is_name(tenant.name))
    return Error{Code::bad_name, "'" + tenant.name + "' cannot name a tenant"};
  PIRN_DO(check_slots(tenant.slots));
  return check_signatures(tenant.signatures_required);
}

std::string cap_text(uint32_t max_running_steps) {
  return max_running_steps == 0 ? "none" : std::to_string(max_running_steps);
}

// What a change says, for the audit: "isolation in-process, weight 4".
std::string text_of(const TenantEdit& edit) {
  std::string text;
  const auto add = [&](std::string_view what, const std::string& value) {
    text += (text.empty() ? "" : ", ") + std::string(what) + ' ' + value;
  };
  if (edit.isolation) add("isolation", std::string(name(*edit.isolation)));
  if (edit.signatures_required) add("signatures", std::to_string(*edit.signatures_required));
  if (edit.weight) add("weight", std::to_string(*edit.weight));
  if (edit.max_running_steps) add("max running steps", cap_text(*edit.max_running_steps));
  return text;
}

}  // namespace

Result<Tenant> Registry::Core::find_tenant(std::string_view tenant) const {
  std::vector<Tenant> found;
  PIRN_DO(database_->each(
      "SELECT name, isolation, signatures_required, created_at, created_by, weight, max_running_steps"
      " FROM tenants WHERE name = ?",
      {tenant}, [&](const Row& row) { found.push_back(tenant_of(row)); }));
  if (found.empty()) return Error{Code::not_found, "there is no tenant '" + std::string(tenant) + "'"};
  return std::move(found.front());
}

Result<Tenant> Registry::create_tenant(const Principal& who, const NewTenant& wanted, int64_t now_ms) {
  Attempt attempt{who,
                  who.tenant,
                  Permission::manage_tenants,
                  "tenant.create",
                  "tenant/" + wanted.name,
                  now_ms,
                  "isolation " + std::string(name(wanted.isolation))};
  if (wanted.slots != SlotTerms())
    attempt.detail += ", weight " + std::to_string(wanted.slots.weight) + ", max running steps " +
                      cap_text(wanted.slots.max_running_steps);
  return core_->change<Tenant>(
      attempt,
      [&]() -> Result<Tenant> {
        PIRN_DO(check_new(wanted));
        if (core_->find_tenant(wanted.name))
          return Error{Code::tenant_exists, "there is a tenant '" + wanted.name + "' already"};
        PIRN_DO(core_->database_->run(
            "INSERT INTO tenants (name, isolation, signatures_required, created_at, created_by, weight,"
            " max_running_steps) VALUES (?, ?, ?, ?, ?, ?, ?)",
            {wanted.name, name(wanted.isolation), wanted.signatures_required, now_ms, who.who(),
             wanted.slots.weight, wanted.slots.max_running_steps}));
        return core_->find_tenant(wanted.name);
      },
      [&](const Tenant& tenant) { core_->publish_slots(tenant); });
}

// Its code runs in the host, and nowhere else.
Status Registry::Core::check_nothing_deployed(const Tenant& tenant) const {
  PIRN_TRY(
      const auto deployed,
      database_->integer("SELECT count(DISTINCT package) FROM revisions WHERE tenant = ?", {tenant.name}));
  if (*deployed == 0) return {};
  return Error{Code::conflict,
               std::to_string(*deployed) + (*deployed == 1 ? " package" : " packages") + " of the tenant '" +
                   tenant.name + "' run inside the host, and this version has no workers to move them to",
               "Make another tenant for code that is to be isolated."};
}

Result<Tenant> Registry::edit_tenant(const Principal& who, const TenantEdit& edit, int64_t now_ms) {
  const std::string what = text_of(edit);
  Attempt attempt{who,    who.tenant, Permission::manage_tenants, "tenant.set", "tenant/" + edit.name,
                  now_ms, what};
  std::vector<CatalogEdit> withdrawals;
  return core_->change<Tenant>(
      attempt,
      [&]() -> Result<Tenant> {
        PIRN_TRY(Tenant tenant, core_->find_tenant(edit.name));
        if (what.empty()) return Error{Code::invalid_argument, "nothing says what is to change"};
        if (edit.isolation == Isolation::worker && tenant.isolation == Isolation::in_process)
          PIRN_DO(core_->check_nothing_deployed(tenant));
        tenant.isolation = edit.isolation.value_or(tenant.isolation);
        tenant.signatures_required = edit.signatures_required.value_or(tenant.signatures_required);
        tenant.slots.weight = edit.weight.value_or(tenant.slots.weight);
        tenant.slots.max_running_steps = edit.max_running_steps.value_or(tenant.slots.max_running_steps);
        PIRN_DO(check_signatures(tenant.signatures_required));
        PIRN_DO(check_slots(tenant.slots));
        PIRN_DO(core_->database_->run(
            "UPDATE tenants SET isolation = ?, signatures_required = ?, weight = ?, max_running_steps = ?"
            " WHERE name = ?",
            {name(tenant.isolation), tenant.signatures_required, tenant.slots.weight,
             tenant.slots.max_running_steps, tenant.name}));
        PIRN_TRY(withdrawals, core_->new_withdrawals(tenant));
        return tenant;
      },
      [&](const Tenant& tenant) {
        core_->edit_catalog(withdrawals, {tenant.name});
        core_->publish_slots(tenant);
      });
}

Result<std::vector<Tenant>> Registry::tenants() const {
  const std::lock_guard lock(core_->mutex_);
  std::vector<Tenant> tenants;
  PIRN_DO(core_->database_->each(
      "SELECT name, isolation, signatures_required, created_at, created_by, weight, max_running_steps"
      " FROM tenants ORDER BY name",
      {}, [&](const Row& row) { tenants.push_back(tenant_of(row)); }));
  return tenants;
}

Result<Tenant> Registry::tenant(std::string_view name) const {
  const std::lock_guard lock(core_->mutex_);
  return core_->find_tenant(name);
}

}  // namespace pirn::registry
