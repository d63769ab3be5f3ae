#!/usr/bin/env bash
# What can be seen of a run while it goes and afterwards: logs, pieces of streams, a reader who is too slow.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
mkdir sinks
cat >pirn.toml <<'TOML'
measure_cpu = true
[[notifier]]
tenant = "acme"
command = ["sh", "-c", "[ -f reachable ] && cat >>notices.jsonl"]
[[metric]]
name = "steps"
events = ["step.stop", "step.exception"]
by = ["workflow", "step", "event"]
[[sink]]
name = "ends"
kind = "jsonl"
path = "sinks/ends.jsonl"
tenant = "acme"
events = ["end", "chunk", "node"]
[[sink]]
name = "others"
kind = "jsonl"
path = "sinks/others.jsonl"
tenant = "blue"
[[sink]]
name = "full"
kind = "jsonl"
path = "/dev/full"
events = ["workflow.stop"]
[[sink]]
name = "console"
kind = "stdout"
events = ["node"]
TOML
echo 'lisen = ":1"' >wrong.toml
expect 2 pirn serve --config wrong.toml;          says err "wrong.toml:1"; says err "listen"
printf '[[sink]]\nname = "a"\nkind = "stdout"\nevents = ["step.*", "workflow.stopp"]\n' >wrong.toml
expect 2 pirn serve --config wrong.toml;          says err "wrong.toml:4"; says err "Did you mean 'workflow.stop'?"
export PIRN_CONFIG="$home/pirn.toml"
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
expect 0 pirn run logs "$id" --level error;       empty out; says err "No matching lines"
expect 3 pirn run logs "$id" --step narate;       empty out; says err "has no step 'narate'"; says err "Did you mean 'narrate'?"
expect 3 pirn run logs "$id" -f --step nobody;    says err "has no step 'nobody'"
expect 3 pirn run checkpoints "$id" --ran nobody; says err "has no step 'nobody'"
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

