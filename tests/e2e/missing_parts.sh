#!/usr/bin/env bash
# A data directory with a part that is missing or damaged: what was lost is never begun anew unless the operator says
# so, and what cannot be read is set aside, shown, and comes back.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme

make_packages
start_host
tenant_with_gate acme
expect 0 pirn run start gate -o id;            first=$(cat out)
expect 0 pirn run watch "$first"
stop_host TERM 0
cp -a data whole

refused() { expect 1 pirn serve; says err "store_missing"; says err "$1"; says err "--init"; }
again() { rm -rf data; cp -a whole data; }

# Each database alone, missing and empty.
for database in pirn.db registry.db; do
  rm data/"$database"
  refused "$home/data/$database is missing or empty"
  [ ! -e "data/$database" ] || fail "$database has been begun all the same"
  again
  : >data/"$database"
  refused "$home/data/$database is missing or empty"
  # SQLite takes a single byte for an empty database.
  printf x >data/"$database"
  refused "$home/data/$database is missing or empty"
  again
done
rm data/pirn.db
start_host --init
expect 0 pirn run ls -o id;                    empty out
stop_host TERM 0
start_host;                                    stop_host TERM 0
again
rm data/registry.db
start_host --init
expect 0 pirn tenant ls -o id;                 empty out
stop_host TERM 0
start_host;                                    stop_host TERM 0
again

# A registry.db of another program is refused, and gets nothing of ours.
mv data/registry.db data/own && sqlite3 data/registry.db "CREATE TABLE mine(x)" && chmod 600 data/registry.db
expect 1 pirn serve --data data;               says err "PIRN06"; says err "the database of another program"
same "$(sqlite3 data/registry.db 'SELECT group_concat(name) FROM sqlite_schema')" mine
rm -f data/registry.db data/registry.db-*
mv data/own data/registry.db

# A damaged logbook is moved away: it holds nothing that anything depends on.
head -c 8192 /dev/urandom >data/logbook.db
start_host
says host.log "logbook.db could not be used"
[ -s data/logbook.db.damaged ] || fail "it is not there any more"
expect 0 pirn run start gate -o id
expect 0 pirn run watch "$(cat out)"
stop_host TERM 0
again

# A commit of the registry that cannot be made durable: the host says so and stops, and the next start has what was
# acknowledged. A limit on the size of its files stands for the disk that fails.
: >host.log
start_host
expect 0 pirn tenant create early              # so that there is room for the log, which is shorter
prlimit --pid "$host" --fsize="$(stat -c %s data/registry.db-wal)"
pirn tenant create late >out 2>err && fail "what cannot be durable has been acknowledged"  # or nobody answers any more
code=0; wait "$host" || code=$?; host=""
same "$code" 1 "the exit code"
says host.log "registry_failed"
start_host
expect 0 pirn tenant ls -o id;                 says out acme; says out early; silent out late
stop_host TERM 0
again

# A definition that cannot be read: the package is set aside, the host serves everything else.
definition=$(for blob in data/blobs/*; do [ "$(head -c 1 "$blob")" = "{" ] && echo "$blob"; done | head -n 1)
[ -n "$definition" ] || fail "there is no blob of a definition"
mv "$definition" kept
: >host.log
start_host
says host.log "acme::gate is quarantined"
same "$(api GET /readyz)" 200;                 says body '"packages":1'
expect 0 pirn health;                          says out "acme::gate is quarantined"
expect 1 pirn run start gate;                  says err "blob_damaged"
stop_host TERM 0
cp kept "$definition"
start_host
same "$(api GET /readyz)" 200;                 silent body quarantined
expect 0 pirn run start gate -o id
expect 0 pirn run watch "$(cat out)"
stop_host TERM 0
again

# Bytes of an open execution's journal that have changed: it is set aside, and goes on when they are right again.
if command -v sqlite3 >/dev/null; then
  start_host
  start_at_gate acme
  stop_host KILL 137
  stream=$(sqlite3 data/pirn.db "SELECT max(stream) FROM journal")
  # replace OLD NEW [WHICH]: in its commits
  replace() {
    sqlite3 data/pirn.db \
      "UPDATE journal SET body = replace(body, '$1', '$2') WHERE stream = $stream AND ${3:-TRUE}"
  }
  # If not even the first commit can be read, nobody knows whose the execution is, and the operator is told.
  replace '":' '" :'
  start_host
  expect 1 pirn run show "$id";                says err "$id is quarantined"; says err "its commit 1 is damaged"
  stop_host TERM 0
  replace '" :' '":' 'commit_no = 1'
  expect 1 pirn store verify --data data;      says err "does not match its checksum"
  : >host.log
  start_host
  says host.log "does not match its checksum"
  expect 0 pirn health;                        says out "is quarantined"
  expect 0 pirn run ls;                        says out "quarantined"
  expect 0 pirn run ls --status quarantined -o id; same "$(cat out)" "$id"
  expect 0 pirn run ls --status running -o id; silent out "$id"
  for verb in show cancel pause watch delete; do
    expect 1 pirn run "$verb" "$id"
    says err "$id is quarantined"; says err "does not match its checksum"; says err "pirn store verify"
  done
  expect 2 pirn run cancel-all --status quarantined; says err "cannot be cancelled"
  expect 0 pirn run start gate -o id
  expect 0 pirn run watch "$(cat out)"
  stop_host TERM 0
  replace '" :' '":'
  expect 0 pirn store verify --data data;      says out "the data is whole"
  start_host
  wait_at_gate
  open_gate
  expect 0 pirn run watch "$id"
  stop_host TERM 0
fi
done_well
