#!/usr/bin/env bash
# How many steps a tenant may run at once: a cap that holds, is seen, changes while everything runs, and outlives the host.
. "$(dirname "$0")/harness.sh" "$@"
lab=$(readlink -f "$build/tests/e2e/lab.so")
expect 0 pirn key generate author
mkdir project && cp "$lab" project/lab.so
printf 'publisher = "e2e"\nlibrary = "lab.so"\n' >project/package.toml
expect 0 pirn pack project --output lab.pirn
expect 0 pirn sign lab.pirn --key author.pem
there() { start_host --resource gpu=16 --resource beam=16; }
there
for tenant in acme other; do
  expect 0 pirn tenant create $tenant --isolation in-process
  expect 0 pirn trust add --key author.pub --publisher e2e --tenant $tenant
  expect 0 pirn push lab.pirn --tenant $tenant
  expect 0 pirn deploy lab@1.0.0 --tenant $tenant
done
expect 0 pirn tenant show acme;                   says out "WEIGHT"
expect 0 pirn tenant show acme -o json;           says out '"weight":1,"max_running_steps":null'; says out '"share":1792'
expect 3 pirn tenant show nobody;                 says err "nobody"
expect 2 pirn tenant set acme;                    says err "max-running-steps"
expect 2 pirn tenant set acme --weight many
expect 2 pirn tenant set acme --weight 1001;      says err "weight"
expect 2 pirn tenant set acme --max-running-steps 0; says err "max-running-steps"

# ---- two at once and no more
expect 0 pirn tenant set acme --max-running-steps 2 --weight 3
begin() { pirn run start experiment --tenant "$1" --input "{\"go\":\"$home/go\"}" -o id; }
shows() { until pirn tenant show "$1" -o json | grep -q "\"running_steps\":$2,"; do sleep 0.02; done; }
for _ in 1 2 3 4; do last=$(begin acme); done
shows acme 2
begin other >/dev/null
shows other 1
expect 0 pirn tenant ls -o json;                  says out '"weight":3,"max_running_steps":2,"running_steps":2'
expect 0 pirn tenant show acme -o json;           says out '"share":2'
expect 0 pirn tenant show other -o json;          says out '"running_steps":1'; says out '"share":448'
expect 0 pirn health;                             says out "3 of 2048 in use, 256 reserved"; says out "acme"
expect 0 pirn health -o json;                     says out '"slots":{"total":2048,"in_use":3,"reserve":256,'
same "$(api GET /metrics)" 200
says body "pirn_slots_in_use 3"; says body 'pirn_tenant_running_steps{tenant="acme"} 2'
same "$(api POST /v1/tenants/acme -H 'Content-Type: application/json' -d '{"weight":0}')" 400
same "$(api POST /v1/tenants/acme -H 'Content-Type: application/json' -d '{"max_running_steps":-1}')" 400

# ---- the host is lost; the cap is not
stop_host KILL 137
there
shows acme 2
expect 0 pirn tenant set acme --max-running-steps none; says out "-"
shows acme 4
expect 0 pirn tenant set acme --max-running-steps 1
touch go
expect 0 pirn run watch "$last" --tenant acme -o json; says out '"state":"completed"'
shows acme 0

# ---- a call that was given up keeps its slot until it returns
rm go
expect 7 pirn run start stubborn --tenant acme --input "{\"go\":\"$home/go\"}" --wait
expect 0 pirn tenant show acme -o json;           says out '"running_steps":1'
waits=$(pirn run start day --tenant acme -o id)
expect 0 pirn run show "$waits" --tenant acme;    silent out "completed"
says out "waits for a slot: the tenant runs 1 step, its cap is 1"
expect 0 pirn run show "$waits" --tenant acme -o json
says out '"slot":{"total":2048,"in_use":1,"running_steps":1,'
touch go
expect 0 pirn run watch "$waits" --tenant acme -o json; says out '"state":"completed"'
shows acme 0

# ---- what a fenced call returns at last is discarded, and its run says so once
rm go
outlived=$(pirn run start outlived --tenant other --input "{\"go\":\"$home/go\",\"stay\":\"$home/stay\"}" -o id)
until pirn run show "$outlived" --tenant other -o json | grep -q '"code":"timeout"'; do sleep 0.02; done
touch go
until pirn run events "$outlived" --tenant other -o json | grep -q stale_result; do sleep 0.02; done
touch stay
expect 0 pirn run watch "$outlived" --tenant other -o json; says out '"state":"completed"'; silent out '"late"'
expect 0 pirn run events "$outlived" --tenant other -o json
[ "$(grep -o '"stale_result"' out | wc -l)" = 1 ] || fail "not one diagnostic: $(cat out)"
grep -q '"action":"tenant.set"' <<<"$(curl -sS --unix-socket data/pirn.sock 'http://localhost/v1/audit?limit=1000')" || fail "no audit"
expect 0 curl -sS --unix-socket data/pirn.sock "http://localhost/v1/audit?limit=1000"
says out "weight 3, max running steps 2"; says out "max running steps none"
done_well
