#include "registry/registry.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "packager/file/whole_file.h"
#include "packager/mutex/mutex.h"
#include "registry/core.h"
#include "registry/schema.h"

namespace pirn::registry {

namespace {

constexpr int64_t kFirstSealedSchema = 3;
constexpr const char* kAuthenticate = "authenticate";

// Says that the audit log of this directory was sealed once, so that it must always have a seal. It is
// outside of the database: otherwise, write access to the database alone would be enough to set its schema
// back, rewrite the log without a seal, as an old version did, and have the next start seal the forgery.
std::string seal_mark(const std::string& directory) { return directory + "/registry.sealed"; }
constexpr std::string_view kSealMark =
    "The audit log in registry.db has a seal. A host that finds this file starts only when the seal holds.\n";

Result<bool> has_seal_mark(const std::string& directory) {
  struct stat found {};
  const std::string path = seal_mark(directory);
  if (::lstat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT) return false;
  return Error{Code::io_failed, "cannot examine " + path + ": " + std::strerror(errno), {}, Blame::world};
}

// Records and seal as of one moment, while others append.
Result<AuditReport> verify_as_of_now(Database& reader, const Pepper& pepper) {
  PIRN_DO(reader.script("BEGIN"));
  auto report = AuditLog(reader, pepper).verify();
  PIRN_DO(reader.script("COMMIT"));
  return report;
}

}  // namespace

// --- opening ---

Result<std::unique_ptr<Registry>> Registry::open(Options options) {
  PIRN_TRY(auto core, Core::open(std::move(options)));
  return std::unique_ptr<Registry>(new Registry(std::move(core)));
}

Registry::Registry(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Registry::~Registry() = default;

Result<std::unique_ptr<Registry::Core>> Registry::Core::open(Options options) {
  std::unique_ptr<Core> core(new Core(std::move(options)));
  const MutexLock lock(core->mutex_);
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
  database_->on_failure(options_.failed);
  database_->ask_before_writing(options_.may_write);
  PIRN_DO(check_identity(*database_));
  PIRN_DO(migrate(*database_, migrations()));
  if (in_memory) {
    blobs_ = blobs_in_memory();
    PIRN_TRY(pepper_, random_pepper());
    return open_audit(false);
  }
  PIRN_TRY(blobs_, open_blobs(directory + "/blobs"));
  PIRN_DO(open_pepper_file(directory + "/registry.pepper"));
  PIRN_TRY(const bool marked, has_seal_mark(directory));
  // A log can have its seal and no mark yet: the last start ended between the two.
  PIRN_TRY(const bool sealed, log().has_seal());
  PIRN_DO(open_audit(marked || sealed));
  if (!marked) PIRN_DO(file::write(seal_mark(directory), kSealMark, 0600));
  const MutexLock lock(reader_mutex_);
  PIRN_TRY(reader_, Database::open_to_read(directory + "/registry.db"));
  return {};
}

// A log that does not hold stops the start: whoever changed it may have changed what else the registry says,
// and an auditor must not find out months later.
Status Registry::Core::open_audit(bool sealed) {
  PIRN_TRY(const AuditReport report, log().verify(options_.audit_checked_at_open, sealed));
  if (!report.intact() && options_.accept_broken_audit_at_ms == 0) return audit_broken(report);
  Transaction transaction(*database_);
  PIRN_DO(transaction.begin());
  for (const AuditBreak& each : report.breaks) {
    if (each.accepted) continue;
    PIRN_DO(log().append(AuditLog::acceptance(each, options_.accept_broken_audit_at_ms)));
    accepted_breaks_.push_back((each.seq == 0 ? "" : "record " + std::to_string(each.seq) + ": ") +
                               each.what);
  }
  if (!sealed) PIRN_DO(log().seal());
  return transaction.commit();
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
                 path + " is not the pepper with which the API keys in registry.db were created",
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
  // An attempt to reach a foreign tenant is recorded in the caller's own log, never in the other's.
  record.tenant = attempt.who.is_operator() ? attempt.tenant : attempt.who.tenant;
  record.actor = attempt.who.who();
  record.action = attempt.action;
  record.object = attempt.object;
  record.outcome = outcome;
  record.detail = detail;
  return record;
}

namespace {

// Who shares the limits of refusals. Whoever presents wrong keys must not use up those of a tenant's own
// people.
std::string scope_of(const AuditRecord& refusal) {
  return refusal.action == kAuthenticate ? refusal.tenant + "/" + refusal.action : refusal.tenant;
}

}  // namespace

Status Registry::Core::append(const std::vector<AuditRecord>& records) {
  Transaction transaction(*database_);
  PIRN_DO(transaction.begin());
  for (const AuditRecord& record : records) PIRN_DO(log().append(record));
  return transaction.commit();
}

Error Registry::Core::refuse_locked(const Attempt& attempt, Error error) {
  const AuditRecord refusal = audit_record(attempt, error.name(), error.message);
  if (!refusals_.admit(scope_of(refusal), refusal)) return error;
  std::vector<AuditRecord> records = refusals_.take(attempt.now_ms);
  records.push_back(refusal);
  const Status recorded = append(records);
  return recorded ? std::move(error) : recorded.error();
}

Error Registry::Core::refuse(const Attempt& attempt, Error error) {
  const MutexLock lock(mutex_);
  return refuse_locked(attempt, std::move(error));
}

std::optional<AuditRecord> Registry::admit_refusal(const Principal& who, std::string_view action,
                                                   std::string_view object, const Error& error,
                                                   int64_t now_ms) {
  const Attempt attempt{who, who.tenant, Permission::view, std::string(action), std::string(object), now_ms};
  AuditRecord refusal = Core::audit_record(attempt, error.name(), error.message);
  if (!core_->refusals_.admit(scope_of(refusal), refusal)) return std::nullopt;
  return refusal;
}

std::optional<AuditRecord> Registry::admit_wrong_key(std::string_view text, std::string_view peer,
                                                     const Error& error, int64_t now_ms) {
  AuditRecord refusal;
  refusal.at_ms = now_ms;
  refusal.actor = "peer/" + std::string(peer);
  refusal.action = kAuthenticate;
  refusal.object = "key";
  refusal.outcome = error.name();
  refusal.detail = error.message;
  if (const Result<Token> token = parse_token(text)) {
    const ReaderLock lock(core_->keys_mutex_);
    if (const auto known = core_->keys_.find(token->id); known != core_->keys_.end()) {
      refusal.tenant = known->second.key.tenant;
      refusal.object = "key/" + token->id;
    }
  }
  if (!core_->refusals_.admit(scope_of(refusal), refusal)) return std::nullopt;
  return refusal;
}

Status Registry::record(const AuditRecord& refusal) {
  std::vector<AuditRecord> records = core_->refusals_.take(refusal.at_ms);
  records.push_back(refusal);
  const MutexLock lock(core_->mutex_);
  return core_->append(records);
}

void Registry::count_refusal(const AuditRecord& refusal) {
  core_->refusals_.count(scope_of(refusal), refusal);
}

Status Registry::record_refusal(const Principal& who, std::string_view tenant, std::string_view action,
                                std::string_view object, const Error& error, int64_t now_ms) {
  const Attempt attempt{
      who, std::string(tenant), Permission::view, std::string(action), std::string(object), now_ms};
  const Error recorded = core_->refuse(attempt, error);
  if (recorded.code != error.code) return recorded;
  return {};
}

Status Registry::record_counted(int64_t now_ms) {
  const std::vector<AuditRecord> due = core_->refusals_.take(now_ms);
  if (due.empty()) return {};
  const MutexLock lock(core_->mutex_);
  return core_->append(due);
}

int64_t Registry::refusals_due_ms() const { return core_->refusals_.due_ms(); }

Result<std::vector<AuditRecord>> Registry::audit(const AuditFilter& filter) const {
  {
    const MutexLock lock(core_->reader_mutex_);
    if (core_->reader_) return AuditLog(*core_->reader_, core_->pepper_).read(filter);
  }
  const MutexLock lock(core_->mutex_);
  return core_->log().read(filter);
}

Result<std::vector<AuditRecord>> Registry::audit(std::string_view tenant, uint64_t after,
                                                 uint32_t limit) const {
  AuditFilter filter;
  filter.tenant = tenant;
  filter.after = after;
  filter.limit = limit;
  return audit(filter);
}

Result<AuditReport> Registry::audit_report() const {
  if (!core_->verify_mutex_.try_lock()) return Error{Code::busy, "the audit log is already being verified"};
  const MutexLock one_at_a_time(core_->verify_mutex_, kAdopt);
  if (core_->options_.directory.empty()) {
    const MutexLock lock(core_->mutex_);
    return core_->log().verify();
  }
  PIRN_TRY(const auto reader, Database::open_to_read(core_->options_.directory + "/registry.db"));
  return verify_as_of_now(*reader, core_->pepper_);
}

Result<uint64_t> Registry::verify_audit() const {
  PIRN_TRY(const AuditReport report, audit_report());
  if (!report.intact()) return audit_broken(report);
  return report.records;
}

Result<AuditReport> Registry::audit_report_of(const std::string& directory) {
  const std::string file = directory + "/registry.db";
  PIRN_TRY(const auto reader, Database::open_to_read(file));
  PIRN_TRY(const auto schema, reader->integer("PRAGMA user_version", {}));
  PIRN_TRY(const bool marked, has_seal_mark(directory));
  if (schema.value_or(0) < kFirstSealedSchema && marked)
    return Error{Code::audit_broken,
                 file + " has schema " + std::to_string(schema.value_or(0)) +
                     ", which has no seal, but its audit log had one",
                 {},
                 Blame::world};
  if (schema.value_or(0) < kFirstSealedSchema)
    return Error{Code::unsupported, file + " was written by an older version of Pirn",
                 "Start this version once: it migrates the file and verifies its audit log."};
  if (*schema > migrations().back().to)
    return Error{Code::schema_too_new, file + " has schema " + std::to_string(*schema) +
                                           "; this version of Pirn supports schemas up to " +
                                           std::to_string(migrations().back().to)};
  PIRN_TRY(const Pepper pepper, open_pepper(directory + "/registry.pepper", false));
  return verify_as_of_now(*reader, pepper);
}

// --- catalog ---

CatalogPtr Registry::catalog() const { return core_->catalog(); }
const std::vector<std::string>& Registry::accepted_breaks() const { return core_->accepted_breaks_; }
bool Registry::healthy() const { return core_->healthy(); }

CatalogPtr Registry::Core::catalog() const {
  const MutexLock lock(catalog_mutex_);
  return catalog_;
}

// A package that moves can be what others of the tenant require: they are looked at in the same edit.
void Registry::Core::edit_catalog(const std::vector<CatalogEdit>& edits, std::set<std::string> tenants) {
  Catalog next = catalog()->with_all(edits);  // edits are serialised by mutex_
  for (const CatalogEdit& edit : edits) tenants.insert(edit.tenant);
  for (const std::string& tenant : tenants)
    next = next.with_requirements_met(tenant, deployed_releases(tenant));
  auto published = std::make_shared<const Catalog>(std::move(next));
  const MutexLock lock(catalog_mutex_);
  catalog_.swap(published);
}

// The engine looks at the catalog at each turn: what it may use counts from the next one on.
void Registry::Core::publish_slots(const Tenant& tenant) {
  if (catalog()->slot_terms(tenant.name) == tenant.slots) return;
  auto published = std::make_shared<const Catalog>(catalog()->with_slot_terms(tenant.name, tenant.slots));
  const MutexLock lock(catalog_mutex_);
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
    return Error{Code::bad_name, "'" + tenant.name + "' is not a valid tenant name"};
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
        core_->mutex_.is_held();
        PIRN_DO(check_new(wanted));
        if (core_->find_tenant(wanted.name))
          return Error{Code::tenant_exists, "the tenant '" + wanted.name + "' already exists"};
        PIRN_DO(core_->database_->run(
            "INSERT INTO tenants (name, isolation, signatures_required, created_at, created_by, weight,"
            " max_running_steps) VALUES (?, ?, ?, ?, ?, ?, ?)",
            {wanted.name, name(wanted.isolation), wanted.signatures_required, now_ms, who.who(),
             wanted.slots.weight, wanted.slots.max_running_steps}));
        return core_->find_tenant(wanted.name);
      },
      [&](const Tenant& tenant) {
        core_->mutex_.is_held();
        core_->publish_slots(tenant);
      });
}

