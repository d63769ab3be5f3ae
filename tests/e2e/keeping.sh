#!/usr/bin/env bash
# What is kept, over its whole life: a disk that fills up, pruning with and without a host, single runs that are
# removed, backups that are complete or refused, and damage that is found.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
operator() { PIRN_TENANT='' "$@"; }

make_packages
start_host
tenant_with_gate acme
run_one() {
  expect 0 pirn run start gate -o id
  ended=$(cat out)
  expect 0 pirn run watch "$ended"
}
run_one; first=$ended
run_one; second=$ended
start_at_gate acme; under_way=$id

# ---- one run is removed; not one that is open
expect 5 pirn run delete "$under_way";            says err "is open and cannot be deleted"
expect 0 pirn run delete "$first";                says out "$first"
expect 3 pirn run show "$first"
expect 3 pirn run delete "$first"
expect 3 env PIRN_TENANT=nobody pirn run delete "$second"
expect 0 pirn run show "$second"

# ---- verification beside the host
expect 0 operator pirn store verify;              says out "the data is whole"
expect 0 operator pirn store verify -o json;      says out '"intact":true'; says out '"without_checksum":0'
expect 0 operator pirn store stats -o json;       says out '"tenant_rows":'; says out '"room":'
expect 0 operator pirn health;                    says out "disk"
[ -f data/reserve ] || fail "no part of the disk is held back"

# ---- a backup, and what has been left out of one
expect 0 operator pirn store backup copy;         says out "$home/copy"
[ -e copy.partial ] && fail "the backup did not clean up"
expect 0 pirn store verify --data copy -o json;   says out '"backup_files":'; says out '"intact":true'
cp -a copy short && rm short/registry.pepper
expect 5 pirn store verify --data short;          says err "backup_incomplete"; says err "registry.pepper"
expect 5 pirn serve --data short;                 says err "backup_incomplete"
cp -a copy cut && printf '{"complete":false,"format":1}' >cut/backup.json
expect 5 pirn serve --data cut;                   says err "did not come to its end"
[ -f cut/backup.json ] || fail "a refused copy was changed"
stop_host KILL 137

# ---- damage is found, also by whoever has no host
if command -v sqlite3 >/dev/null; then
  cp -a copy damaged && rm damaged/backup.json
  sqlite3 damaged/pirn.db "UPDATE executions SET workflow = 'gata' WHERE open = 0" || fail "sqlite3"
  expect 1 pirn store verify --data damaged;      says out "DAMAGED"; says err "does not match its checksum"
fi

# ---- what serve would refuse is not called whole
if command -v sqlite3 >/dev/null; then
  cp -a data tampered
  sqlite3 tampered/registry.db "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_master WHERE type = 'trigger'" >drop.sql
  sqlite3 tampered/registry.db <drop.sql || fail "sqlite3"
  sqlite3 tampered/registry.db "UPDATE audit SET action = 'nothing' WHERE seq = 2" || fail "sqlite3"
  expect 1 pirn store verify --data tampered;     says out "DAMAGED"; says err "the audit log was changed"
fi
cp -a data parts && rm parts/registry.db
expect 1 pirn store verify --data parts;          says err "store_missing"
cp -a copy half && rm half/registry.db
expect 5 pirn store verify --data half;           says err "backup_incomplete"

# ---- pruning without a host
expect 0 pirn store prune --data data --keep-last 5 -o json;    says out '"executions":0'
expect 0 pirn store prune --data data --older-than 1ms --tenant nobody --dry-run -o json; says out '"executions":0'
expect 0 pirn store prune --data data --older-than 1ms --dry-run -o json; says out '"executions":1'
expect 0 pirn store prune --data data --older-than 1ms -o json; says out '"executions":1'
expect 3 pirn store prune --data nowhere --older-than 1ms;      says err "is not the data directory of a host"
[ -e nowhere ] && fail "a directory was made"
cp -a data lost && : >lost/pirn.db
expect 1 pirn store prune --data lost --older-than 1ms;        says err "store_missing"

# ---- a disk on which nothing may be used any more: what runs goes on, and nothing starts
start_host --disk-reserve 8000000TiB
expect 5 pirn run start gate;                           says err "store_full"; says err "are kept for what runs"
same "$(api POST /v1/executions -H 'Pirn-Tenant: acme' -H 'Content-Type: application/json' -d '{"workflow":"gate"}')" 507
expect 5 pirn push gate-2.0.0.pirn;               says err "store_full"
operator pirn health >out;                        says out failing; says out "nothing new is started"
same "$(api GET /readyz)" 200                     # what runs goes on, and somebody has to prune
says host.log "nothing new is started"
curl -sS --unix-socket data/pirn.sock http://localhost/metrics >metrics
says metrics "pirn_disk_full 1"
expect 0 pirn store prune --data data --older-than 1ms -o json; says out '"executions":0'
wait_at_gate
open_gate
expect 0 pirn run watch "$under_way"
stop_host TERM 0
start_host
run_one
stop_host TERM 0

# ---- the host that starts from a backup
cp -a copy restored
rm -rf data && mv restored data
start_host
[ -e data/backup.json ] && fail "the manifest outlives the first start"
expect 0 pirn run show "$second"
stop_host KILL 137

# ---- a small disk that others have filled to the last byte
if mkdir small && mount -t tmpfs -o size=40m,mode=700 none small 2>/dev/null; then
  trap 'if [ -n "$host" ]; then kill -9 "$host" 2>/dev/null; fi; umount -l small; rm -rf "$home"' EXIT
  cp -a copy/. small/
  export PIRN_DATA="$home/small"
  rm -rf data && ln -s small data
  start_host
  run_one
  until [ -f small/reserve ]; do sleep 0.02; done
  dd if=/dev/zero of=small/filler bs=64k 2>/dev/null
  chmod 600 small/filler
  until operator pirn health | grep -q "nothing new is started"; do sleep 0.1; done
  expect 5 pirn run start gate;                         says err "store_full"
  stop_host TERM 0
  dd if=/dev/zero of=small/filler2 bs=4k 2>/dev/null
  chmod 600 small/filler2
  start_host
  expect 5 pirn run start gate;                         says err "store_full"
  expect 0 pirn store prune --older-than 1ms -o json; says out '"executions":'; silent out '"executions":0'
  expect 0 pirn run ls
  rm small/filler small/filler2
  while operator pirn health | grep -q "nothing new is started"; do sleep 0.1; done
  run_one
  stop_host TERM 0
fi
done_well
