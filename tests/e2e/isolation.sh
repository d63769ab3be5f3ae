#!/usr/bin/env bash
# Two tenants with packages of one name and different code: neither can see, name, start, read or influence anything of
# the other; what is foreign answers byte for byte as what does not exist.
. "$(dirname "$0")/harness.sh" "$@"
make_packages
start_host --listen 127.0.0.1:0
tenant_with_gate red
tenant_with_gate blue
expect 0 pirn deploy gate@2.0.0 --tenant blue
red=$(pirn run start gate --wait -o id --tenant red 2>err) || fail "red"
blue=$(pirn run start gate --wait -o id --tenant blue 2>err) || fail "blue"
expect 0 pirn run show "$red" -o json --tenant red;   says out '"first":"1.0.0"'; says out '"calls":1'
expect 0 pirn run show "$blue" -o json --tenant blue; says out '"first":"2.0.0"'; says out '"calls":1'

token=$(pirn key create --role tenant-admin --tenant red 2>err) || fail "key"
address=$(sed -nE 's|.*http://([0-9.:]+) .*|\1|p' host.log | head -n 1)
export PIRN_SERVER="http://$address" PIRN_KEY="$token"
expect 0 pirn run show "$red";              expect 3 pirn run show "$blue"
expect 0 pirn run ls -o id;                 same "$(cat out)" "$red"
expect 3 pirn run ls --tenant blue;         cp err foreign
expect 3 pirn run ls --tenant none;         sed 's/none/blue/' err >missing; cmp foreign missing || fail "a foreign tenant differs from a missing one"
expect 4 pirn tenant ls;                    expect 4 pirn tenant create green
expect 4 pirn status
# Every object of the other, by every route that names one.
as_red() { curl -sS -o "$1" -w '%{http_code}\n' -X "$2" --max-time 30 -H "Authorization: Bearer $token" "http://$address$3" ${4:+-d "$4" -H "Content-Type: application/json"}; }
for route in "GET /v1/executions/ID" "GET /v1/executions/ID/events" "GET /v1/executions/ID/stream" "POST /v1/executions/ID/cancel"; do
  method=${route%% *} path=${route#* }
  nobody=0000000000001
  first=$(as_red foreign "$method" "${path/ID/$blue}"); second=$(as_red missing "$method" "${path/ID/$nobody}")
  same "$first" 404 "$route"; same "$second" 404 "$route"
  sed -i "s/$blue/ID/g" foreign; sed -i "s/$nobody/ID/g" missing
  cmp -s foreign missing || fail "$route tells a foreign execution from a missing one"
done
for path in "/v1/packages?tenant=T" "/v1/workflows/gate?tenant=T" "/v1/executions?tenant=T" "/v1/keys?tenant=T" "/v1/trust?tenant=T"; do
  same "$(as_red foreign GET "${path/=T/=blue}")" 404; same "$(as_red missing GET "${path/=T/=nobody}")" 404
  sed -i 's/nobody/blue/g' missing; cmp -s foreign missing || fail "$path tells a foreign tenant from a missing one"
done
# The door of TCP.
same "$(curl -sS -o body -w '%{http_code}' "http://$address/v1/whoami")" 401
same "$(curl -sS -o body -w '%{http_code}' "http://$address/readyz")" 200
same "$(curl -sS -o body -w '%{http_code}' -H 'Host: evil.example' -H "Authorization: Bearer $token" "http://$address/v1/whoami")" 421
same "$(curl -sS -o body -w '%{http_code}' -H 'Origin: http://evil.example' -H "Authorization: Bearer $token" "http://$address/v1/whoami")" 403
same "$(curl -sS -o body -w '%{http_code}' -H "Origin: http://$address" -H "Authorization: Bearer $token" "http://$address/v1/whoami")" 200
unset PIRN_SERVER PIRN_KEY
same "$(stat -c %a data/pirn.sock)" 600
# What red does is nothing to blue.
expect 0 pirn trust revoke author.pub --reason compromised --tenant red
expect 5 pirn run start gate --tenant red
expect 0 pirn run start gate --wait --tenant blue
stop_host TERM 0
done_well
