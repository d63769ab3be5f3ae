#!/usr/bin/env bash
# Every command: what it does, what it prints where, and its exit codes, bad usage included.
. "$(dirname "$0")/harness.sh" "$@"

# Without a host.
expect 0 pirn --help;                       says out "run"; empty err
expect 0 pirn version;                      says out "pirn "
expect 2 pirn rnu;                          says err "Did you mean 'pirn run'?"; empty out
expect 2 pirn run strat;                    says err "Did you mean 'pirn run start'?"
expect 2 pirn run start x --inptu 3;        says err "Did you mean --input?"
expect 2 pirn run start;                    says err WORKFLOW
expect 2 pirn version extra;                says err "extra"
expect 0 pirn --version;                    says out "pirn "
expect 0 pirn help run start;               says out "Usage: pirn run start WORKFLOW"
expect 2 pirn help rnu;                     says err "Did you mean 'pirn run'?"
expect 2 pirn run show "";                  says err "run is empty"
expect 2 pirn run start x --key "";         says err "--key is empty"
expect 2 pirn serve --data "";              says err "--data is empty"
expect 2 pirn serve --drain-timeout soon;   says err "--drain-timeout"
expect 2 pirn run start x --timeout 5s;     says err "--wait"
expect 2 pirn run start x --wait --timeout soon; says err "--timeout"
expect 2 pirn run cancel x --timeout 5s;    says err "--wait"
expect 1 sh -c 'pirn version >/dev/full';   says err "standard output"
expect 1 sh -c 'pirn version >&-';          says err "standard output"
expect 0 pirn explain PIRN0102;             says out "not_found"
expect 0 pirn explain pirn0102;             says out "not_found"
expect 0 pirn explain 102;                  says out "not_found"
expect 0 pirn explain not_found -o json;    says out '"code":"PIRN0102"'
expect 3 pirn explain not_fuond;            says err "not_found"
expect 6 pirn run ls --tenant acme;         says err "pirn serve"
expect 2 pirn serve --store paper;          says err "memory"
expect 2 pirn run ls -o yaml --tenant acme; says err "jsonl"

# Packages and keys.
expect 0 pirn new hello;                    says out "package.toml"; says err "pirn pack hello"
expect 5 pirn new hello
expect 0 pirn new chello --language c
make_packages
expect 0 pirn inspect gate-1.0.0.pirn;      says out "gate 1.0.0"; says out "wait_at_gate"
expect 0 pirn inspect gate-1.0.0.pirn -o json; says out '"package":"gate"'
expect 0 pirn verify gate-1.0.0.pirn --trust author.pub; says out "genuine"; says out "the library matches the manifest"
expect 0 pirn key generate other
expect 5 pirn verify gate-1.0.0.pirn --trust other.pub
expect 2 pirn verify gate-1.0.0.pirn;       says err "--trust"
expect 2 pirn verify gate-1.0.0.pirn --trust author.pub --signatures 1x; says err "--signatures"
expect 2 pirn sign gate-1.0.0.pirn;         says err "--key"
expect 2 pirn trust add --publisher e2e;    says err "--key"
expect 0 pirn unpack gate-1.0.0.pirn there; [ -f there/manifest.json ] || fail "no manifest"
expect 5 pirn unpack gate-1.0.0.pirn there
expect 0 pirn graph gate --package gate-1.0.0.pirn;            says out "goodbye"
expect 0 pirn graph gate --package gate-1.0.0.pirn -o mermaid; says out "hello"
expect 0 pirn describe gate --package gate-1.0.0.pirn;         says out "critical path"
expect 3 pirn graph gaet --package gate-1.0.0.pirn;            says err "Did you mean 'gate'?"
expect 0 pirn graph gate::gate --package gate-1.0.0.pirn
expect 0 pirn graph acme::gate::gate --package gate-1.0.0.pirn
expect 3 pirn graph other::gate --package gate-1.0.0.pirn;     says err "the file holds the package 'gate', not 'other'"
expect 2 pirn graph gate --package gate-1.0.0.pirn -o picture

# Without a server: the same engine.
expect 0 pirn run gate --local --package gate-1.0.0.pirn;      says out "completed"; says err "step.start"
expect 0 pirn run acme::gate::gate --local --package gate-1.0.0.pirn; says out "completed"
expect 7 pirn run broken --local --package gate-1.0.0.pirn -o json; says out '"code":"broken"'
expect 3 pirn run nothing --local --package gate-1.0.0.pirn
expect 2 pirn run gate --local --package gate-1.0.0.pirn --input '{"a":'; says err "1:"

