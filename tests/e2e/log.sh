#!/usr/bin/env bash
# The host's log: a reader who does not read holds up neither steps nor the end of the host, and is told what he
# missed. And what functions say steers no terminal.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages

# A pipe that is full, and that this script holds open without reading it.
mkfifo unread
exec 9<>unread
dd if=/dev/zero of=unread bs=4096 count=4096 oflag=nonblock 2>/dev/null && fail "the pipe takes everything"

cat >pirn.toml <<'TOML'
[[sink]]
name = "fifo"
kind = "jsonl"
path = "nobody-reads"
[[sink]]
name = "console"
kind = "stdout"
TOML
mkfifo nobody-reads
export PIRN_CONFIG="$home/pirn.toml"
start_unread() {
  pirn serve --drain-timeout 60s >unread 2>&9 </dev/null &
  host=$!
  curl -sS --fail -o /dev/null --retry 600 --retry-delay 0 --retry-max-time 60 --retry-all-errors \
    --unix-socket data/pirn.sock http://localhost/readyz 2>/dev/null || fail "the host does not become ready"
}
start_unread
tenant_with_gate acme

# Steps log, stream and complete although nobody reads.
expect 0 pirn run start chatter --wait -o id;     id=$(cat out)
expect 0 pirn run start gate --wait
expect 0 pirn health;                             says out "degraded"; says out "lines of the host's log were lost"
same "$(api GET /metrics)" 200
grep -qE '^pirn_log_lines_lost_total [1-9]' body || fail "the metrics do not count what was lost"
until PIRN_TENANT= pirn sink ls -o json | grep -qE '"error_count":[1-9]'; do sleep 0.02; done

# The end of the host does not wait for the reader.
begin=$SECONDS
stop_host TERM 0
[ $((SECONDS - begin)) -lt 30 ] || fail "the end took $((SECONDS - begin)) s"

# Whoever reads again is told where lines are missing, and has the newest ones.
start_unread
expect 0 pirn run start chatter --wait
expect 0 pirn run start gate --wait
cat <&9 >read 9<&- &
reader=$!
until grep -qa 'lines were lost here' read && grep -qa 'hello from 1.0.0' read; do sleep 0.02; done
stop_host TERM 0
kill "$reader"
wait "$reader" 2>/dev/null
exec 9<&-
tr -d '\0' <read >text
says text '"lost":"'
LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' text && fail "the log has control characters"

# Neither do people who look at the run get them.
unset PIRN_CONFIG
start_host
clean() { LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$@" && fail "$* has control characters"; promises=$((promises + 1)); }
for format in table json jsonl; do
  expect 0 pirn run logs "$id" --level warn -o "$format";   clean out err; says out "evil"
  expect 0 pirn run show "$id" -o "$format";                clean out err; says out "il"
done
expect 0 pirn run logs "$id" --level warn;        says out 'evil \x1b[2J \x7f\u009b\u202e'
expect 0 pirn run show "$id";                     says out 'ev\x1bil'
same "$(api GET "/v1/executions/$id" -H 'Pirn-Tenant: acme')" 200; clean body; says body '\u001b]0;x\u0007\u009b\u202e'
same "$(api GET "/v1/executions/$id/logs?level=warn" -H 'Pirn-Tenant: acme')" 200; clean body
same "$(api GET "/v1/executions/$id/stream" -H 'Pirn-Tenant: acme')" 200; clean body; says body '\u202e'
stop_host TERM 0
done_well
