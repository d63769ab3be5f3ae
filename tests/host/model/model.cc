// What is due happens, and then what follows from it, until nothing is due.
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
Run& Model::add(const definition::Workflow& workflow, std::string name, Context initial, uint64_t age) {
  std::string free = name;
  for (int n = 2; find(free); ++n) free = name + "#" + std::to_string(n);
  const auto younger =
      std::find_if(runs_.begin(), runs_.end(), [&](const auto& run) { return run->execution().age > age; });
  auto run = std::make_unique<Run>(*this, workflow, std::move(free), std::move(initial));
  run->e_.age = age;
  run->e_.strategy = workflow.strategy;
  return **runs_.insert(younger, std::move(run));
}

// ---- commands ----

bool Model::start(const std::string& workflow, const std::string& name, Context initial, int64_t in,
                  std::optional<definition::Strategy> strategy) {
  Run& run = add(*definition_.find(workflow), name, std::move(initial), ++ages_);
  run.e_.strategy = strategy.value_or(run.e_.workflow->strategy);
  run.begin_at(later(now_, in));
  decide();
  return true;
}

bool Model::cancel(const std::string& run, bool rollback, bool cleanup) {
  Run* found = find(run);
  if (!found || !found->cancel(rollback, cleanup)) return false;
  decide();
  return true;
}

bool Model::pause(const std::string& run) {
  Run* found = find(run);
  if (!found || !found->pause()) return false;
  decide();  // what it waited for in front of others
  return true;
}

bool Model::resume(const std::string& run, const Context& context, const std::string& step, Action action) {
  Run* found = find(run);
  if (!found || !found->resume(context, step, action)) return false;
  decide();
  return true;
}

bool Model::signal(const std::string& run, const Context& payload, const std::string& step) {
  Run* found = find(run);
  if (!found || !found->signal(payload, step)) return false;
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
  const definition::Strategy strategy = failed.strategy;
  Run& again = add(*failed.workflow, as, std::move(initial), ++ages_);
  again.e_.strategy = strategy;
  again.begin_at(now_);
  decide();
  return true;
}

// R65: what has failed is tried again, or all from a step on.
bool Model::again(const std::string& run, const std::string& as, const std::string& from) {
  const Run* past = find(run);
  if (!past || !terminal(past->execution().phase)) return false;
  if (from.empty() ? past->execution().phase == Phase::completed : !past->find(from)) return false;
  Context initial = past->execution().initial;
  for (const Context& patch : past->execution().patches)
    for (const auto& [key, value] : patch) initial[key] = value;
  Run& next = add(*past->execution().workflow, as, std::move(initial), ++ages_);
  next.e_.strategy = past->execution().strategy;
  next.go_on_from(*past, from);
  decide();
  return true;
}

std::set<std::string> Model::letters() const {
  std::set<std::string> out;
  for (const auto& [run, expires_at] : letters_) out.insert(run);
  return out;
}

void Model::crash(int64_t down) {
  lose();
  back_at_ = later(now_, down);
  if (down == 0) come_back();
}

// Everything under way is lost; what nobody calls, goes on.
void Model::lose() {
  for (UnderWay call : std::exchange(calls_, {})) {
    call.kills_host = call.kills_host && call.ends_at <= now_;  // or it was somebody else
    (call.kind == Kind::nested ? calls_ : lost_).push_back(std::move(call));
  }
}

// The host takes its executions up in the order of their ages, then what they wait for.
void Model::come_back() {
  const std::vector<UnderWay> lost = std::exchange(lost_, {});
  back_at_.reset();
  in_turn_.clear();
  for (const auto& run : runs_) run->leave_line();
  lose_trials();
  const auto of_family = [](const UnderWay& call) {
    return call.kind == Kind::input || call.kind == Kind::result;
  };
  for (const auto& run : runs_) {
    const auto each = [&](auto visit) {
      for (const UnderWay& call : lost)
        if (call.run == run.get() && !of_family(call) && !terminal(run->execution().phase)) visit(call);
    };
    each([&](const UnderWay& call) { run->lost(call); });
    each([&](const UnderWay& call) { run->blame(call); });
    if (run->execution().phase == Phase::pending && run->execution().wake_at <= now_) run->E2_begin();
    follow(*run);
  }
  for (const auto& run : runs_)
    for (size_t step = 0; step < run->execution().steps.size(); ++step)
      for (const UnderWay& call : lost)
        if (call.run == run.get() && call.step == step && of_family(call) &&
            !terminal(run->execution().phase)) {
          run->lost(call);
          follow(*run);
        }
  happened();
  take_what_is_due();
  decide();
}

void Model::begin_call(UnderWay call) {
  call.number = ++n_calls_;
  calls_.push_back(std::move(call));
}

// ---- decide ----

// What follows from one thing that has happened, to its end, before the next one is looked at.
void Model::happened() {
  follow();
  while (!births_.empty() || !stops_.empty() || !let_go_.empty() || !ended_.empty()) settle_families();
}

