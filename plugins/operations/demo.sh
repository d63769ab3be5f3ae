#!/usr/bin/env bash
# demo.sh [--data FILE]: Pirn's main job, shown on the daily operations report. Called by `./dev demo`.
#
# Needs build/bin/pirn, bash, coreutils, curl, jq; no terminal, no network but the loopback. Leaves no process behind.
# Exits 0 if every promise held, else 1. What it made stays in build/demo (or PIRN_DEMO_DIRECTORY).
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(readlink -f "$here/../..")
export PATH="${PIRN_DEMO_PROGRAMS:-$root/build/bin}:$PATH"
unset PIRN_SERVER PIRN_KEY PIRN_KEY_FILE PIRN_TENANT

data_file=
while [ $# -gt 0 ]; do
  case "$1" in
    --data) data_file=${2:?--data needs a FILE}; shift 2 ;;
    --data=*) data_file=${1#*=}; shift ;;
    *) printf 'usage: ./dev demo [--data FILE]\n' >&2; exit 2 ;;
  esac
done
if [ -n "$data_file" ]; then
  [ -r "$data_file" ] || { printf 'demo: cannot read %s\n' "$data_file" >&2; exit 2; }
  data_file=$(readlink -f "$data_file")
fi

# ---- how it is told

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else bold='' dim='' green='' red='' plain=''; fi

