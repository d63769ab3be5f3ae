#include "registry/schema.h"

#include <string>

namespace pirn::registry {

namespace {

// Digests are hexadecimal text, times are milliseconds since 1970 UTC: a person reads them with the sqlite3
// shell. What must never change says so with a trigger; the code does not need them, a mistake in it would.
constexpr const char* kSchema1 = R"sql(
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
  name                TEXT PRIMARY KEY,
  isolation           TEXT NOT NULL CHECK (isolation IN ('worker', 'in-process')),
  signatures_required INTEGER NOT NULL CHECK (signatures_required BETWEEN 1 AND 16),
  created_at          INTEGER NOT NULL,
  created_by          TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  id         TEXT PRIMARY KEY,
  tenant     TEXT REFERENCES tenants (name),      -- NULL: a key of the operator
  role       TEXT NOT NULL,
  label      TEXT NOT NULL,
  mac        TEXT NOT NULL,                       -- HMAC-SHA256 of the token under the pepper
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,                    -- 0: never
  revoked_at INTEGER NOT NULL DEFAULT 0,
  revoked_by TEXT NOT NULL DEFAULT '',
  CHECK ((tenant IS NULL) = (role = 'operator'))
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_of_tenant ON api_keys (tenant);

CREATE TABLE trust (
  id          INTEGER PRIMARY KEY,
  tenant      TEXT NOT NULL REFERENCES tenants (name),
  publisher   TEXT NOT NULL,
  key_id      TEXT NOT NULL,
  public_key  BLOB NOT NULL CHECK (length(public_key) = 32),
  pattern     TEXT NOT NULL,
  role        TEXT NOT NULL CHECK (role IN ('sign', 'countersign')),
  valid_from  INTEGER NOT NULL,
  valid_until INTEGER NOT NULL,                   -- 0: without end
  added_at    INTEGER NOT NULL,
  added_by    TEXT NOT NULL,
  revoked_at  INTEGER NOT NULL DEFAULT 0,
  revoked_by  TEXT NOT NULL DEFAULT '',
  reason      TEXT NOT NULL DEFAULT '' CHECK (reason IN ('', 'compromised', 'superseded', 'retired'))
) STRICT;
CREATE UNIQUE INDEX trust_in_force ON trust (tenant, key_id, publisher, pattern, role) WHERE revoked_at = 0;

CREATE TABLE releases (
  tenant     TEXT NOT NULL REFERENCES tenants (name),
  digest     TEXT NOT NULL,                       -- package id: SHA-256 of the signed message
  package    TEXT NOT NULL,
  version    TEXT NOT NULL,
  serial     INTEGER NOT NULL,
  publisher  TEXT NOT NULL,
  manifest   BLOB NOT NULL,                       -- the signed bytes, from which all else is read back
  definition TEXT NOT NULL,                       -- blob: the whole definition document
  archive    TEXT NOT NULL,                       -- blob
  archive_size INTEGER NOT NULL,
  pushed_at  INTEGER NOT NULL,
  pushed_by  TEXT NOT NULL,
  PRIMARY KEY (tenant, digest),
  UNIQUE (tenant, package, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE release_signers (
  tenant  TEXT NOT NULL,
  release TEXT NOT NULL,
  key_id  TEXT NOT NULL,
  role    TEXT NOT NULL CHECK (role IN ('sign', 'countersign')),
  PRIMARY KEY (tenant, release, key_id),
  FOREIGN KEY (tenant, release) REFERENCES releases (tenant, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE release_blobs (
  tenant  TEXT NOT NULL,
  release TEXT NOT NULL,
  blob    TEXT NOT NULL,
  PRIMARY KEY (tenant, release, blob),
  FOREIGN KEY (tenant, release) REFERENCES releases (tenant, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE serial_floors (                      -- the highest serial that was ever admitted or deployed
  tenant   TEXT NOT NULL REFERENCES tenants (name),
  package  TEXT NOT NULL,
  admitted INTEGER NOT NULL,
  deployed INTEGER,
  PRIMARY KEY (tenant, package)
) STRICT, WITHOUT ROWID;

CREATE TABLE revisions (
  tenant   TEXT NOT NULL,
  package  TEXT NOT NULL,
  number   INTEGER NOT NULL,
  release  TEXT NOT NULL,
  previous TEXT NOT NULL,                         -- '' for the first
  kind     TEXT NOT NULL CHECK (kind IN ('deploy', 'undo')),
  at       INTEGER NOT NULL,
  by       TEXT NOT NULL,
  why      TEXT NOT NULL,
  PRIMARY KEY (tenant, package, number),
  FOREIGN KEY (tenant, release) REFERENCES releases (tenant, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  tenant  TEXT NOT NULL,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  object  TEXT NOT NULL,
  outcome TEXT NOT NULL,                          -- 'ok' or the name of the error
  detail  TEXT NOT NULL,
  hash    TEXT NOT NULL                           -- SHA-256 of the previous hash and this record
) STRICT;
CREATE INDEX audit_of_tenant ON audit (tenant, seq);

CREATE TRIGGER releases_stay BEFORE UPDATE ON releases BEGIN SELECT RAISE(ABORT, 'a release never changes'); END;
CREATE TRIGGER revisions_stay BEFORE UPDATE ON revisions BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;
CREATE TRIGGER revisions_keep BEFORE DELETE ON revisions BEGIN SELECT RAISE(ABORT, 'a revision is never removed'); END;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'an audit record never changes'); END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'an audit record is never removed'); END;
CREATE TRIGGER floors_rise BEFORE UPDATE ON serial_floors
  WHEN NEW.admitted < OLD.admitted OR NEW.deployed < OLD.deployed OR (NEW.deployed IS NULL AND OLD.deployed IS NOT NULL)
  BEGIN SELECT RAISE(ABORT, 'the floor of a serial is never lowered'); END;
CREATE TRIGGER floors_keep BEFORE DELETE ON serial_floors
  BEGIN SELECT RAISE(ABORT, 'the floor of a serial is never removed'); END;
)sql";

// What a tenant may use of the host's slots.
constexpr const char* kSchema2 = R"sql(
ALTER TABLE tenants ADD COLUMN weight INTEGER NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000);
ALTER TABLE tenants ADD COLUMN max_running_steps INTEGER NOT NULL DEFAULT 0   -- 0: no cap
  CHECK (max_running_steps BETWEEN 0 AND 1000000);
)sql";

// A tenant sees the number of a record in its own log; refusals that were counted share one record. Trust
// without a publisher trusted every publisher that a key signs for: it ends, since nobody said so.
constexpr const char* kSchema3 = R"sql(
ALTER TABLE audit ADD COLUMN number   INTEGER NOT NULL DEFAULT 0;  -- in the log of the tenant: 1, 2, 3, …
ALTER TABLE audit ADD COLUMN times    INTEGER NOT NULL DEFAULT 1;  -- how many refusals this record stands for
ALTER TABLE audit ADD COLUMN first_at INTEGER NOT NULL DEFAULT 0;  -- of the first of them; 0: as `at`
DROP TRIGGER audit_stays;
UPDATE audit SET number = numbered.number
  FROM (SELECT seq, row_number() OVER (PARTITION BY tenant ORDER BY seq) AS number FROM audit) AS numbered
 WHERE numbered.seq = audit.seq;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'an audit record never changes'); END;
DROP INDEX audit_of_tenant;
CREATE UNIQUE INDEX audit_of_tenant ON audit (tenant, number);
UPDATE trust SET revoked_at = CAST(unixepoch() AS INTEGER) * 1000, revoked_by = 'migration: it named no publisher',
                 reason = 'retired'
 WHERE publisher = '' AND revoked_at = 0;
)sql";

constexpr Migration kMigrations[] = {{1, kSchema1}, {2, kSchema2}, {3, kSchema3}};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Status check_identity(Database& database) {
  PIRN_TRY(const auto version, database.integer("PRAGMA user_version", {}));
  PIRN_TRY(const auto tables,
           database.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", {}));
  PIRN_TRY(const auto own, database.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                                            " AND name IN ('meta', 'tenants', 'revisions')",
                                            {}));
  if (*version == 0 ? *tables == 0 : *own == 3) return {};
  return Error{Code::store_unopenable, "registry.db is the database of another program",
               "Put this host's registry.db back, or restore the data directory from a backup.",
               Blame::world};
}

Status migrate(Database& database, std::span<const Migration> steps) {
  PIRN_TRY(const auto version, database.integer("PRAGMA user_version", {}));
  const int64_t newest = steps.back().to;
  if (*version > newest)
    return Error{Code::schema_too_new, "registry.db has schema " + std::to_string(*version) +
                                           "; this version of Pirn supports schemas up to " +
                                           std::to_string(newest)};
  for (const Migration& step : steps) {
    if (step.to <= *version) continue;
    Transaction transaction(database);
    PIRN_DO(transaction.begin());
    PIRN_DO(database.script(step.sql));
    PIRN_DO(database.script("PRAGMA user_version=" + std::to_string(step.to)));
    PIRN_DO(transaction.commit());
  }
  return {};
}

}  // namespace pirn::registry
