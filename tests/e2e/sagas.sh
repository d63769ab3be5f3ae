#!/usr/bin/env bash
# What follows a failure, from the SDK to the command line: fallbacks, rollbacks (those of a nested workflow, too),
# another attempt of the whole workflow, the last handlers; then running again what failed.
. "$(dirname "$0")/harness.sh" "$@"
shop=$(readlink -f "$build/tests/e2e/shop.so")
export PIRN_TENANT=acme
expect 0 pirn key generate author
mkdir project && cp "$shop" project/shop.so
printf 'publisher = "e2e"\nlibrary = "shop.so"\n' >project/package.toml
expect 0 pirn pack project --output shop.pirn
expect 0 pirn sign shop.pirn --key author.pem
expect 0 pirn inspect shop.pirn
start_host
expect 0 pirn tenant create acme --isolation in-process
expect 0 pirn trust add --key author.pub --publisher e2e
expect 0 pirn push shop.pirn
expect 0 pirn deploy shop@1.0.0

order() { rm -f ledger; pirn run start order --input "{\"ledger\":\"$home/ledger\"${1:+,\"break\":\"$1\"}}" --wait -o json; }

# All is well: the nested workflow gives back what its steps wrote.
expect 0 order
says out '"receipt":"r-1"'; says out '"shipped":true'; says out '"rate":2.0'
printf 'reserve\ncharge\nship\non_success\n' | cmp - ledger || fail "the ledger: $(cat ledger)"

# The exchange is closed: the fallback says what it was told.
expect 0 order rate
says out '"fallback_used":true'; says out '"rate":1.5'; says ledger "estimate because of no_rate"

# Nobody ships: each of both attempts is undone, newest first, the nested workflow in its place; then the alarm.
expect 7 order ship
says out '"state":"failed"'; says out '"code":"no_carrier"'; says out '"attempt":2'; says out '"compensation":"done"'
{
  for attempt in 1 2; do printf 'reserve\ncharge\nship\nrefund because of \nrelease boots\n'; done
  printf 'on_failure ship\n'
} | cmp - ledger || fail "the ledger: $(cat ledger)"
failed=$(member out id)
expect 0 pirn run events "$failed"
says out "workflow.retry"; says out "rollback.start"; says out "handler.start"; says out "workflow.compensate"

# A retry is a new run of what did not complete or was undone; from a step it takes over all that is before it.
expect 7 pirn run retry "$failed" --wait -o json
says out "\"retry_of\":\"$failed\""; says out '"code":"no_carrier"'
expect 0 order
good=$(member out id)
: >ledger
expect 0 pirn run rerun "$good" --from ship --wait -o json
says out "\"retry_of\":\"$good\""; says out '"receipt":"r-1"'
printf 'ship\non_success\n' | cmp - ledger || fail "the ledger: $(cat ledger)"
expect 5 pirn run retry "$good";           says err "invalid_transition"
expect 2 pirn run rerun "$good";           says err "--from"
expect 3 pirn run rerun "$good" --from shp; says err "Did you mean 'ship'?"
expect 3 pirn run retry 0000000000001

# What ended before a kill of the host has ended.
stop_host KILL 137
start_host
expect 0 pirn run show "$failed" -o json; says out '"compensation":"done"'
stop_host TERM 0
done_well
