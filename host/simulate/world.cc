#include "host/simulate/world.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <type_traits>

#include "packager/digest/digest.h"

namespace pirn::sim {

using worker::Outcome;

namespace {

[[noreturn]] void fatal(const std::string& what) {
  std::fprintf(stderr, "the simulated host was used wrongly: %s\n", what.c_str());
  std::abort();
}

}  // namespace

// ---- acts ----

Act ok() { return {}; }
Act ok(std::string_view result_json) {
  Act act;
  auto map = journal::parse_object(result_json);
  assert(map);
  act.outcome.result =
      std::make_shared<const journal::StepResult>(journal::StepResult{std::move(map).value(), {}, true});
  return act;
}
Act value(std::string_view value_json) {
  Act act;
  auto value = journal::parse_value(value_json);
  assert(value);
  act.outcome.result =
      std::make_shared<const journal::StepResult>(journal::StepResult{{}, std::move(value).value(), false});
  return act;
}
Act fail(std::string code, journal::ErrorClass error_class) {
  Act act;
  act.outcome.kind = Outcome::Kind::failed;
  act.outcome.error = std::make_shared<const journal::StepError>(
      journal::StepError{std::move(code), "told to", error_class, ""});
  return act;
}
Act skip(std::string reason) {
  Act act;
  act.outcome.kind = Outcome::Kind::skip;
  act.outcome.reason = std::move(reason);
  return act;
}
Act answer(bool truth) {
  Act act;
  act.outcome.truth = truth;
  return act;
}
Act expand(std::vector<journal::Child> children, std::string_view result_json) {
  Act act = ok(result_json);
  act.outcome.kind = Outcome::Kind::expand;
  act.outcome.children = std::move(children);
  return act;
}
journal::Child child(std::string name, std::string options, std::string params, std::string task) {
  return {0, 0, std::move(name), std::move(task), std::move(params), std::move(options)};
}
Act answer_delay(int64_t ns) {
  Act act;
  act.outcome.duration = ns;
  return act;
}
Act hang() {
  Act act;
  act.hangs = true;
  act.ignores_cancel = true;
  return act;
}
Act snooze(int64_t ns) {
  Act act;
  act.outcome.kind = Outcome::Kind::snooze;
  act.outcome.duration = ns;
  return act;
}
Act await(worker::AwaitRequest request) {
  Act act;
  act.outcome.kind = Outcome::Kind::await;
  act.outcome.await = std::make_shared<const worker::AwaitRequest>(std::move(request));
  return act;
}
Act after(int64_t takes, Act act) {
  act.takes = takes;
  return act;
}

// ---- the runner ----

void ScriptedRunner::start(std::span<worker::Invocation> batch) {
  count_taken();  // what starts now, starts behind the commit of what was taken
  for (worker::Invocation& invocation : batch) {
    check_trial(invocation);
    ++n_begun_;
    std::string context;
    invocation.context.append_json(context);
    calls.push_back({invocation.id, invocation.frame->execution, invocation.kind, invocation.step,
                     std::string(invocation.step_name), std::string(invocation.function), invocation.input,
                     std::move(context), invocation.attempt, now_,
                     ended_[{invocation.frame->execution, invocation.step, invocation.kind}] + 1});
    Act act;
    const auto found = by_function.find(std::string(invocation.function));
    if (found != by_function.end())
      act = found->second(invocation);
    else if (script)
      act = script(invocation);
    UnderWay call{{invocation.id, invocation.frame->execution, invocation.step, invocation.kind,
                   std::move(act.outcome)},
                  act.hangs ? journal::kNever : now_ + act.takes,
                  act.ignores_cancel,
                  act.kills_host,
                  act.without_trace,
                  calls.size() - 1,
                  invocation.frame->tenant};
    under_way_.emplace(invocation.id, std::move(call));
  }
  size_t tasks = 0;
  for (const auto& [id, call] : under_way_) tasks += call.completion.kind == worker::Kind::task;
  most_at_once = std::max(most_at_once, tasks);
}

void ScriptedRunner::take_completions(std::vector<worker::Completion>& out) {
  std::vector<std::pair<int64_t, uint64_t>> due;
  for (const auto* calls : {&under_way_, &deaf_})
    for (const auto& [id, call] : *calls)
      if (call.at <= now_) due.emplace_back(call.at, id);
  std::sort(due.begin(), due.end());
  for (const auto& [at, id] : due) {
    if (auto deaf = deaf_.extract(id)) {
      out.push_back(std::move(deaf.mapped().completion));
      continue;
    }
    UnderWay& call = under_way_.at(id);
    out.push_back(std::move(call.completion));
    end(call, Called::Fate::returned);
    taken_.push_back(call.call);
    under_way_.erase(id);
  }
}

void ScriptedRunner::take_freed(std::vector<uint32_t>& out) {
  out.insert(out.end(), freed_.begin(), freed_.end());
  freed_.clear();
}

void ScriptedRunner::end(const UnderWay& call, Called::Fate fate) {
  calls[call.call].fate = fate;
  calls[call.call].ended_at = now_;
  freed_.push_back(call.tenant);
}

void ScriptedRunner::check_trial(const worker::Invocation& starting) {
  if (trial_.invocation == 0) return;
  if (starting.id != trial_.invocation)
    breaches.push_back("the call " + std::to_string(starting.id) + " begins during the trial of " +
                       std::to_string(trial_.invocation));
  else if (trial_.alone && n_begun_ > 0)
    breaches.push_back("the call " + std::to_string(starting.id) + " is called alone and is not");
}

bool ScriptedRunner::kills_host() const {
  return std::any_of(under_way_.begin(), under_way_.end(),
                     [&](const auto& entry) { return entry.second.kills_host && entry.second.at <= now_; });
}

worker::LastLife ScriptedRunner::last_life() const {
  worker::LastLife last;
  last.suspects = suspects_;
  last.trial = trial_;
  for (const auto& [id, call] : under_way_)
    if (call.kills_host || call.at > now_)  // others have returned
      last.running.push_back({id, {call.completion.execution, call.completion.step, call.completion.kind}});
  return last;
}

std::vector<worker::FatalInvocation> ScriptedRunner::fatal() const {
  std::vector<worker::FatalInvocation> fatal;
  for (const auto& [id, call] : under_way_)
    if (call.kills_host && !call.without_trace && call.at <= now_)
      fatal.push_back(
          {id, calls[call.call].kind == worker::Kind::hook ? calls[call.call].execution : ExecutionId()});
  return fatal;
}

void ScriptedRunner::lose_all() {
  for (const auto& [id, call] : under_way_) {
    end(call, Called::Fate::lost);
    calls[call.call].killed_host = call.kills_host && call.at <= now_;
  }
  under_way_.clear();
  deaf_.clear();
  taken_.clear();
  trial_ = {};
  n_begun_ = 0;
  freed_.clear();
}

void ScriptedRunner::execution_over(ExecutionId id) {
  over_.insert(id);
  std::erase_if(deaf_, [&](const auto& entry) { return entry.second.completion.execution == id; });
}

void ScriptedRunner::count_taken() {
  for (const size_t call : taken_)
    ++ended_[{calls[call].execution, calls[call].step_index, calls[call].kind}];
  taken_.clear();
}

void ScriptedRunner::recount(Counts journaled) {
  for (const auto& [key, count] : ended_) {  // some leave no trace in the journal
    const worker::Kind kind = std::get<worker::Kind>(key);
    if (kind == worker::Kind::hook || kind == worker::Kind::input || kind == worker::Kind::result)
      journaled.emplace(key, count);
  }
  ended_ = std::move(journaled);
}

void ScriptedRunner::cancel(uint64_t invocation, Signal signal) {
  const auto found = under_way_.find(invocation);
  if (found == under_way_.end()) return;
  if (signal == Signal::abandon) {
    const Called& call = calls[found->second.call];
    ++ended_[{call.execution, call.step_index, call.kind}];
    end(found->second, Called::Fate::abandoned);
    const UnderWay& abandoned = found->second;
    // Who hears that he is not wanted any more says that he was cancelled, of which nothing follows.
    if (abandoned.ignores_cancel && abandoned.at != journal::kNever && !abandoned.kills_host &&
        !over_.contains(call.execution))
      deaf_.insert(under_way_.extract(found));
    else
      under_way_.erase(found);
  } else if (!found->second.ignores_cancel) {
    found->second.completion.outcome = {};
    found->second.completion.outcome.kind = Outcome::Kind::cancelled;
    found->second.completion.outcome.reason = "asked to";
    found->second.at = now_;
  }
}

std::optional<int64_t> ScriptedRunner::next_completion() const {
  std::optional<int64_t> next;
  for (const auto* calls : {&under_way_, &deaf_})
    for (const auto& [id, call] : *calls)
      if (call.at != journal::kNever && (!next || call.at < *next)) next = call.at;
  return next;
}

// ---- releases ----

registry::ReleasePtr FakeReleases::publish(const std::string& tenant, const std::string& json) {
  auto parsed = definition::parse(json, "test.json", nullptr);
  if (!parsed) fatal(describe(parsed.error()));
  return publish(tenant, std::move(parsed).value());
}

namespace {

// A definition document says nothing of versions; the manifest of a package does.
std::map<std::string, std::string> any_version_of_what_it_contains(const registry::Release& release) {
  std::map<std::string, std::string> requirements;
  for (const definition::Workflow& workflow : release.definition.workflows)
    for (const definition::Step& step : workflow.steps) {
      const std::string package = step.nested.substr(0, step.nested.find("::"));
      if (package != step.nested && package != release.package) requirements.emplace(package, "*");
    }
  return requirements;
}

}  // namespace

registry::ReleasePtr FakeReleases::publish(const std::string& tenant, definition::Definition definition) {
  auto release = std::make_shared<registry::Release>();
  release->tenant = tenant;
  release->definition = std::move(definition);
  release->package = release->definition.package;
  release->version = release->definition.version;
  release->digest = sha256(tenant + definition::print(release->definition));
  release->functions = functions;
  release->serial = static_cast<int64_t>(releases_.size()) + 1;
  for (const definition::Workflow& workflow : release->definition.workflows)
    release->workflow_digests.push_back(sha256(workflow.canonical));
  release->requirements = any_version_of_what_it_contains(*release);
  releases_.push_back(release);
  const auto newest = [&](std::string_view package,
                          const registry::Fits& fits) -> Result<registry::ReleasePtr> {
    for (auto at = releases_.rbegin(); at != releases_.rend(); ++at)
      if ((*at)->tenant == tenant && (*at)->package == package && fits(**at)) return *at;
    return registry::ReleasePtr();
  };
  catalog_ = std::make_shared<registry::Catalog>(
      catalog_->with({tenant, release->package, registry::Active{release, releases_.size(), false}})
          .with_requirements_met(tenant, newest));
  return release;
}

void FakeReleases::allot(const std::string& tenant, registry::SlotTerms terms) {
  catalog_ = std::make_shared<registry::Catalog>(catalog_->with_slot_terms(tenant, terms));
}

void FakeReleases::set_aside(const std::string& tenant, const std::string& package) {
  registry::Catalog next = catalog_->with({tenant, package, std::nullopt});
  catalog_ = std::make_shared<registry::Catalog>(
      next.with_aside(tenant, package, Error{Code::blob_damaged, package + " cannot be read"}));
}

void FakeReleases::restore(const registry::ReleasePtr& release) {
  catalog_ = std::make_shared<registry::Catalog>(
      catalog_->with({release->tenant, release->package, registry::Active{release, 1}}));
}

Result<registry::ReleasePtr> FakeReleases::load(std::string_view tenant, const Digest& digest) const {
  ++n_loaded;
  for (const registry::ReleasePtr& release : releases_)
    if (release != unreadable && release->tenant == tenant && release->digest == digest) return release;
  return Error{Code::not_found, "no such release"};
}

// ---- the world ----

World::World(engine::Options options, int64_t begin)
    : options_(options),
      now_(begin),
      contents_(store::make_memory_store_contents(SIZE_MAX, options.body_limit_bytes)) {
  runner_ = std::make_unique<ScriptedRunner>(now_);
  come_back();
}
World::~World() = default;

void World::come_back(std::vector<worker::FatalInvocation> calls) {
  store_ = std::make_unique<store::MemoryStore>(contents_);
  committer_ = committers ? committers(*store_) : nullptr;
  engine_ =
      std::make_unique<engine::Engine>(options_, *store_, *runner_, releases, *this, *this, committer_.get());
  if (!calls.empty()) last_life_.end = worker::LastLife::End::crash;
  last_life_.fatal = std::move(calls);
  const Status recovered = engine_->recover(clocks(), std::exchange(last_life_, {}));
  if (!recovered) fatal(describe(recovered.error()));
  origin_ = engine_->beginning().origin;
}

// What the journal says of how often each call was seen through to its end.
ScriptedRunner::Counts World::journaled_calls() const {
  ScriptedRunner::Counts counts;
  std::set<ExecutionId> executions;
  std::set<uint64_t> lost;  // what took the host with it may have an end in the journal, and never came to it
  for (const Called& call : runner_->calls) {
    executions.insert(call.execution);
    if (call.killed_host) lost.insert(call.id);
  }
  for (const ExecutionId id : executions) {
    std::map<uint32_t, std::pair<worker::Kind, uint64_t>> under_way;
    std::map<uint64_t, uint32_t> handlers;  // invocation to step
    const auto ended = [&](uint32_t step) {
      const auto found = under_way.find(step);
      if (found == under_way.end()) return;  // not by its own outcome
      const auto [kind, invocation] = found->second;
      counts[{id, step, kind}] += !lost.contains(invocation);
      under_way.erase(found);
    };
    for (const Event& event : events_of(id)) {
      const auto visit = [&](const auto& record) {
        using R = std::decay_t<decltype(record)>;
        using namespace journal;
        if constexpr (std::is_same_v<R, StepStarted> || std::is_same_v<R, StepAsked>)
          under_way[record.step] = {record.kind, record.invocation};
        else if constexpr (std::is_same_v<R, RollbackStarted>)
          under_way[record.step] = {Kind::rollback, record.invocation};
        else if constexpr (std::is_same_v<R, StepInterrupted>)
          under_way.erase(record.step);
        else if constexpr (std::is_same_v<R, StepCompleted> || std::is_same_v<R, StepFailed> ||
                           std::is_same_v<R, StepSkipped> || std::is_same_v<R, StepSnoozed> ||
                           std::is_same_v<R, StepAwaiting> || std::is_same_v<R, StepCancelled> ||
                           std::is_same_v<R, StepAnswered> || std::is_same_v<R, RollbackDone> ||
                           std::is_same_v<R, RollbackFailed>)
          ended(record.step);
        else if constexpr (std::is_same_v<R, HandlerStarted>)
          handlers[record.invocation] = record.step;
        else if constexpr (std::is_same_v<R, HandlerDone>)
          counts[{id, handlers[record.invocation], Kind::handler}] += !lost.contains(record.invocation);
      };
      std::visit(visit, event.record);
    }
  }
  return counts;
}

void World::lose(bool without_trace) {
  ++crashes_;
  last_life_ = runner_->last_life();
  using End = worker::LastLife::End;
  last_life_.end = without_trace ? End::crash : End::power_loss;
  losing_ = true;
  engine_.reset();
  losing_ = undurable_ = false;
  runner_->lose_all();
  runner_->recount(journaled_calls());
  next_timer_.reset();
}

void World::push(engine::Command& command) {
  if (!engine_ || !engine_->inbox().push(command)) fatal("a command to a host that is down, or full");
}

void World::fail_commit(uint64_t n, bool uncertain) {
  store_->fail_commit(
      n, uncertain ? store::MemoryStore::Failure::uncertain : store::MemoryStore::Failure::nothing_written);
}

void World::crash(std::vector<worker::FatalInvocation> fatal) {
  lose();
  come_back(std::move(fatal));
  settle();
}

void World::crash_without_trace() {
  lose(true);
  come_back();
  settle();
}

registry::ReleasePtr World::publish(const std::string& members) {
  return releases.publish(
      "t",
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w",)" + members + "}]}");
}

Result<engine::Started> World::start(std::string_view input_json, std::string_view key,
                                     std::string_view workflow, std::string_view tenant,
                                     journal::Strategy strategy) {
  PIRN_TRY(journal::Delta input, journal::parse_object(input_json));
  engine::Start start;
  start.tenant = tenant;
  start.workflow = workflow;
  start.input = std::move(input);
  start.input_digest = sha256(input_json);
  start.key = key;
  start.strategy = strategy;
  return ask<engine::Started>(std::move(start));
}

Result<journal::State> World::cancel(ExecutionId id, std::string_view tenant, bool rollback, bool cleanup) {
  return ask<journal::State>(
      engine::Cancel{std::string(tenant), id, "user_requested", rollback, cleanup, {}});
}

Result<std::string_view> World::pause(ExecutionId id, std::string_view tenant) {
  return ask<std::string_view>(engine::Pause{std::string(tenant), id, "asked to", {}});
}

Result<std::string_view> World::resume(ExecutionId id, std::string_view context_json, std::string_view step,
                                       engine::Resume::Action action, engine::Person by,
                                       std::string_view tenant) {
  PIRN_TRY(journal::Delta context, journal::parse_object(context_json));
  return ask<std::string_view>(engine::Resume{
      std::string(tenant), id, std::string(step), action, std::move(context), std::move(by), false, {}});
}

Result<std::string_view> World::approve(ExecutionId id, std::string_view step, bool approved,
                                        engine::Person by, std::string_view tenant) {
  return ask<std::string_view>(
      engine::Approve{std::string(tenant), id, std::string(step), approved, "seen", std::move(by), {}});
}

std::vector<engine::AwaitingStep> World::waiting(std::string_view tenant) {
  const auto list = [&] {
    return ask<std::vector<engine::AwaitingStep>>(engine::ListAwaiting{std::string(tenant), 100, {}});
  };
  auto listed = list();
  while (!listed) listed = list();  // the host was lost meanwhile, and is back
  return std::move(listed).value();
}

engine::View World::show(ExecutionId id, std::string_view tenant) {
  // The host may be lost before it answers: what is stored then says more.
  const auto view = ask<std::optional<engine::View>>(engine::Show{std::string(tenant), id, {}});
  if (view && *view) {
    engine::View open = **view;
    open.context = open.context_json();
    return open;
  }
  auto stored = store_->find(tenant, id);
  if (!stored || !*stored) fatal("no execution " + id.text());
  auto decoded = journal::decode_state((*stored)->columns(), (*stored)->body);
  if (!decoded) fatal(describe(decoded.error()));
  return engine::view_of(std::move(*decoded));
}

std::string step_text(const journal::Step& step) {
  std::string text(name_of(step.state));
  if (step.skip_kind != journal::SkipKind::none) text += "(" + std::string(name_of(step.skip_kind)) + ")";
  if (step.tolerated) text += "(tolerated)";
  return text;
}

std::string World::step_state(ExecutionId id, std::string_view step) {
  const engine::View view = show(id);
  for (size_t i = 0; i < view.step_names.size(); ++i)
    if (view.step_names[i] == step) return step_text(view.state.steps[i]);
  return "no such step";
}

bool World::turn() {
  if (runner_->kills_host()) {
    if (std::vector<worker::FatalInvocation> fatal = runner_->fatal(); !fatal.empty())
      crash(std::move(fatal));
    else
      crash_without_trace();
    return true;
  }
  woken_ = false;
  auto result = engine_->turn(clocks());
  if (!result) {
    // As a host does: nothing was acknowledged, stop, recover.
    if (result.error().code != Code::store_failed) fatal(describe(result.error()));
    crash();
    return true;
  }
  runner_->count_taken();
  next_timer_ = result->next_timer;
  if (next_timer_) *next_timer_ -= origin_;
  undurable_ = result->undurable;
  more_ = result->more;
  most_looks_ = std::max(most_looks_, result->looks);
  if (!engine_->counts_hold()) fatal("what the engine has counted is not what there is");
  return result->more || undurable_ || woken_ || (next_timer_ && *next_timer_ <= now_);
}

void World::settle() {
  while (turn() || (runner_->next_completion() && *runner_->next_completion() <= now_)) {
  }
}

void World::advance(int64_t ns) {
  const int64_t end = now_ + ns;
  settle();
  for (;;) {
    now_ = std::max(now_, std::min(end, next_due().value_or(end)));
    settle();
    if (now_ >= end) return;
  }
}

std::optional<int64_t> World::next_due() const {
  std::optional<int64_t> next = runner_->next_completion();
  if (next_timer_ && (!next || *next_timer_ < *next)) next = next_timer_;
  return next;
}

void World::run() {
  settle();
  for (;;) {
    const std::optional<int64_t> next = next_due();
    if (!next) return;
    now_ = std::max(now_, *next);
    settle();
  }
}

std::vector<Event> World::events_of(ExecutionId id) const {
  std::vector<Event> out;
  auto rows = store_->journal(id, 0, UINT32_MAX);
  if (!rows) fatal(describe(rows.error()));
  for (const store::StoredCommit& row : *rows) {
    auto commit = journal::decode_commit(row.body, row.schema);
    if (!commit && damaged) break;
    if (!commit) fatal(describe(commit.error()));
    for (size_t i = 0; i < commit->records.size(); ++i)
      out.push_back({id, commit->first_seq + i, commit->at, std::move(commit->records[i])});
  }
  return out;
}

void World::on_commit(ExecutionId id, const journal::Origin&, uint32_t commit_no, std::string_view body,
                      bool last) {
  ++published_commits_;
  if (last) runner_->execution_over(id);
  if (committed) committed(id, commit_no, body);
}

}  // namespace pirn::sim
