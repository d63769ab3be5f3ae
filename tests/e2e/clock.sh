#!/usr/bin/env bash
# Somebody sets the system's clock while the host runs, and while it does not: what counts the time that passes does
# not notice, engine time is the wall clock again after a restart, and log and health say what happened.
. "$(dirname "$0")/harness.sh" "$@"
shim=$(readlink -f "$4")
export PIRN_TENANT=acme
make_packages

# set_clock SECONDS: so far from the machine's clock, from now on.
set_clock() { printf '%+011d' "$1" | dd of="$home/clock" conv=notrunc status=none; }
serve() { LD_PRELOAD="$shim" PIRN_TEST_CLOCK="$home/clock" start_host; }
state_of() { expect 0 pirn run show "$1" -o json; member out state; }
# later_by SECONDS MEMBER: the first such member of what was printed is so much later than the story.
begun=$(date +%s)
later_by() {
  local instant; instant=$(date -u -d "$(grep -o "\"$2\":\"[^\"]*\"" out | head -n 1 | cut -d'"' -f4)" +%s)
  [ "$instant" -ge $((begun + $1)) ] && [ "$instant" -le $(($(date +%s) + $1)) ] || fail "$2 is not $1 s later"
}

truncate -s 4096 clock
set_clock 0
serve
tenant_with_gate acme
expect 0 pirn run start gate --in 1h -o id;  late=$(cat out)
expect 0 pirn run start gate --at "$(date -u -d "@$(($(date +%s) + 7200))" +%FT%TZ)" -o id; at=$(cat out)

# Back by an hour: timers go on.
set_clock -3600
expect 0 pirn run start gate --in 1s -o id;  run=$(cat out)
expect 0 timeout 60 pirn run watch "$run";            says out "completed"
expect 0 pirn health;                                 says out "set once, 1h back"
says host.log "the system's clock was set while the host ran"

# Forward by more than a day: nothing that has an hour left begins; what waits for an instant of the wall clock does.
set_clock 90000
expect 0 pirn health;                                 says out "set 2 times, the last time"
expect 0 timeout 60 pirn run watch "$at";             says out "completed"
same "$(state_of "$late")" pending

# A restart takes the wall clock's word and moves what is pending.
stop_host KILL 137
serve
says host.log "timers that were pending are moved with the clock"
same "$(state_of "$late")" pending
expect 0 pirn run start gate -o id;          run=$(cat out)
expect 0 timeout 60 pirn run watch "$run"
expect 0 pirn run show "$run" -o json;                later_by 90000 created_at
expect 0 pirn run show "$late" -o json
later_by 93600 wake_at

# While it is down: the machine stays up, so the host knows how much time has passed.
stop_host TERM 0
set_clock 900000
serve
says host.log "the system's clock was set since the host's last life"
same "$(state_of "$late")" pending
expect 0 pirn run cancel "$late"
stop_host TERM 0
done_well
