#!/usr/bin/env bash
# SIGTERM: readiness flips, nothing new is admitted, running steps may finish, the rest is left to the recovery.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host --drain-timeout 10m
tenant_with_gate acme

# A step that finishes in time is committed; what comes after it waits for the next start.
start_at_gate acme; kept=$id
kill -TERM "$host"
until [ "$(api GET /readyz)" = 503 ]; do sleep 0.02; done
says body "shutting down"
same "$(api GET /livez)" 200
same "$(api POST /v1/executions -H 'Pirn-Tenant: acme' -d '{"workflow":"gate"}' -H 'Content-Type: application/json')" 503
says body "shutting_down"
same "$(api GET "/v1/executions/$kept" -H 'Pirn-Tenant: acme')" 200 "reading goes on while it drains"
open_gate
# It ends with its last step, long before the time for draining is over.
timeout 60 tail --pid="$host" -f /dev/null || fail "the host waits although no step runs"
code=0; wait "$host" || code=$?; host=""
same "$code" 0
[ ! -e data/pirn.sock ] || fail "the socket is left behind"
start_host
expect 0 pirn run watch "$kept" -o json;      says out '"interruptions":0'; says out '"last":"1.0.0"'

# A step that does not finish is left to the recovery, and the exit code is 0 all the same.
stop_host TERM 0
start_host --drain-timeout 100ms
start_at_gate acme; left=$id
stop_host TERM 0
start_host
wait_at_gate
open_gate
expect 0 pirn run watch "$left" -o json;      says out '"interruptions":1'

# A second signal ends at once.
start_at_gate acme
kill -TERM "$host"
until [ "$(api GET /readyz)" = 503 ]; do sleep 0.02; done
stop_host TERM 143
start_host
wait_at_gate
open_gate
expect 0 pirn run watch "$id"

# In memory: executions end with the process, tenants and packages stay.
stop_host TERM 0
start_host --store memory
expect 0 pirn run start gate --wait
expect 0 pirn run ls -o id;                   same "$(wc -l <out)" 1
expect 5 env PIRN_TENANT= pirn store backup copy; says err unsupported; says err "in memory"; says err "--store sqlite"
[ ! -e copy ] || fail "a backup that was refused left something behind"
expect 0 env PIRN_TENANT= pirn store stats;       says out memory
expect 0 env PIRN_TENANT= pirn store prune --older-than 1ms -o json; says out '"executions":1'
expect 0 env PIRN_TENANT= pirn store verify -o json; says out '"intact":true'
expect 0 pirn run ls -o id;                   empty out

# Calls that never return keep their threads: counted, shown, and 8 of them make the host not ready. It stops all the same.
for i in 1 2 3 4 5 6 7; do expect 7 pirn run start stuck --wait; done
same "$(api GET /readyz)" 200
expect 0 pirn status -o json;                 says out '"stuck_calls":7'
expect 7 pirn run start stuck --wait -o json; says out '"code":"timeout"'
same "$(api GET /readyz)" 503;                says body "have not returned"
expect 6 pirn status;                         says out "NOT READY"
stop_host TERM 0
done_well
