#include "tests/host/sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cassert>

#include "packager/digest/digest.h"

namespace pirn::sim {

using worker::Outcome;

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
Act after(int64_t takes, Act act) {
  act.takes = takes;
  return act;
}

// ---- the runner ----

void ScriptedRunner::start(std::span<worker::Invocation> batch) {
  for (worker::Invocation& invocation : batch) {
    std::string context;
    invocation.context.append_json(context);
    calls.push_back({invocation.id, invocation.frame->execution, invocation.kind,
                     std::string(invocation.step_name), std::string(invocation.function), invocation.input,
                     std::move(context), invocation.attempt, now_});
    Act act;
    const auto found = by_function.find(std::string(invocation.function));
    if (found != by_function.end())
      act = found->second(invocation);
    else if (script)
      act = script(invocation);
    UnderWay call{{invocation.id, invocation.frame->execution, invocation.step, invocation.kind,
                   std::move(act.outcome)},
                  act.hangs ? journal::kNever : now_ + act.takes,
                  act.ignores_cancel};
    under_way_.emplace(invocation.id, std::move(call));
  }
  size_t tasks = 0;
  for (const auto& [id, call] : under_way_) tasks += call.completion.kind == worker::Kind::task;
  most_at_once = std::max(most_at_once, tasks);
}

void ScriptedRunner::take_completions(std::vector<worker::Completion>& out) {
  std::vector<std::pair<int64_t, uint64_t>> due;
  for (const auto& [id, call] : under_way_)
    if (call.at <= now_) due.emplace_back(call.at, id);
  std::sort(due.begin(), due.end());
  for (const auto& [at, id] : due) {
    out.push_back(std::move(under_way_.at(id).completion));
    under_way_.erase(id);
  }
}

void ScriptedRunner::cancel(uint64_t invocation, Signal signal) {
  const auto found = under_way_.find(invocation);
  if (found == under_way_.end()) return;
  if (signal == Signal::abandon) {
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
  for (const auto& [id, call] : under_way_)
    if (call.at != journal::kNever && (!next || call.at < *next)) next = call.at;
  return next;
}

// ---- releases ----

registry::ReleasePtr FakeReleases::publish(const std::string& tenant, const std::string& json) {
  auto parsed = definition::parse(json, "test.json", nullptr);
  if (!parsed) {
    ADD_FAILURE() << describe(parsed.error());
    abort();
  }
  auto release = std::make_shared<registry::Release>();
  release->tenant = tenant;
  release->definition = std::move(parsed).value();
  release->package = release->definition.package;
  release->version = release->definition.version;
  release->digest = sha256(tenant + json);
  release->serial = static_cast<int64_t>(releases_.size()) + 1;
  for (const definition::Workflow& workflow : release->definition.workflows)
    release->workflow_digests.push_back(sha256(workflow.canonical));
  releases_.push_back(release);
  catalog_ = std::make_shared<registry::Catalog>(
      catalog_->with({tenant, release->package, registry::Active{release, releases_.size(), false}}));
  return release;
}

Result<registry::ReleasePtr> FakeReleases::load(std::string_view tenant, const Digest& digest) const {
  for (const registry::ReleasePtr& release : releases_)
    if (release != unreadable && release->tenant == tenant && release->digest == digest) return release;
  return Error{Code::not_found, "no such release"};
}

// ---- the world ----

World::World(engine::Options options) : options_(options) { open(); }
World::~World() = default;

void World::open() {
  store_ = std::make_unique<store::MemoryStore>(contents_);
  auto fresh = std::make_unique<ScriptedRunner>(now_);
  if (runner_) {  // what the test has set outlives a crash; what was under way does not
    fresh->limit = runner_->limit;
    fresh->script = runner_->script;
    fresh->by_function = runner_->by_function;
    fresh->calls = runner_->calls;
    fresh->most_at_once = runner_->most_at_once;
  }
  runner_ = std::move(fresh);
  engine_ = std::make_unique<engine::Engine>(options_, *store_, *runner_, releases, *this, *this);
  const Status recovered = engine_->recover(now_);
  ASSERT_TRUE(recovered) << describe(recovered.error());
}

void World::fail_commit(uint64_t n, bool uncertain) {
  store_->fail_commit(
      n, uncertain ? store::MemoryStore::Failure::uncertain : store::MemoryStore::Failure::nothing_written);
}

void World::crash() {
  ++crashes_;
  engine_.reset();
  open();
  settle();
}

registry::ReleasePtr World::publish(const std::string& members) {
  return releases.publish(
      "t",
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w",)" + members + "}]}");
}

Result<engine::Started> World::start(std::string_view input_json, std::string_view key,
                                     std::string_view workflow, std::string_view tenant) {
  PIRN_TRY(journal::Delta input, journal::parse_object(input_json));
  std::optional<Result<engine::Started>> answer;
  engine::Start start;
  start.tenant = tenant;
  start.workflow = workflow;
  start.input = std::move(input);
  start.input_digest = sha256(input_json);
  start.key = key;
  start.reply = [&](Result<engine::Started> result) { answer = std::move(result); };
  engine::Command command = std::move(start);
  EXPECT_TRUE(engine_->inbox().push(command));
  turn();
  if (!answer) return Error{Code::store_failed, "the host was lost before it answered"};
  return *answer;
}

Result<journal::State> World::cancel(ExecutionId id, std::string_view tenant) {
  std::optional<Result<journal::State>> answer;
  engine::Command command =
      engine::Cancel{std::string(tenant), id, "user_requested", true,
                     [&](Result<journal::State> result) { answer = std::move(result); }};
  EXPECT_TRUE(engine_->inbox().push(command));
  turn();
  if (!answer) return Error{Code::store_failed, "the host was lost before it answered"};
  return *answer;
}

engine::View World::show(ExecutionId id, std::string_view tenant) {
  std::optional<engine::View> view;
  engine::Command command = engine::Show{std::string(tenant), id,
                                         [&](Result<std::optional<engine::View>> result) { view = *result; }};
  EXPECT_TRUE(engine_->inbox().push(command));
  turn();
  if (view) return *view;
  auto stored = store_->find(tenant, id);
  if (!stored || !*stored) {
    ADD_FAILURE() << "no execution " << id.text();
    return {};
  }
  auto decoded = journal::decode_state((*stored)->body);
  if (!decoded) {
    ADD_FAILURE() << describe(decoded.error());
    return {};
  }
  return {decoded->state, decoded->step_names, decoded->context};
}

std::string World::step_state(ExecutionId id, std::string_view step) {
  const engine::View view = show(id);
  for (size_t i = 0; i < view.step_names.size(); ++i) {
    if (view.step_names[i] != step) continue;
    const journal::Step& of_step = view.state.steps[i];
    std::string text(name_of(of_step.state));
    if (of_step.skip_kind != journal::SkipKind::none)
      text += "(" + std::string(name_of(of_step.skip_kind)) + ")";
    if (of_step.tolerated) text += "(tolerated)";
    return text;
  }
  return "no such step";
}

bool World::turn() {
  auto result = engine_->turn(now_);
  if (!result) {
    // As a host does: nothing was acknowledged, stop, recover.
    EXPECT_EQ(result.error().code, Code::store_failed) << describe(result.error());
    crash();
    return true;
  }
  next_timer_ = result->next_timer;
  return result->inputs > 0 || result->more;
}

void World::settle() {
  while (turn() || (runner_->next_completion() && *runner_->next_completion() <= now_)) {
  }
}

void World::advance(int64_t ns) {
  const int64_t end = now_ + ns;
  settle();
  for (;;) {
    int64_t next = end;
    if (const auto at = runner_->next_completion()) next = std::min(next, *at);
    if (next_timer_) next = std::min(next, *next_timer_);
    now_ = std::max(now_, next);
    settle();
    if (now_ >= end) return;
  }
}

void World::run() {
  settle();
  for (;;) {
    std::optional<int64_t> next = runner_->next_completion();
    if (next_timer_ && (!next || *next_timer_ < *next)) next = next_timer_;
    if (!next) return;
    now_ = std::max(now_, *next);
    settle();
  }
}

std::vector<Event> World::events_of(ExecutionId id) const {
  std::vector<Event> out;
  auto rows = store_->journal(id, 0, UINT32_MAX);
  if (!rows) {
    ADD_FAILURE() << describe(rows.error());
    return out;
  }
  for (const store::StoredCommit& row : *rows) {
    auto commit = journal::decode_commit(row.body, row.schema);
    if (!commit) {
      ADD_FAILURE() << describe(commit.error());
      return out;
    }
    for (size_t i = 0; i < commit->records.size(); ++i)
      out.push_back({id, commit->first_seq + i, commit->at, std::move(commit->records[i])});
  }
  return out;
}

void World::on_commit(ExecutionId, std::string_view, uint32_t, std::string_view, bool) {
  ++published_commits_;
}

}  // namespace pirn::sim
