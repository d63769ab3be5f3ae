#include "host/engine/recovery.h"

#include <algorithm>
#include <unordered_map>

#include "host/journal/codec.h"

namespace pirn::engine {

namespace {

Error corrupt(ExecutionId id, const std::string& what) {
  return Error{Code::journal_corrupt, "execution " + id.text() + " " + what, "", Blame::world};
}

Status fold(Recovered::Folded& folded, const store::StoredCommit& row, int64_t& newest) {
  journal::ExecutionState& state = folded.state;
  // A row that the projection has already: the watermark is a lower bound.
  if (row.commit_no < state.next_commit || folded.impossible) return {};
  auto commit = journal::decode_commit(row.body, row.schema);
  if (!commit)
    return corrupt(row.stream,
                   "has a damaged commit " + std::to_string(row.commit_no) + ": " + commit.error().message);
  if (row.commit_no != state.next_commit || commit->first_seq != state.next_seq)
    return corrupt(row.stream, "misses a commit before number " + std::to_string(row.commit_no));
  for (journal::Record& record : commit->records) {
    const uint64_t seq = state.next_seq;
    if (journal::replay(state, std::move(record), commit->at)) continue;
    folded.impossible = aside_because(
        row.stream, "its event with seq " + std::to_string(seq) + " cannot follow the events before it");
    return {};
  }
  ++state.next_commit;
  newest = std::max(newest, commit->at);
  return {};
}

// The rule that decided last, of those of the step and the workflow together; null: none, or no such rule.
const definition::RecoveryRule* rule_of(const journal::Step& step, const definition::Step& declared,
                                        const definition::Workflow& workflow) {
  const size_t number = step.extra->rule, own = declared.recovery.size();
  if (number == 0 || number > own + workflow.recovery.size()) return nullptr;
  return number <= own ? &declared.recovery[number - 1] : &workflow.recovery[number - 1 - own];
}

bool fits(const journal::Step& step, const definition::Step& declared, const definition::Workflow& workflow) {
  using journal::Kind;
  using journal::StepState;
  if (step.extra->rule > declared.recovery.size() + workflow.recovery.size()) return false;
  const definition::RecoveryRule* rule = rule_of(step, declared, workflow);
  const definition::RetryPolicy& retry = rule ? rule->retry : declared.retry;
  const definition::Fallback& fallback = rule ? rule->fallback : declared.fallback;
  if (step.state == StepState::asking && step.asking == Kind::condition)
    return !(rule ? rule->when : declared.when.function).empty();
  if (step.state == StepState::asking && step.asking == Kind::backoff) return !retry.backoff.function.empty();
  if (step.state == StepState::asking && step.asking == Kind::duration)
    return !declared.timeout_function.empty();
  if (step.fallback_used && (step.state == StepState::ready || step.state == StepState::running))
    return !fallback.function.empty();
  return true;
}

}  // namespace

bool fits(const journal::ExecutionState& state, const GrownPlan& plan) {
  for (uint32_t step = 0; step < plan.n_steps(); ++step) {
    const std::vector<uint32_t>& fired_by = state.steps[step].extra->fired_by;
    if (!fits(state.steps[step], plan.step(step), plan.workflow())) return false;
    if (std::any_of(fired_by.begin(), fired_by.end(), [&](uint32_t member) { return plan.is_child(member); }))
      return false;
  }
  return true;
}

std::string called_function(const journal::ExecutionState& state, const GrownPlan& plan, uint32_t step,
                            journal::Kind kind) {
  using journal::Kind;
  const definition::Step& declared = plan.step(step);
  const definition::RecoveryRule* rule = rule_of(state.steps[step], declared, plan.workflow());
  switch (kind) {
    case Kind::task:
      return std::string(plan.task(step));
    case Kind::fallback:
      return (rule ? rule->fallback : declared.fallback).function;
    case Kind::rollback:
      return declared.rollback;
    case Kind::condition:
      return rule ? rule->when : declared.when.function;
    case Kind::duration:
      return declared.timeout_function;
    case Kind::backoff:
      return (rule ? rule->retry : declared.retry).backoff.function;
    case Kind::input:
      return declared.input;
    case Kind::result:
      return declared.result;
    case Kind::handler: {
      const journal::Step& of = state.steps[step];
      return of.extra->await ? of.extra->await->on_timeout : plan.workflow().handlers.on_step_error;
    }
    default:
      return {};  // which of the hooks it was nobody has written down
  }
}

Error aside_because(ExecutionId id, const std::string& why) { return corrupt(id, "is left aside: " + why); }

Result<Recovered> fold_store(store::Store& store, TenantStreams& streams) {
  Recovered recovered;
  PIRN_DO(streams.restore(store));
  std::unordered_map<ExecutionId, Recovered::Folded*> executions;
  const auto folded_of = [&](ExecutionId id) -> Recovered::Folded& {
    Recovered::Folded*& folded = executions[id];
    if (!folded) {
      folded = &recovered.all.emplace_back();
      folded->state.id = id;
    }
    return *folded;
  };
  journal::OriginPtr origin;  // of the row before: many executions run the same workflow
  PIRN_DO(store.recover(
      [&](store::StoredExecution row) -> Status {
        auto decoded = journal::decode_state(row.columns(), row.body, origin);
        if (!decoded) return corrupt(row.id, "has a damaged row: " + decoded.error().message);
        origin = decoded->state.origin;
        Recovered::Folded& folded = folded_of(row.id);
        folded.state = std::move(decoded->state);
        folded.projected = row.commit_no;
        return {};
      },
      [&](store::StoredCommit row) -> Status {
        if (is_tenant_stream(row.stream)) return streams.restore(row, recovered.newest_instant);
        return fold(folded_of(row.stream), row, recovered.newest_instant);
      }));
  for (Recovered::Folded& folded : recovered.all)
    if (folded.impossible || !journal::terminal(folded.state.state)) recovered.open.push_back(&folded);
  std::sort(recovered.open.begin(), recovered.open.end(),
            [](const auto* a, const auto* b) { return a->state.id < b->state.id; });
  return recovered;
}

}  // namespace pirn::engine
