#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::TaskRun;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

constexpr int64_t kStart = 1'735'689'600;  // when tests begin

pirn::Fields acme(int64_t rows_after = 1000, int64_t sessions_end_at = 0) {
  return {{"tenant_id", "acme"},
          {"migration_version", 7},
          {"rows_before", 1000},
          {"rows_after", rows_after},
          {"sessions_end_at", sessions_end_at},
          {"drain_wait_ms", 0}};  // the virtual clock stands still while a step waits
}

TEST(TenantMigration, WaitsForTheSessionsAndMigrates) {
  Workflow migration("tenant_migration");
  migration.takes("migrate_data", 90_min).start(acme(1000, kStart + 150)).run();
  ASSERT_TRUE(migration.completed()) << migration.text();
  EXPECT_EQ(migration.step("wait_for_active_sessions").invocations, 4u);
  EXPECT_EQ(migration.messages(), (Strings{"locked acme", "migrated to version 7", "unlocked acme",
                                           "told the admins: 93 minutes, all rows are there"}));
}

TEST(TenantMigration, RestoresTheBackupAndUnlocksWhenRowsAreMissing) {
  Workflow migration("tenant_migration");
  migration.start(acme(990)).run();
  EXPECT_EQ(migration.error_code(), "validation_failed") << migration.text();
  EXPECT_EQ(migration.messages(),
            (Strings{"locked acme", "migrated to version 7", "unlocked acme", "restored backup:acme",
                     "migration failed for tenant acme: validation_failed"}));
}

TEST(TenantMigration, EndsAfterFourHoursOfSessions) {
  Workflow migration("tenant_migration");
  migration.start(acme(1000, kStart + 86'400)).run();
  EXPECT_EQ(migration.error_code(), "workflow_timeout") << migration.text();
  EXPECT_EQ(migration.elapsed(), 4_h);
  EXPECT_TRUE(migration.logged("restored backup:acme"));
}

TEST(TenantMigration, WaitsInsideItsStepFirst) {
  const uint64_t now = 1'735'689'600'000'000'000;
  pirn::Fields sessions{{"sessions_end_at", kStart + 60}, {"drain_wait_ms", 250}};
  pirn::testkit::Ran waited = TaskRun("wait_for_active_sessions").context(sessions).now(now).run();
  EXPECT_TRUE(waited.snoozed()) << waited.text();
  EXPECT_EQ(waited.duration, 1_min);
  EXPECT_GE(waited.heartbeats.size(), 2u) << "it asked more than once";
}

TEST(TenantMigration, StopsWaitingWhenItIsCancelled) {
  const uint64_t now = 1'735'689'600'000'000'000;
  pirn::Fields sessions{{"sessions_end_at", kStart + 60}};
  pirn::testkit::Ran stopped =
      TaskRun("wait_for_active_sessions").context(sessions).now(now).cancelled_at_heartbeat(1).run();
  EXPECT_TRUE(stopped.was_cancelled()) << stopped.text();
}

TEST(TenantMigration, SurvivesACrashInTheMiddle) {
  Workflow migration("tenant_migration");
  migration.takes("migrate_data", 90_min).crash_in("migrate_data").start(acme()).run();
  ASSERT_TRUE(migration.completed()) << migration.text();
  EXPECT_EQ(migration.step("migrate_data").invocations, 2u);
  EXPECT_EQ(migration.step("migrate_data").attempt, 1u);
}

TEST(TenantMigration, IsNotUndoneForAMail) {
  Workflow migration("tenant_migration");
  migration.fail_first("notify_stakeholders", 4).start(acme()).run();
  ASSERT_TRUE(migration.completed()) << migration.text();
  EXPECT_FALSE(migration.logged("restored"));
}

}  // namespace
