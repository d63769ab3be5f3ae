#!/usr/bin/env bash
# A patch that would take a run beyond what it may store is rejected, and no size stops the host. The limit on the depth
# of JSON is the same everywhere, and what was accepted can be read.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
post() { api POST "/v1/executions/$1" -H 'Pirn-Tenant: acme' -H 'Content-Type: application/json' -d "${2:-{\}}"; }

make_packages
start_host
tenant_with_gate acme

# Each resume adds 1 MB of control characters, which take six bytes each where they are stored.
start_at_gate acme
yes '\u0001' | head -n 170000 | tr -d '\n' >characters
status=200 n=0
while [ "$status" = 200 ] && [ "$n" -lt 170 ]; do
  n=$((n + 1))
  same "$(post "$id/pause")" 200
  { printf '{"context":{"k%s":"' "$n"; cat characters; printf '"}}'; } >patch
  status=$(post "$id/resume" @patch)
done
same "$status" 422
says body execution_too_large
same "$n" 66 "65 of them fit into 64 MiB"
expect 0 pirn run show "$id" -o json;          says out '"state":"paused"'
stop_host KILL 137
start_host
expect 0 pirn run resume "$id"
wait_at_gate
open_gate
expect 0 pirn run watch "$id"
expect 0 pirn health

# 32 levels, on the command line and in the API. Both can read the answer, in which they are deeper.
nested() { head -c "$1" /dev/zero | tr '\0' '['; head -c "$1" /dev/zero | tr '\0' ']'; }
deep="{\"k\":$(nested 31)}" deeper="{\"k\":$(nested 32)}"
expect 2 pirn run start gate --input "$deeper"; says err "malformed_json"
same "$(api POST /v1/executions -H 'Pirn-Tenant: acme' -H 'Content-Type: application/json' \
  -d "{\"workflow\":\"gate\",\"input\":$deeper}")" 400
same "$(api POST /v1/executions -H 'Pirn-Tenant: acme' -H 'Content-Type: application/json' \
  -d "{\"workflow\":\"gate\",\"input\":$deep}")" 201
expect 0 pirn run start gate --input "$deep" --wait -o json; says out "$(nested 31)"
expect 0 pirn run show "$(member out id)" -o json;           says out "$(nested 31)"
stop_host TERM 0
done_well
