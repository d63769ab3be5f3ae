-- A file of schema 2 as it was released: never changed again. Every later version must open it.
PRAGMA application_id = 1349087854;
PRAGMA user_version = 2;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE meta(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  owner INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  watermark INTEGER NOT NULL
);
INSERT INTO meta VALUES(1, 0, 7, 4);
CREATE TABLE journal(
  pos INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  commit_no INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL
);
INSERT INTO journal VALUES(1, 3732930560000000000, 1, 1, '{"at":1780000000000000000,"events":[]}');
INSERT INTO journal VALUES(2, 3732930560000000001, 1, 1, '{"at":1780000000000000001,"events":[]}');
INSERT INTO journal VALUES(3, 3732930560000000000, 2, 1, '{"at":1780000000000000002,"events":[]}');
INSERT INTO journal VALUES(4, 3732930560000000002, 1, 1, '{"at":1780000000000000003,"events":[]}');
INSERT INTO journal VALUES(5, 3732930560000000002, 2, 1, '{"at":1780000000000000004,"events":[]}');
INSERT INTO journal VALUES(6, 7, 1, 1, '{"at":1780000000000000005,"events":[]}');
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
INSERT INTO executions VALUES(3732930560000000000, 2, 0, 'completed', 'acme', 'etl', '1.0.0', 'daily', zeroblob(32),
  '2026-06-01', zeroblob(32), 1780000000000000000, 1780000000000000000, 1780000000000000002, '{}');
INSERT INTO executions VALUES(3732930560000000002, 1, 1, 'running', 'acme', 'etl', '1.0.0', 'daily', zeroblob(32),
  '', zeroblob(32), 1780000000000000003, 1780000000000000003, 0, '{}');
CREATE UNIQUE INDEX journal_by_stream ON journal(stream, commit_no);
CREATE UNIQUE INDEX executions_by_key ON executions(tenant, key) WHERE key <> '';
CREATE INDEX executions_by_tenant ON executions(tenant, id, workflow, package);
CREATE INDEX executions_open ON executions(tenant) WHERE open = 1;
CREATE INDEX executions_unsuccessful ON executions(tenant) WHERE state IN ('failed', 'cancelled');
CREATE TABLE tenants(
  stream INTEGER PRIMARY KEY,
  commit_no INTEGER NOT NULL,
  tenant TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL
);
INSERT INTO tenants VALUES(7, 1, 'acme', '{}');
CREATE TABLE events(
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
INSERT INTO events VALUES('acme', 'e-1', 1780000000000000005, '{}');
COMMIT;
