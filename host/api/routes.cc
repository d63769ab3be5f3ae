#include "host/api/routes.h"

#include "host/api/route.h"

namespace pirn::api {

namespace {

using registry::Permission;
using enum Scope;

constexpr uint64_t kPackageLimit = 256ull << 20;

// What is not marked so is short and runs among the reads.
constexpr Route on(Lane lane, Route route) {
  route.lane = lane;
  return route;
}

// clang-format off
constexpr Route kRoutes[] = {
    {"GET", "/livez", open, {}, "200 while the process serves at all.", "", nullptr, live},
    {"GET", "/readyz", open, {}, "200 when the host takes work; 503 during shutdown, after a failure of the store or the registry, and with 8 or more stuck calls. A full disk, which refuses new starts, leaves it at 200: what runs goes on, and somebody has to prune.", "", nullptr, ready},
    {"GET", "/v1/whoami", caller, {}, "Who the caller is: tenant, role, permissions.", "", nullptr, whoami},
    {"GET", "/v1/status", host, Permission::manage_tenants, "The host: version, executions, store, loaded releases, stuck calls, how its process ended the last time.", "", nullptr, host_status},

    {"GET", "/v1/health", host, Permission::manage_tenants, "Each part of the host: ok, degraded (something is lost), failing (no work is taken), and why.", "", nullptr, show_health},
    on(Lane::reports, {"GET", "/metrics", host, Permission::manage_tenants, "The host's figures and the metrics of the configuration, as text that Prometheus reads.", "", nullptr, show_metrics}),
    on(Lane::reports, {"GET", "/v1/store", tenant_or_host, Permission::manage_tenants, "What is kept: rows, bytes, executions by tenant and state, the logbook, what the policy of retention did.", "", nullptr, show_store}),
    on(Lane::maintenance, {"POST", "/v1/store/prune", tenant_or_host, Permission::manage_tenants, "Removes ended executions and everything stored about them: {older_than: \"30d\", keep_last, package, workflow, dry_run, compact}. With both bounds, only executions beyond both. Executions whose dead letter waits stay (`kept_for_letters`), and so do those that an open retry needs. With older_than, and without workflow and package, also old entries of the tenants' own journals (`tenant_commits`) and old event ids (`event_ids`). With compact the free space goes back to the file system; commits of every tenant wait meanwhile.", "", prune_store}),
    on(Lane::maintenance, {"POST", "/v1/store/backup", host, Permission::manage_tenants, "Copies the data directory while the host works: {directory}, an absolute path that is not there yet. It appears when the copy is complete; after an error nothing is left.", "", back_up_store}),
    on(Lane::maintenance, {"GET", "/v1/store/verification", host, Permission::manage_tenants, "Checks everything that is stored: the structure of each database, the checksum of each row, the digest of each blob, and whether the files are consistent with each other. `damages` lists what is wrong.", "", verify_store}),
    {"GET", "/v1/sinks", tenant_or_host, Permission::view, "The sinks that receive events in addition to the journal, with their counts: written, lost, errors.", "", list_sinks},

    {"GET", "/v1/tenants", host, Permission::manage_tenants, "All tenants, with the slots that each uses now: running_steps, waiting_steps, share.", "", nullptr, list_tenants},
    {"POST", "/v1/tenants", host, Permission::manage_tenants, "Creates a tenant: {name, isolation: worker|in-process, signatures_required, weight, max_running_steps}. The weight (1 to 1000, default 1) says how large its share of the slots is; max_running_steps caps it (null: no cap).", "", create_tenant},
    {"GET", "/v1/tenants/{name}", host, Permission::manage_tenants, "One tenant, with the slots that it uses now: running_steps, waiting_steps, share.", "", nullptr, show_tenant},
    {"POST", "/v1/tenants/{name}", host, Permission::manage_tenants, "Changes a tenant: {isolation: worker|in-process, signatures_required, weight, max_running_steps}. What runs stays, and max_running_steps: null lifts the cap; in-process is not taken back once packages are deployed.", "", edit_tenant},

    {"GET", "/v1/keys", tenant_or_host, Permission::manage_keys, "The API keys of the tenant; without their secrets.", "", list_keys},
    {"POST", "/v1/keys", tenant_or_host, Permission::manage_keys, "Creates an API key: {role, label, expires_in: \"90d\"}. The token is shown this once.", "", create_key},
    {"DELETE", "/v1/keys/{id}", tenant_or_host, Permission::manage_keys, "Revokes an API key.", "", revoke_key},

    {"GET", "/v1/trust", tenant, Permission::view, "The signing keys that the tenant trusts.", "", list_trust},
    {"POST", "/v1/trust", tenant, Permission::manage_trust, "Trusts a signing key: {publisher, key: \"pirn-ed25519:…\", packages: \"etl-*\", role: sign|countersign, expires_in: \"90d\"}.", "", add_trust},
    {"DELETE", "/v1/trust/{key}", tenant, Permission::manage_trust, "Revokes a signing key by its id; reason compromised withdraws what it signed.", "reason", revoke_trust},
    on(Lane::reports, {"GET", "/v1/audit", tenant_or_host, Permission::view_audit, "Audit records, oldest first, or the newest first with order=newest. `seq` counts within the log that is asked for: the tenant's, or the host's. `actor`: as the record has it, or a key's id; `action`: one, or all of a kind (key); `outcome`: ok, refused, or the name of an error. `times` above 1: refusals that were counted, from `first_at` to `at`.", "actor action outcome since after limit order", list_audit}),
    on(Lane::reports, {"GET", "/v1/audit/verification", tenant_or_host, Permission::view_audit, "Follows the chain of all audit records: intact, the number of records, and each break with whether the operator has accepted it. A tenant sees its own records, and of the others only whether they hold.", "", verify_audit}),

    {"GET", "/v1/packages", tenant, Permission::view, "All releases of the tenant. `quarantined`: why the active release cannot be read.", "", list_packages},
    on(Lane::uploads, {"POST", "/v1/packages", tenant, Permission::push_release, "Uploads a package: the bytes of the .pirn file as application/octet-stream. `accept_serial`: the package's serial, when it would block later versions and is meant.", "accept_serial", push, nullptr, admit_push, kPackageLimit}),
    {"GET", "/v1/packages/{package}", tenant, Permission::view, "The releases of a package, newest first.", "", show_package},
    {"GET", "/v1/packages/{package}/releases/{version}", tenant, Permission::view, "One release: signers, functions, workflows.", "", show_release},
    on(Lane::reports, {"POST", "/v1/packages/{package}/plan", tenant, Permission::view, "What a deployment would change: {version}; changes nothing. Workflows, schedules that start, restart or stop, and why the deployment would be refused.", "", plan_deployment}),
    {"GET", "/v1/packages/{package}/deployments", tenant, Permission::view, "The deployments of a package, newest first.", "", deployment_history},
    on(Lane::deployments, {"POST", "/v1/packages/{package}/deployments", tenant, Permission::deploy_release, "Makes a release the active one: {version, why}. Running executions stay on theirs.", "", deploy}),
    on(Lane::deployments, {"POST", "/v1/packages/{package}/undo", tenant, Permission::roll_back_release, "Goes back to the release before, or to that of a revision: {to_revision, why}.", "", undo_deployment}),

    {"GET", "/v1/workflows", tenant, Permission::view, "The workflows of the active releases: steps, trigger (manual, scheduled, event), schedule, tags.", "package tag trigger", list_workflows},
    {"GET", "/v1/workflows/{workflow}", tenant, Permission::view, "One workflow ([[tenant::]package::]name) with its definition.", "", show_workflow},
    on(Lane::reports, {"GET", "/v1/workflows/{workflow}/graph", tenant, Permission::view, "A workflow, drawn: format json (nodes and edges), mermaid, dot, table or ascii; groups=true shows groups in Mermaid.", "format groups", workflow_graph}),
    on(Lane::reports, {"GET", "/v1/workflows/{workflow}/report", tenant, Permission::view, "A workflow, described: steps, execution order, critical path, timeouts, execution plan.", "", workflow_report}),

    {"POST", "/v1/executions", tenant, Permission::start_execution, "Starts an execution: {workflow, input}, at an instant or after a while with {at} or {in}, its ready steps taken up by {strategy}: sequential, parallel or hybrid, else as the workflow says. With the header Idempotency-Key the same start happens once.", "", nullptr, start_execution},
    {"GET", "/v1/executions", tenant, Permission::view, "Executions, newest first. The state `quarantined`: it cannot be read or continued; showing it says why.", "state package workflow tag since limit cursor", nullptr, list_executions},
    {"POST", "/v1/executions/cancel", tenant, Permission::control_execution, "Cancels all open executions that fit, oldest first, a few in each of the engine's turns: {package, workflow, state, tag, since, reason, rollback, cleanup, dry_run}; without any filter {all: true}. Nested ones end with those that they belong to. The answer comes when all are durable; if the host ends before, the same request cancels the rest.", "", nullptr, cancel_executions},
    {"DELETE", "/v1/executions/{id}", tenant, Permission::manage_tenants, "Removes one ended execution with everything that belongs to it. Rejected while the execution, or the one that it is nested in, is open, and while its dead letter waits.", "", nullptr, delete_execution},
    {"GET", "/v1/executions/{id}", tenant, Permission::view, "One execution: state, progress, steps, context.", "", nullptr, show_execution},
    on(Lane::reports, {"GET", "/v1/executions/{id}/graph", tenant, Permission::view, "What an execution runs, drawn with the states of its steps and with what its grafts have made; formats as for workflows.", "format groups", nullptr, execution_graph}),
    on(Lane::reports, {"GET", "/v1/executions/{id}/report", tenant, Permission::view, "What an execution runs, described as a workflow is, with the state of each step and the definition.", "", nullptr, execution_report}),
    {"POST", "/v1/executions/{id}/cancel", tenant, Permission::control_execution, "Cancels an execution: {reason, rollback, cleanup}.", "", nullptr, cancel_execution},
    {"POST", "/v1/executions/{id}/retry", tenant, Permission::start_execution, "Runs what did not complete again, as a new execution that takes over the rest: {on_active}.", "", nullptr, retry_execution},
    {"POST", "/v1/executions/{id}/rerun", tenant, Permission::start_execution, "Runs a step and all that follows from it again, as a new execution: {from, on_active}.", "", nullptr, rerun_execution},
    {"POST", "/v1/executions/{id}/pause", tenant, Permission::control_execution, "Holds an execution: {reason}. What runs finishes, nothing starts; deadlines hold.", "", nullptr, pause_execution},
    {"POST", "/v1/executions/{id}/resume", tenant, Permission::control_execution, "Ends a pause, {context} being a patch of the context; or answers the steps that await, or one of them: {context, step, action: complete|retry|skip|fail}. All actions but complete are for an intervention.", "", nullptr, resume_execution},
    {"POST", "/v1/executions/{id}/signal", tenant, Permission::control_execution, "Tells a step that awaits something what it waits for: {step, payload}; the payload is its result. A pause by hand stays. Where approvers are listed it must come from one of them.", "", nullptr, signal_step},
    {"POST", "/v1/executions/{id}/approve", tenant, Permission::view, "Completes a step that awaits with {approved: true, approver, comment}: {step, comment}. For the approvers that the step lists, by the label of their key, and for holders of answer_approval.", "", nullptr, approve_step},
    {"POST", "/v1/executions/{id}/reject", tenant, Permission::view, "The same with approved: false.", "", nullptr, reject_step},
    {"GET", "/v1/approvals", tenant, Permission::view, "The steps that await an answer, those of the oldest execution first: kind, deadline, approvers.", "limit", nullptr, list_approvals},
    {"GET", "/v1/executions/{id}/events", tenant, Permission::view, "The journal of an execution, oldest first.", "after limit", nullptr, list_events},
    on(Lane::reports, {"GET", "/v1/executions/{id}/checkpoints", tenant, Permission::view, "The commits of an execution, oldest first: what started, ran and was skipped with each; of those that ran or skipped a step only.", "after limit ran skipped", nullptr, list_checkpoints}),
    on(Lane::reports, {"GET", "/v1/executions/{id}/checkpoints/{number}", tenant, Permission::view, "An execution as it was after a commit: its state, and each step's with its result.", "", nullptr, show_checkpoint}),
    on(Lane::reports, {"GET", "/v1/executions/{id}/metrics", tenant, Permission::view, "How an execution went: times, processor time where it is measured, grade, bottlenecks, recommendations.", "", nullptr, execution_metrics}),
    on(Lane::reports, {"GET", "/v1/executions/{id}/errors", tenant, Permission::view, "All errors of an execution: when, scope, cause chain, tags.", "", nullptr, execution_errors}),
    on(Lane::reports, {"GET", "/v1/executions/{id}/logs", tenant, Permission::view, "What the functions of an execution logged, oldest first; `lost` counts the lines that had to make room. `level` is the least that is wanted.", "step attempt level after limit", nullptr, list_logs}),
    on(Lane::reports, {"GET", "/v1/executions/{id}/stream", tenant, Permission::view, "Server-sent events: journal, logs and pieces of streams, first what is kept, then live, and `end` behind the last. Last-Event-ID continues; `gap` tells a reader who is too slow how many were lost.", "", nullptr, stream_events}),

    on(Lane::reports, {"GET", "/v1/dashboard", tenant, Permission::view, "What goes on at a glance: active runs and steps, states by workflow, the newest events.", "", nullptr, show_dashboard}),

    {"GET", "/v1/schedules", tenant, Permission::view, "The schedules of the active releases: next fire, last fire, what was skipped and why. In the state `quarantined`, `problem` says why the package cannot be read.", "", nullptr, list_schedules},
    {"GET", "/v1/schedules/{workflow}/next", tenant, Permission::view, "One schedule ([[tenant::]package::]workflow) with its next fires.", "count", nullptr, next_fires},
    {"POST", "/v1/schedules/{workflow}/pause", tenant, Permission::control_execution, "Pauses a schedule; deployments leave it paused. What falls into the pause does not fire.", "", nullptr, pause_schedule},
    {"POST", "/v1/schedules/{workflow}/resume", tenant, Permission::control_execution, "Ends a pause: the schedule continues with its next fire.", "", nullptr, resume_schedule},
    {"POST", "/v1/schedules/{workflow}/trigger", tenant, Permission::start_execution, "Starts the workflow of the schedule now; its timetable stays as it is.", "", nullptr, trigger_schedule},
    {"POST", "/v1/schedules/{workflow}/backfill", tenant, Permission::start_execution, "Starts each fire of the past that has started nothing: {from, to, dry_run}; at most 1000, max_running does not count.", "", nullptr, backfill_schedule},
    {"POST", "/v1/events", tenant, Permission::start_execution, "Emits an event: {event, id, payload}. Starts every workflow that has it in on_event; an id is taken once for each event; with another payload it is the error event_conflict. `refused` are those that wait for it and cannot start now, and why.", "", nullptr, emit_event},
    {"GET", "/v1/events", tenant, Permission::view, "The tenant's own journal, oldest first: what its schedules did, its events, its dead letters, its circuit breakers.", "after limit", list_tenant_events},

    {"GET", "/v1/dead-letters", tenant, Permission::view, "What executions that failed for good left behind, the newest failure first.", "package workflow code since limit cursor", nullptr, list_dead_letters},
    {"GET", "/v1/dead-letters/{id}", tenant, Permission::view, "One dead letter, by the id of the execution that failed, with its input and its error.", "", nullptr, show_dead_letter},
    {"POST", "/v1/dead-letters/{id}/retry", tenant, Permission::start_execution, "Starts a new execution with the input of the failed one and __dead_letter_id__, and removes the letter: {on_active}.", "", nullptr, retry_dead_letter},
    {"DELETE", "/v1/dead-letters/{id}", tenant, Permission::control_execution, "Discards a dead letter; its execution stays.", "", nullptr, discard_dead_letter},
    {"POST", "/v1/dead-letters/retry", tenant, Permission::start_execution, "Retries all that fit, oldest first: {package, workflow, code, since, before, limit, on_active}. Those that cannot start stay.", "", nullptr, retry_dead_letters},
    {"POST", "/v1/dead-letters/prune", tenant, Permission::control_execution, "Discards all that fit and failed before an instant, or longer ago than a while: {before: \"30d\", package, workflow, code}.", "", nullptr, prune_dead_letters},

    {"GET", "/v1/breakers", tenant, Permission::view, "The circuit breakers that steps of the active releases name, and those that have counted failures: state, trials in flight, what tripped them.", "", nullptr, list_breakers},
    {"POST", "/v1/breakers/{breaker}/reset", tenant, Permission::control_execution, "Closes a circuit breaker by hand.", "", nullptr, reset_breaker},
};
// clang-format on

}  // namespace

std::span<const Route> routes() { return kRoutes; }

}  // namespace pirn::api
