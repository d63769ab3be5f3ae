// Section 2.10: what is due happens, and then what follows from it, until nothing is due.
#include "tests/host/model/model.h"

#include <algorithm>

#include "registry/ids.h"

namespace pirn::model {

Model::Model(const definition::Definition& definition, Script script, Settings settings, IdOf id_of)
    : definition_(definition),
      script_(std::move(script)),
      settings_(std::move(settings)),
      id_of_(std::move(id_of)) {}

Run* Model::find(const std::string& name) const {
  for (const auto& run : runs_)
    if (run->name() == name) return run.get();
  return nullptr;
}

// A second one of its name is NAME#2.
Run& Model::add(const definition::Workflow& workflow, std::string name, Context initial) {
  std::string free = name;
  for (int n = 2; find(free); ++n) free = name + "#" + std::to_string(n);
  return *runs_.emplace_back(std::make_unique<Run>(*this, workflow, std::move(free), std::move(initial)));
}

// ---- commands ----

void Model::start(const std::string& workflow, const std::string& name, Context initial) {
  add(*definition_.find(workflow), name, std::move(initial)).begin();
  decide();
}

bool Model::cancel(const std::string& run, bool rollback, bool cleanup) {
  Run* found = find(run);
  if (!found || !found->cancel(rollback, cleanup)) return false;
  decide();
  return true;
}

bool Model::pause(const std::string& run) {
  Run* found = find(run);
  return found && found->pause();
}

bool Model::resume(const std::string& run, const Context& context, const std::string& step, Action action) {
  Run* found = find(run);
  if (!found || !found->resume(context, step, action)) return false;
  decide();
  return true;
}

bool Model::approve(const std::string& run, const std::string& step, bool approved) {
  Run* found = find(run);
  if (!found || !found->approve(step, approved)) return false;
  decide();
  return true;
}

// R34: from the input, without its patches; nothing is adopted, and the letter is gone.
bool Model::retry_letter(const std::string& run, const std::string& as) {
  if (letters_.erase(run) == 0) return false;
  const Execution& failed = find(run)->execution();
  Context initial = failed.initial;
  initial["__dead_letter_id__"] = "\"" + ExecutionId{failed.id}.text() + "\"";
  add(*failed.workflow, as, std::move(initial)).begin();
  decide();
  return true;
}

std::set<std::string> Model::letters() const {
  std::set<std::string> out;
  for (const auto& [run, expires_at] : letters_) out.insert(run);
  return out;
}

// Everything under way is lost; what nobody calls, goes on.
void Model::crash() {
  const std::vector<UnderWay> lost = std::move(calls_);
  calls_.clear();
  for (const UnderWay& call : lost)
    if (call.kind == Kind::nested) calls_.push_back(call);
  for (const auto& run : runs_) run->leave_line();
  lose_trials();
  for (const UnderWay& call : lost)
    if (call.kind != Kind::nested && !terminal(call.run->execution().phase)) call.run->lost(call);
  decide();
}

// ---- 2.10: decide ----

void Model::decide() {
  const auto follow = [this] {
    for (size_t i = 0; i < runs_.size(); ++i) runs_[i]->follow();
  };
  for (bool more = true; more;) {
    follow();
    more = settle_families();
    while (!more && dispatch()) {
    }
    follow();
    more = more || !births_.empty() || !stops_.empty() || !let_go_.empty() || !ended_.empty();
  }
}

// Executions that begin, stop or end because of others.
bool Model::settle_families() {
  if (births_.empty() && stops_.empty() && let_go_.empty() && ended_.empty()) return false;
  for (const Birth& birth : std::exchange(births_, {})) {
    Step& step = birth.parent->e_.steps[birth.step];
    const std::string name = birth.parent->name() + "/" + step.def.name;
    const definition::Workflow& workflow =
        birth.undoes ? *birth.undoes->execution().workflow : *definition_.find(step.def.nested);
    Run& child = add(workflow, name, birth.initial);
    child.belongs_to(*birth.parent, birth.step);
    (birth.undoes ? step.undoing : step.child) = &child;
    if (birth.undoes)
      child.adopt(*birth.undoes);
    else
      child.begin();
  }
  for (const Stop& stop : std::exchange(stops_, {}))
    if (Run* child = stop.child ? stop.child : stop.parent->e_.steps[stop.step].child)
      child->cancel(stop.rollback, true);
  for (Run* parent : std::exchange(let_go_, {})) parent->let_children_go();
  for (const Run* child : std::exchange(ended_, {}))
    if (Run* parent = child->execution().parent; parent && !terminal(parent->execution().phase))
      parent->child_over(*child);
  return true;
}

// R60: executions in turn, and those that have waited for the pool between them.
bool Model::dispatch() {
  std::vector<Run*> in_turn;
  for (const auto& run : runs_) in_turn.push_back(run.get());
  std::stable_sort(in_turn.begin(), in_turn.end(),
                   [](const Run* a, const Run* b) { return a->execution().id < b->execution().id; });
  bool any = false;
  for (Run* run : in_turn)
    if (run->take_up_one()) {
      any = true;
      serve_one();
    }
  return any || serve_one();
}

std::optional<int64_t> Model::next_due() const {
  int64_t next = kNever;
  for (const UnderWay& call : calls_) next = std::min({next, call.ends_at, call.deadline});
  for (const auto& run : runs_) next = std::min(next, run->next_timer().value_or(kNever));
  for (const auto& [run, expires_at] : letters_) next = std::min(next, expires_at);
  if (next == kNever) return std::nullopt;
  return std::max(next, now_);
}

// Of what is due at this instant: outcomes first, in the order of their beginning, then timers.
bool Model::one_thing_due() {
  for (const auto due : {&UnderWay::ends_at, &UnderWay::deadline})
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (calls_[i].*due > now_) continue;
      const UnderWay call = calls_[i];
      calls_.erase(calls_.begin() + static_cast<ptrdiff_t>(i));
      if (due == &UnderWay::ends_at)
        call.run->returned(call);
      else
        call.run->ran_out(call);
      return true;
    }
  if (std::erase_if(letters_, [&](const auto& letter) { return letter.second <= now_; }) > 0) return true;
  return std::any_of(runs_.begin(), runs_.end(), [](const auto& run) { return run->timer_due(); });
}

void Model::run_until(int64_t instant) {
  for (;;) {
    const std::optional<int64_t> next = next_due();
    if (!next || *next > instant) break;
    now_ = *next;
    if (one_thing_due()) decide();
  }
  if (instant != kNever) now_ = std::max(now_, instant);
}

}  // namespace pirn::model
