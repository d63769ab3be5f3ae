// Moves a tenant's data: locked, backed up, migrated, checked, unlocked; or restored, and unlocked all the
// same.
//
// From document 2 (the workflow system): "Real-World Examples / Multi-Tenant Data Migration".
//
// Mended: the document takes the backup before it locks the tenant, so that what is written in between would
// be lost; and since rollbacks run in reverse, the tenant would be unlocked before its backup is back. Here
// the lock comes first. A mail that cannot be sent does not restore the backup of a migration that went well.
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

PIRN_HANDLER(rollback_migration) {
  ctx.error("migration failed for tenant " + ctx.get<std::string>("tenant_id") + ": " +
            ctx.get<pirn::json::View>("__error__").get<std::string>("code"));
  return pirn::ok();
}

// A step, and the rollback of lock_tenant.
PIRN_DECLARE_STEP(unlock_tenant, {.after = "validate_migration"})

PIRN_STEP(lock_tenant, {.rollback = unlock_tenant}) {
  ctx.info("locked " + ctx.get<std::string>("tenant_id"));
  return pirn::ok({{"locked_at_ns", ctx.now_ns()}});
}

PIRN_ROLLBACK(restore_backup) {
  ctx.info("restored " + ctx.get<std::string>("backup_id"));
  return pirn::ok();
}
PIRN_STEP(create_backup, {.after = lock_tenant, .rollback = restore_backup}) {
  const auto tenant = ctx.get<std::string>("tenant_id");
  return pirn::ok({{"backup_id", "backup:" + tenant}, {"backup_path", "/backups/" + tenant}});
}

// The last session ends at an instant (Unix time in seconds) that the input knows.
PIRN_STEP(wait_for_active_sessions, {.after = create_backup}) {
  if (ctx.now_ns() / 1'000'000'000 < ctx.get_or<uint64_t>("sessions_end_at", 0)) return pirn::snooze(1_min);
  return pirn::ok({{"sessions_drained", true}});
}

PIRN_STEP(migrate_data, {.after = wait_for_active_sessions, .timeout = 2_h}) {
  ctx.info("migrated to version " + std::to_string(ctx.get<int64_t>("migration_version")));
  return pirn::ok({{"migration_complete", true}});
}
PIRN_STEP(validate_migration, {.after = migrate_data}) {
  const auto missing = ctx.get_or<int64_t>("rows_before", 0) - ctx.get_or<int64_t>("rows_after", 0);
  if (missing != 0)
    return pirn::fail("validation_failed", std::to_string(missing) + " rows are missing", pirn::terminal,
                      missing);
  return pirn::ok({{"validation_report", "all rows are there"}});
}

PIRN_DEFINE(unlock_tenant) {
  ctx.info("unlocked " + ctx.get<std::string>("tenant_id"));
  return pirn::ok({{"unlocked_at_ns", ctx.now_ns()}});
}

PIRN_STEP(notify_stakeholders, {.after = unlock_tenant, .on_error = pirn::on_error::keep_going}) {
  const uint64_t minutes =
      (ctx.get<uint64_t>("unlocked_at_ns") - ctx.get<uint64_t>("locked_at_ns")) / 60'000'000'000;
  ctx.info("told the admins: " + std::to_string(minutes) + " minutes, " +
           ctx.get<std::string>("validation_report"));
  return pirn::ok();
}

PIRN_WORKFLOW(tenant_migration, {.timeout = 4_h, .on_failure = rollback_migration}, lock_tenant,
              create_backup, wait_for_active_sessions, migrate_data, validate_migration, unlock_tenant,
              notify_stakeholders)

PIRN_PACKAGE("tenant_migration", PIRN_PACKAGE_VERSION, {.description = "Moves a tenant's data"},
             tenant_migration, restore_backup, rollback_migration)
