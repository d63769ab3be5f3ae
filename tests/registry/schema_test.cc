#include "registry/schema.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "tests/registry/scratch.h"

namespace pirn::registry {
namespace {

constexpr Migration kSteps[] = {
    {1, "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
    {2, "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'old';"},
    {3, "CREATE TABLE b (z INTEGER); INSERT INTO b SELECT x FROM a;"},
};

int64_t number(Database& database, const char* sql) { return database.integer(sql, {})->value_or(-1); }

TEST(Migrate, RunsEveryStepOnceFromWhereverTheDatabaseIs) {
  for (size_t start = 1; start <= std::size(kSteps); ++start) {
    const auto database = take(Database::open({}));
    ASSERT_TRUE(migrate(*database, std::span(kSteps).first(start)));
    EXPECT_EQ(number(*database, "PRAGMA user_version"), static_cast<int64_t>(start));
    ASSERT_TRUE(migrate(*database, kSteps));
    ASSERT_TRUE(migrate(*database, kSteps));
    EXPECT_EQ(number(*database, "PRAGMA user_version"), 3);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM a WHERE y = 'old'"), 1);
    EXPECT_EQ(number(*database, "SELECT count(*) FROM b"), 1);
  }
}

TEST(Migrate, AFailedStepLeavesTheSchemaBeforeIt) {
  constexpr Migration broken[] = {kSteps[0],
                                  {2, "CREATE TABLE c (x); INSERT INTO no_such_table VALUES (1);"}};
  const auto database = take(Database::open({}));
  const Status status = migrate(*database, broken);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::registry_failed);
  EXPECT_EQ(number(*database, "PRAGMA user_version"), 1);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
  EXPECT_TRUE(migrate(*database, kSteps));
}

TEST(Migrate, ANewerSchemaIsRefusedUntouched) {
  const auto database = take(Database::open({}));
  ASSERT_TRUE(migrate(*database, kSteps));
  const Status status = migrate(*database, std::span(kSteps).first(2));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::schema_too_new);
  EXPECT_EQ(number(*database, "PRAGMA user_version"), 3);
}

TEST(Migrations, AreNumberedWithoutAGapAndLeadToThePresentSchema) {
  uint32_t expected = 0;
  for (const Migration& step : migrations()) EXPECT_EQ(step.to, ++expected);
  const auto database = take(Database::open({}));
  ASSERT_TRUE(migrate(*database, migrations()));
  EXPECT_EQ(number(*database, "PRAGMA user_version"), migrations().back().to);
}

TEST(Migrations, GiveTheTenantsOfEveryOlderSchemaADefaultShare) {
  const auto database = take(Database::open({}));
  ASSERT_TRUE(migrate(*database, migrations().first(1)));
  ASSERT_TRUE(database->script("INSERT INTO tenants VALUES ('t', 'worker', 1, 0, 'x')"));
  ASSERT_TRUE(migrate(*database, migrations()));
  EXPECT_EQ(number(*database, "SELECT weight FROM tenants"), 1);
  EXPECT_EQ(number(*database, "SELECT max_running_steps FROM tenants"), 0);
  EXPECT_FALSE(database->script("UPDATE tenants SET weight = 0"));
}

TEST(Database, IsDurableCheckedAndPrivate) {
  const Scratch scratch;
  const auto database = take(Database::open(scratch / "registry.db"));
  EXPECT_EQ(number(*database, "PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(number(*database, "PRAGMA foreign_keys"), 1);
  std::string journal;
  ASSERT_TRUE(database->each("PRAGMA journal_mode", {}, [&](const Row& row) { journal = row.text(0); }));
  EXPECT_EQ(journal, "wal");
  ASSERT_TRUE(migrate(*database, migrations()));
  for (const char* file : {"registry.db", "registry.db-wal"}) {
    struct stat status {};
    ASSERT_EQ(stat((scratch / file).c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << file;
  }
}

TEST(Database, ATransactionThatIsNotCommittedNeverWas) {
  const auto database = take(Database::open({}));
  ASSERT_TRUE(migrate(*database, std::span(kSteps).first(1)));
  {
    Transaction transaction(*database);
    ASSERT_TRUE(transaction.begin());
    ASSERT_TRUE(database->run("INSERT INTO a VALUES (?)", {int64_t{2}}));
  }
  EXPECT_EQ(number(*database, "SELECT count(*) FROM a"), 1);
}

TEST(Database, AfterAFailedCommitNothingIsWrittenAnyMore) {
  const auto database = take(Database::open({}));
  ASSERT_TRUE(
      database->script("CREATE TABLE p (x INTEGER PRIMARY KEY);"
                       "CREATE TABLE c (x INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED);"));
  {
    Transaction transaction(*database);
    ASSERT_TRUE(transaction.begin());
    ASSERT_TRUE(database->run("INSERT INTO c VALUES (?)", {int64_t{1}}));
    EXPECT_FALSE(transaction.commit());  // a deferred foreign key fails in COMMIT itself
  }
  EXPECT_FALSE(database->healthy());
  Transaction next(*database);
  const Status status = next.begin();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::registry_failed);
}

// What is written once stays: also against a mistake in the code above.
TEST(Schema, RowsThatNeverChangeSaySo) {
  const auto database = take(Database::open({}));
  ASSERT_TRUE(migrate(*database, migrations()));
  ASSERT_TRUE(
      database->script("INSERT INTO tenants VALUES ('t', 'worker', 1, 0, 'x', 1, 0);"
                       "INSERT INTO releases (tenant, digest, package, version, serial, publisher, manifest,"
                       " definition, archive, archive_size, pushed_at, pushed_by)"
                       " VALUES ('t', 'd', 'p', '1.0.0', 1, '', x'00', '', '', 1, 0, '');"
                       "INSERT INTO revisions VALUES ('t', 'p', 1, 'd', '', 'deploy', 0, '', '');"
                       "INSERT INTO serial_floors VALUES ('t', 'p', 5, 5);"
                       "INSERT INTO audit VALUES (1, 0, 't', '', '', '', 'ok', '', '', 1, 1, 0);"));
  for (const char* sql :
       {"UPDATE releases SET serial = 2", "UPDATE revisions SET release = 'e'", "DELETE FROM revisions",
        "UPDATE serial_floors SET admitted = 4", "UPDATE serial_floors SET deployed = 4",
        "UPDATE serial_floors SET deployed = NULL", "DELETE FROM serial_floors",
        "UPDATE audit SET outcome = 'ok'", "DELETE FROM audit", "DELETE FROM tenants",
        "INSERT INTO revisions VALUES ('t', 'p', 2, 'no-such-release', '', 'deploy', 0, '', '')",
        "INSERT INTO api_keys VALUES ('k', NULL, 'viewer', '', '', 0, '', 0, 0, '')"})
    EXPECT_FALSE(database->script(sql)) << sql;
  EXPECT_TRUE(database->script("UPDATE serial_floors SET admitted = 6, deployed = 6"));
}

TEST(Identity, OnlyAnEmptyFileAndARegistryAreTaken) {
  for (const auto& [sql, taken] : std::vector<std::pair<const char*, bool>>{
           {"SELECT 1", true},
           {"CREATE TABLE mine(x)", false},
           {"PRAGMA user_version = 3", false},
           {"CREATE TABLE tenants(x); PRAGMA user_version = 3", false}}) {
    const auto database = Database::open("").value();
    ASSERT_TRUE(database->script(sql));
    const Status checked = check_identity(*database);
    EXPECT_EQ(bool(checked), taken) << sql;
    if (!checked) {
      EXPECT_EQ(checked.error().code, Code::store_unopenable);
    }
  }
  const auto database = Database::open("").value();
  ASSERT_TRUE(migrate(*database, migrations()));
  EXPECT_TRUE(check_identity(*database));
}

}  // namespace
}  // namespace pirn::registry
