#!/usr/bin/env bash
# What package code prints during `pirn run local` never mixes with what the command prints.
. "$(dirname "$0")/harness.sh"

mkdir noisy
cp "$build/tests/e2e/noisy.so" noisy/
printf 'publisher = "e2e"\nlibrary = "noisy.so"\n' >noisy/package.toml
expect 0 pirn pack noisy --output noisy.pirn

expect 0 pirn run local talk --package noisy.pirn -o json
same "$(jq -r '.state + " " + (.context.first | tostring) + " " + (.context.second | tostring)' out)" "completed true true"
silent out NOISE
for what in "printf in first" "left in the buffer in second" "cout in init" "write" "of a child" "of a thread" "cout of a thread"; do
  says err "NOISE $what"
done

# A line for each event, some of them printed while a function of the package runs.
expect 0 pirn run local talk --package noisy.pirn -o jsonl
same "$(jq -s 'map(.type) | index("log") != null and index("chunk") != null and index("step.start") != null' out)" true
silent out NOISE

expect 0 pirn run local talk --package noisy.pirn;           says out completed; silent out NOISE; says err NOISE
expect 0 pirn run local talk --package noisy.pirn -q -o id;  same "$(wc -l <out)" 1; silent out NOISE

# Standard output that nobody reads any more is told, and so is a closed standard error survived.
expect 0 sh -c 'pirn run local talk --package noisy.pirn -q -o json 2>&- | jq -e ".state == \"completed\""'
if [ -w /dev/full ]; then
  expect 1 sh -c 'pirn run local talk --package noisy.pirn -q -o json >/dev/full'
fi
done_well
