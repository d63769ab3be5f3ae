#!/usr/bin/env bash
# What the programs that the host starts have of it: no descriptors, no secrets. A process that they leave behind
# keeps neither the port nor the lock of the data directory.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
# What whoever runs this test left open is not the host's.
for fd in /proc/$$/fd/*; do
  n=${fd##*/}
  if [ "$n" -gt 2 ] && [ "$n" != 255 ]; then eval "exec $n>&-"; fi
done
make_packages
cat >pirn.toml <<'TOML'
[[notifier]]
command = ["sh", "-c", "sleep 1000 & echo $! >child.new && mv child.new child"]
[[sink]]
name = "file"
kind = "jsonl"
path = "events.jsonl"
TOML
export PIRN_CONFIG="$home/pirn.toml"
export PIRN_KEY=pirn_very_secret PIRN_KEY_FILE=very_secret
start_host --listen 127.0.0.1:0
unset PIRN_KEY PIRN_KEY_FILE
tenant_with_gate acme
port=$(sed -nE 's/.*"tcp":"127.0.0.1:([0-9]+)".*/\1/p' host.log | head -n 1)
[ -n "$port" ] || fail "the log does not name the port"

# Connections of both kinds, a stream among them, are open while a notifier is started.
start_at_gate acme
curl -sS -N --max-time 60 --unix-socket data/pirn.sock "http://localhost/v1/executions/$id/stream" -H 'Pirn-Tenant: acme' >stream &
exec 8<>"/dev/tcp/127.0.0.1/$port"
until grep -q step.start stream; do sleep 0.02; done
expect 0 pirn run start review
until [ -s child ]; do sleep 0.02; done
child=$(cat child)

# Everything that is open in the host, but the standard streams, is close-on-exec (02000000).
for info in /proc/"$host"/fdinfo/*; do
  [ "${info##*/}" -gt 2 ] || continue
  flags=$(sed -nE 's/^flags:\s*//p' "$info" 2>/dev/null) || continue
  [ -n "$flags" ] || continue
  [ $(((8#$flags & 8#2000000) != 0)) = 1 ] || fail "not close-on-exec: $(readlink "/proc/$host/fd/${info##*/}")"
  promises=$((promises + 1))
done
for fd in /proc/"$child"/fd/*; do
  [ "${fd##*/}" -le 2 ] || fail "the child has $(readlink "$fd")"
done
tr '\0' '\n' <"/proc/$child/environ" >environment
silent environment PIRN_KEY; silent environment secret; says environment PIRN_NOTICE_ID

# The host dies; the child lives; port and data directory are free.
stop_host KILL 137
kill -0 "$child" || fail "the child is gone"
exec 8<&-
start_host --listen "127.0.0.1:$port"
kill "$child"
wait_at_gate
open_gate
expect 0 pirn run watch "$id"
stop_host TERM 0
done_well
