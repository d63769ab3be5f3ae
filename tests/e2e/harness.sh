# What the end-to-end scripts share. Sourced by each: it makes a home in a temporary directory, ends with it, and
# stops at the first promise that is not kept.
#
#   SCENARIO.sh BUILD_DIRECTORY GATE_1 GATE_2      (libraries of the package `gate`, versions 1.0.0 and 2.0.0)
set -u
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
build=$(readlink -f "$1") gate1=$(readlink -f "$2") gate2=$(readlink -f "$3")
export PATH="$build/bin:$PATH" TERM=dumb
unset PIRN_TENANT PIRN_KEY PIRN_KEY_FILE PIRN_SERVER PIRN_LOG
home=$(mktemp -d "${TMPDIR:-/tmp}/pirn-e2e-XXXXXX")
cd "$home" || exit 1
export HOME="$home" PIRN_DATA="$home/data" PIRN_KEY_PASSPHRASE="correct horse battery"
host="" promises=0

leave() {
  local status=$?
  if [ -n "$host" ]; then kill -9 "$host" 2>/dev/null; fi
  if [ "$status" != 0 ] && [ -f host.log ]; then echo "--- the host's log:"; tail -n 30 host.log; fi
  rm -rf "$home"
  exit "$status"
}
trap leave EXIT

fail() { echo "NOT KEPT: $*"; echo "--- stdout:"; cat out 2>/dev/null; echo "--- stderr:"; cat err 2>/dev/null; exit 1; }

# expect CODE COMMAND…: the exit code; what it printed is in the files out and err.
expect() {
  local code=$1 got=0
  shift
  "$@" >out 2>err </dev/null || got=$?
  [ "$got" = "$code" ] || fail "exit code $got instead of $code: $*"
  promises=$((promises + 1))
}
# says FILE TEXT: the file has that text.
says() {
  grep -qF -- "$2" "$1" || fail "$1 does not say: $2"
  promises=$((promises + 1))
}
silent() {
  grep -qF -- "$2" "$1" && fail "$1 must not say: $2"
  promises=$((promises + 1))
}
empty() {
  [ ! -s "$1" ] || fail "$1 must be empty"
  promises=$((promises + 1))
}
same() {
  [ "$1" = "$2" ] || fail "'$1' is not '$2'${3:+ ($3)}"
  promises=$((promises + 1))
}
done_well() { echo "$promises promises kept"; exit 0; }

# api METHOD PATH [CURL ARGUMENTS…]: the status; the body is in the file body.
api() {
  local method=$1 path=$2
  shift 2
  curl -sS -o body -w '%{http_code}' -X "$method" --max-time 60 --unix-socket data/pirn.sock "http://localhost$path" "$@"
}
# A member of the JSON in a file: text or number, the first of that name.
member() { sed -nE 's/.*"'"$2"'":("([^"]*)"|([^,}]*)).*/\2\3/p' "$1" | head -n 1; }

# Starts the host in the background, and waits until it takes work.
start_host() {
  pirn serve "$@" >>host.log 2>&1 </dev/null &
  host=$!
  curl -sS --fail -o /dev/null --retry 600 --retry-delay 0 --retry-max-time 60 --retry-all-errors \
    --unix-socket data/pirn.sock http://localhost/readyz 2>/dev/null || fail "the host does not become ready"
}
# stop_host SIGNAL CODE
stop_host() {
  local code=0
  kill "-$1" "$host"
  wait "$host" 2>/dev/null || code=$?
  host=""
  [ "$code" = "$2" ] || fail "the host ended with $code instead of $2 after SIG$1"
  promises=$((promises + 1))
}

# gate_package VERSION LIBRARY: gate-VERSION.pirn, signed by author.pem.
gate_package() {
  mkdir -p "project-$1"
  cp "$2" "project-$1/gate.so"
  printf 'publisher = "e2e"\nlibrary = "gate.so"\n' >"project-$1/package.toml"
  expect 0 pirn pack "project-$1" --output "gate-$1.pirn"
  expect 0 pirn sign "gate-$1.pirn" --key author.pem
}
make_packages() {
  expect 0 pirn key generate author
  gate_package 1.0.0 "$gate1"
  gate_package 2.0.0 "$gate2"
}
# tenant_with_gate TENANT: trusts the author, has both versions, runs 1.0.0.
tenant_with_gate() {
  expect 0 pirn tenant create "$1" --isolation in-process
  expect 0 pirn trust add --key author.pub --publisher e2e --tenant "$1"
  expect 0 pirn push gate-1.0.0.pirn --tenant "$1"
  expect 0 pirn push gate-2.0.0.pirn --tenant "$1"
  expect 0 pirn deploy gate@1.0.0 --tenant "$1"
}
# An execution that stands at its gate: its id is in $id; open_gate lets it go on.
start_at_gate() {
  rm -f arrived go
  mkfifo arrived go
  id=$(pirn run start gate --input "{\"arrived\":\"$home/arrived\",\"go\":\"$home/go\"}" -o id --tenant "$1" 2>err) || fail "start"
  wait_at_gate
}
wait_at_gate() { read -r -t 60 _ <arrived || fail "the step did not arrive at the gate"; }
open_gate() { timeout 60 sh -c 'echo >go' || fail "nobody waits at the gate"; }
