#!/usr/bin/env bash
# demo_test.sh BIN DIRECTORY samples|data
#
# The demonstration, with the programs of BIN, below DIRECTORY: every promise holds, the figures are the expected
# ones, no process and no data directory is left. `data` runs it on online-retail-excerpt.csv, fifteen lines in the
# format of the UCI data whose figures were summed up by hand.
set -euo pipefail
bin=$1 what=$3 work=$2/$3
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
demo=$here/../../../plugins/operations/demo.sh
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

TMPDIR=$(mktemp -d /tmp/pirn-demo-test.XXXXXX)
trap 'rm -rf "$TMPDIR"' EXIT
export PIRN_DEMO_PROGRAMS=$bin PIRN_DEMO_DIRECTORY=$work TMPDIR
arguments=()
if [ "$what" = data ]; then
  arguments=(--data "$here/online-retail-excerpt.csv")
  export PIRN_DEMO_PACKAGES=$2/samples
fi
"$demo" "${arguments[@]}" </dev/null || fail 'a promise did not hold'

[ -z "$(find "$TMPDIR" -maxdepth 1 -name 'pirn-demo.*')" ] || fail 'the host left its data directory'
for process in /proc/[0-9]*; do
  command=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null || true)
  [[ $command != *"$TMPDIR/pirn-demo."* ]] || fail "a process was left: $command"
done

report() { jq -c '.context.report | del(.low_stock)' "$work/$1.json"; }
expect() { [ "$(report "$1" | jq -S .)" = "$(jq -S . <<<"$2")" ] || fail "$1: $(report "$1") instead of $2"; }
if [ "$what" = samples ]; then
  expect anomalous '{"revenue":"1940.00","refunds":"85.00","orders":5,"returns":2,"return_rate":0.4,"average_order":"388.00","lines":11,"bad_lines":2}'
else
  expected='{"revenue":"280.62","refunds":"36.29","orders":6,"returns":2,"return_rate":0.3333,"average_order":"46.77","lines":15,"bad_lines":2}'
  expect data "$expected"
  # The same without a host.
  code=0
  "$bin/pirn" run daily-report --local --package "$work/operations-1.0.0.pirn" -o json \
    --input "{\"orders\":\"$here/online-retail-excerpt.csv\",\"output\":\"$work/local\"}" >"$work/local.json" || code=$?
  [ "$code" -eq 7 ] || fail "the local run ended with $code instead of 7, for an anomaly"
  expect local "$expected"
fi
