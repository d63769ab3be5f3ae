#!/usr/bin/env bash
# What waits for people: an approval, across a restart of the host; a pause by hand, across a crash.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host
tenant_with_gate acme

# ---- an approval
expect 0 pirn run start review -o id;             id=$(cat out)
until pirn approvals ls -o id | grep -q "$id"; do sleep 0.02; done
expect 0 pirn approvals ls;                       says out "$id"; says out ask; says out approval; says out ada
expect 0 pirn run ls --status paused -o id;       same "$(cat out)" "$id"
expect 0 pirn run ls --status running;            silent out "$id"
expect 0 pirn run show "$id";                     says out "paused"; says out "awaiting"; says out "approval by ada, until 2"
expect 0 pirn run show @paused -o json;           says out '"notify":"the boss"'
stop_host TERM 0
start_host
expect 0 pirn approvals ls -o id;                 same "$(cat out)" "$id" "it outlives the host"

expect 0 pirn key create --role viewer --label ada -o json;   ada=$(member out token)
expect 0 pirn key create --role viewer --label mallory -o json; mallory=$(member out token)
PIRN_TENANT='' PIRN_KEY=$mallory expect 4 pirn run approve "$id" --step ask
says err "mallory"
expect 2 pirn run approve "$id";                  says err "--step"
expect 3 pirn run approve "$id" --step nobody
expect 3 pirn run approve 0000000000001 --step ask
expect 5 pirn run approve "$id" --step act;       says err "pending"
expect 0 pirn run show "$id";                     says out "awaiting"
PIRN_TENANT='' PIRN_KEY=$ada expect 0 pirn run approve "$id" --step ask -m "looks right"
expect 0 pirn run watch "$id" -o json
says out '"decided_by":"ada"'; says out '"comment":"looks right"'; says out '"approved":true'
expect 5 pirn run approve "$id" --step ask;       says err "invalid_transition"
expect 0 pirn run events "$id";                   says out "step.await"; says out "workflow.pause"; says out "workflow.resume"
expect 0 pirn approvals ls;                       silent out "$id"

# ---- a rejection is an answer, and a resume is one, too
expect 0 pirn run start review -o id;             id=$(cat out)
until pirn approvals ls -o id | grep -q "$id"; do sleep 0.02; done
expect 0 pirn run reject "$id" --step ask
expect 0 pirn run watch "$id" -o json;            says out '"approved":false'; says out '"decided_by":"operator"'
expect 0 pirn run start review -o id;             id=$(cat out)
until pirn approvals ls -o id | grep -q "$id"; do sleep 0.02; done
expect 5 pirn run resume "$id" --step ask --action skip; says err "invalid_transition"
expect 2 pirn run resume "$id" --step ask --action guess; says err "guess"
echo '{"approver":"the file"}' >answer.json
expect 0 pirn run resume "$id" --context @answer.json
expect 0 pirn run watch "$id" -o json;            says out '"decided_by":"the file"'

# ---- a signal says what happened to the step that waits for it, and leaves a pause as it is
expect 0 pirn run start review -o id;             id=$(cat out)
until pirn approvals ls -o id | grep -q "$id"; do sleep 0.02; done
expect 2 pirn run signal "$id";                   says err "--step"
expect 5 pirn run signal "$id" --step act;        says err "pending"
expect 0 pirn run pause "$id"
expect 0 pirn run signal "$id" --step ask --payload '{"approver":"the bank"}'; says out paused
expect 5 pirn run signal "$id" --step ask;        says err "completed and cannot be signalled"
expect 0 pirn run resume "$id"
expect 0 pirn run watch "$id" -o json;            says out '"decided_by":"the bank"'

# ---- a pause by hand
start_at_gate acme
expect 0 pirn run pause "$id" --reason "lunch";   says out paused
expect 5 pirn run pause "$id";                    says err "is paused"
open_gate
until pirn run show "$id" -o json | grep -q '"state":"ready"'; do sleep 0.02; done
stop_host KILL 137
start_host
expect 0 pirn run show "$id";                     says out paused
expect 2 pirn run resume "$id" --context '{"patched":}'; says err "--context:1"
expect 0 pirn run show "$id";                     says out "held          until it is resumed"
expect 0 pirn run resume "$id" --context '{"patched":1}'
expect 0 pirn run watch "$id" -o json;            says out '"patched":1'; says out '"last":"1.0.0"'
expect 5 pirn run pause "$id";                    says err "completed"
expect 5 pirn run resume "$id";                   says err "completed"

# ---- without a host nobody can answer, and that is said
mkfifo said
pirn run local review --package gate-1.0.0.pirn -q >out 2>said </dev/null &
local_run=$!
exec 5<said
grep -m 1 -q "a local run cannot receive one" <&5 || fail "it waits and says nothing"
kill -TERM "$local_run"; code=0
cat <&5 >err
wait "$local_run" || code=$?
exec 5<&-
same "$code" 7; says out "cancelled"
done_well
