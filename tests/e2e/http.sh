#!/usr/bin/env bash
# The HTTP API by hand: statuses, problems, idempotency, pages, the event stream and its continuation.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host --listen 127.0.0.1:0
tenant_with_gate acme
J='Content-Type: application/json' T='Pirn-Tenant: acme'

same "$(api GET /nothing)" 404;                     says body "route_not_found"
same "$(api DELETE /v1/tenants)" 405;               says body "GET, POST"
same "$(api GET /v1/packages)" 400;                 says body "tenant_needed"
same "$(api GET /v1/packages?tenant=acme)" 200
same "$(api GET /v1/packages?tenant=nobody)" 404
same "$(api GET "/v1/packages?tenant=acme&colour=red")" 400
same "$(api GET /v1/packages?tenant=acme -H 'Pirn-Tenant: other')" 400
same "$(api GET "/v1/packages/%2e%2e%2fetc?tenant=acme")" 400; says body "bad_name"
same "$(api GET "/v1/packages/%zz?tenant=acme")" 400; says body "malformed_request"
same "$(api GET /v1%2fwhoami)" 404;                  says body "route_not_found"
same "$(api GET "/v1/packages/%ff?tenant=acme")" 400; says body "UTF-8"
same "$(api POST /v1/executions -H "$T" -H "$J" -H 'Transfer-Encoding: xchunked' -d '{}')" 501; says body "transfer_coding_unsupported"
for bad in cursor= cursor=zzz cursor=0000000000000 limit= limit=0 limit=1001 limit=x; do
  same "$(api GET "/v1/executions?$bad" -H "$T")" 400 "$bad"; says body "invalid_argument"
done
same "$(api GET "/v1/dead-letters?cursor=1.0000000000000" -H "$T")" 400
same "$(api GET "/v1/audit?after=x" -H "$T")" 400
same "$(api POST /v1/executions -H "$T" -H "$J" -d '{"workflow":')" 400; says body "malformed_json"
same "$(api POST /v1/executions -H "$T" -H "$J" -d '{"workflwo":"gate"}')" 400; says body "workflow"
same "$(api POST /v1/executions -H "$T" -H "$J" -d '{"workflow":"gate","input":7}')" 400
same "$(api POST /v1/executions -H "$T" -H 'Content-Type: text/plain' -d 'x')" 415
head -c 2000000 /dev/zero >big
same "$(api POST /v1/executions -H "$T" -H "$J" --data-binary @big)" 413
same "$(api POST /v1/packages -H "$T" -H 'Content-Type: application/octet-stream' --data-binary @big)" 422
same "$(api POST /v1/packages -H "$T" -H 'Content-Type: application/octet-stream' -H 'Transfer-Encoding: chunked' --data-binary @big)" 411
same "$(api GET /livez -H "X-Long: $(head -c 20000 /dev/zero | tr '\0' a)")" 431

same "$(api POST /v1/executions -H "$T" -H "$J" -H 'Idempotency-Key: a' -d '{"workflow":"gate"}')" 201
id=$(member body id); says body '"existing":false'
same "$(api POST /v1/executions -H "$T" -H "$J" -H 'Idempotency-Key: a' -d '{"workflow":"gate"}')" 200
same "$(member body id)" "$id"; says body '"existing":true'
same "$(api POST /v1/executions -H "$T" -H "$J" -H 'Idempotency-Key: a' -d '{"workflow":"gate","input":{"n":1}}')" 409
says body '"code":"PIRN0621"'; says body '"hint":'; says body '"title":'; says body '"type":'

# The stream of an ended execution is its journal and the sentinel; Last-Event-ID continues it.
same "$(api GET "/v1/executions/$id/stream" -H "$T")" 200
says body "event: workflow.create"; says body "event: end"; says body '"status":"completed"'
same "$(grep -c '^event: end' body)" 1
seqs() { sed -nE 's/^id: ([0-9]+).*/\1/p' "$1" | uniq | tr '\n' ' '; }
end_id=$(sed -n 's/^id: //p' body | tail -n 1) last=$(sed -nE 's/^id: ([0-9]+).*/\1/p' body | tail -n 1)
same "$(seqs body)" "$(seq -s ' ' "$last") " "no gap"
same "$(grep '^id:' body | sort | uniq -d)" "" "no duplicate"
same "$(api GET "/v1/executions/$id/stream" -H "$T" -H 'Last-Event-ID: 3')" 200
same "$(sed -n 's/^id: //p' body | head -n 1)" 4
same "$(api GET "/v1/executions/$id/stream" -H "$T" -H "Last-Event-ID: $end_id")" 200
same "$(grep -c '^id:' body)" 0; says body "event: end"
same "$(api GET "/v1/executions/$id/stream" -H "$T" -H 'Last-Event-ID: x')" 400

