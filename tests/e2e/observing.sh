#!/usr/bin/env bash
# What can be seen of a run while it goes and afterwards: logs, pieces of streams, a reader who is too slow.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host
tenant_with_gate acme
T='Pirn-Tenant: acme'

# begin_stream FILE ID: in the background; its process is $reader.
begin_stream() {
  curl -sS -N --max-time 60 --unix-socket data/pirn.sock "http://localhost/v1/executions/$2/stream" -H "$T" >"$1" &
  reader=$!
}
stream() { curl -sS -N --max-time 60 --unix-socket data/pirn.sock "http://localhost/v1/executions/$1/stream" -H "$T" "${@:2}"; }
# start_workflow_at_gate WORKFLOW: as start_at_gate, for another workflow.
start_workflow_at_gate() {
  rm -f arrived go
  mkfifo arrived go
  id=$(pirn run start "$1" --input "{\"arrived\":\"$home/arrived\",\"go\":\"$home/go\"}" -o id 2>err) || fail "start"
  wait_at_gate
}
chunks() { grep -oE '"chunk":"[^".]*' "$1" | cut -d'"' -f4 | tr -d '\n'; }

# ---- pieces of a stream while the step runs, to two clients at once
start_workflow_at_gate story
begin_stream first "$id"; first=$reader
begin_stream second "$id"; second=$reader
for file in first second; do until [ "$(chunks $file)" = "Once upon " ]; do sleep 0.02; done; done
silent first '"final":true'
kill "$second"; wait "$second" 2>/dev/null
has=$(sed -n 's/^id: //p' second | tail -n 1)
expect 0 pirn run logs "$id" --level debug;       says out "attempt 1"; says out "attempt 2"; silent out "that was all"
open_gate
wait "$first" || fail "the stream does not end with the run"
same "$(chunks first)" "Once upon a time"; says first '"final":true'
same "$(grep -c '^event: end' first)" 1
same "$(sed -n 's/^event: //p' first | tail -n 1)" end "nothing comes behind the end"
# The one who went away continues where he was, though the run is over.
stream "$id" -H "Last-Event-ID: $has" >rest
same "$(chunks rest)" "a time"; says rest "event: end"
same "$(cat second rest | grep '^id:' | sort | uniq -d)" "" "nothing twice"
# And who comes now gets all of it.
stream "$id" >late
same "$(grep -v '^:' late)" "$(grep -v '^:' first)"

# ---- logs: kept, chosen, followed
expect 0 pirn run logs "$id";                     says out "warn   narrate  attempt 2  that was all"
expect 0 pirn run logs "$id" --attempt 1;         says out "attempt 1"; silent out "attempt 2"
expect 0 pirn run logs "$id" --level warn -o json; says out '"message":"that was all"'; silent out "attempt 1"
expect 0 pirn run logs "$id" --step nobody;       empty out
expect 2 pirn run logs "$id" --level loud;        says err "trace"
expect 2 pirn run logs "$id" --attempt none;      says err "attempt"
expect 3 pirn run logs 0000000000001
expect 0 pirn run logs "$id" -o id;               same "$(wc -l <out)" 3
start_workflow_at_gate story
pirn run logs "$id" -f --attempt 2 >followed 2>/dev/null & follower=$!
until grep -q "attempt 2" followed; do sleep 0.02; done
open_gate
wait "$follower" || fail "run logs -f does not end well"
same "$(grep -c . followed)" 2; says followed "that was all"
stop_host TERM 0
start_host
expect 0 pirn run logs "$id";                     says out "that was all"

# ---- a reader who is too slow loses the oldest, is told how many, and can read on
start_workflow_at_gate flood
begin_stream slow "$id"; slow=$reader
until grep -q "step.start" slow; do sleep 0.02; done
kill -STOP "$slow"
open_gate
expect 0 pirn run watch "$id" -o id
kill -CONT "$slow"
wait "$slow" || fail "the slow reader's stream does not end"
says slow "event: gap"; says slow "event: end"
lost=$(grep -A1 '^event: gap' slow | sed -nE 's/.*"lost":([0-9]+).*/\1/p' | head -n 1)
[ "$lost" -gt 0 ] || fail "nothing was lost: $lost"
before=$(sed -n '/^event: gap/q;s/^id: //p' slow | tail -n 1)
stream "$id" -H "Last-Event-ID: $before" >again
silent again "event: gap"; says again '"final":true'
# The logbook is bounded, too: what it had to drop is counted.
same "$(api GET "/v1/executions/$id/logs" -H "$T")" 200; same "$(member body more)" false
dropped=$(sed -nE 's/.*"lost":([0-9]+).*/\1/p' body)
same "$((dropped + $(stream "$id" | grep -c '^event: chunk')))" 5000
done_well