// Its code runs only in the host.
Status Registry::Core::check_nothing_deployed(const Tenant& tenant) const {
  PIRN_TRY(
      const auto deployed,
      database_->integer("SELECT count(DISTINCT package) FROM revisions WHERE tenant = ?", {tenant.name}));
  if (*deployed == 0) return {};
  return Error{Code::conflict,
               std::to_string(*deployed) + (*deployed == 1 ? " package" : " packages") + " of the tenant '" +
                   tenant.name +
                   "' run inside the host, and this version has no isolated workers to move them to",
               "Create another tenant for code that must be isolated."};
}

Result<Tenant> Registry::edit_tenant(const Principal& who, const TenantEdit& edit, int64_t now_ms) {
  const std::string what = text_of(edit);
  Attempt attempt{who,    who.tenant, Permission::manage_tenants, "tenant.set", "tenant/" + edit.name,
                  now_ms, what};
  std::vector<CatalogEdit> withdrawals;
  return core_->change<Tenant>(
      attempt,
      [&]() -> Result<Tenant> {
        core_->mutex_.is_held();
        PIRN_TRY(Tenant tenant, core_->find_tenant(edit.name));
        if (what.empty()) return Error{Code::invalid_argument, "the request does not say what to change"};
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
        core_->mutex_.is_held();
        core_->edit_catalog(withdrawals, {tenant.name});
        core_->publish_slots(tenant);
      });
}

Result<std::vector<Tenant>> Registry::tenants() const {
  const MutexLock lock(core_->mutex_);
  std::vector<Tenant> tenants;
  PIRN_DO(core_->database_->each(
      "SELECT name, isolation, signatures_required, created_at, created_by, weight, max_running_steps"
      " FROM tenants ORDER BY name",
      {}, [&](const Row& row) { tenants.push_back(tenant_of(row)); }));
  return tenants;
}

Result<Tenant> Registry::tenant(std::string_view name) const {
  const MutexLock lock(core_->mutex_);
  return core_->find_tenant(name);
}

}  // namespace pirn::registry
