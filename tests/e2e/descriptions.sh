#!/usr/bin/env bash
# What there is and what it does: lists, graphs and descriptions of workflows and of runs; strategies; many runs
# cancelled at once.
. "$(dirname "$0")/harness.sh" "$@"
lab=$(readlink -f "$build/tests/e2e/lab.so")
export PIRN_TENANT=acme
expect 0 pirn key generate author
mkdir project && cp "$lab" project/lab.so
printf 'publisher = "e2e"\nlibrary = "lab.so"\n' >project/package.toml
expect 0 pirn pack project --output lab.pirn
expect 0 pirn sign lab.pirn --key author.pem
start_host --resource gpu=4 --resource beam=4
expect 0 pirn tenant create acme --isolation in-process
expect 0 pirn trust add --key author.pub --publisher e2e
expect 0 pirn workflow ls;                        says err "No workflows"
expect 0 pirn push lab.pirn
expect 0 pirn deploy lab@1.0.0

# ---- workflows
expect 0 pirn workflow ls
says out "experiment"; says out "manual"; says out "day"; says out "event"; says out "sunrise"; says out "lab, night"
expect 0 pirn workflow ls --tag night -o id;      same "$(cat out)" experiment
expect 0 pirn workflow ls --trigger event -o id;  same "$(cat out)" day
expect 0 pirn workflow ls --package other -o id;  empty out
expect 0 pirn graph day;                          says out "day (version 1, 4 steps)"; says out "(graft)"
expect 0 pirn graph day -o mermaid --groups
says out 'left["The #quot;left#quot; [side]"]'; says out "subgraph G0[Sides]"; says out "spread --> sum"
expect 0 pirn graph day -o dot;                   says out 'label="The \"left\" [side]"'; says out "peripheries=2"
expect 0 pirn graph day -o json;                  says out '"kind":"group"'
expect 2 pirn graph day -o mermiad;               says err "mermaid"
expect 3 pirn graph night;                        says err "night"
expect 0 pirn graph day --package lab.pirn -o table; says out "group sides"
expect 0 pirn describe day
says out "order          left right spread sum"; says out "level 0     left"; says out "  then      right"
says out "critical path  left spread sum"; says out "takes about 10m30s"; says out "at once     1 of 4 steps"
expect 0 pirn describe day -o json
says out '"execution_order":["left","right","spread","sum"]'; says out '"batch_count":4'
expect 0 pirn describe day --part summary -o json; says out '"parallel_groups":1'; silent out "execution_plan"
expect 0 pirn describe day --part summary;         says out "steps          "; says out "groups         1: "
expect 0 pirn describe experiment --part plan;    says out "needs       1 gpu"
expect 2 pirn describe day --part pln;            says err "plan"

# ---- runs
expect 0 pirn run start day --strategy sequential --wait -o json
says out '"strategy":"sequential"'; says out '"summed":true'
id=$(member out id)
expect 2 pirn run start day --strategy fast;      says err "fast"; says err "hybrid"
expect 0 pirn graph "$id" -o mermaid
says out ":::completed"; says out "spread --> part-one"; says out "classDef running"
expect 0 pirn run graph @latest -o table;         says out "part-two"; says out "completed"
expect 0 pirn describe "$id";                     says out "run $id"; says out "part-one"
expect 0 pirn describe "$id" -o json;             says out '"state":"completed"'
expect 3 pirn run graph 0000000000001
same "$(api GET "/v1/executions/$id/graph?format=dot&tenant=acme")" 200;  says body "digraph day {"
same "$(api GET "/v1/executions/$id/report?tenant=acme")" 200;            says body '"children":[{"graft":"spread"'
same "$(api GET "/v1/workflows/day/graph?format=png&tenant=acme")" 400;   says body "mermaid"
same "$(api GET "/v1/workflows/day/graph?groups=1&tenant=acme")" 400
same "$(api GET "/v1/workflows/day/report?tenant=acme")" 200;             says body '"total_timeout"'

# ---- many at once
begin() { pirn run start experiment --input "{\"go\":\"$home/go\"}" -o id; }
one=$(begin); two=$(begin)
expect 0 pirn run ls --tag night -o id
same "$(sort out)" "$(printf '%s\n%s\n' "$one" "$two" | sort)"
expect 0 pirn run ls --tag nothing -o id;         empty out
# However few of a page are wanted: the list is as long as asked for, and says with what it goes on.
expect 0 pirn run ls --tag night --limit 1 -o id; same "$(wc -l <out)" 1
expect 0 pirn run ls --tag night --limit 1;       says err "--tag night --limit 1 --cursor $two"
expect 0 pirn run ls --workflow day -o id;        same "$(cat out)" "$id"
expect 2 pirn run cancel-all;                     says err "--workflow"
same "$(api POST "/v1/executions/cancel?tenant=acme" -H 'Content-Type: application/json' -d '{}')" 400
expect 2 pirn run cancel-all --status asleep
expect 0 pirn run cancel-all --tag night --dry-run -o json; says out '"count":2'
expect 0 pirn run ls --status cancelled -o id;    empty out
expect 0 pirn run cancel-all --workflow lab::experiment --reason maintenance
says out "$one"; says out "$two"; says err "2 runs"
expect 7 pirn run watch "$one" -o json;           says out '"reason":"maintenance"'
expect 7 pirn run watch "$two" -o id
expect 0 pirn run cancel-all --all;               empty out; says err "0 runs"
done_well
