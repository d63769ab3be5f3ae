// Moves the data of a tenant: back up, lock, migrate, check, unlock. If that fails, the tenant is unlocked
// and the backup restored.
//
// From document 2 (the workflow system): "Real-World Examples / Multi-Tenant Data Migration".
//
// Corrected: If the final e-mail cannot be sent, a successful migration is not rolled back.
//
// To run it, pack it as README.md shows, then:
//   input='{"tenant_id": "acme", "migration_version": 7, "rows_before": 1000, "rows_after": 1000}'
//   pirn run tenant_migration --local --package tenant_migration.pirn --input "$input"
#include <algorithm>
#include <chrono>
#include <pirn/pirn.hpp>
#include <string>
#include <thread>

using namespace pirn::literals;

PIRN_HANDLER(rollback_migration) {
  ctx.error("migration failed for tenant " + ctx.get<std::string>("tenant_id") + ": " +
            ctx.get<pirn::json::View>("__error__").get<std::string>("code"));
  return pirn::ok();
}

// A step, and the rollback of lock_tenant.
PIRN_DECLARE_STEP(unlock_tenant, {.after = "validate_migration"})

PIRN_ROLLBACK(restore_backup) {
  ctx.info("restored " + ctx.get<std::string>("backup_id"));
  return pirn::ok();
}
PIRN_STEP(create_backup, {.rollback = restore_backup}) {
  const auto tenant = ctx.get<std::string>("tenant_id");
  return pirn::ok({{"backup_id", "backup:" + tenant}, {"backup_path", "/backups/" + tenant}});
}
PIRN_STEP(lock_tenant, {.after = create_backup, .rollback = unlock_tenant}) {
  ctx.info("locked " + ctx.get<std::string>("tenant_id"));
  return pirn::ok({{"locked_at_ns", ctx.now_ns()}});
}

// Asks for up to five minutes whether sessions are left, then gives its slot back for a minute. The last
// session ends at an instant (Unix time in seconds) that the input knows. Whoever cancels the migration need
// not wait for them.
PIRN_STEP(wait_for_active_sessions, {.after = lock_tenant, .timeout = 6_min}) {
  const std::chrono::milliseconds longest(ctx.get_or<int64_t>("drain_wait_ms", 5 * 60 * 1000));
  constexpr std::chrono::milliseconds kPause(100);
  const auto end = std::chrono::steady_clock::now() + longest;
  while (ctx.now_ns() / 1'000'000'000 < ctx.get_or<uint64_t>("sessions_end_at", 0)) {
    if (!ctx.heartbeat(-1, "sessions are active")) return pirn::cancelled("sessions were still active");
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return pirn::snooze(1_min);
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(left, kPause));
  }
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

PIRN_WORKFLOW(tenant_migration, {.timeout = 4_h, .on_failure = rollback_migration}, create_backup,
              lock_tenant, wait_for_active_sessions, migrate_data, validate_migration, unlock_tenant,
              notify_stakeholders)

PIRN_PACKAGE("tenant_migration", PIRN_PACKAGE_VERSION, {.description = "Moves a tenant's data"},
             tenant_migration, restore_backup, rollback_migration)
