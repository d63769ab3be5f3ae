#!/usr/bin/env bash
# The audit log of a host: read, filtered, followed to its end; what a break in it does and how one goes on. And what
# guards the way in: publishers, serials, labels.
. "$(dirname "$0")/harness.sh" "$@"
make_packages
start_host --listen 127.0.0.1:0
tenant_with_gate acme
expect 0 pirn tenant create blue

# A viewer is refused 40 times: the first have records of their own, the rest are counted.
viewer=$(pirn key create --role viewer --tenant acme 2>err) || fail "a key"
address=$(sed -n 's/.*tcp *http:\/\/\([^ ]*\).*/\1/p' host.log | head -n 1)
for _ in $(seq 40); do
  curl -sS -o body -X POST "http://$address/v1/packages/gate/undo" -H "Authorization: Bearer $viewer" -H 'Content-Type: application/json' -d '{}'
done
expect 0 pirn audit ls --tenant acme --limit 3;                  says out "permission_denied"; says out "undo"
expect 0 pirn audit ls --tenant acme --outcome ok --action package; says out "package.push"; silent out "undo"
expect 0 pirn audit ls --tenant acme --outcome permission_denied --after 0 -o id; same "$(wc -l <out)" 16
expect 0 pirn audit ls --tenant blue -o id;                      empty out
expect 0 pirn audit ls --action tenant --limit 1 -o json;        says out '"object":"tenant/blue"'
expect 0 pirn audit ls --since 1h --actor operator -o jsonl;     says out '"action":"trust.add"'
expect 2 pirn audit ls --limit 0;                                says err "--limit"
expect 2 pirn audit ls --since someday;                          says err "someday"
expect 0 pirn audit verify;                                      says out "the audit log is intact: "
expect 0 pirn audit verify -o json;                              says out '"intact":true'
expect 4 env PIRN_KEY="$viewer" pirn audit verify --server "http://$address"; says err "view_audit"
auditor=$(pirn key create --role auditor --tenant acme 2>err) || fail "a key"
expect 0 env PIRN_KEY="$auditor" pirn audit verify --server "http://$address"; says out "the audit log is intact: "
expect 5 pirn audit verify --offline;                            says err "in use by process"

# An empty publisher is nobody's, and never everybody's.
expect 2 pirn trust add --key author.pub --publisher "" --tenant acme; says err "--publisher is empty"
expect 2 pirn trust add --key author.pub --publisher "E 2 E" --tenant acme; says err "is not a valid name of a publisher"
expect 2 pirn key create --role viewer --label "$(printf 'a\033[2Jb')" --tenant acme; says err "control characters"
expect 2 pirn package ls --tenant "a b";                         says err "is not a valid name of a tenant"
expect 2 pirn verify gate-1.0.0.pirn --trust author.pub --tenant "a b"; says err "is not a valid tenant name"

# A serial that would block all later versions is packed with a warning and pushed when that is meant.
printf 'publisher = "e2e"\nlibrary = "gate.so"\nserial = 9223372036854775807\n' >project-2.0.0/package.toml
expect 0 pirn pack project-2.0.0 --output leap.pirn;             says err "9223372036854775807"; says err "--accept-serial"
expect 0 pirn sign leap.pirn --key author.pem
expect 0 pirn trust add --key author.pub --publisher e2e --tenant blue
expect 5 pirn push leap.pirn --tenant blue;                      says err "serial_leap"; says err "--accept-serial 9223372036854775807"
expect 5 pirn push leap.pirn --tenant blue --accept-serial 7;    says err "serial_leap"
expect 0 pirn push leap.pirn --tenant blue --accept-serial 9223372036854775807
stop_host TERM 0

# What was counted is recorded at the end.
expect 0 pirn audit verify --offline;                            says out "the audit log is intact: "
start_host --listen 127.0.0.1:0
expect 0 pirn audit ls --tenant acme --outcome permission_denied --after 0 -o jsonl; says out '"times":24'
stop_host TERM 0

# A record that somebody changed stops the start, until the operator accepts it.
if command -v sqlite3 >/dev/null; then
  sqlite3 data/registry.db "DROP TRIGGER audit_stays; UPDATE audit SET outcome = 'forged' WHERE seq = 5"
  expect 1 pirn serve;                                           says err "audit_broken"; says err "record 5"
  says err "--accept-broken-audit"
  expect 1 pirn audit verify --offline;                          says out "record 5: "; says out "was CHANGED"
  start_host --accept-broken-audit
  says host.log "the audit log was changed behind the host's back, and --accept-broken-audit accepts it"
  says host.log "record 5: "
  expect 0 pirn audit verify;                                    says out "accepted by the operator"
  expect 0 pirn audit ls --action audit;                         says out "audit/5"
  stop_host TERM 0
  start_host --accept-broken-audit
  says host.log "accepts nothing, for the audit log holds"
  stop_host TERM 0
  start_host
  stop_host TERM 0
fi
done_well
