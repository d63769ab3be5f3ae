#!/usr/bin/env bash
# A step that takes the host along, in ways that nobody can catch: a host that is started again and again, as a service
# manager does it, gets to the end of it. The step fails as crashed; a neighbour whose step is under way all the time
# completes and is not blamed.
. "$(dirname "$0")/harness.sh" "$@"
expect 0 pirn key generate author
mkdir project
cp "$(readlink -f "$build/tests/e2e/poison.so")" project/poison.so
printf 'publisher = "e2e"\nlibrary = "poison.so"\n' >project/package.toml
expect 0 pirn pack project --output poison.pirn
expect 0 pirn sign poison.pirn --key author.pem
start_host
for tenant in acme innocent; do
  expect 0 pirn tenant create $tenant --isolation in-process
  expect 0 pirn trust add --key author.pub --publisher e2e --tenant $tenant
  expect 0 pirn push poison.pirn --tenant $tenant
  expect 0 pirn deploy poison@1.0.0 --tenant $tenant
done

# As systemd with Restart=always: until the file `stop` is there. Every exit status is written down.
keep_host() {
  until [ -e stop ]; do
    pirn serve >>host.log 2>&1 </dev/null &
    echo $! >pid
    local code=0
    wait $! 2>/dev/null || code=$?
    echo "$code" >>statuses
  done
}
stop_host TERM 0
keep_host &
keeper=$!
ready() { curl -sS --fail -o /dev/null --retry 600 --retry-delay 0 --retry-max-time 60 --retry-all-errors --unix-socket data/pirn.sock http://localhost/readyz 2>/dev/null || fail "the host does not become ready"; }

ready
expect 0 pirn run start neighbour --tenant innocent --input "{\"file\":\"$home/free\"}" -o id; neighbour=$(cat out)
for way in exit quick_exit _exit exit_apart kill_apart throw_apart reset terminate system_call; do
  : >statuses
  # The answer may be lost with the host: the key finds the run again.
  until pirn run start poison --tenant acme --key $way --input "{\"way\":\"$way\"}" -o id >out 2>err; do
    grep -qE "unreachable|bad_answer|not_ready|error 06" err || fail "the start of $way"
    [ "$(wc -l <statuses)" -lt 20 ] || fail "$way ends every life of the host"
    sleep 0.05
  done
  poisoned=$(cat out)
  until [ "$(pirn run show "$poisoned" --tenant acme -o json 2>/dev/null | sed -nE 's/.*"state":"(failed|completed)".*/\1/p' | head -n 1)" = failed ]; do
    [ "$(wc -l <statuses)" -lt 20 ] || fail "$way ends every life of the host"
    sleep 0.05
  done
  ready
  expect 0 pirn run show "$poisoned" --tenant acme -o json
  says out '"code":"crashed"'; says out '"crashes":2'
  lives=$(wc -l <statuses)
  [ "$lives" -ge 2 ] && [ "$lives" -le 5 ] || fail "$way took $lives lives"
  ! grep -qx 0 statuses || fail "$way: a host that was ended by it says that all is well"
  echo "$way: $lives lives, statuses $(sort -u statuses | tr '\n' ' ')"
done
says host.log "process_ended"
says host.log "'drink' of the step 'drink' (acme::poison@1.0.0"
says host.log "the host did not stop cleanly the last time"
says host.log "this call ended the process"
says host.log "as a suspect it runs again alone"

# The last one of these ends is told, too.
expect 0 pirn status;         says out "last end   the host did not stop cleanly the last time"; says out "poison::poison"
expect 0 pirn status -o json; says out '"clean":false'; says out '"role":"culprit"'

# The host serves, and the neighbour completes.
expect 0 pirn run show "$neighbour" --tenant innocent -o json; says out '"state":"running"'; says out '"crashes":0'
: >free
expect 0 pirn run watch "$neighbour" --tenant innocent -o json; says out '"crashes":0'; silent out '"code":"crashed"'

# An end on purpose is none of that, whatever runs.
rm -f free; : >statuses
expect 0 pirn run start neighbour --tenant innocent --input "{\"file\":\"$home/free\"}" -o id; neighbour=$(cat out)
for life in 1 2 3 4 5 6; do
  ready
  old=$(cat pid)
  kill -TERM "$old"; kill -TERM "$old" 2>/dev/null
  until [ "$(wc -l <statuses)" -ge $life ]; do sleep 0.02; done
done
ready
: >free
expect 0 pirn run watch "$neighbour" --tenant innocent -o json; says out '"crashes":0'
expect 0 pirn status -o json; says out '"clean":true'
: >stop
host=$(cat pid)
kill -TERM "$host"
wait $keeper
host=""

# The same in a run without a host: it is no success.
for way in exit _exit; do
  expect 1 pirn run local poison --package poison.pirn --input "{\"way\":\"$way\"}"
  says err process_ended; says err "'drink' of the step 'drink'"; says err "xit(0)"
done
# A thread that the step started: it is the execution that is known.
expect 1 pirn run local poison --package poison.pirn --input '{"way":"exit_apart"}'
says err process_ended; says err "a call of the execution"; says err "exit(0)"
expect 1 pirn run local poison --package poison.pirn --input '{"way":"exit"}' -o json; says err process_ended
done_well