# Pages of the journal.
same "$(api GET "/v1/executions/$id/events?limit=2" -H "$T")" 200
says body '"cursor":2,"more":true'
same "$(api GET "/v1/executions/$id/events?after=2&limit=1000" -H "$T")" 200
says body "{\"events\":[{\"at\":"; says body '"seq":3'; silent body '"seq":2,'; says body "\"cursor\":$last,\"more\":false"
same "$(api GET "/v1/executions/$id/events?after=-1" -H "$T")" 400

# A watcher from before the end sees everything once, live messages included.
start_at_gate acme
curl -sS -N --max-time 60 --unix-socket data/pirn.sock "http://localhost/v1/executions/$id/stream" -H "$T" >live &
watcher=$!
until grep -q "step.start" live 2>/dev/null; do sleep 0.02; done
open_gate
wait "$watcher" || fail "the stream does not end with the execution"
last=$(sed -nE 's/^id: ([0-9]+).*/\1/p' live | tail -n 1)
same "$(seqs live)" "$(seq -s ' ' "$last") " "no gap"
same "$(grep '^id:' live | sort | uniq -d)" "" "no duplicate"
says live "event: log"
same "$(grep -c '^event: end' live)" 1

# Pages of executions: no cursor is ever lost between the open and the closed.
for i in 1 2 3 4 5; do same "$(api POST /v1/executions -H "$T" -H "$J" -d '{"workflow":"broken"}')" 201; done
expect 7 pirn run watch @latest
start_at_gate acme
cursor="" seen=""
while :; do
  same "$(api GET "/v1/executions?limit=2${cursor:+&cursor=$cursor}" -H "$T")" 200
  seen="$seen $(grep -oE '"id":"[^"]*"' body | tr '\n' ' ')"
  cursor=$(sed -nE 's/.*"cursor":"([^"]*)".*/\1/p' body)
  [ -n "$cursor" ] || break
done
same "$(echo "$seen" | tr ' ' '\n' | grep -c id)" 8; same "$(echo "$seen" | tr ' ' '\n' | grep id | sort -u | wc -l)" 8
# What is asked for is found behind any number of others.
same "$(api POST /v1/executions -H "$T" -H "$J" -d '{"workflow":"broken"}')" 201; expect 7 pirn run watch "$(member body id)"
same "$(api GET "/v1/executions?state=open&limit=1" -H "$T")" 200;      same "$(member body id)" "$id"
same "$(api GET "/v1/executions?state=completed&limit=2" -H "$T")" 200; same "$(grep -o '"state":"completed"' body | wc -l)" 2
open_gate
same "$(api GET "/v1/executions?state=open,closed&since=1h" -H "$T")" 200
same "$(api GET "/v1/executions?since=2001-01-01T00:00:00Z" -H "$T")" 200
same "$(api GET "/v1/audit?tenant=acme")" 200; says body "push"
stop_host TERM 0
silent host.log "WARNING"

# Without descriptors nothing is accepted; afterwards both doors open again. Who asks a host that does not answer
# is told so.
start_host --listen 127.0.0.1:0
address=$(sed -nE 's|.*http://(127[0-9.:]+) .*|\1|p' host.log | tail -n 1)
before=$(prlimit --pid "$host" --nofile --noheadings --output SOFT | tr -d ' ')
prlimit --pid "$host" --nofile=3: || fail "prlimit"
curl -sS -o local.body -w '%{http_code}' --max-time 60 --unix-socket data/pirn.sock http://localhost/livez >local.status &
by_socket=$!
curl -sS -o tcp.body -w '%{http_code}' --max-time 60 "http://$address/livez" >tcp.status &
by_tcp=$!
until [ "$(grep -c "cannot accept connections on" host.log)" = 2 ]; do sleep 0.02; done
prlimit --pid "$host" --nofile="$before": || fail "prlimit"
wait "$by_socket" || fail "the Unix socket stays closed"
wait "$by_tcp" || fail "the TCP port stays closed"
same "$(cat local.status tcp.status)" 200200
until [ "$(grep -c "accepting connections on .* again" host.log)" = 2 ]; do sleep 0.02; done
kill -STOP "$host"
expect 6 pirn status --connect-timeout 200ms; says err "no host answers at $home/data/pirn.sock: no answer within 200 ms"
expect 6 pirn status --server "http://$address" --connect-timeout 200ms; says err "no host answers at http://$address: no answer within 200 ms"
expect 2 pirn status --connect-timeout soon; says err "--connect-timeout"
kill -CONT "$host"
stop_host TERM 0

# Who listens where others can reach it is told so.
start_host --listen 0.0.0.0:0
stop_host TERM 0
says host.log "WARNING: other machines can reach 0.0.0.0:"; says host.log "--allow-host NAME"
done_well
