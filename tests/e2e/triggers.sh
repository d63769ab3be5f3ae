#!/usr/bin/env bash
# What starts by itself: schedules seen, paused, triggered and filled in; events; starts in the future. Across a
# kill of the host.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host
tenant_with_gate acme

# A deployment brings the schedule into force.
expect 0 pirn schedule ls;                        says out "nightly"; says out "0 6 24 12 * Europe/Berlin"; says out "active"
expect 0 pirn schedule next nightly --count 2 -o json; says out "-12-24T05:00:00Z"
same "$(grep -o 12-24T05:00:00Z out | wc -l)" 2
expect 3 pirn schedule next gate;                 says err "has no schedule"
expect 3 pirn schedule next nihgtly;              says err "nightly"
expect 2 pirn schedule next nightly --count x;    says err "count"

# Paused, it stays paused when the host is killed and when another release comes.
expect 0 pirn schedule pause nightly;             says out "paused"
expect 5 pirn schedule pause nightly;             says err "paused already"; says err "pirn schedule ls"
stop_host KILL 137
start_host
expect 0 pirn deploy gate@2.0.0;                  silent err "schedule of"
expect 0 pirn schedule ls -o json;                says out '"state":"paused"'; says out '"version":"2.0.0"'
expect 0 pirn schedule resume gate::nightly;      says out "active"
expect 5 pirn schedule resume nightly;            says err "not paused"

# By hand.
expect 0 pirn schedule trigger nightly -o id;     run=$(cat out)
expect 0 pirn run watch "$run";                says out "completed"
expect 0 pirn run show "$run" -o json;            says out '"__trigger__"'; says out '"type":"trigger"'

# The past: once, however often it is asked for.
expect 2 pirn schedule backfill nightly;          says err "--from"
expect 2 pirn schedule backfill nightly --from yesterday; says err "is not an instant"
expect 0 pirn schedule backfill nightly --from 2023-01-01T00:00:00Z --to 2025-01-01T00:00:00Z --dry-run
says out "2023-12-24 05:00:00"; says out "2024-12-24 05:00:00"; says out "would start"
expect 0 pirn run ls --status closed -o id;       same "$(wc -l <out)" 1 "a dry run starts nothing"
expect 0 pirn schedule backfill nightly --from 2023-01-01T00:00:00Z --to 2025-01-01T00:00:00Z -o id; cp out first
same "$(wc -l <first)" 2
for run in $(cat first); do expect 0 pirn run watch "$run"; done
expect 0 pirn schedule backfill nightly --from 2023-01-01T00:00:00Z --to 2025-01-01T00:00:00Z -o id
same "$(cat out)" "$(cat first)" "the same runs"
expect 2 pirn schedule backfill nightly --from 2023-01-01T00:00:00Z --to 2200-01-01T00:00:00Z; says err "future"

# Events: every workflow that waits for it, once for each id, also after a kill.
echo '{"name":"Ada"}' >ada.json
expect 0 pirn event emit gate.opened --payload @ada.json --id e-1; run=$(cat out)
expect 0 pirn run watch "$run"
expect 0 pirn run show "$run" -o json;            says out '"name":"Ada"'; says out '"event":"gate.opened"'
stop_host KILL 137
start_host
expect 0 pirn event emit gate.opened --payload @ada.json --id e-1; same "$(cat out)" "$run"
says err "nothing was started"
expect 0 pirn event emit nobody.listens;          empty out; says err "no active workflow waits"
expect 2 pirn event emit gate.opened --payload '{"__x":1}'; says err "reserved"
expect 3 pirn event emit gate.opened --tenant nobody
expect 0 pirn event ls -o jsonl;                  says out '"type":"schedule.set"'; says out '"type":"event.emit"'
says out '"type":"schedule.pause"';               says out '"firing":"backfill"'

# A start in the future has its id at once, and can be cancelled.
expect 0 pirn run start gate --in 1h -o id;       run=$(cat out)
expect 0 pirn run show "$run" -o json;            says out '"state":"pending"'
stop_host KILL 137
start_host
expect 0 pirn run show "$run" -o json;            says out '"state":"pending"'
expect 0 pirn run cancel "$run" --wait;           says out "cancelled"
expect 0 pirn run start gate --at 2020-01-01T00:00:00Z --wait; says out "completed"
expect 2 pirn run start gate --at tomorrow;       says err "is not an instant"
expect 2 pirn run start gate --in soon;           says err "is not a duration"
expect 2 pirn run start gate --in 1h --at 2020-01-01T00:00:00Z; says err "exclude each other"

stop_host TERM 0
done_well
