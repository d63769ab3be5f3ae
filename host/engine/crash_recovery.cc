#include "host/engine/crash_recovery.h"

#include <algorithm>
#include <unordered_map>

#include "host/journal/codec.h"

namespace pirn::engine {

namespace {

Error corrupt(ExecutionId id, const std::string& what) {
  return Error{Code::journal_corrupt, "execution " + id.text() + " " + what, "", Blame::world};
}

Error damaged(ExecutionId id, std::string why) {
  return quarantined_because(id, Error{Code::journal_corrupt, std::move(why)});
}

Status fold(Recovered::Folded& folded, const store::StoredCommit& row, int64_t& newest) {
  journal::ExecutionState& state = folded.state;
  // A row that the projection has already: the watermark is a lower bound.
  if (row.commit_no < state.next_commit || folded.impossible) return {};
  auto commit = journal::decode_commit(row.body, row.schema);
  if (row.damaged || !commit) {
    const std::string why = row.damaged ? "it does not match its checksum" : commit.error().message;
    folded.impossible =
        damaged(row.stream, "its commit " + std::to_string(row.commit_no) + " is damaged: " + why);
    return {};
  }
  if (row.commit_no != state.next_commit || commit->first_seq != state.next_seq)
    return corrupt(row.stream, "misses a commit before number " + std::to_string(row.commit_no));
  for (journal::Record& record : commit->records) {
    const uint64_t seq = state.next_seq;
    if (journal::replay(state, std::move(record), commit->at)) continue;
    folded.impossible = damaged(
        row.stream, "its event with seq " + std::to_string(seq) + " cannot follow the events before it");
    return {};
  }
  ++state.next_commit;
  newest = std::max(newest, commit->at);
  return {};
}

constexpr std::string_view kMark = "{\"aside\":true,";

// What the columns of a row say, of an execution of which nothing else can be read.
journal::ExecutionState outline_of(const store::StoredExecution& row) {
  journal::ExecutionState state;
  journal::Origin origin;
  origin.tenant = row.tenant;
  origin.package = row.package;
  origin.version = row.version;
  origin.workflow = row.workflow;
  origin.pins = {row.release};
  state.id = row.id;
  state.origin = journal::make_origin(std::move(origin));
  state.key = row.key;
  state.input_digest = row.input_digest;
  state.created_at = row.created_at;
  state.started_at = row.started_at;
  state.next_commit = row.commit_no + 1;
  return state;
}

// The whole journal of an execution whose row is of no use.
Status reread(Recovered::Folded& folded, const store::Store& store, int64_t& newest) {
  constexpr uint32_t kAtOnce = 64;
  Recovered::Folded whole;
  const ExecutionId id = whole.state.id = folded.state.id;
  for (uint32_t after = 0; !whole.impossible;) {
    const auto commits = store.journal(id, after, kAtOnce);
    if (!commits && commits.error().code != Code::store_corrupt) return commits.error();
    if (!commits) {
      whole.impossible = damaged(id, commits.error().message);
      break;
    }
    if (commits->empty()) break;
    for (const store::StoredCommit& commit : *commits)
      if (Status folds = fold(whole, commit, newest); !folds) whole.impossible = std::move(folds).error();
    after = commits->back().commit_no;
  }
  if (!whole.impossible && !whole.state.origin)
    whole.impossible = damaged(id, "its row is damaged and it has no journal");
  if (whole.impossible)
    folded.impossible = std::move(whole.impossible);
  else
    folded.state = std::move(whole.state);
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

void append_mark(journal::TextWriter& out, const journal::ExecutionState& state,
                 std::vector<std::string> names) {
  const size_t n_declared = state.n_declared();
  while (names.size() < n_declared) names.push_back("step-" + std::to_string(names.size()));
  names.resize(n_declared);
  for (const journal::ChildrenPtr& children : state.expansions)
    for (const journal::Child& child : *children) names.push_back(child.name);
  names.resize(state.steps.size());
  journal::TextWriter text;
  journal::append_state(text, state, names, "");
  out.raw(kMark).raw(text.view().substr(1));
}

Error quarantined_because(ExecutionId id, Error why) {
  why.message = "execution " + id.text() + " is quarantined: " + why.message;
  why.hint =
      why.code == Code::blob_damaged
          ? "Restore the blob from a backup, or push the same package again; then restart the host, "
            "which continues the execution."
          : "See what is damaged with pirn store verify. Restore the data directory from a backup, then "
            "restart the host: the execution stays as it is until it can be read.";
  why.blame = Blame::world;
  return why;
}

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
  std::vector<Recovered::Folded*> marked;
  PIRN_DO(store.recover(
      [&](store::StoredExecution row) -> Status {
        Recovered::Folded& folded = folded_of(row.id);
        // The body of a row that does not match its checksum is empty, which cannot be decoded.
        auto decoded = row.body.starts_with(kMark) ? Result<journal::DecodedState>(Error())
                                                   : journal::decode_state(row.columns(), row.body, origin);
        if (!decoded) {
          folded.state = outline_of(row);
          folded.marked = true;
          marked.push_back(&folded);
          return {};
        }
        origin = decoded->state.origin;
        folded.state = std::move(decoded->state);
        folded.projected = row.commit_no;
        return {};
      },
      [&](store::StoredCommit row) -> Status {
        if (is_tenant_stream(row.stream)) return streams.restore(row, recovered.newest_instant);
        Recovered::Folded& folded = folded_of(row.stream);
        return folded.marked ? Status() : fold(folded, row, recovered.newest_instant);
      }));
  for (Recovered::Folded* folded : marked) PIRN_DO(reread(*folded, store, recovered.newest_instant));
  for (Recovered::Folded& folded : recovered.all)
    if (folded.impossible || !journal::terminal(folded.state.state)) recovered.open.push_back(&folded);
  std::sort(recovered.open.begin(), recovered.open.end(),
            [](const auto* a, const auto* b) { return a->state.id < b->state.id; });
  return recovered;
}

}  // namespace pirn::engine