void Model::follow() {
  for (size_t i = 0; i < runs_.size(); ++i) follow(*runs_[i]);
}

void Model::follow(Run& run) {
  run.follow();
  if (run.may_take_up_one() && std::find(in_turn_.begin(), in_turn_.end(), &run) == in_turn_.end())
    in_turn_.push_back(&run);
}

// Executions that begin, stop or end because of others.
void Model::settle_families() {
  for (const Birth& birth : std::exchange(births_, {})) {
    Step& step = birth.parent->e_.steps[birth.step];
    const std::string name = birth.parent->name() + "/" + step.def.name;
    const definition::Workflow& workflow =
        birth.undoes ? *birth.undoes->execution().workflow : *definition_.find(step.def.nested);
    Run& child = add(workflow, name, birth.initial, birth.age);
    child.belongs_to(*birth.parent, birth.step);
    (birth.undoes ? step.undoing : step.child) = &child;
    if (birth.undoes)
      child.undo(*birth.undoes);
    else
      child.begin_at(now_);
    follow();
  }
  for (const Stop& stop : std::exchange(stops_, {}))
    if (Run* child = stop.child ? stop.child : stop.parent->e_.steps[stop.step].child) {
      if (child->cancel(stop.rollback, true)) child->e_.stopped_with_parent = true;
      follow();
    }
  for (Run* parent : std::exchange(let_go_, {}))
    for (Run* child : parent->children()) {
      child->let_go_on();
      follow();
    }
  for (const Run* child : std::exchange(ended_, {}))
    if (Run* parent = child->execution().parent; parent && !terminal(parent->execution().phase)) {
      parent->child_over(*child);
      follow();
    }
}

void Model::decide() {
  happened();
  do {
    dispatch();
    happened();
  } while (has_free_slot() && !in_turn_.empty());
}

bool Model::has_free_slot() const {
  const auto taken = std::count_if(calls_.begin(), calls_.end(),
                                   [](const UnderWay& call) { return call.kind != Kind::nested; });
  return static_cast<size_t>(taken) < settings_.slots;
}

// R60: executions in turn, one step each, and those that have waited for the pool between them.
void Model::dispatch() {
  for (bool served = true; has_free_slot() && (served || !in_turn_.empty());) {
    if (!in_turn_.empty()) {
      Run* run = in_turn_.front();
      in_turn_.erase(in_turn_.begin());
      if (run->may_take_up_one()) run->take_up_one();
      follow();
    }
    served = has_free_slot() && serve_one();
    follow();
  }
}

std::optional<int64_t> Model::next_due() const {
  int64_t next = kNever;
  for (const UnderWay& call : calls_) next = std::min(next, call.ends_at);
  for (const auto& run : runs_)
    if (const auto alarm = run->next_alarm()) next = std::min(next, alarm->at);
  for (const auto& [run, expires_at] : letters_) next = std::min(next, expires_at);
  for (const auto& [workflow, instant] : fires_) next = std::min(next, instant);
  if (next == kNever) return std::nullopt;
  return std::max(next, now_);
}

// What is due at one instant is decided before anything new begins: outcomes first, then alarms, then
// schedules.
void Model::take_what_is_due() {
  std::vector<UnderWay> over;
  for (const UnderWay& call : calls_)
    if (call.ends_at <= now_) over.push_back(call);
  if (std::any_of(over.begin(), over.end(), [](const UnderWay& call) { return call.kills_host; }))
    return crash(0);
  std::stable_sort(over.begin(), over.end(),
                   [](const UnderWay& a, const UnderWay& b) { return a.ends_at < b.ends_at; });
  for (const UnderWay& call : over) {
    const auto is_it = [&](const UnderWay& one) { return one.number == call.number; };
    if (std::erase_if(calls_, is_it) == 0) continue;  // nobody wants its answer any more
    call.run->returned(call);
    happened();
  }
  while (take_alarm()) happened();
  std::erase_if(letters_, [&](const auto& letter) { return letter.second <= now_; });
  while (fire()) {
  }
}

// The earliest one; of the same instant that of the oldest execution.
bool Model::take_alarm() {
  Run* first = nullptr;
  for (const auto& run : runs_) {
    const auto alarm = run->next_alarm();
    if (alarm && alarm->at <= now_ && (!first || alarm->at < first->next_alarm()->at)) first = run.get();
  }
  if (first) first->on_alarm(*first->next_alarm());
  return first != nullptr;
}

void Model::run_until(int64_t instant) {
  for (;;) {
    const std::optional<int64_t> next = down() ? back_at_ : next_due();
    if (!next || *next > instant) break;
    now_ = *next;
    if (down()) {
      come_back();
      continue;
    }
    take_what_is_due();
    decide();
  }
  if (instant != kNever) now_ = std::max(now_, instant);
}

}  // namespace pirn::model
