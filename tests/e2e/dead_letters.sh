#!/usr/bin/env bash
# What fails for good is kept, and what is broken is not called: dead letters and circuit breakers, from the SDK to
# the command line, across a kill of the host.
. "$(dirname "$0")/harness.sh" "$@"
bank=$(readlink -f "$build/tests/e2e/bank.so")
export PIRN_TENANT=acme
expect 0 pirn key generate author
mkdir project && cp "$bank" project/bank.so
printf 'publisher = "e2e"\nlibrary = "bank.so"\n' >project/package.toml
expect 0 pirn pack project --output bank.pirn
expect 0 pirn sign bank.pirn --key author.pem
start_host
for tenant in acme globex; do
  expect 0 pirn tenant create $tenant --isolation in-process
  expect 0 pirn trust add --key author.pub --publisher e2e --tenant $tenant
  expect 0 pirn push bank.pirn --tenant $tenant
  expect 0 pirn deploy bank@1.0.0 --tenant $tenant
done
# transfer [OPTIONS…]: the run's id is in $run.
transfer() { run=$(pirn run start transfer --input "{\"door\":\"$home/door\"}" -o id "$@" 2>err) || fail "start"; pirn run watch "$run" "$@" >out 2>err; }

expect 0 pirn dlq ls;                             empty out; says err "No dead letter"
expect 0 pirn breaker ls;                         says out bank; says out closed
expect 5 pirn breaker reset bank;                 says err "invalid_transition"
expect 3 pirn breaker reset post;                 says err "post"

# Two failures open the breaker; the third run is not let through. Each leaves its letter.
expect 7 transfer; first=$run
expect 7 transfer; second=$run
expect 7 transfer; third=$run
expect 0 pirn run events "$third";                says out "circuit.reject"; silent out "step.start"; says out "dead_letter.insert"
expect 0 pirn run show "$third" -o json;          silent out '"attempt":0'; says out '"invocations":0'
expect 0 pirn breaker ls;                         says out open; says out "closed of book, $second"
expect 0 pirn breaker ls -o json;                 says out '"failure_threshold":2'; says out '"reset_timeout":"1h"'
expect 0 pirn dlq ls -o id;                       same "$(cat out)" "$third
$second
$first"
expect 0 pirn dlq ls;                             says out "circuit_open"; says out "book"; says out "transfer"
expect 0 pirn dlq ls --code closed --limit 1;     says out "$second"; silent out "$first"; says err "pirn dlq ls --code closed --limit 1 --cursor"
expect 0 pirn dlq ls --code closed --limit 1 --cursor "$(sed -n 's/.*--cursor \([^ ]*\).*/\1/p' err)"; says out "$first"
expect 0 pirn dlq ls --limit 3;                   silent err "--cursor"
expect 2 pirn dlq ls --cursor yesterday;          says err "cursor"
expect 0 pirn dlq ls --workflow other;            empty out
expect 0 pirn dlq show "$first";                  says out "nobody is in"; says out "$home/door"
expect 0 pirn dlq show "$first" -o json;          says out '"code":"closed"'; says out '"attempts":1'
says out "\"input\":{\"door\":\"$home/door\"}"

# Of another tenant there is nothing, and nothing of his changes.
for tenant in globex; do
  expect 0 pirn dlq ls --tenant $tenant;          empty out
  expect 3 pirn dlq show "$first" --tenant $tenant
  expect 3 pirn dlq retry "$first" --tenant $tenant
  expect 3 pirn dlq discard "$first" --tenant $tenant
  expect 0 pirn dlq prune --older-than 0s --tenant $tenant -o json; says out '"pruned":0'
  expect 0 pirn breaker ls --tenant $tenant;      says out closed
done
expect 3 pirn dlq ls --tenant nobody
expect 0 pirn key create --role viewer -o json;   viewer=$(member out token)
PIRN_TENANT='' PIRN_KEY=$viewer expect 0 pirn dlq ls
PIRN_TENANT='' PIRN_KEY=$viewer expect 4 pirn dlq retry "$first"
PIRN_TENANT='' PIRN_KEY=$viewer expect 4 pirn dlq discard "$first"
PIRN_TENANT='' PIRN_KEY=$viewer expect 4 pirn breaker reset bank

# A killed host forgets neither.
stop_host KILL 137
start_host
expect 0 pirn breaker ls;                         says out open
expect 0 pirn dlq ls -o id;                       same "$(wc -l <out)" 3
expect 7 pirn dlq retry "$third" --wait -o json;  says out '"code":"circuit_open"'
fourth=$(member out id)
expect 3 pirn dlq show "$third"
expect 0 pirn dlq show "$fourth" -o json;         says out "\"__dead_letter_id__\":\"$third\""

# The bank opens, somebody closes the breaker, and what had failed is done.
: >door
expect 0 pirn breaker reset bank;                 says out closed
expect 2 pirn dlq retry;                          says err "--all"
expect 2 pirn dlq retry "$first" --all
expect 2 pirn dlq retry "$first" --code closed;   says err "--all"
expect 3 pirn dlq retry 0000000000000
expect 3 pirn dlq discard 0000000000000
expect 0 pirn dlq retry "$first" --wait -o json;  says out "\"booked\":\"$first\""; says out "\"retry_of\":\"$first\""
says out '"trigger":"dead_letter"'
expect 3 pirn dlq retry "$first";                 says err "there is no dead letter"
expect 0 pirn dlq retry --all --code closed --limit 5 -o id; next=$(cat out)
expect 0 pirn run watch "$next" -o json;          says out "\"booked\":\"$second\""
expect 0 pirn dlq discard "$fourth";              says out "$fourth"
expect 3 pirn dlq discard "$fourth"
expect 0 pirn dlq ls;                             empty out
expect 0 pirn run show "$fourth";                 says out failed

# By age.
rm door
expect 7 transfer
expect 2 pirn dlq prune;                          says err "--older-than"
expect 0 pirn dlq prune --older-than 1h -o json;  says out '"pruned":0'
expect 0 pirn dlq prune --older-than 0s --code other -o json; says out '"pruned":0'
# What its letter needs stays until the letter is gone.
letter=$(pirn dlq ls -o id)
expect 0 env PIRN_TENANT= pirn store prune --older-than 1ms --workflow bank::transfer; says out "kept for dead letters"; says err "pirn dlq ls"
expect 0 pirn run show "$letter";                 says out failed
expect 0 pirn dlq prune --older-than 0s --workflow bank::transfer; says out 1
expect 0 env PIRN_TENANT= pirn store prune --older-than 1ms --workflow bank::transfer -o json; says out '"kept_for_letters":0'
expect 3 pirn run show "$letter"
expect 0 pirn dlq ls;                             empty out
expect 0 pirn event ls;                           says out "circuit.reset"; says out "runs "; silent out '"at"'
expect 0 pirn event ls -o jsonl
for event in dead_letter.insert dead_letter.retry dead_letter.delete dead_letter.prune circuit.trip circuit.state_change circuit.reset; do
  says out "\"type\":\"$event\""
done

stop_host TERM 0
done_well
