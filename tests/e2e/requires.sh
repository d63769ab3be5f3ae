#!/usr/bin/env bash
# A package that requires another one: its workflow contains one of that package, each execution runs on the releases
# that it was started with, and a version that does not fit disturbs nobody.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
mkdir depot && cp "$(readlink -f "$build/tests/e2e/depot.so")" depot/depot.so

# What is contained has to be required, in a range that makes sense.
printf 'publisher = "e2e"\nlibrary = "depot.so"\n' >depot/package.toml
expect 5 pirn pack depot --output depot.pirn
says err requirement_unmet; says err "contains 'gate::gate'"; says err '[requires]: gate = "^1.0"'
printf 'publisher = "e2e"\nlibrary = "depot.so"\n[requires]\ngate = "newest"\n' >depot/package.toml
expect 2 pirn pack depot --output depot.pirn
says err "package.toml:4"; says err "'newest' is not a version range"
printf 'publisher = "e2e"\nlibrary = "depot.so"\n[requires]\ngate = "^1.0"\n' >depot/package.toml
expect 0 pirn pack depot --output depot.pirn
expect 0 pirn sign depot.pirn --key author.pem
expect 0 pirn inspect depot.pirn; says out "requires"; says out "^1.0"

# Nothing is deployed before what it requires; another tenant's package does not count.
start_host
tenant_with_gate globex
expect 0 pirn tenant create acme --isolation in-process
expect 0 pirn trust add --key author.pub --publisher e2e
expect 0 pirn push depot.pirn
expect 5 pirn deploy depot; says err requirement_unmet; says err "no release of it is deployed"
expect 5 pirn deploy depot --dry-run; says err requirement_unmet
expect 0 pirn push gate-1.0.0.pirn
expect 0 pirn push gate-2.0.0.pirn
expect 0 pirn deploy gate@1.0.0
expect 0 pirn deploy depot
expect 0 pirn package show depot@1.0.0; says out "requires     gate ^1.0"; says out "runs with    gate@1.0.0"

# Pinned: while it waits inside the other package that one moves on, and the host dies.
rm -f arrived go && mkfifo arrived go
id=$(pirn run start deliver --input "{\"arrived\":\"$home/arrived\",\"go\":\"$home/go\"}" -o id 2>err) || fail "start"
wait_at_gate
expect 0 pirn deploy gate@2.0.0
stop_host KILL 137
start_host
wait_at_gate
open_gate
expect 0 pirn run watch "$id" -o json; says out '"passed":"1.0.0"'
same "$(grep -oE '"pins":\[[^]]*\]' out | grep -oE '[0-9a-f]{64}' | wc -l)" 2 "its own release, and that of gate"

# 2.0.0 is not within ^1.0: new executions stay with 1.0.0, and whoever starts gate itself gets 2.0.0.
expect 0 pirn run start deliver --wait -o json; says out '"passed":"1.0.0"'
expect 0 pirn run start gate --wait -o json; says out '"last":"2.0.0"'
expect 0 pirn package show depot@1.0.0 -o json; says out '"runs_with":[{"package":"gate","version":"1.0.0"'
expect 0 pirn run start clean --wait

# What one tenant has, another one does not run with.
expect 0 pirn push depot.pirn --tenant globex
expect 0 pirn deploy depot --tenant globex
expect 0 pirn run start deliver --tenant globex --wait -o json; says out '"passed":"1.0.0"'
stop_host TERM 0

# Without a host: with what it requires, in any order, and the parent's end is the end.
expect 5 pirn run local deliver --package depot.pirn; says err requirement_unmet
expect 0 pirn run local deliver --package depot.pirn --with gate-1.0.0.pirn -o json; says out '"passed":"1.0.0"'; says out '"state":"completed"'
expect 5 pirn run local deliver --package depot.pirn --with gate-2.0.0.pirn; says err requirement_unmet
expect 0 pirn run local gate::gate --package depot.pirn --with gate-1.0.0.pirn -o json; says out '"last":"1.0.0"'
expect 3 pirn run local gate --package depot.pirn --with gate-1.0.0.pirn; says err "depot::gate"
expect 3 pirn run local deliver --package depot.pirn --with none.pirn
done_well