began=$SECONDS
kept=() broken=()
chapter() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
# Seconds of CPU time that this process's commands have used so far, in `first_output`.
cpu_so_far() {
  times >"$work/times"
  first_output=$(awk 'NR == 2 { for (i = 1; i <= 2; ++i) { split($i, t, /[ms]/); sum += t[1] * 60 + t[2] }
                                printf "%.0f", sum }' "$work/times")
}
# A command of the user's, shown and run.
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; "$@"; }
promise() { # TEXT COMMAND...: the promise holds if the command succeeds
  local text=$1
  shift
  if "$@"; then kept+=("$text"); printf '   %s✓%s %s\n' "$green" "$plain" "$text"
  else broken+=("$text"); printf '   %s✗%s %s\n' "$red" "$plain" "$text"; fi
}
give_up() { printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# The exit code of a command in `code`; its standard error is kept, and shown.
code=0
attempt() {
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  code=0
  "$@" >"$work/out" 2>"$work/err" || code=$?
  sed 's/^/   /' "$work/err"
}
refused() { [ "$code" -eq "$1" ] && grep -q -- "$2" "$work/err"; }

# ---- the host

work=$(readlink -m "${PIRN_DEMO_DIRECTORY:-$root/build/demo}")
host_data=
host=
first_output=   # CPU seconds until the host first answered
log=$work/host.log
start_host() {
  printf '%s$ pirn serve --data %s --listen 127.0.0.1:0%s\n' "$dim" "$host_data" "$plain"
  pirn serve --data "$host_data" --listen 127.0.0.1:0 >>"$log" 2>&1 &
  host=$!
  wait_until 'the host is ready' pirn status -o id
  [ -n "$first_output" ] || cpu_so_far
  # The last address that was announced is this host's.
  server=$(grep -ao 'http://127\.0\.0\.1:[0-9]*' "$log" | tail -n 1)
}
# Tries a command until it succeeds, for at most a minute.
wait_until() {
  local what=$1 tries
  shift
  for ((tries = 0; tries < 600; tries++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    if ! kill -0 "$host" 2>/dev/null; then tail -n 20 "$log" >&2; give_up "the host has ended while waiting until $what"; fi
    read -rt 0.1 <>"$work/never" || true   # a pause without a process
  done
  give_up "waited in vain until $what"
}
finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  if [ -n "$host" ] && kill -0 "$host" 2>/dev/null; then
    rm -f "$work/gate"
    kill -KILL "$host" 2>/dev/null || true
    wait "$host" 2>/dev/null || true
  fi
  [ -z "$host_data" ] || rm -rf "$host_data"
  rm -f "$work/never"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

rm -rf "$work"
mkdir -p "$work"
mkfifo "$work/never"
cd "$work"
# Short, since the path of a Unix socket may not be long.
host_data=$(mktemp -d "${TMPDIR:-/tmp}/pirn-demo.XXXXXX")
export PIRN_DATA=$host_data

run_is() { pirn run show "$1" --tenant "$2" -o json | jq -e "$3" >/dev/null; }
field() { jq -r "$2" "$work/$1.json"; }
keep() { pirn run show "$2" --tenant "$3" -o json >"$work/$1.json"; }
same_figures() { # RUN EXPECTED [FILTER]: the report in the context is what was expected
  jq -e --slurpfile expected "$2" "(.context.report | ${3:-.}) == (\$expected[0] | ${3:-.})" "$work/$1.json" >/dev/null
}
counts() { jq -r '[.steps[].state] | "\(map(select(. == "completed")) | length) \(map(select(. == "failed")) | length) \(map(select(. == "skipped")) | length)"' "$work/$1.json"; }
ended_as() { [ "$(counts "$1")" = "$2" ] || { say "completed, failed, skipped: $(counts "$1"), expected $2"; return 1; }; }
step() { jq -r --arg name "$2" ".steps[] | select(.name == \$name) | $3" "$work/$1.json"; }
totals() {
  jq -r '"   \(.progress.done) of \(.progress.total) steps: "
    + ([.steps | group_by(.state)[] | "\(length) \(.[0].state)"] | join(", "))
    + "; took \(.duration_ms | round) ms, steps together \([.steps[].duration_ms // 0] | add | round) ms, at most \(.max_concurrency) at the same time"' "$work/$1.json"
}
figures() {
  jq -r '.context.report | "   revenue \(.revenue), refunds \(.refunds), \(.orders) orders, \(.returns) returns, return rate \(.return_rate), average order \(.average_order), \(.lines) lines of which \(.bad_lines) bad, low stock: \(if .low_stock == [] then "none" else .low_stock[:6] | join(" ") end)"
    + (if .items then ", items \(.items)" else "" end)' "$work/$1.json"
}

# ---- 1

chapter '1. A package: from source to a signed file'
say 'The report is written with the SDK alone, in plugins/operations; it is built from a copy, to leave the sources alone.'
cp -r "$here" operations
rm -rf operations/build
if [ -n "${PIRN_DEMO_PACKAGES:-}" ]; then
  say "(The packages are taken from $PIRN_DEMO_PACKAGES.)"
  cp "$PIRN_DEMO_PACKAGES"/operations-[12].0.0.pirn .
else
  # Most files are the same in both releases, and in the next demonstration.
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; unset CCACHE_BASEDIR; fi
  show pirn pack operations --output operations-1.0.0.pirn
  pirn pack operations --output again.pirn >/dev/null 2>&1
  promise 'the same sources give the same bytes' cmp -s operations-1.0.0.pirn again.pirn
  say 'The author raises the version; from 2.0.0 on the report also tells the items sold.'
  show sed -i 's/OPERATIONS_VERSION 1\.0\.0/OPERATIONS_VERSION 2.0.0/' operations/CMakeLists.txt
  show pirn pack operations --output operations-2.0.0.pirn
fi

# Two tenants, each with a publisher and a key of its own.
umask 077
head -c 24 /dev/urandom | base64 >passphrase
for tenant in nordwind harbour; do
  show pirn key generate "$tenant" --passphrase-file passphrase
done
umask 022
for version in 1.0.0 2.0.0; do
  for tenant in nordwind harbour; do cp "operations-$version.pirn" "$tenant-operations-$version.pirn"; done
done
for tenant in nordwind harbour; do
  for version in 1.0.0 2.0.0; do
    show pirn sign "$tenant-operations-$version.pirn" --key "$tenant.pem" --passphrase-file passphrase
  done
done
show pirn inspect nordwind-operations-1.0.0.pirn
promise 'a signed package verifies' pirn verify nordwind-operations-1.0.0.pirn --trust nordwind.pub

# ---- 2

chapter '2. Two tenants of one host'
start_host
say 'A tenant'"'"'s code runs in worker processes unless the operator decides, on record, to trust it inside the host:'
for tenant in nordwind harbour; do
  show pirn tenant create "$tenant" --isolation in-process
  show pirn trust add --tenant "$tenant" --key "$tenant.pub" --publisher pirn-examples
  show pirn push "$tenant-operations-1.0.0.pirn" --tenant "$tenant"
  show pirn deploy operations@1.0.0 --tenant "$tenant" --why 'first release'
done
show pirn tenant create cautious
pirn trust add --tenant cautious --key nordwind.pub --publisher pirn-examples >/dev/null
pirn push nordwind-operations-1.0.0.pirn --tenant cautious >/dev/null
attempt pirn deploy operations@1.0.0 --tenant cautious
promise 'without that decision nothing is deployed into the host' refused 5 isolat
show pirn graph daily-report --tenant nordwind -o ascii

# ---- 3

# Starts a run without waiting for it; its id in `started`.
start_run() {
  printf '%s$ pirn run start daily-report %s%s\n' "$dim" "$*" "$plain"
  started=$(pirn run start daily-report "$@" -o id)
  say "$started"
}
run_report() { # NAME TENANT INPUT: runs it with live progress; the exit code in `code`
  code=0
  printf '%s$ pirn run start daily-report --tenant %s --input @%s --watch%s\n' "$dim" "$2" "$3" "$plain"
  pirn run start daily-report --tenant "$2" --input "@$3" --watch --timeout 5m >"$1.txt" || code=$?
  keep "$1" @latest "$2"
  cat "$1.txt"
  totals "$1"
  figures "$1"
}
input() { # NAME ORDERS INVENTORY [MORE]
  jq -n --arg orders "$2" --arg inventory "$3" --arg output "$work/report/$1" "{orders: \$orders, output: \$output, pace_ms: 60}
    + (if \$inventory == \"\" then {} else {inventory: \$inventory} end) + (${4:-{\}})" >"$1-input.json"
}
bounded() { [ "$(field "$1" .max_concurrency)" -le 4 ]; }
published() {
  local file
  for file in dashboard.html dashboard.json cache/index.json search/index.json metrics.json metrics.prom; do
    [ -s "report/$1/$file" ] || { say "$file is missing"; return 1; }
  done
  [ "$(find "report/$1/archive" -name manifest.json | wc -l)" -eq 1 ]
}
hooks_counted() { # every step ended in the hooks' log, and the metrics agree with the run; hooks run behind it
  wait_until 'the hooks have run' hooks_agree "$@"
}
hooks_agree() {
  jq -e -s --slurpfile run "$1.json" '([.[] | select(.event == "on_finish") | .step] | unique | length) == ($run[0].steps | length)' \
    "report/$2/runs/$(field "$1" .id)/hooks.jsonl" >/dev/null &&
  [ "$(jq -r '.totals | "\(.succeeded) \(.failed) \(.skipped)"' "report/$2/runs/$(field "$1" .id)/steps.json")" = "$(counts "$1")" ]
}
anomaly_handled() {
  [ "$code" -eq 7 ] && ended_as "$1" '14 1 1' && [ "$(step "$1" detect-anomalies .error.code)" = anomaly ] &&
    [ "$(step "$1" detect-anomalies .invocations)" = 1 ] && [ "$(step "$1" notify-ops .skip_kind)" = upstream_failed ]
}
healthy_notified() { [ "$code" -eq 0 ] && ended_as "$1" '16 0 0' && [ -s "report/$1/notification.json" ]; }

"$here/sample.sh" anomalous anomalous
"$here/sample.sh" healthy healthy
if [ -n "$data_file" ]; then
  chapter "3. The daily report on $(basename "$data_file")"
  input data "$data_file" ''
  run_report data nordwind data-input.json
  if [ "$code" -eq 7 ]; then promise 'the anomaly fails detect-anomalies, skips notify-ops, and all else completes' anomaly_handled data
  else promise 'on healthy data all 16 steps complete and notify-ops notifies' healthy_notified data; fi
  promise 'what the steps published is there' published data
  promise 'never more than 4 steps ran at the same time' bounded data
  page=report/data/dashboard.html
else
  chapter '3. The daily report on a bad day: an anomaly, exit code 7 expected'
  input anomalous "$work/anomalous/orders.csv" "$work/anomalous/inventory.csv"
  run_report anomalous nordwind anomalous-input.json
  promise 'the anomaly fails detect-anomalies for good, skips notify-ops, and the other 14 steps complete' anomaly_handled anomalous
  promise 'the figures are those that the generator summed up' same_figures anomalous anomalous/expected.json 'del(.items)'
  promise 'never more than 4 steps ran at the same time' bounded anomalous
  promise 'what the steps published is there' published anomalous
  promise 'the hooks logged every step and their metrics agree' hooks_counted anomalous anomalous

  chapter '   The same for the other tenant on a good day'
  input healthy "$work/healthy/orders.csv" "$work/healthy/inventory.csv"
  run_report healthy harbour healthy-input.json
  promise 'on healthy data all 16 steps complete and notify-ops notifies' healthy_notified healthy
  promise 'its figures are those that the generator summed up' same_figures healthy healthy/expected.json 'del(.items)'
  page=report/healthy/dashboard.html
fi

# ---- 4

chapter '4. Hot swap: 2.0.0 is deployed while a run of 1.0.0 is under way'
say 'This run waits in clean-orders until we let it go on.'
touch "$work/gate"
input pinned "$work/healthy/orders.csv" "$work/healthy/inventory.csv" "{hold_step: \"clean-orders\", hold_file: \"$work/gate\", pace_ms: 0}"
start_run --tenant nordwind --input "@pinned-input.json" --key pinned
pinned=$started
wait_until 'only clean-orders is under way' run_is "$pinned" nordwind '.running_steps == ["clean-orders"] and .progress.done == 5'
show pirn push nordwind-operations-2.0.0.pirn --tenant nordwind
show pirn deploy operations@2.0.0 --tenant nordwind --why 'reports the items sold'
input fresh "$work/healthy/orders.csv" "$work/healthy/inventory.csv"
run_report fresh nordwind fresh-input.json
show pirn run ls --tenant nordwind
promise 'a run that starts after the deployment is on 2.0.0, with its new figure' same_figures fresh healthy/expected.json
promise 'the run that was under way is still on 1.0.0' run_is "$pinned" nordwind '.version == "1.0.0" and .state == "running"'
input neighbour "$work/healthy/orders.csv" "$work/healthy/inventory.csv"
show pirn run start daily-report --tenant harbour --input @neighbour-input.json --wait -o id
keep neighbour @latest harbour
promise 'the other tenant runs its own 1.0.0 of the same name meanwhile' same_figures neighbour healthy/expected.json 'del(.items)'
show pirn rollout history operations --tenant nordwind

# ---- 5

chapter '5. kill -9 in mid-run'
start_run --tenant nordwind --input "@pinned-input.json" --key acknowledged
acknowledged=$started
say "The host dies with clean-orders of $pinned under way, right after it acknowledged $acknowledged."
printf '%s$ kill -9 %s%s\n' "$dim" "$host" "$plain"
kill -KILL "$host"
wait "$host" 2>/dev/null || true
start_host
start_run --tenant nordwind --input "@pinned-input.json" --key acknowledged
promise 'the start that was acknowledged is there, and its key starts no second one' [ "$started" = "$acknowledged" ]
rm "$work/gate"
for run in pinned acknowledged; do
  code=0
  show pirn run watch "${!run}" --tenant nordwind --timeout 5m >"$run.txt" || code=$?
  promise "the ${run} run ends after the restart" [ "$code" -eq 0 ]
  keep "$run" "${!run}" nordwind
done
cat pinned.txt
totals pinned
not_run_again() {
  [ "$(jq -r '[.steps[] | select(.name != "clean-orders") | .invocations] | unique | join(" ")' pinned.json)" = 1 ]
}
promise 'steps that had completed were not run again' not_run_again
promise 'the step in flight was run again, without being blamed for it' \
  [ "$(step pinned clean-orders '"\(.invocations) \(.interruptions) \(.failures)"')" = '2 1 0' ]
promise 'also across the restart it finished on 1.0.0' same_figures pinned healthy/expected.json 'del(.items)'
on_first() { [ "$(field pinned .version)" = 1.0.0 ] && [ "$(field pinned '.context.report | has("items")')" = false ]; }
promise 'and not on what has been deployed since' on_first
promise 'the run started before the kill is on 2.0.0' [ "$(field acknowledged .version)" = 2.0.0 ]

# ---- 6

chapter '6. What is refused'
tampered=tampered.pirn
cp nordwind-operations-2.0.0.pirn "$tampered"
size=$(stat -c %s "$tampered")
# One bit of the last block of code, far behind the signature.
offset=$((size * 2 / 3))
byte=$(od -An -tu1 -j "$offset" -N 1 "$tampered")
printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$tampered" bs=1 seek="$offset" conv=notrunc status=none
say "One bit of $size bytes is another:"
before=$(pirn package ls --tenant nordwind -o json | jq -S .)
attempt pirn push "$tampered" --tenant nordwind
promise 'a tampered package is refused' [ "$code" -eq 5 ]
attempt pirn push harbour-operations-2.0.0.pirn --tenant nordwind
promise 'a package signed with the key of another tenant is refused' [ "$code" -eq 5 ]
promise 'and nothing of either was kept' [ "$(pirn package ls --tenant nordwind -o json | jq -S .)" = "$before" ]

say "Over TCP a tenant needs a key, which implies the tenant ($server):"
(umask 077 && pirn key create --tenant harbour --role runner --label demo -o json | jq -r '.token // .key' >harbour.key)
as_harbour=(--server "$server" --key-file harbour.key)
own_run() { pirn run show "$(field neighbour .id)" -o id "${as_harbour[@]}" >own.txt; }
promise 'with its key a tenant sees its own runs' own_run
attempt pirn run show "$pinned" "${as_harbour[@]}"
foreign=$(sed "s/$pinned/RUN/g" err)
promise 'it sees no run of another tenant' [ "$code" -eq 3 ]
nothing=$(printf '%s' "$pinned" | tr '0-9a-z' '1-9a-z0')
attempt pirn run show "$nothing" "${as_harbour[@]}"
promise 'and cannot tell it from one that is not there' [ "$(sed "s/$nothing/RUN/g" err)" = "$foreign" ]
attempt pirn run cancel "$acknowledged" "${as_harbour[@]}"
promise 'nor can it influence one' [ "$code" -eq 3 ]
attempt pirn push harbour-operations-2.0.0.pirn "${as_harbour[@]}"
promise 'a key that may only run pushes nothing' [ "$code" -eq 4 -o "$code" -eq 5 ]
promise 'without a key nothing is answered' [ "$(curl -s -o /dev/null -w '%{http_code}' "$server/v1/executions")" = 401 ]

# ---- 7

chapter '7. The end'
printf '%s$ kill -TERM %s%s\n' "$dim" "$host" "$plain"
kill -TERM "$host"
code=0
wait "$host" || code=$?
promise 'on SIGTERM the host ends by itself, with exit code 0' [ "$code" -eq 0 ]
host=

printf '\n%s%d promises, %d kept, %d s%s\n' "$bold" $((${#kept[@]} + ${#broken[@]})) ${#kept[@]} $((SECONDS - began)) "$plain"
for text in "${kept[@]}"; do printf '   %s✓%s %s\n' "$green" "$plain" "$text"; done
for text in ${broken[@]+"${broken[@]}"}; do printf '   %s✗%s %s\n' "$red" "$plain" "$text"; done
printf "\nThe host's first output came after %s s of CPU time%s.\n" "$first_output" "${PIRN_DEMO_AFTER_BUILD:+, the build included}"
printf '\nThe dashboard:   %s\nAll reports:     %s\nPackages, keys:  %s\nThe host'"'"'s log:  %s\n' "$work/$page" "$work/report" "$work" "$log"
[ ${#broken[@]} -eq 0 ]
