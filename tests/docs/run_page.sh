#!/usr/bin/env bash
# Runs the commands of a page as a reader would: every ```sh block, in order, in one shell, in a home of its own.
# A block that begins with `pirn serve` is what the reader has in a second terminal: it runs beside the others, is
# waited for until it is ready, and at the end must stop by SIGTERM with exit code 0 and leave nothing behind.
#
#   run_page.sh PAGE BUILD_DIRECTORY
set -euo pipefail
page=$(readlink -f "$1")
build=$(readlink -f "$2")

ccache_directory=${CCACHE_DIR:-${HOME:-/nonexistent}/.cache/ccache}
home=$(mktemp -d "${TMPDIR:-/tmp}/pirn-page-XXXXXX")
host=""
leave() {
  if [ -n "$host" ]; then kill -9 "$host" 2>/dev/null || true; fi
  rm -rf "$home"
}
trap leave EXIT

mkdir "$home/blocks"
awk -v into="$home/blocks" '
  /^```sh$/ { inside = 1; name = sprintf("%s/%03d", into, ++n); next }
  /^```/    { inside = 0 }
  inside    { print > name }
' "$page"
[ -n "$(ls "$home/blocks")" ] || { echo "$page has no commands"; exit 1; }

# The checkout is where the reader stands, but what the commands make stays in his home.
unset PIRN_TENANT PIRN_KEY PIRN_KEY_FILE PIRN_SERVER PIRN_KEY_PASSPHRASE XDG_CACHE_HOME XDG_CONFIG_HOME XDG_STATE_HOME
# For root the default would be /var/lib/pirn.
export HOME="$home" PIRN_DATA="$home/.local/state/pirn" PATH="$build/bin:$PATH" TERM=dumb
export CCACHE_DIR="$ccache_directory"
socket="$PIRN_DATA/pirn.sock"
cd "$home"

# All blocks that run one after the other share a shell, since a reader's variables last as well.
{
  echo 'set -euo pipefail'
  for block in "$home"/blocks/*; do
    if [ "$(head -c 10 "$block")" = "pirn serve" ]; then
      printf '%s > "$HOME/host.log" 2>&1 &\necho $! > "$HOME/host.pid"\n' "$(cat "$block")"
      printf 'curl -sS --fail -o /dev/null --retry 300 --retry-delay 0 --retry-max-time 30 --retry-all-errors --unix-socket %q http://localhost/readyz 2>>"$HOME/curl.log"\n' "$socket"
    else
      printf 'echo "--- commands:"\nsed "s/^/    /" %q\n' "$block"
      cat "$block"
      echo
    fi
  done
} >"$home/script"

status=0
bash "$home/script" </dev/null || status=$?
if [ -f "$home/host.pid" ]; then
  host=$(cat "$home/host.pid")
  if [ "$status" != 0 ]; then echo "--- the host's log:"; tail -n 40 "$home/host.log"; fi
  kill -TERM "$host" 2>/dev/null || { echo "the host is not there any more"; status=1; }
  # The host is not this shell's child; it is gone when its socket answers no more and the process has ended.
  timeout 60 tail --pid="$host" -f /dev/null || { echo "SIGTERM did not end the host"; status=1; }
  host=""
fi
exit "$status"
