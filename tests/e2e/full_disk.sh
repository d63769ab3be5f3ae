#!/usr/bin/env bash
# The disk takes no more: nothing is acknowledged that is not written, the host ends and says why, and the next start
# has all that was acknowledged. A limit on the size of its files stands for the full disk: both fail a write.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
start_with_key() {
  api POST /v1/executions -H 'Pirn-Tenant: acme' -H 'Content-Type: application/json' -H "Idempotency-Key: $1" \
    -d '{"workflow":"gate"}' 2>err
}

make_packages
start_host
tenant_with_gate acme
same "$(start_with_key first)" 201
first=$(member body id)
expect 0 pirn run watch "$first"
start_at_gate acme; under_way=$id

prlimit --pid "$host" --fsize="$(stat -c %s data/pirn.db-wal)"
same "$(start_with_key second)" 000 "no answer at all"
code=0; wait "$host" || code=$?; host=""
same "$code" 1 "the exit code"
says host.log "store_failed"
says host.log "PIRN0600"

start_host
expect 0 pirn run ls -o id
same "$(sort out)" "$(printf '%s\n' "$first" "$under_way" | sort)" "what was acknowledged, and nothing else"
wait_at_gate
open_gate
expect 0 pirn run watch "$under_way" -o json;  says out '"interruptions":1'
same "$(start_with_key first)" 200
same "$(member body id)" "$first"
same "$(start_with_key second)" 201
expect 0 pirn run watch "$(member body id)"
stop_host TERM 0
done_well
