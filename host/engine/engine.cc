#include "host/engine/core.h"

#include <algorithm>
#include <cassert>

#include "host/engine/transitions/dispatch.h"
#include "host/engine/transitions/due.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/restart.h"
#include "host/journal/codec.h"
#include "packager/schedule/instant.h"

namespace pirn::engine {

Status Engine::Core::recover(const Clocks& clocks, const worker::LastLife& last) {
  PIRN_TRY(const ExecutionId newest, store_.last_id());
  ids_.start_above(newest);
  PIRN_TRY(Recovered recovered, fold_store(store_, streams_));
  damaged_executions_ = streams_.damages();
  // What the projection has already is not read again.
  PIRN_TRY(const int64_t newest_instant, store_.newest_instant());
  batch_->change.turn = ++turns_;
  // A life that began there would give ids that no later life can follow.
  if (clocks.wall < 0 || clocks.wall >= IdSource::kEnd_ns)
    return Error{Code::store_unopenable,
                 "the system's clock says " + schedule::print_instant(clocks.wall) +
                     ", and a host can only begin between 1970 and 2109-05-15",
                 "Set the system's clock, then start the host again.", Blame::world};
  begin_time(clocks, std::max({ids_.newest_instant(), recovered.newest_instant, newest_instant}));
  dead_letters_.restore();
  catalog_ = releases_.catalog();
  Decision decision = begin_decision();
  decision.shift = beginning_.shift;
  const std::vector<worker::FatalInvocation> fatal = trials_.take_up(last);
  decision.fatal = fatal;
  for (const worker::LastCall& lost : last.running)
    lost_calls_.push_back({lost.call.execution, {}, {}, {}, {}, lost.call.kind});
  say_whom_they_concern(last, fatal);
  executions_.reserve(recovered.open.size());
  loaded_.emplace();
  for (Recovered::Folded* folded : recovered.open) {
    auto& [state, projected, impossible, marked] = *folded;
    const Error* const tenant_damage = state.origin ? streams_.damage(state.origin->tenant) : nullptr;
    auto plan = tenant_damage ? Result<GrownPlan>(*tenant_damage)
                : impossible  ? Result<GrownPlan>(*impossible)
                              : recovered_plan(state);
    if (!plan) {
      Error why = tenant_damage || impossible ? plan.error() : quarantined_because(state.id, plan.error());
      // Of a tenant that cannot be read one error is enough.
      if (!tenant_damage) damaged_executions_.push_back(why);
      PIRN_DO(quarantine(std::move(*folded), std::move(why)));
      continue;
    }
    if (!last.running.empty()) note_lost_calls(last, state, *plan);
    if (fatal.empty()) suspect_running_steps(last, state);
    // What the journal has is a copy for each execution; in memory they share one.
    const Plan& shared = *(*plan)->shared();
    if (*state.origin == *shared.origin()) state.origin = shared.origin();
    const uint32_t tenant = tenant_number(state.origin->tenant);
    const ExecutionId id = state.id;
    if (!state.key.empty()) start_keys_.emplace(std::pair(state.origin->tenant, state.key), id);
    shared.each_pin([&](const registry::ReleasePtr& release) { ++pins_[release]; });
    auto& execution = executions_[id] =
        std::make_unique<Execution>(std::move(state), std::move(plan).value(), tenant);
    // Whom it belongs to is older, and there already.
    if (const auto parent = executions_.find(execution->state().parent); parent != executions_.end())
      execution->belongs_to_paused = parent->second->state().paused;
    transitions::resume(*execution, decision);
    open_.note(*execution);
    // One that goes on waiting as its row says has nothing to write.
    if (execution->state().next_commit > projected + 1)
      touched(*execution);
    else
      queue_up(*execution);
  }
  PIRN_DO(find_lost_children(decision));
  loaded_.reset();
  triggers_.reconcile(catalog_, decision);
  triggers_.rewind(decision);
  take_back_slots();
  account_for_calls(decision);
  PIRN_DO(commit());
  marks_.clear();
  shifts_.clear();
  trials_.keep_only([this](ExecutionId id) { return executions_.contains(id); });
  runner_.keep_suspects(trials_.suspects());
  return {};
}

// ---- time ----

const journal::ClockState& Engine::Core::known_clock() const {
  static const journal::ClockState unknown;
  const journal::TenantState* host = streams_.find(journal::kHostStream);
  return host ? host->clock : unknown;
}

// What was pending in engine time is moved before anything is decided by it, in one commit with the record
// that says so: of executions by transitions::resume(), with decision.shift.
void Engine::Core::begin_time(const Clocks& clocks, int64_t newest) {
  const journal::ClockState known = known_clock();
  beginning_.shift = time_.begin(clocks, known, newest);
  beginning_.now = time_.now();
  beginning_.origin = time_.origin();
  const int64_t jump = time_.offset() + beginning_.shift - known.offset;
  if (!TimeLine::slight(jump)) {
    beginning_.jump = jump;
    streams_.emit(journal::kHostStream, journal::ClockJumped{jump, known.offset + jump}, time_.now());
  }
  const bool same = TimeLine::slight(time_.offset() - known_clock().offset) && clocks.boot == known.boot &&
                    (clocks.boot.empty() || TimeLine::slight(time_.origin() - known.origin));
  if (!same)
    streams_.emit(
        journal::kHostStream,
        journal::ClockStarted{time_.origin(), time_.offset(), beginning_.shift, std::string(clocks.boot)},
        time_.now());
  if (beginning_.shift != 0) triggers_.shift(beginning_.shift, time_.now());
}

// By how much the wall clock has been set since the journal knows of it; 0: it was not.
int64_t Engine::Core::look_at_clock(Decision& decision) {
  const int64_t by = time_.offset() - known_clock().offset;
  if (TimeLine::slight(by)) return 0;
  streams_.emit(journal::kHostStream, journal::ClockJumped{by, time_.offset()}, decision.now);
  triggers_.rewind(decision);
  return by;
}

// It stays in the store as it is, and its start key remains taken. Its row says what the next opening needs,
// so that the watermark may pass its journal.
Status Engine::Core::quarantine(Recovered::Folded&& folded, Error why) {
  journal::ExecutionState& state = folded.state;
  if (!folded.impossible) shift_quarantined(state);
  if (!state.origin) {
    ++n_unmarked_;  // not even its first record can be read
  } else if (folded.impossible ? !folded.marked : folded.marked || state.next_commit > folded.projected + 1) {
    const auto stored = store_.find(state.origin->tenant, state.id);
    if (!stored && stored.error().code != Code::store_corrupt) return stored.error();
    std::vector<std::string> names;
    if (stored && *stored)
      if (auto decoded = journal::decode_state((*stored)->columns(), (*stored)->body))
        names = std::move(decoded->step_names);
    journal::TextWriter body;
    append_mark(body, state, std::move(names));
    marks_.emplace_back(state.id, std::move(body));
  }
  if (state.origin && !state.key.empty())
    start_keys_.emplace(std::pair(state.origin->tenant, state.key), state.id);
  const ExecutionId id = state.id;
  quarantined_.emplace(id, Quarantined{std::move(state), std::move(why)});
  return {};
}

// What it has pending in engine time moves with the clock as in all others, so that nothing of it fires early
// once it can be read again.
void Engine::Core::shift_quarantined(journal::ExecutionState& state) {
  if (beginning_.shift == 0 || !journal::has_instants_ahead(state)) return;
  const journal::Record record = journal::ClockShifted{beginning_.shift};
  Shift& shift = shifts_.emplace_back();
  shift.id = state.id;
  shift.commit_no = state.next_commit++;
  journal::begin_body(shift.body, beginning_.now);
  journal::append_event(shift.body, true, state.next_seq, record, {});
  journal::end_body(shift.body);
  journal::apply(state, journal::Record(record), beginning_.now);
}

const Error* Engine::Core::why_quarantined(std::string_view tenant, ExecutionId id) const {
  const auto found = quarantined_.find(id);
  if (found == quarantined_.end()) return nullptr;
  const journal::OriginPtr& origin = found->second.state.origin;
  return (origin ? origin->tenant : std::string_view()) == tenant ? &found->second.why : nullptr;
}

Result<Turn> Engine::Core::turn(const Clocks& clocks) {
  time_.go_on(clocks);
  store_.claim();
  if (in_flight_ && committer_->finished()) PIRN_DO(land());
  if (trials_.holding()) look_after_trials();
  signalled_ = false;
  batch_->change.turn = ++turns_;
  streams_.clear();
  triggers_.clear();
  ++stats_.turns;
  looks_left_ = options_.looks_per_turn;
  n_acts_ = 0;
  Decision decision = begin_decision();
  Turn turn;
  turn.now = decision.now;

  completions_.clear();
  runner_.take_completions(completions_);
  take_back_slots();
  commands_.clear();
  inbox_.take(options_.inputs_per_turn, commands_);
  if (auto current = releases_.catalog(); current != catalog_) {
    catalog_ = std::move(current);
    retire_replaced();
    triggers_.reconcile(catalog_, decision);
    for (const auto& [tenant, number] : tenant_numbers_) set_slot_terms(tenant, number);
  }

  turn.jump = look_at_clock(decision);

  // Each input with all that follows from it, also for other executions: what comes out must not depend on
  // which inputs happen to share a turn.
  for (worker::Completion& completion : completions_) {
    on_completion(decision, completion);
    PIRN_DO(settle_families(decision));
  }
  for (Command& command : commands_) {
    std::visit(
        [&](auto& of_type) {
          if (!refused_for_damage(of_type)) handle(decision, of_type);
        },
        command);
    PIRN_DO(settle_families(decision));
  }
  size_t n_due = 0;
  while (n_due < options_.inputs_per_turn) {
    std::optional<Timer> due = timers_.take_due(decision.now);
    if (!due) due = wall_timers_.take_due(decision.wall);
    if (!due) break;
    ++n_due;
    if (due->what == Timer::What::start && missed(*due->execution)) continue;
    transitions::on_due(*due->execution, decision, *due);
    touched(*due->execution);
    PIRN_DO(settle_families(decision));
  }
  n_due += dead_letters_.expire(decision.now, options_.inputs_per_turn);
  if (may_start()) {
    PIRN_TRY(const size_t fires, triggers_.fire(decision, options_.inputs_per_turn));
    n_due += fires;
  }
  PIRN_DO(settle_families(decision));
  PIRN_DO(go_on_with_walks(decision));
  PIRN_DO(dispatch_all(decision));
  if (dispatching_) look_for_room();
  PIRN_TRY(const size_t n_caught_up, catch_up(decision));
  if (n_caught_up > 0) PIRN_DO(dispatch_all(decision));

  turn.inputs = completions_.size() + commands_.size() + n_due + n_caught_up + n_acts_;
  turn.looks = options_.looks_per_turn - looks_left_;
  batch_->inputs += turn.inputs;
  turn.decided_in = batch_->number;
  PIRN_DO(commit());
  const bool trials_go_on = trials_.holding() && go_on_with_trials();
  turn.durable = durable_;
  turn.undurable = in_flight_ != nullptr;
  turn.more = inbox_.has_more() || n_due >= options_.inputs_per_turn || trials_go_on ||
              (!walks_.empty() && !(walks_held_up_ && in_flight_)) ||
              (signalled_ && (queue_.size() > 0 || !held_.empty() || !resources_.idle()));
  turn.next_timer = timers_.next();
  if (const auto trial = trials_.next_timer())
    turn.next_timer = std::min(*trial, turn.next_timer.value_or(*trial));
  if (const auto start = wall_timers_.next())
    turn.next_timer = std::min(time_.of_wall(*start), turn.next_timer.value_or(INT64_MAX));
  if (const auto expiry = dead_letters_.next_timer())
    turn.next_timer = std::min(*expiry, turn.next_timer.value_or(*expiry));
  // During a shutdown nothing fires: what falls due is the next host's.
  if (const auto fire = triggers_.next_timer(time_); fire && may_start())
    turn.next_timer = std::min(*fire, turn.next_timer.value_or(*fire));
  if (const auto round = catch_up_.next_timer(); round && may_start())
    turn.next_timer = std::min(*round, turn.next_timer.value_or(*round));
  return turn;
}

void Engine::Core::touched(Execution& execution) {
  if (!execution.touched) {
    execution.touched = true;
    batch_->touched.push_back(&execution);
  }
  open_.note(execution);
  queue_up(execution);
}

void Engine::Core::queue_up(Execution& execution) {
  if (!execution.queued && execution.dispatchable()) {
    execution.queued = true;
    queue_.push(execution.tenant_number(), &execution);
  }
}

void Engine::Core::on_completion(Decision& decision, worker::Completion& completion) {
  if (!trials_.empty()) clear_suspect(completion.invocation);
  const auto found = executions_.find(completion.execution);
  if (found == executions_.end()) return;  // a fenced one of an execution that has ended
  transitions::on_completion(*found->second, decision, completion);
  touched(*found->second);
}

Execution& Engine::Core::add(ExecutionId id, PlanPtr plan) {
  plan->each_pin([&](const registry::ReleasePtr& release) { ++pins_[release]; });
  ++stats_.executions_started;
  const uint32_t tenant = tenant_number(plan->release()->tenant);
  return *(executions_[id] = std::make_unique<Execution>(id, std::move(plan), tenant));
}

Execution& Engine::Core::create(Decision& decision, ExecutionId id, PlanPtr plan, journal::Created record) {
  Execution& execution = add(id, std::move(plan));
  transitions::create(execution, decision, std::move(record));
  touched(execution);
  return execution;
}

// Starts calls and ready steps while there are slots for them, and what follows from that in other
// executions.
Status Engine::Core::dispatch_all(Decision& decision) {
  for (bool more = true; more;) {
    account_for_calls(decision);
    hear_cancels();
    release_calls(decision);
    if (dispatching_) dispatch(decision);
    account_for_calls(decision);  // of a suspect, which is called out of its turn
    PIRN_TRY(more, settle_families(decision));
  }
  return {};
}

// Starts ready steps, tenants by their shares, while slots are free.
void Engine::Core::dispatch(Decision& decision) {
  if (trials_.holding()) return call_suspect(decision);
  // In turn, so that neither those that need nothing but a slot nor those that need more keep the others out.
  // When slots are scarce each turn of the engine may have a single one to give: it is theirs by turns, too.
  if (passed_over_ && !supplied_last_) (void)start_waiting(decision);
  for (bool queued = true, waiting = true; queued || waiting;) {
    queued = start_queued(decision);
    waiting = !resources_.idle() && start_waiting(decision);
  }
}

// The next step of the next execution; false: nobody who waits may take a slot.
bool Engine::Core::start_queued(Decision& decision) {
  const std::optional<Execution*> next = queue_.pop();
  if (!next) return false;
  Execution& execution = **next;
  execution.queued = false;
  if (!execution.dispatchable()) {
    leave_if_over(execution);
    return true;
  }
  supplied_last_ = false;
  transitions::start_next(execution, decision);
  account_for_calls(decision);
  touched(execution);  // and to the end of the queue, when it has more
  return true;
}

// A step that has waited for resources and has them now; false: there is none that may take a slot.
bool Engine::Core::start_waiting(Decision& decision) {
  passed_over_ = false;
  const auto next = resources_.next(decision.now, [this](uint32_t tenant) {
    const bool may_take = slots_.may_take(tenant);
    passed_over_ = passed_over_ || !may_take;
    return may_take;
  });
  if (!next) return false;
  supplied_last_ = true;
  Execution& execution = *executions_.at(next->first);
  transitions::start_supplied(execution, decision, next->second);
  account_for_calls(decision);
  touched(execution);
  return true;
}

PlanPtr Engine::Core::plan_of(const registry::ReleasePtr& release, const definition::Workflow& workflow,
                              const registry::RequiredPtr& required) {
  std::vector<PlanPtr>& plans = plans_[&workflow];
  for (const PlanPtr& plan : plans)
    if (plan->required() == required || (plan->required() && required && *plan->required() == *required))
      return plan;
  const uint32_t number = open_.number_of(release->tenant, release->package, workflow.name);
  return plans.emplace_back(Plan::make(release, workflow, required, number));
}

Result<GrownPlan> Engine::Core::recovered_plan(const journal::ExecutionState& state) {
  const auto refused = [&](Code code, const std::string& why) {
    return Error{code,
                 "it runs " + state.origin->tenant + "::" + state.origin->package +
                     "::" + state.origin->workflow + ", and " + why,
                 "", Blame::world};
  };
  auto plan = recovered_plan(*state.origin);
  if (!plan)
    return refused(plan.error().code == Code::journal_corrupt ? Code::journal_corrupt : Code::blob_damaged,
                   plan.error().message);
  auto grown = GrownPlan::recovered(std::move(plan).value(), state);
  if (!grown) return refused(Code::journal_corrupt, grown.error().message);
  if (!fits(state, *grown))
    return refused(Code::journal_corrupt, "it names a function or a rule that is not there");
  return grown;
}

// Many executions run on few releases: each is asked for once in a recovery, also one that cannot be read.
Result<registry::ReleasePtr> Engine::Core::load(const std::string& tenant, const Digest& digest) {
  if (!loaded_) return releases_.load(tenant, digest);
  auto found = loaded_->find({tenant, digest});
  if (found == loaded_->end())
    found = loaded_->emplace(std::pair(tenant, digest), releases_.load(tenant, digest)).first;
  return found->second;
}

Result<PlanPtr> Engine::Core::recovered_plan(const journal::Origin& origin) {
  PIRN_TRY(const registry::ReleasePtr release, load(origin.tenant, origin.pins.front()));
  registry::Required required;
  for (size_t i = 1; i < origin.pins.size(); ++i) {
    PIRN_TRY(registry::ReleasePtr other, load(origin.tenant, origin.pins[i]));
    required.push_back(std::move(other));
  }
  const definition::Workflow* workflow = release->find(origin.workflow);
  if (!workflow)
    return Error{Code::journal_corrupt,
                 "release " + release->digest.hex() + " has no workflow '" + origin.workflow +
                     "' that an execution runs",
                 "", Blame::world};
  return plan_of(
      release, *workflow,
      required.empty() ? nullptr : std::make_shared<const registry::Required>(std::move(required)));
}

const journal::ExecutionState& Engine::Core::state_of(ExecutionId id) const {
  const auto open = executions_.find(id);
  return open != executions_.end() ? open->second->state() : quarantined_.at(id).state;
}

uint32_t Engine::Core::tenant_number(const std::string& tenant) {
  const auto [entry, fresh] =
      tenant_numbers_.try_emplace(tenant, static_cast<uint32_t>(tenant_numbers_.size()));
  if (fresh) set_slot_terms(tenant, entry->second);
  return entry->second;
}

Execution* Engine::Core::open_execution(std::string_view tenant, ExecutionId id) {
  const auto found = executions_.find(id);
  if (found == executions_.end() || found->second->ended() || found->second->state().origin->tenant != tenant)
    return nullptr;
  return found->second.get();
}

Engine::Engine(Options options, store::Store& store, worker::Runner& runner, const Releases& releases,
               CommitListener& listener, worker::Wakeup& wakeup, store::Committer* committer)
    : core_(std::make_unique<Core>(options, store, runner, releases, listener, wakeup, committer)) {}
Engine::~Engine() = default;
Inbox& Engine::inbox() { return core_->inbox(); }
Status Engine::recover(const Clocks& clocks, const worker::LastLife& last) {
  return core_->recover(clocks, last);
}
const Beginning& Engine::beginning() const { return core_->beginning(); }
const std::vector<LostCall>& Engine::lost_calls() const { return core_->lost_calls(); }
const std::vector<Error>& Engine::damaged_executions() const { return core_->damaged_executions(); }
const Error* Engine::why_quarantined(std::string_view tenant, ExecutionId id) const {
  return core_->why_quarantined(tenant, id);
}
Result<Turn> Engine::turn(const Clocks& clocks) { return core_->turn(clocks); }
void Engine::refuse_starts(std::string why) { core_->refuse_starts(std::move(why)); }
void Engine::stop_dispatching() { core_->stop_dispatching(); }
size_t Engine::running_steps() const { return core_->running_steps(); }
bool Engine::counts_hold() const { return core_->counts_hold(); }

}  // namespace pirn::engine
