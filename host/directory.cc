// A data directory as the command line knows it without a host: where it is unless somebody says, whether it
// is whole, and how old executions are removed from it.
#include <unistd.h>

#include "host/api/audit_text.h"
#include "host/api/store_text.h"
#include "host/clock.h"
#include "host/environment.h"
#include "host/host.h"
#include "host/logbook/logbook.h"
#include "host/maintenance/backup.h"
#include "host/maintenance/maintenance.h"
#include "host/maintenance/parts.h"
#include "host/store/data_directory.h"
#include "host/store/location.h"
#include "host/store/sqlite_store.h"
#include "registry/registry.h"

namespace pirn {

std::string default_data_directory() {
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty()) return state + "/pirn";
  if (geteuid() == 0) return "/var/lib/pirn";
  return environment("HOME") + "/.local/state/pirn";
}

std::string_view host_version() { return PIRN_VERSION; }

namespace {

// Locked. Nothing is made where there is none.
Result<store::DataDirectory> open_existing(const std::string& data_directory) {
  if (access((data_directory + "/registry.db").c_str(), F_OK) != 0) {
    // A part of a backup, or of a data directory, says so.
    PIRN_DO(maintenance::check_manifest(data_directory));
    PIRN_DO(maintenance::check_parts(data_directory, ""));
    return Error{Code::not_found,
                 "'" + data_directory + "' is not the data directory of a host: it has no registry.db",
                 "Name it with --data."};
  }
  return store::DataDirectory::open(data_directory);
}

// Where a host that is started there without further options keeps its executions; empty: in memory.
Result<std::string> store_of(const store::DataDirectory& directory) {
  PIRN_TRY(const store::StoreLocation location,
           store::resolve_store_url({environment("PIRN_STORE_URL"), "", environment("PIRN_DB_NAME")},
                                    directory.path()));
  return location.memory ? std::string() : location.path;
}

}  // namespace

Result<std::string> prune_data_of(const std::string& data_directory, const PruneOrder& order) {
  PIRN_TRY(const store::DataDirectory directory, open_existing(data_directory));
  PIRN_TRY(const maintenance::BackupSize backup, maintenance::check_manifest(directory.path()));
  // Opening its files changes them, and then they are not what the manifest says.
  if (order.dry_run && backup.files > 0)
    return Error{Code::conflict,
                 "'" + directory.path() + "' is a backup, and even a dry run would change its files",
                 "Count in a copy of it; without --dry-run it becomes a data directory and is pruned."};
  PIRN_DO(maintenance::adopt_backup(directory.path()));
  PIRN_TRY(const std::string file, store_of(directory));
  PIRN_DO(maintenance::check_parts(directory.path(), file));
  if (file.empty() || access(file.c_str(), F_OK) != 0)
    return Error{Code::not_found, "'" + directory.path() + "' has no file of executions",
                 "Say where it is with PIRN_STORE_URL, as for the host."};
  maintenance::DiskWatch disk(directory.path(), {}, {});
  disk.begin();
  PIRN_TRY(const auto store, store::SqliteStore::open(file));
  PIRN_TRY(const auto book, logbook::Logbook::open(directory.file("logbook.db")));
  maintenance::Maintenance maintenance(*store, store.get(), nullptr, *book, disk, directory.path(), {});
  PIRN_TRY(const store::StoreStats before, store->stats());
  const RetentionRule& rule = order.rule;
  PIRN_TRY(const maintenance::Pruned pruned,
           maintenance.prune({rule.tenant, rule.package, rule.workflow, rule.older_than_ns, rule.keep_last},
                             Clock().now(), order.dry_run));
  if (order.compact && !order.dry_run) {
    // Without room for a second file the space stays in this one, for new executions.
    const Status compacted = maintenance.compact();
    if (!compacted && compacted.error().code != Code::store_full) return compacted.error();
  }
  PIRN_TRY(const store::StoreStats after, store->stats());
  return api::pruned_text(pruned, order.dry_run, before, after);
}

Result<std::string> verify_data_of(const std::string& data_directory) {
  PIRN_TRY(const store::DataDirectory directory, open_existing(data_directory));
  PIRN_TRY(const std::string file, store_of(directory));
  PIRN_TRY(maintenance::Verification found, maintenance::verify(directory.path(), file));
  if (found.damages.empty()) {
    PIRN_TRY(const registry::AuditReport audit, registry::Registry::audit_report_of(directory.path()));
    api::add_audit(found, audit);
  }
  return api::verification_text(found);
}

Result<std::string> verify_audit_of(const std::string& data_directory) {
  PIRN_TRY(const store::DataDirectory directory, open_existing(data_directory));
  PIRN_TRY(const registry::AuditReport report, registry::Registry::audit_report_of(directory.path()));
  return api::audit_report_text(report, "");
}

}  // namespace pirn