start_host
expect 5 pirn serve;                        says err "store_locked"
expect 0 pirn status;                       says out "ready"
expect 0 pirn status -o json;               says out '"ready":true'

# Tenants, trust, packages, deployments.
expect 0 pirn tenant create safe;           says err "refused"
expect 0 pirn tenant create acme --isolation in-process; says err "WARNING"
expect 5 pirn tenant create acme
expect 2 pirn tenant set safe;              says err "--isolation"
expect 3 pirn tenant set nobody --signatures 2
expect 0 pirn tenant set safe --isolation in-process -o json; says out '"isolation":"in-process"'; says err "WARNING"
expect 0 pirn tenant set safe --isolation worker --signatures 2 -o json; says out '"signatures_required":2'
expect 0 pirn tenant set safe --signatures 1
expect 2 pirn tenant create 'Not A Name'
expect 2 pirn tenant create x --isolation none
expect 0 pirn tenant ls -o id;              same "$(sort out | tr '\n' ' ')" "acme safe "
expect 2 pirn run ls;                       says err "--tenant"
expect 3 pirn run ls --tenant nobody
export PIRN_TENANT=acme
expect 5 pirn push gate-1.0.0.pirn
expect 2 pirn trust add --key author.pub;   says err "--publisher"
expect 0 pirn trust add --key author.pub --publisher e2e --package 'other-*'
expect 0 pirn trust ls;                     says out "other-*"
expect 5 pirn push gate-1.0.0.pirn;         says err "signer_out_of_scope"
expect 0 pirn trust revoke author.pub
expect 0 pirn trust add --key author.pub --publisher e2e
expect 5 pirn trust add --key author.pub --publisher e2e
expect 0 pirn trust ls;                     says out "e2e"
expect 0 pirn push gate-1.0.0.pirn;         says err "pirn deploy gate@1.0.0"
expect 0 pirn push gate-1.0.0.pirn;         says out "already there"
expect 3 pirn push nothing.pirn;            says err "No such file"
head -c 3000 gate-1.0.0.pirn >short.pirn
expect 5 pirn push short.pirn
expect 0 pirn package ls -o jsonl;          says out '"version":"1.0.0"'
expect 0 pirn package ls;                   says out "inactive"
expect 0 pirn package show gate@1.0.0;      says out "wait_at_gate"; says out "pushed by"
expect 2 pirn package show gate@;           says err "PACKAGE@VERSION"
expect 2 pirn deploy @1.0.0;                says err "PACKAGE@VERSION"
expect 3 pirn package show gate@9.9.9
expect 3 pirn package show nothing
expect 3 pirn run start gate;               says err "pirn deploy"
expect 0 pirn deploy gate@1.0.0 --dry-run;  says out "added"
expect 3 pirn run start gate
expect 0 pirn deploy gate@1.0.0 --why first; says out "revision 1"
expect 0 pirn deploy gate;                  says out "already active"
expect 0 pirn package ls;                   says out "✓ active"
expect 3 pirn deploy gate@3.0.0
expect 0 pirn push gate-2.0.0.pirn
expect 0 pirn deploy gate@2.0.0;            says out "was 1.0.0"
expect 0 pirn rollout undo gate --why "went back"; says out "1.0.0"
expect 0 pirn rollout history gate;         says out "went back"
expect 0 pirn rollout undo gate --to 2
expect 0 pirn graph gate;                   says out "goodbye"
expect 0 pirn describe gate::gate;          says out "gate::gate"
expect 5 pirn deploy gate@1.0.0
expect 0 pirn trust add --key author.pub --publisher e2e --tenant safe
expect 0 pirn push gate-1.0.0.pirn --tenant safe
expect 5 pirn deploy gate@1.0.0 --tenant safe; says err "worker_isolation_unavailable"

