#!/usr/bin/env bash
# What is scarce: two runs and one device, who waits and is seen waiting, a host that has less, and what it has not.
. "$(dirname "$0")/harness.sh" "$@"
lab=$(readlink -f "$build/tests/e2e/lab.so")
export PIRN_TENANT=acme
expect 0 pirn key generate author
mkdir project && cp "$lab" project/lab.so
printf 'publisher = "e2e"\nlibrary = "lab.so"\n' >project/package.toml
expect 0 pirn pack project --output lab.pirn
expect 0 pirn sign lab.pirn --key author.pem
expect 2 pirn serve --resource gpu;               says err "gpu"
expect 2 pirn serve --resource gpu=many

# ---- a host without the device takes no work for it
start_host
expect 0 pirn tenant create acme --isolation in-process
expect 0 pirn trust add --key author.pub --publisher e2e
expect 0 pirn push lab.pirn
expect 5 pirn deploy lab@1.0.0 --dry-run -o json; says out "resources_insufficient"
expect 5 pirn deploy lab@1.0.0;                   says err "resources_insufficient"; says err "1 gpu of 0"
says err "at lab::experiment/"; silent err "definitions"
expect 0 pirn status;                             says out "cpu"; says out "memory"; silent out E0
stop_host TERM 0
printf '[resources]\ngpu = 1\nbeam = 1\n' >pirn.toml
start_host --config pirn.toml
expect 0 pirn deploy lab@1.0.0 --dry-run -o json; silent out "resources_insufficient"
expect 0 pirn deploy lab@1.0.0

# ---- one device and two runs
begin() { pirn run start experiment --input "{\"go\":\"$home/go\"}" -o id; }
until_step() { until pirn run show "$1" -o json | grep -q "$2"; do sleep 0.02; done; }
first=$(begin);                                   until_step "$first" '"state":"running"'
second=$(begin);                                  until_step "$second" '"waiting":true'
expect 0 pirn run show "$first";                  says out "has "; says out "gpu #0"
expect 0 pirn run show "$second";                 says out "ready"; says out "waits for 0.5 beam, 1 gpu"
expect 0 pirn status -o json;                     says out '{"name":"gpu","capacity":1'; says out '"waiting":1'
# The host is lost: what it had given is free again, and both go on.
stop_host KILL 137
start_host --config pirn.toml
until_step "$first" '"state":"running"'; until_step "$second" '"waiting":true'
third=$(begin)
expect 0 pirn run cancel "$second" --wait -o json; says out '"state":"cancelled"'
touch go
expect 0 pirn run watch "$first" -o json;         says out '"device":0'; says out '"beam":0.5'
expect 0 pirn run watch "$third" -o json;         says out '"device":0'
rm go

# ---- the host comes back with less: nothing starts, and what is open waits and says why
first=$(begin);                                   until_step "$first" '"state":"running"'
stop_host KILL 137
start_host
expect 5 pirn run start experiment;               says err "resources_insufficient"
until_step "$first" '"hopeless":true'
expect 0 pirn run show "$first";                  says out "more than the host has"
stop_host TERM 0
touch go
start_host --resource gpu=1 --resource beam=1
expect 0 pirn run watch "$first" -o json;         says out '"state":"completed"'

# ---- what a package says of the host that it needs
mkdir picky && cp "$lab" picky/lab.so
printf 'publisher = "e2e"\nlibrary = "lab.so"\nserial = 1000000000001\n[resources]\nlicence = 2\n' >picky/package.toml
expect 0 pirn pack picky --output picky.pirn
expect 0 pirn inspect picky.pirn;                 says out "resources required of a host"; says out "licence"
expect 0 pirn sign picky.pirn --key author.pem
expect 0 pirn tenant create other --isolation in-process
expect 0 pirn trust add --tenant other --key author.pub --publisher e2e
expect 0 pirn push picky.pirn --tenant other
expect 5 pirn deploy lab@1.0.0 --tenant other --dry-run; says err "2 licence of 0"
expect 5 pirn deploy lab@1.0.0 --tenant other;    says err "resources_insufficient"
stop_host TERM 0
start_host --resource gpu=1 --resource beam=1 --resource licence=2
expect 0 pirn deploy lab@1.0.0 --tenant other
stop_host TERM 0
start_host --resource gpu=1 --resource beam=1
expect 5 pirn run start experiment --tenant other; says err "the package 'lab' asks for 2 licence of 0"
expect 0 pirn run start experiment --input "{\"go\":\"$home/go\"}" --wait

# ---- without a host
expect 5 pirn run local experiment --package lab.pirn; says err "resources_insufficient"
expect 7 pirn run local stubborn --package lab.pirn --input "{\"go\":\"$home/never\"}" -q -o json; says out '"code":"timeout"'
expect 0 pirn run local day --package lab.pirn -q -o json; says out '"summed":true'
expect 0 pirn run local experiment --package lab.pirn --resource gpu=1 --resource beam=2 -o json
says out '"device":0'
done_well
