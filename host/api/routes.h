// The functions of the route table, by object. Private to host/api; routes.cc says which route each serves.
#pragma once

#include "host/api/exchange.h"
#include "host/api/services.h"

namespace pirn::api {

// health.cc
void live(const Services&, RequestPtr, Respond);
void ready(const Services&, RequestPtr, Respond);
void whoami(const Services&, RequestPtr, Respond);
void host_status(const Services&, RequestPtr, Respond);

// diagnostics.cc
void show_health(const Services&, RequestPtr, Respond);
void show_metrics(const Services&, RequestPtr, Respond);

// checkpoints.cc
void list_checkpoints(const Services&, RequestPtr, Respond);
void show_checkpoint(const Services&, RequestPtr, Respond);

// metrics.cc
void execution_metrics(const Services&, RequestPtr, Respond);
void execution_errors(const Services&, RequestPtr, Respond);
void show_dashboard(const Services&, RequestPtr, Respond);

// store.cc
Response prune_store(const Services&, const Request&);
Response back_up_store(const Services&, const Request&);
Response verify_store(const Services&, const Request&);
void show_store(const Services&, RequestPtr, Respond);
void delete_execution(const Services&, RequestPtr, Respond);

// sinks.cc
Response list_sinks(const Services&, const Request&);

// tenants.cc
void list_tenants(const Services&, RequestPtr, Respond);
void show_tenant(const Services&, RequestPtr, Respond);
Response create_tenant(const Services&, const Request&);
Response edit_tenant(const Services&, const Request&);
Response list_keys(const Services&, const Request&);
Response create_key(const Services&, const Request&);
Response revoke_key(const Services&, const Request&);
Response list_trust(const Services&, const Request&);
Response add_trust(const Services&, const Request&);
Response revoke_trust(const Services&, const Request&);

// audit.cc
Response list_audit(const Services&, const Request&);
Response verify_audit(const Services&, const Request&);

// packages.cc
Response list_packages(const Services&, const Request&);
Response show_package(const Services&, const Request&);
Response show_release(const Services&, const Request&);
Status admit_push(const Services&, const Request&, uint64_t length);
Response push(const Services&, const Request&);
Response plan_deployment(const Services&, const Request&);
Response deploy(const Services&, const Request&);
Response deployment_history(const Services&, const Request&);
Response undo_deployment(const Services&, const Request&);

// workflows.cc
Response list_workflows(const Services&, const Request&);
Response show_workflow(const Services&, const Request&);
Response workflow_graph(const Services&, const Request&);
Response workflow_report(const Services&, const Request&);
void execution_graph(const Services&, RequestPtr, Respond);
void execution_report(const Services&, RequestPtr, Respond);

// executions.cc
void start_execution(const Services&, RequestPtr, Respond);
void list_executions(const Services&, RequestPtr, Respond);
void show_execution(const Services&, RequestPtr, Respond);
void retry_execution(const Services&, RequestPtr, Respond);
void rerun_execution(const Services&, RequestPtr, Respond);
void cancel_execution(const Services&, RequestPtr, Respond);
void cancel_executions(const Services&, RequestPtr, Respond);

// waiting.cc
void pause_execution(const Services&, RequestPtr, Respond);
void resume_execution(const Services&, RequestPtr, Respond);
void approve_step(const Services&, RequestPtr, Respond);
void reject_step(const Services&, RequestPtr, Respond);
void signal_step(const Services&, RequestPtr, Respond);
void list_approvals(const Services&, RequestPtr, Respond);

// triggers.cc
void list_schedules(const Services&, RequestPtr, Respond);
void next_fires(const Services&, RequestPtr, Respond);
void pause_schedule(const Services&, RequestPtr, Respond);
void resume_schedule(const Services&, RequestPtr, Respond);
void trigger_schedule(const Services&, RequestPtr, Respond);
void backfill_schedule(const Services&, RequestPtr, Respond);
void emit_event(const Services&, RequestPtr, Respond);

// dead_letters.cc
void list_dead_letters(const Services&, RequestPtr, Respond);
void show_dead_letter(const Services&, RequestPtr, Respond);
void retry_dead_letter(const Services&, RequestPtr, Respond);
void retry_dead_letters(const Services&, RequestPtr, Respond);
void discard_dead_letter(const Services&, RequestPtr, Respond);
void prune_dead_letters(const Services&, RequestPtr, Respond);

// breakers.cc
void list_breakers(const Services&, RequestPtr, Respond);
void reset_breaker(const Services&, RequestPtr, Respond);

// journal.cc
Response list_tenant_events(const Services&, const Request&);
void list_events(const Services&, RequestPtr, Respond);
void stream_events(const Services&, RequestPtr, Respond);

// logs.cc
void list_logs(const Services&, RequestPtr, Respond);

}  // namespace pirn::api
