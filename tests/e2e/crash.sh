#!/usr/bin/env bash
# A step that kills the host may do so three times; the fourth fails it. Its neighbours are interrupted, and not blamed.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host
tenant_with_gate acme
start_at_gate acme; neighbour=$id

# The answer may be lost with the host: the key finds the run again.
pirn run start bomb --key one >out 2>err </dev/null
for life in 1 2 3 4; do
  code=0; wait "$host" || code=$?
  same "$code" 139 "life $life ends by the segmentation fault of the step"
  pirn serve >>host.log 2>&1 </dev/null &
  host=$!
done
until pirn status >out 2>err; do kill -0 "$host" || fail "the step was called once too often"; sleep 0.02; done
expect 0 pirn run start bomb --key one -o id;     bomb=$(cat out)
expect 7 pirn run watch "$bomb" -o json
says out '"code":"crashed"'; says out '"crashes":4'; says out '"invocations":4'

wait_at_gate
open_gate
expect 0 pirn run watch "$neighbour" -o json
says out '"crashes":0'; silent out '"crashes":4'
done_well
