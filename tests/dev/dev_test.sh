#!/usr/bin/env bash
# What ./dev answers without building anything: from any directory, without a terminal, with standard input closed.
set -uo pipefail
dev=$(readlink -f "$1")
failures=0
# expect EXIT_CODE PATTERN COMMAND...: the exit code, and a text in the output
expect() {
  local code=$1 pattern=$2 output status
  shift 2
  output=$(cd / && "$@" 2>&1 <&-)
  status=$?
  if [ "$status" != "$code" ] || ! grep -q -- "$pattern" <<<"$output"; then
    printf '%s\n  exit %s (expected %s), expected "%s" in:\n%s\n' "$*" "$status" "$code" "$pattern" "$output"
    failures=$((failures + 1))
  fi
}

expect 0 'usage: ./dev VERB' "$dev"
expect 0 'usage: ./dev VERB' "$dev" help
expect 2 "no verb 'demonstrate'" "$dev" demonstrate
expect 2 'there are: unit sdk simulation crash e2e lint' "$dev" test nonsense
expect 2 'one category' "$dev" test unit sdk
# Each category has a test preset.
tree=$(dirname "$dev")
for category in $(sed -n 's/^set(PIRN_TEST_CATEGORIES \(.*\))$/\1/p' "$tree/tests/CMakeLists.txt"); do
  expect 0 "\"$category\"" sh -c "cd '$tree' && ctest --list-presets"
done
# The help lists every verb that the script knows.
for verb in demo test build bench crash simulate sanitize lint format docs clean help; do
  expect 0 "^  $verb " "$dev" help
done
exit $((failures > 0))