# Runs.
expect 0 pirn run start gate --wait;        says out "completed"; says out "goodbye"
expect 0 pirn run start gate --watch;       says err "step.stop"
expect 0 pirn run start gate --watch -o jsonl; says out '"type":"workflow.stop"'
expect 7 pirn run start broken --wait;      says out "broken"; says out "upstream_failed"
expect 0 pirn run show @failed -o json;     says out '"state":"failed"'; says out '"running_steps":[]'
expect 0 pirn run start gate --key k1 -o id; first=$(cat out)
expect 0 pirn run start gate --key k1 -o id; same "$(cat out)" "$first" "the same key"
expect 5 pirn run start gate --key k1 --input '{"other":1}'; says err "start_key_conflict"
expect 0 pirn run watch "$first" -o id;     same "$(cat out)" "$first"
expect 2 pirn run start gate --input '[1]'; says err "object"
expect 2 pirn run start gate --input @missing.json
expect 0 sh -c 'echo "{\"x\":1}" | pirn run start gate --input - --wait -o json'; says out '"x":1'
expect 0 pirn run show @latest;             says out "CONTEXT"; says out "goodbye"
expect 3 pirn run start gaet;               says err "Did you mean 'gate'?"
expect 3 pirn run start nothing-like-it;    says err "The workflows are: "
expect 2 pirn run start gate --key "$(printf 'a\r\nPirn-Tenant: safe')"; says err "control character"
expect 2 pirn run ls --tenant "$(printf 'acme\r\nX: y')"; says err "control character"
expect 0 pirn run ls -o id;                 same "$(head -n 1 out)" "$(pirn run show @latest -o id)"
expect 0 pirn run ls --status failed -o id; same "$(wc -l <out)" 1
expect 0 pirn run ls --workflow broken --since 1h -o json; says out '"workflow":"broken"'
# A full name names the tenant, whatever the environment says; --tenant must agree with it.
expect 0 env PIRN_TENANT=safe pirn run ls --workflow acme::gate::broken -o json; says out '"workflow":"broken"'
expect 0 env -u PIRN_TENANT pirn describe acme::gate::gate
expect 3 pirn describe safe::nothing::here
expect 2 pirn describe acme::gate::gate --tenant safe; says err "names two tenants"
expect 0 pirn run ls --limit 2;             says err "--cursor"
expect 0 pirn run ls --limit "$(pirn run ls -o id --limit 1000 | wc -l)"; silent err "--cursor"
expect 2 pirn run ls --status fialed;       says err "failed"
expect 2 pirn run ls --since yesterday
expect 2 pirn run start gate --at tomorrow; says err "'at'"; says err "2026-12-24T18:00:00Z"
expect 2 pirn run start gate --in soon;     says err "'in'"
expect 3 pirn deploy gaet;                  says err "Did you mean 'gate'?"
expect 3 pirn deploy gate@7.0.0;            says err "Its newest versions are: 2.0.0"
expect 0 pirn run events @failed;           says out "step.exception"
expect 0 pirn run events @failed -o id;     same "$(head -n 1 out)" 1
expect 3 pirn run show 0000000000000
expect 3 pirn run show nonsense
expect 2 pirn run show @oldest
expect 5 pirn run cancel "$first";          says err "completed"
start_at_gate acme
expect 0 pirn run ls --status running -o id; same "$(cat out)" "$id"
expect 0 pirn run show @running;            says out "wait_at_gate"
expect 8 pirn run watch "$id" --timeout 50ms; says err "pirn run watch $id"
expect 0 pirn run cancel "$id" --reason "no more" --wait; says out "cancelled"
expect 7 pirn run watch "$id"
expect 3 pirn run cancel 0000000000000

# Ctrl-C detaches, and the run goes on.
start_at_gate acme
rm -f watched; mkfifo watched
# (a background process of a script ignores SIGINT; SIGTERM is treated alike)
pirn run watch "$id" >out 2>watched </dev/null &
watcher=$!
exec 5<watched
grep -m 1 -q "wait_at_gate  attempt" <&5 || fail "the watcher sees nothing"
kill -TERM "$watcher"; code=0
cat <&5 >err
wait "$watcher" || code=$?
exec 5<&-
same "$code" 130; says err "pirn run watch $id"
open_gate
expect 0 pirn run watch "$id"

# API keys.
expect 0 pirn key create --role viewer --label eyes --expires 1h; key=$(cat out); says err "shown only now"
expect 0 env PIRN_KEY="$key" PIRN_TENANT= pirn run ls
expect 4 env PIRN_KEY="$key" pirn run start gate; says err "permission"
expect 4 env PIRN_KEY=nonsense pirn run ls
printf '%s\n' "$key" >key.txt
expect 0 pirn run ls --key-file key.txt
expect 2 pirn key create --role king
expect 2 pirn key create --expires soon;    says err "--expires"
expect 3 pirn run ls --key-file missing.txt; says err "missing.txt"
: >empty.txt
expect 2 pirn run ls --key-file empty.txt;  says err "no key"
expect 0 pirn key ls -o id; key_id=$(cat out)
expect 0 pirn key revoke "$key_id"
expect 4 env PIRN_KEY="$key" pirn run ls
expect 3 pirn key revoke nothing
expect 0 pirn trust revoke author.pub --reason superseded; says out "revoked"
stop_host TERM 0
done_well
