#!/usr/bin/env bash
# The examples of plugins/examples against a real host: one whole, from the archive to both of its ends; one that waits
# for a person across a kill; what starts by itself; what the pictures show.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme

# example NAME: the example as a signed archive, NAME.pirn.
example() {
  mkdir "$1" && cp "$build/plugins/examples/$1.so" "$1/$1.so"
  printf 'publisher = "e2e"\nlibrary = "%s.so"\n' "$1" >"$1/package.toml"
  expect 0 pirn pack "$1" --output "$1.pirn"
  expect 0 pirn sign "$1.pirn" --key author.pem
}
expect 0 pirn key generate author
packages=(simple_demo user_onboarding scheduling introspection order_processing resource_management errors_pretty)
for name in "${packages[@]}"; do example "$name"; done
expect 0 pirn inspect simple_demo.pirn;           says out "data_processing"; says out "Your Team"

# ---- document 2, the telemetry handler: what it feeds is looked at when runs have ended both ways
cp "$here/../../plugins/examples/workflow_metrics.toml" pirn.toml
printf '[resources]\ngpu = 1\ntracker = 2\n' >>pirn.toml
export PIRN_CONFIG="$home/pirn.toml"
start_host
expect 0 pirn tenant create acme --isolation in-process
expect 5 pirn push simple_demo.pirn;              says err "signer_unknown"
expect 0 pirn trust add --key author.pub --publisher e2e
for name in "${packages[@]}"; do
  expect 0 pirn push "$name.pirn"
  expect 0 pirn deploy "$name@1.0.0"
done

# ---- document 5: collect_data, process_data, generate_report
expect 0 pirn run start data_processing --input '{"readings":[3,-1,4]}' --wait -o json
says out '"final_report":"2 readings, total 7, rejected 1"'; says out '"state":"completed"'
expect 7 pirn run start data_processing --input '{"readings":[]}' --wait -o json
says out '"code":"no_data"'; says out '"skip_kind":"upstream_failed"'
expect 7 pirn run start data_processing --wait -o json; says out '"code":"missing_key"'

# ---- document 2: its metrics; whatever is shown of a run is behind its metrics, which the host feeds in the background
metric() { api GET /metrics >/dev/null && grep -qxF "$1" body; }
until metric 'pirn_custom_workflow_duration_total{workflow="simple_demo::data_processing",state="failed"} 2'; do sleep 0.02; done
says body 'pirn_custom_workflow_duration_total{workflow="simple_demo::data_processing",state="completed"} 1'
says body 'pirn_custom_workflow_duration_seconds_total{workflow="simple_demo::data_processing",state="failed"} '
says body 'pirn_custom_workflow_starts_total{workflow="simple_demo::data_processing"} 3'
says body 'pirn_custom_step_duration_total{workflow="simple_demo::data_processing",step="generate_report"} 1'
silent body 'pirn_custom_workflow_starts_seconds_total'

# ---- document 3: an error with its causes
expect 0 pirn run start errors_pretty --input '{"order":"7","answers":[404]}' --wait -o id
expect 0 pirn run errors "$(cat out)"
says out "charge_failed: order 7 was not charged"; says out "cause: http_error: the bank answered 404"

# ---- document 4: resources, with the device that the host has; and what a plan says before anything runs
expect 0 pirn run start model_training --input '{"y":[0,2,4,6]}' --wait -o json
says out '"best":"careful"'; says out '"device":0'; says out '"skip_kind":"on_error"'
expect 7 pirn run start model_training --input '{"y":[]}' --wait -o json; says out '"code":"no_points"'
expect 5 pirn run model_training --local --package resource_management.pirn --input '{"y":[0,2]}'
says err "resources_insufficient"; says err "gpu"
expect 0 pirn run model_training --local --package resource_management.pirn --input '{"y":[0,2]}' \
  --resource gpu=2 --resource tracker=2
expect 0 pirn describe model_training --part plan
says out "takes about 43m"; says out "likely path load_points, train_careful, choose_model"
says out "needs       1 gpu; with 3, no step waits"; says out "needs       2048 memory; with 6144, no step waits"

# ---- document 2: a user who proves the address after the host was killed; the name is that of two packages
expect 2 pirn run start user_onboarding;          says err "introspection::user_onboarding"
expect 0 pirn run start user_onboarding::user_onboarding --input '{"email":"alice@example.com","name":"Alice"}' -o id
id=$(cat out)
until pirn approvals ls -o id | grep -q "$id"; do sleep 0.02; done
stop_host KILL 137
start_host
expect 0 pirn run show "$id";                     says out "paused"; says out "await_email_verification"
expect 0 pirn run resume "$id" --context '{"email_verified":true}'
expect 0 pirn run watch "$id" -o json;            says out '"storage_bucket":"bucket:user:alice@example.com"'
expect 7 pirn run start user_onboarding::user_onboarding --input '{"email":"alice","name":"Alice"}' --wait -o json
says out '"code":"invalid_email"'

# ---- the web shop: sold, and given back
shop() {
  pirn run start order_processing::order_processing --wait -o json --input '{"order_id":"7","order":{"email":"b@example.com",
    "phone":"1","payment_method":"'"$1"'","items":[{"sku":"boots","price":4990,"quantity":1}]}}'
}
expect 0 shop card;                               says out '"status":"fulfilled"'
expect 7 shop stolen_card;                        says out '"code":"payment_failed"'

# ---- what starts by itself
expect 0 pirn schedule ls
for name in daily_report sync_job health_check scheduled_workflow often_scheduled seldom_scheduled every_half_minute \
            in_half_an_hour; do says out "$name"; done
expect 0 pirn schedule next daily_report --count 2 -o json; same "$(grep -o 'T06:00:00Z' out | wc -l)" 2
expect 0 pirn schedule next sync_job --count 3 -o json
for hour in 06 12 18; do says out "T$hour:00:00Z"; done
expect 0 pirn schedule next health_check --count 2 -o json; same "$(grep -o instant out | wc -l)" 2
expect 0 pirn schedule trigger daily_report -o id; id=$(cat out)
expect 0 pirn run watch "$id" -o json;            says out '"report":"report of all departments"'
expect 0 pirn event emit order.created --payload '{"order_id":"o-7"}' --id e-1; id=$(cat out)
expect 0 pirn run watch "$id" -o json;            says out '"processed":"o-7"'
expect 0 pirn event emit order.created --payload '{}' --id e-2; id=$(cat out)
expect 7 pirn run watch "$id" -o json;            says out '"code":"missing_key"'
expect 0 pirn event emit order.updated;           id=$(cat out)
expect 0 pirn run watch "$id" -o json;            says out '"told":"event"'

# ---- the pictures and the report of the document
expect 0 pirn graph introspection::order_processing -o mermaid
cat >picture <<'END'
graph TD
  validate[Validate Order]
  check_stock[Check Stock]
  reserve[Reserve Inventory]
  charge[Charge Payment]
  ship[Ship Order]
  validate --> check_stock
  check_stock --> reserve
  reserve --> charge
  charge --> ship
END
cmp -s out picture || fail "the picture is not that of the document"
expect 0 pirn graph introspection::order_processing -o dot; says out "rankdir=TB"; says out 'Validate Order'
expect 0 pirn graph introspection::user_onboarding -o table; says out "send_welcome"; says out "✓"; says out "✗"
expect 0 pirn describe introspection::user_onboarding -o json
says out '"notifications":["email","slack"]'; says out '"notify":"send_notification"'; says out '"has_rollback":true'
says out '"tags":["onboarding"]'

stop_host TERM 0
done_well
