#!/usr/bin/env bash
# One tenant deploys a library that sleeps, again and again, and floods the host with requests that are refused; its
# neighbour is answered and deploys meanwhile.
. "$(dirname "$0")/harness.sh" "$@"
make_packages
mkdir -p project-sleeper
cp "$(readlink -f "$build/tests/e2e/sleeper.so")" project-sleeper/sleeper.so
printf 'publisher = "e2e"\nlibrary = "sleeper.so"\n' >project-sleeper/package.toml
expect 0 pirn pack project-sleeper --output sleeper.pirn
expect 0 pirn sign sleeper.pirn --key author.pem
start_host --listen 127.0.0.1:0
tenant_with_gate red
tenant_with_gate blue
expect 0 pirn push sleeper.pirn --tenant red
red=$(pirn key create --role tenant-admin --tenant red 2>err) || fail "red's key"
viewer=$(pirn key create --role viewer --tenant red 2>err) || fail "the viewer's key"
blue=$(pirn key create --role tenant-admin --tenant blue 2>err) || fail "blue's key"
address=$(sed -nE 's|.*http://([0-9.:]+) .*|\1|p' host.log | head -n 1)

metric() { api GET /metrics >/dev/null; sed -nE "s/^pirn_$1 ([0-9]+)$/\1/p" body; }
# until_metric NAME LEAST: asks until the figure is at least that.
until_metric() {
  local give_up=$((SECONDS + 60))
  until [ "$(metric "$1")" -ge "$2" ]; do [ $SECONDS -lt $give_up ] || fail "$1 stays below $2"; done
}
# blue_is_served SECONDS: thirty short requests within that time.
blue_is_served() {
  local begin=$SECONDS i
  for i in $(seq 10); do
    for path in /v1/packages /v1/executions '/v1/workflows/gate/graph?format=ascii'; do
      same "$(curl -sS -o body -w '%{http_code}' --max-time 60 -H "Authorization: Bearer $blue" "http://$address$path")" 200 "$i $path"
    done
  done
  [ $((SECONDS - begin)) -le "$1" ] || fail "thirty requests of blue took $((SECONDS - begin)) s"
}

# 25 deployments at once: 2 probes run, 16 wait, and the rest is refused, with a time to come again.
for _ in $(seq 25); do
  curl -sS -D headers -o /dev/null -w '%{http_code}\n' --max-time 120 -H "Authorization: Bearer $red" \
    -H 'Content-Type: application/json' -d '{}' "http://$address/v1/packages/sleeper/deployments" >>answers 2>/dev/null &
done
until_metric 'pool_jobs_running\{lane="deployments"\}' 2
until_metric 'pool_jobs_refused_total\{lane="deployments"\}' 7
blue_is_served 10
same "$(metric 'pool_jobs_running\{lane="deployments"\}')" 2 "no more than two probes of one tenant"
begin=$SECONDS
expect 0 pirn deploy gate@2.0.0 --tenant blue
[ $((SECONDS - begin)) -le 15 ] || fail "blue's deployment waited $((SECONDS - begin)) s"
until [ "$(grep -c 503 answers)" -ge 7 ]; do [ $((SECONDS - begin)) -lt 60 ] || fail "nobody is refused"; done
expect 0 pirn health -o json; says out 'refused because their tenant had too many'

# 3,000 changes of a viewer, which are refused and leave records as fast as records can be written.
curl -sS -Z --parallel-max 32 -o /dev/null -X POST -H "Authorization: Bearer $viewer" -H 'Content-Type: application/json' \
  "http://$address/v1/keys?flood=[1-3000]" 2>/dev/null &
flood=$!
blue_is_served 10
wait $flood
api GET '/v1/audit?tenant=red&limit=1000' >/dev/null; says body permission_denied
blue_is_served 10
expect 0 pirn run start gate --wait --tenant blue
stop_host KILL 137
done_well
