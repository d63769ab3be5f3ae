// What each command does; commands.cc says which is which. Private to host/cli.
#pragma once

#include "host/cli/command.h"

namespace pirn::cli {

// access.cc: who owns what and who may
Outcome tenant_create(const Arguments&);
Outcome tenant_set(const Arguments&);
Outcome tenant_list(const Arguments&);
Outcome tenant_show(const Arguments&);
Outcome key_create(const Arguments&);
Outcome key_list(const Arguments&);
Outcome key_revoke(const Arguments&);
Outcome trust_add(const Arguments&);
Outcome trust_list(const Arguments&);
Outcome trust_revoke(const Arguments&);

// audit.cc
Outcome audit_list(const Arguments&);
Outcome audit_verify(const Arguments&);

// packages.cc: what is in the registry of a host
Outcome push(const Arguments&);
Outcome package_list(const Arguments&);
Outcome package_show(const Arguments&);
Outcome deploy(const Arguments&);
Outcome rollout_history(const Arguments&);
Outcome rollout_undo(const Arguments&);

// files.cc: what happens to package files and signing keys, without a host
Outcome new_package(const Arguments&);
Outcome pack(const Arguments&);
Outcome sign(const Arguments&);
Outcome verify(const Arguments&);
Outcome inspect(const Arguments&);
Outcome unpack(const Arguments&);
Outcome key_generate(const Arguments&);

// runs.cc, watch.cc
Outcome run_start(const Arguments&);
Outcome run_list(const Arguments&);
Outcome run_show(const Arguments&);
Outcome run_watch(const Arguments&);
Outcome run_events(const Arguments&);
Outcome run_logs(const Arguments&);
Outcome run_cancel(const Arguments&);
Outcome run_cancel_all(const Arguments&);
Outcome run_retry(const Arguments&);
Outcome run_rerun(const Arguments&);

// waiting.cc
Outcome run_pause(const Arguments&);
Outcome run_resume(const Arguments&);
Outcome run_signal(const Arguments&);
Outcome run_approve(const Arguments&);
Outcome run_reject(const Arguments&);
Outcome approvals_list(const Arguments&);

// triggers.cc
Outcome schedule_list(const Arguments&);
Outcome schedule_next(const Arguments&);
Outcome schedule_pause(const Arguments&);
Outcome schedule_resume(const Arguments&);
Outcome schedule_trigger(const Arguments&);
Outcome schedule_backfill(const Arguments&);
Outcome event_emit(const Arguments&);
Outcome event_list(const Arguments&);

// dead_letters.cc
Outcome dlq_list(const Arguments&);
Outcome dlq_show(const Arguments&);
Outcome dlq_retry(const Arguments&);
Outcome dlq_discard(const Arguments&);
Outcome dlq_prune(const Arguments&);
Outcome breaker_list(const Arguments&);
Outcome breaker_reset(const Arguments&);

// workflows.cc
Outcome workflow_list(const Arguments&);
Outcome graph(const Arguments&);
Outcome run_graph(const Arguments&);
Outcome describe_workflow(const Arguments&);

// serve.cc: what needs the host in this process
Outcome serve(const Arguments&);
Outcome run_local(const Arguments&);

// simulate.cc: rules tried out, without a host
Outcome simulate(const Arguments&);

// about.cc
Outcome status(const Arguments&);

// observing.cc
Outcome health(const Arguments&);
Outcome sink_list(const Arguments&);
Outcome store_stats(const Arguments&);
Outcome store_prune(const Arguments&);
Outcome store_backup(const Arguments&);
Outcome store_verify(const Arguments&);
Outcome run_delete(const Arguments&);
Outcome run_checkpoints(const Arguments&);

// metrics.cc
Outcome run_metrics(const Arguments&);
Outcome run_errors(const Arguments&);
Outcome dashboard(const Arguments&);
Outcome explain(const Arguments&);
Outcome version(const Arguments&);

}  // namespace pirn::cli
