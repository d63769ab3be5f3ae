// What is asked of the host, order by order.
#include "host/journal/codec.h"
#include "host/simulate/simulation.h"
#include "packager/digest/digest.h"
#include "registry/breakers.h"

namespace pirn::sim {

Status Simulation::carry_out(const StartRun& start) {
  PIRN_DO(reachable());
  engine::Start command;
  command.tenant = start.tenant;
  command.workflow = start.workflow;
  PIRN_TRY(command.input, journal::parse_object(start.input));
  command.input_digest = sha256(start.input);
  command.key = start.key;
  command.strategy = start.strategy;
  command.beginning.delay = start.in_ns;
  next_name_ = start.run;
  const auto started = world_.ask<engine::Started>(std::move(command));
  next_name_.clear();
  if (!started) return started.error();
  name_run(started->id, start.run, start.tenant);
  return {};
}

Status Simulation::carry_out(const CancelRun& cancel) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(cancel.run));
  const auto after = world_.ask<journal::State>(
      engine::Cancel{run.tenant, run.id, cancel.reason, cancel.rollback, cancel.cleanup, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const CancelRuns& cancel) {
  PIRN_DO(reachable());
  const auto cancelled = world_.ask<std::vector<ExecutionId>>(engine::CancelAll(cancel.which));
  return cancelled ? Status() : cancelled.error();
}

Status Simulation::carry_out(const PauseRun& pause) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(pause.run));
  const auto after = world_.ask<std::string_view>(engine::Pause{run.tenant, run.id, pause.reason, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const ResumeRun& resume) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(resume.run));
  PIRN_TRY(journal::Delta context, journal::parse_object(resume.context));
  const auto after = world_.ask<std::string_view>(engine::Resume{
      run.tenant, run.id, resume.step, resume.action, std::move(context), resume.by, resume.signal, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const ApproveRun& approve) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(approve.run));
  const auto after = world_.ask<std::string_view>(
      engine::Approve{run.tenant, run.id, approve.step, approve.approved, approve.comment, approve.by, {}});
  return after ? Status() : after.error();
}

Status Simulation::carry_out(const RunAgain& again) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(again.run));
  PIRN_TRY(const auto started,
           world_.ask<engine::Started>(engine::Rerun{run.tenant, run.id, again.from, again.on_active, {}}));
  name_run(started.id, again.as, run.tenant);
  return {};
}

// The first that cannot start is the order's refusal; it stays, as do its like.
Status Simulation::retry_letters(engine::RetryDeadLetters command) {
  PIRN_TRY(const auto all, world_.ask<std::vector<engine::RetryResult>>(std::move(command)));
  for (const engine::RetryResult& again : all)
    if (!again.execution) return again.error;
  return {};
}

Status Simulation::carry_out(const RetryDeadLetter& retry) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(retry.run));
  engine::RetryDeadLetters command{run.tenant, {}, run.id};
  command.on_active = retry.on_active;
  next_name_ = retry.as;
  const Status done = retry_letters(std::move(command));
  next_name_.clear();
  return done;
}

Status Simulation::carry_out(const RetryDeadLetters& retry) {
  PIRN_DO(reachable());
  engine::RetryDeadLetters command{retry.tenant, retry.which, std::nullopt};
  command.on_active = retry.on_active;
  return retry_letters(std::move(command));
}

Status Simulation::carry_out(const DiscardDeadLetter& discard) {
  PIRN_DO(reachable());
  PIRN_TRY(const Run run, run_of(discard.run));
  const auto gone = world_.ask<std::vector<engine::DeadLetterEntry>>(
      engine::DiscardDeadLetters{run.tenant, {}, run.id, {}});
  return gone ? Status() : gone.error();
}

Status Simulation::carry_out(const PruneDeadLetters& prune) {
  PIRN_DO(reachable());
  engine::DiscardDeadLetters command{prune.tenant, prune.which, std::nullopt, {}};
  if (prune.older_than != 0) command.filter.before = world_.now() - prune.older_than;
  const auto gone = world_.ask<std::vector<engine::DeadLetterEntry>>(std::move(command));
  return gone ? Status() : gone.error();
}

Status Simulation::carry_out(const ResetBreaker& reset) {
  PIRN_DO(reachable());
  const auto closed =
      world_.ask<engine::BreakerView>(engine::ResetBreaker{reset.tenant, reset.breaker, reset.by, {}});
  return closed ? Status() : closed.error();
}

Status Simulation::carry_out(const EmitEvent& emit) {
  PIRN_DO(reachable());
  engine::Emit command;
  command.tenant = emit.tenant;
  command.event = emit.event;
  command.id = emit.id;
  PIRN_TRY(command.payload, journal::parse_object(emit.payload));
  command.payload_digest = sha256(emit.payload);
  const auto answer = world_.ask<engine::Emit::Answer>(std::move(command));
  return answer ? Status() : answer.error();
}

Status Simulation::carry_out(const ScheduleOrder& order) {
  PIRN_DO(reachable());
  const auto answer = world_.ask<engine::ControlSchedule::Answer>(
      engine::ControlSchedule{order.tenant, order.workflow, order.action, {}});
  return answer ? Status() : answer.error();
}

Status Simulation::carry_out(const BackfillRuns& backfill) {
  PIRN_DO(reachable());
  const auto answer = world_.ask<std::vector<engine::Backfill::Fire>>(
      engine::Backfill{backfill.tenant, backfill.workflow, backfill.from, backfill.to, false, {}});
  return answer ? Status() : answer.error();
}

Status Simulation::carry_out(const Deploy& deploy) {
  for (const Published& published : case_.published)
    if (published.name == deploy.name) PIRN_DO(publish(published));
  return {};
}
// What a registry refuses beside the definition itself.
Status Simulation::publish(const Published& published) {
  registry::Release release;
  release.tenant = published.tenant;
  release.package = published.definition.package;
  release.definition = published.definition;
  PIRN_DO(engine::check_resources(world_.options().capacity, release));
  PIRN_DO(registry::check_breakers(*world_.releases.catalog(), release));
  world_.releases.publish(published.tenant, published.definition);
  return {};
}
Status Simulation::carry_out(const LoseHost& lose) {
  if (!world_.down()) world_.lose(lose.without_trace);
  if (lose.capacity) world_.options().capacity = *lose.capacity;
  back_at_ = world_.now() + lose.down_ns;
  if (lose.down_ns == 0) world_.come_back();
  return {};
}
Status Simulation::carry_out(const FailCommit& fail) {
  PIRN_DO(reachable());
  world_.fail_commit(1, fail.uncertain);
  return {};
}

Status Simulation::carry_out(const SetClock& clock) {
  world_.set_clock(clock.by);
  return {};
}

Status Simulation::reachable() const {
  if (!world_.down()) return {};
  return Error{Code::unreachable, "the host is down"};
}
Result<Simulation::Run> Simulation::run_of(const std::string& name) const {
  const auto found = runs_.find(name);
  if (found != runs_.end()) return found->second;
  return Error{Code::not_found, "the run '" + name + "' was not started"};
}

}  // namespace pirn::sim
