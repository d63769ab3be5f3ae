#!/usr/bin/env bash
# A new version while executions of the old one are under way: those finish on theirs, also across a restart and a
# kill of the host; new ones start on the new one; undo goes back; what is refused changes nothing.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host
tenant_with_gate acme
start_at_gate acme; old=$id
expect 0 pirn deploy gate@2.0.0
expect 0 pirn run start gate --wait -o json;  says out '"first":"2.0.0"'; says out '"calls":1'
expect 0 pirn status -o json;                 says out '"version":"1.0.0"'; says out '"version":"2.0.0"'
open_gate
expect 0 pirn run watch "$old" -o json;       says out '"first":"1.0.0"'; says out '"last":"1.0.0"'

# Pinned across kill -9: the step in flight runs again, without blame, on the version it was pinned to.
expect 0 pirn rollout undo gate
start_at_gate acme; old=$id
expect 0 pirn deploy gate@2.0.0
pirn run watch "$old" >watched.out 2>watched.err </dev/null &
watcher=$!
until grep -q "step.start *wait_at_gate" watched.err; do sleep 0.02; done
stop_host KILL 137
start_host
wait_at_gate
open_gate
expect 0 pirn run watch "$old" -o json;       says out '"last":"1.0.0"'; says out '"interruptions":1'
wait "$watcher" || fail "the watcher did not come back after the kill"
says watched.err "reconnecting"; same "$(grep -c 'step.stop *hello' watched.err)" 1 "a watcher sees an event once"
expect 0 pirn run events "$old";              same "$(grep -c 'step.stop *hello' out)" 1 "a completed step ran again"
expect 0 pirn run start gate --wait -o json;  says out '"last":"2.0.0"'

# A version that is refused changes nothing.
cp gate-2.0.0.pirn bad.pirn
printf 'X' | dd of=bad.pirn bs=1 seek=20000 conv=notrunc status=none
expect 5 pirn push bad.pirn
expect 0 pirn package ls -o id;               same "$(wc -l <out)" 2
expect 0 pirn run start gate --wait -o json;  says out '"last":"2.0.0"'
expect 0 pirn rollout undo gate
expect 0 pirn run start gate --wait -o json;  says out '"last":"1.0.0"'
stop_host TERM 0
done_well
