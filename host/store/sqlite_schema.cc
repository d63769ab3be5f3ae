#include "host/store/sqlite_schema.h"

#include <array>

namespace pirn::store {

namespace {

// Each entry leads from its index to the next schema. An entry that was released never changes.
//
// The journal is append only and carries one index; everything that is searched stands on the projection,
// whose row is written once for most executions. Partial indices cost nothing for the rows that they leave
// out: an execution that completes without a start key is in executions_by_tenant alone. Each index ends with
// the row's id, which increases with time: newest first is its order, read backwards.
constexpr std::array<const char*, kSchemaVersion> kMigrations = {
    R"sql(
CREATE TABLE meta(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  owner INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  watermark INTEGER NOT NULL
);
INSERT INTO meta VALUES(1, 0, 0, 0);

CREATE TABLE journal(
  pos INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  commit_no INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX journal_by_stream ON journal(stream, commit_no);

CREATE TABLE executions(
  id INTEGER PRIMARY KEY,
  commit_no INTEGER NOT NULL,
  open INTEGER NOT NULL,
  state TEXT NOT NULL,
  tenant TEXT NOT NULL,
  package TEXT NOT NULL,
  version TEXT NOT NULL,
  workflow TEXT NOT NULL,
  release BLOB NOT NULL,
  key TEXT NOT NULL,
  input_digest BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX executions_by_key ON executions(tenant, key) WHERE key <> '';
CREATE INDEX executions_by_tenant ON executions(tenant, id, workflow, package);
CREATE INDEX executions_open ON executions(tenant) WHERE open = 1;
CREATE INDEX executions_unsuccessful ON executions(tenant) WHERE state IN ('failed', 'cancelled');
)sql",
    // Tenants have streams of their own, and events are taken once.
    R"sql(
CREATE TABLE tenants(
  stream INTEGER PRIMARY KEY,
  commit_no INTEGER NOT NULL,
  tenant TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL
);

CREATE TABLE events(
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
)sql",
    // Checksums of rows (checksum.h). Those of rows that are there already stay NULL: to read a whole old
    // file at its first start could take minutes, and whatever damage it has would be sealed as right.
    R"sql(
ALTER TABLE journal ADD COLUMN sum INTEGER;
ALTER TABLE executions ADD COLUMN sum INTEGER;
ALTER TABLE tenants ADD COLUMN sum INTEGER;
ALTER TABLE events ADD COLUMN sum INTEGER;
)sql",
};

Status migrate_from(Connection& connection, int64_t version) {
  for (int64_t next = version; next < kSchemaVersion; ++next)
    PIRN_DO(connection.execute(kMigrations[static_cast<size_t>(next)]));
  PIRN_DO(connection.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  PIRN_DO(connection.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion)));
  return connection.execute("COMMIT");
}

}  // namespace

Status check_identity(Connection& connection) {
  PIRN_TRY(const int64_t application, connection.integer("PRAGMA application_id"));
  PIRN_TRY(const int64_t version, connection.integer("PRAGMA user_version"));
  PIRN_TRY(const int64_t tables, connection.integer("SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (application != 0 || version != 0 || tables != 0))
    return Error{Code::store_unopenable, "'" + connection.path() + "' is the database of another program"};
  if (version > kSchemaVersion)
    return Error{Code::store_schema_too_new,
                 "'" + connection.path() + "' has schema " + std::to_string(version) +
                     "; this version of Pirn knows schemas up to " + std::to_string(kSchemaVersion)};
  return {};
}

Status migrate(Connection& connection) {
  PIRN_DO(connection.execute("BEGIN IMMEDIATE"));
  Status status;
  if (auto version = connection.integer("PRAGMA user_version"); !version)
    status = std::move(version).error();
  else if (*version < kSchemaVersion)
    status = migrate_from(connection, *version);
  else
    status = connection.execute("COMMIT");
  if (!status && sqlite3_get_autocommit(connection.handle()) == 0) (void)connection.execute("ROLLBACK");
  return status;
}

}  // namespace pirn::store