# ---- sinks: each has what it is for, and one that fails matters to nobody
until [ "$(grep -c '"__pirn_stream_end__","message":"session=' sinks/ends.jsonl)" = 2 ]; do sleep 0.02; done
says sinks/ends.jsonl "session=$id status=completed"
says sinks/ends.jsonl '{"type":"llm","scope":"chunk","message":"Once "'
says sinks/ends.jsonl '{"type":"node","scope":"chapter","message":"the first"'
empty sinks/others.jsonl
says host.log "] the first"
expect 0 pirn sink ls;                            says out ends; silent out console
PIRN_TENANT='' expect 0 pirn sink ls -o json
says out '"sink":"full"'; says out "No space left"; says out '"error_count":2'
PIRN_TENANT='' expect 0 pirn health;              says out "degraded"; says out "No space left"; says out "sink full"
expect 4 env PIRN_KEY=pirn_nonsense PIRN_TENANT= pirn health

# ---- figures, errors, history of one run; all of them at a glance
expect 0 pirn run metrics "$id";                  says out "narrate"; says out "grade"; says out "processor"; silent err "not measured"
expect 0 pirn run metrics "$id" -o json
says out '"failures":1'; says out '"max_concurrency":1'; says out '"state":"completed"'; says out '"bottlenecks":[]'
silent out '"cpu_ms":null'
expect 0 pirn run errors "$id"
says out "| node narrate @"; says out "  stage_fright: the words are gone"; says out "tags: node, step.exception, stage_fright"
expect 0 pirn run errors "$id" -o json;           says out '"cause":null'
expect 0 pirn run checkpoints "$id" -o id;        last=$(tail -n 1 out)
expect 0 pirn run checkpoints "$id" --ran narrate -o id; same "$(wc -l <out)" 2
expect 0 pirn run checkpoints "$id" --skipped narrate;   empty out
expect 0 pirn run checkpoints "$id" --at 1;       says out "running"
expect 0 pirn run checkpoints "$id" --at "$last"; says out "completed"
expect 3 pirn run checkpoints "$id" --at 99
expect 3 pirn run checkpoints "$id" --at first
expect 0 pirn dashboard;                          says out "gate::story"; says out "workflow.stop"
same "$(sed -n "/^AT/{n;p}" out | grep -c "workflow.stop")" 1 "the newest event comes first"
same "$(api GET /metrics)" 200
says body 'pirn_custom_steps_total{workflow="gate::story",step="narrate",event="step.exception"} 2'
says body "pirn_open_executions 0"

# ---- somebody is told that a step waits: when he can be reached, after a restart, and once
expect 0 pirn run start review -o id;             waits=$(cat out)
until pirn approvals ls -o id | grep -q "$waits"; do sleep 0.02; done
stop_host TERM 0
touch reachable
start_host
until pirn run events "$waits" -o jsonl | grep -q '"code":"notified"'; do sleep 0.02; done
says notices.jsonl "\"execution\":\"$waits\""; says notices.jsonl '"notify":"the boss"'
says notices.jsonl '"approvers":["ada"]'; says notices.jsonl '"workflow":"review"'
same "$(grep -c . notices.jsonl)" 1
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

# ---- what is kept: counted, copied while the host works, made less
export PIRN_TENANT=''
expect 0 pirn store stats;                        says out "acme"; says out "completed"
expect 4 env PIRN_KEY=pirn_nonsense pirn store stats
expect 0 pirn store backup copy;                  says out "$home/copy"
expect 5 pirn store backup copy;                  says err "is there already"
for i in 1 2 3; do pirn run start broken --tenant acme --wait >/dev/null 2>&1; done
expect 2 pirn store prune;                        says err "--older-than"
expect 0 pirn store prune --keep-last 1 --workflow broken --dry-run -o json; says out '"executions":2'
expect 0 pirn run ls --workflow broken -o id --tenant acme; same "$(wc -l <out)" 3; oldest=$(tail -n 1 out)
expect 0 pirn store prune --older-than 1d -o json; says out '"executions":0'
expect 0 pirn store prune --keep-last 1 --compact -o json --tenant acme
[ "$(member out size_bytes)" -lt "$(member out size_bytes_before)" ] || fail "no space was given back"
says out '"free_bytes":0'
expect 3 pirn run show "$oldest" --tenant acme
expect 3 pirn run logs "$oldest" --tenant acme
expect 0 pirn run show "$waits" --tenant acme;    says out "awaiting"
# What it does after the restart counts for its workflow, though it began before.
expect 0 pirn run approve "$waits" --step ask --tenant acme
expect 0 pirn run watch "$waits" -o id --tenant acme
until api GET /metrics >/dev/null && grep -q 'steps_total{workflow="gate::review",step="act",event="step.stop"} 1' body; do sleep 0.02; done

# A policy does it by itself.
for i in 1 2 3; do pirn run start broken --tenant acme --wait >/dev/null 2>&1; done
stop_host TERM 0
printf '[retention]\nevery = "1h"\n[[retention.rule]]\nworkflow = "broken"\nkeep_last = 1\n' >>pirn.toml
start_host
until [ "$(pirn run ls --workflow broken -o id --tenant acme | wc -l)" = 1 ]; do sleep 0.02; done
expect 0 pirn store stats -o json;                says out '"removed":3'
stop_host TERM 0

# The copy is a data directory of its own.
mv data gone && mv copy data
start_host
expect 0 pirn run show "$id" --tenant acme;       says out "flood"
expect 0 pirn run logs @latest --tenant acme
expect 0 pirn run start gate --wait --tenant acme
stop_host TERM 0

# Where the store is: the environment, the configuration, the default.
PIRN_STORE_URL=sqlite://other.db start_host --store memory --init
expect 0 pirn status;                             [ -f data/other.db ] || fail "PIRN_STORE_URL does not go first"
stop_host TERM 0
PIRN_DB_NAME=third.db start_host --store sqlite://second.db --init
[ -f data/second.db ] && [ ! -f data/third.db ] || fail "the command line does not go before PIRN_DB_NAME"
done_well
