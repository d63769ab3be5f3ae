// The engine behind the SDK's testkit::Workflow: the host's own, over a store in memory, with an inline
// runner and a clock that only the test moves. "Crash" means what it means elsewhere: the engine, the runner
// and the store object are dropped, and new ones continue from the store's contents.
#include "pirn/testkit/engine.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>

#include "host/api/execution_text.h"
#include "host/engine/engine.h"
#include "host/events/event_text.h"
#include "host/journal/codec.h"
#include "host/store/memory_store.h"
#include "host/testkit/inline_runner.h"
#include "host/testkit/package_under_test.h"
#include "packager/digest/digest.h"
#include "packager/json/json.h"

namespace pirn::testkit {

namespace {

constexpr int64_t kEpoch = 1'735'689'600'000'000'000;  // 2025-01-01, so that times of day mean something

// A store in memory has nothing that could fail, and a test nothing that it could do about it.
[[noreturn]] void fatal(const Error& error) {
  std::fprintf(stderr, "the test kit cannot go on: %s\n", describe(error).c_str());
  std::abort();
}

class MemoryHost final : public Engine, engine::CommitListener, worker::Wakeup, worker::Listener {
 public:
  // The package keeps the workflow.
  MemoryHost(std::shared_ptr<const PackageUnderTest> package, const definition::Workflow& workflow)
      : package_(std::move(package)), releases_(package_), workflow_(workflow) {
    open();
  }

  bool has_step(const std::string& step) const override {
    return std::any_of(workflow_.steps.begin(), workflow_.steps.end(),
                       [&](const auto& known) { return known.graft || known.name == step; });
  }
  void substitute(const std::string& function, Substitute substitute) override {
    scenario_.substitutes[function] = std::move(substitute);
  }
  std::string stand_in(const std::string& workflow, Substitute substitute) override {
    if (const Status known = releases_.check_stand_in(workflow); !known) return describe(known.error());
    scenario_.substitutes[workflow] = std::move(substitute);
    return {};
  }
  void takes(const std::string& step, int64_t ns) override {
    scenario_.durations[step] = std::max<int64_t>(0, ns);
  }
  void crash_in(const std::string& step) override { scenario_.crashes.insert(step); }

  std::string provide(const std::string& amounts_json) override;
  std::string start(const std::string& input_json) override;
  void advance(int64_t ns) override;
  std::optional<int64_t> next_due_ns() const override;
  std::string cancel(const std::string& reason, bool rollback, bool cleanup) override;
  std::string pause() override;
  std::string resume(const std::string& context_json, const std::string& step,
                     const std::string& action) override;
  std::string signal(const std::string& step, const std::string& payload_json) override;
  std::string answer(const std::string& step, bool approved, const std::string& approver,
                     const std::string& comment) override;
  void restart() override;
  std::string undeploy() override;

  int64_t now_ns() const override { return now_ - started_at_; }
  std::string show_json() const override;
  std::string events_json() const override;
  std::string logs_json() const override;

 private:
  // The parts of one life of the host.
  struct Life {
    Life(MemoryHost& host)
        : store(host.contents_),
          runner(host.package_->descriptor(), host.package_->state(), host.scenario_, host, host.now_),
          engine(host.options_, store, runner, host.releases_, host, host) {}
    store::MemoryStore store;
    InlineRunner runner;
    engine::Engine engine;
    std::optional<int64_t> next_timer;
    bool woken = false;  // since the last turn began
  };

  void open();
  template <class Order>
  std::string say(Order order);
  bool turn() const;
  void settle() const;
  std::optional<int64_t> due_in() const;
  void push(engine::Command command) const;
  std::optional<engine::View> view() const;

  void on_commit(ExecutionId, const journal::Origin&, uint32_t, std::string_view, bool) override {}
  void wake() override {
    if (life_) life_->woken = true;
  }
  void on_log(const worker::Invocation& invocation, uint32_t level, std::string_view message) override;
  void on_progress(const worker::Invocation&, double, std::string_view) override {}
  void on_stream(const worker::Invocation&, std::string_view, bool) override {}

  const std::shared_ptr<const PackageUnderTest> package_;
  ReleasesUnderTest releases_;
  const definition::Workflow& workflow_;
  const std::shared_ptr<store::MemoryStoreContents> contents_ = store::make_memory_store_contents();
  Scenario scenario_;
  int64_t now_ = kEpoch, started_at_ = kEpoch;
  ExecutionId id_;  // zero: not started
  engine::Options options_;
  std::string logs_;
  std::unique_ptr<Life> life_;
};

void MemoryHost::open() {
  life_ = nullptr;
  life_ = std::make_unique<Life>(*this);
  if (Status recovered = life_->engine.recover(now_); !recovered) fatal(recovered.error());
}

bool MemoryHost::turn() const {
  life_->woken = false;
  auto turn = life_->engine.turn(now_);
  if (!turn) fatal(turn.error());
  life_->next_timer = turn->next_timer;
  return turn->more || life_->woken || (turn->next_timer && *turn->next_timer <= now_);
}

// Turns until a host would sleep at this instant.
void MemoryHost::settle() const {
  while (!life_->runner.crashed()) {
    const bool something = turn();
    const std::optional<int64_t> next = life_->runner.next_due();
    if (!something && !(next && *next <= now_)) return;
  }
}

void MemoryHost::push(engine::Command command) const {
  if (!life_->engine.inbox().push(command)) std::abort();  // it is emptied by each turn
  settle();
}

std::string MemoryHost::provide(const std::string& amounts_json) {
  if (id_ != ExecutionId()) return "the workflow was started before: say first what its host has";
  const auto amounts = parse_json(amounts_json, "the amounts");
  if (!amounts) return describe(amounts.error());
  std::vector<definition::Resource> resources;
  for (const auto& amount : amounts->as_object()) {
    auto resource = engine::parse_resource(std::string(amount.key()) + "=" + canonical(amount.value()));
    if (!resource) return describe(resource.error());
    resources.push_back(std::move(resource).value());
  }
  options_.capacity = engine::Capacity::of(std::move(resources));
  open();
  return {};
}

std::string MemoryHost::start(const std::string& input_json) {
  if (id_ != ExecutionId()) return "the workflow was started before; another run needs another Workflow";
  auto input = journal::parse_object(input_json);
  if (!input) return describe(input.error());
  engine::Start start;
  start.tenant = kTenant;
  start.workflow = package_->release().package + "::" + workflow_.name;
  start.input = std::move(input).value();
  start.input_digest = sha256(input_json);
  std::string problem;
  start.reply = [&](Result<engine::Started> started) {
    if (started)
      id_ = started->id;
    else
      problem = describe(started.error());
  };
  started_at_ = now_;
  push(std::move(start));
  if (life_->runner.crashed()) restart();
  return problem;
}

void MemoryHost::advance(int64_t ns) {
  const int64_t end = now_ + std::max<int64_t>(0, ns);
  for (;;) {
    settle();
    if (life_->runner.crashed()) {
      restart();
      continue;
    }
    if (now_ >= end) return;
    const std::optional<int64_t> due = due_in();
    now_ = due ? std::min(end, now_ + *due) : end;
  }
}

std::optional<int64_t> MemoryHost::next_due_ns() const {
  // A dead letter expires long after its workflow has ended: nobody waits for that.
  const std::optional<engine::View> now = view();
  if (now && journal::terminal(now->state.state)) return std::nullopt;
  return due_in();
}

std::optional<int64_t> MemoryHost::due_in() const {
  std::optional<int64_t> next = life_->runner.next_due();
  if (life_->next_timer && (!next || *life_->next_timer < *next)) next = life_->next_timer;
  if (!next) return std::nullopt;
  return std::max<int64_t>(0, *next - now_);
}

std::string MemoryHost::cancel(const std::string& reason, bool rollback, bool cleanup) {
  const std::optional<engine::View> before = view();
  if (!before) return "the workflow was not started";
  if (journal::terminal(before->state.state))
    return "the workflow has ended: " + std::string(name_of(before->state.state));
  engine::Cancel cancel;
  cancel.tenant = kTenant;
  cancel.id = id_;
  if (!reason.empty()) cancel.reason = reason;
  cancel.rollback = rollback;
  cancel.cleanup = cleanup;
  std::string problem;
  cancel.reply = [&](Result<journal::State> state) {
    if (!state) problem = describe(state.error());
  };
  push(std::move(cancel));
  if (life_->runner.crashed()) restart();
  return problem;
}

template <class Order>
std::string MemoryHost::say(Order order) {
  if (id_ == ExecutionId()) return "the workflow was not started";
  order.tenant = kTenant;
  order.id = id_;
  std::string problem;
  order.reply = [&](Result<std::string_view> state) {
    if (!state) problem = describe(state.error());
  };
  push(std::move(order));
  if (life_->runner.crashed()) restart();
  return problem;
}

std::string MemoryHost::pause() { return say(engine::Pause{}); }

std::string MemoryHost::resume(const std::string& context_json, const std::string& step,
                               const std::string& action) {
  engine::Resume resume;
  const auto known = engine::parse_action(action);
  if (!known) return describe(known.error());
  auto context = journal::parse_object(context_json);
  if (!context) return describe(context.error());
  resume.step = step;
  resume.action = *known;
  resume.context = std::move(context).value();
  resume.by = {"tester", true};
  return say(std::move(resume));
}

std::string MemoryHost::signal(const std::string& step, const std::string& payload_json) {
  engine::Resume signal;
  auto payload = journal::parse_object(payload_json);
  if (!payload) return describe(payload.error());
  signal.step = step;
  signal.context = std::move(payload).value();
  signal.by = {"tester", true};
  signal.signal = true;
  return say(std::move(signal));
}

std::string MemoryHost::answer(const std::string& step, bool approved, const std::string& approver,
                               const std::string& comment) {
  engine::Approve approve;
  approve.step = step;
  approve.approved = approved;
  approve.comment = comment;
  approve.by = approver.empty() ? engine::Person{"tester", true} : engine::Person{approver, false};
  return say(std::move(approve));
}

void MemoryHost::restart() {
  do {
    life_->runner.lose_all();
    open();
    settle();
  } while (life_->runner.crashed());
}

std::string MemoryHost::undeploy() {
  if (id_ == ExecutionId()) return "the workflow was not started: it needs its release for that";
  releases_.undeploy();
  advance(0);
  return {};
}

std::optional<engine::View> MemoryHost::view() const {
  if (id_ == ExecutionId()) return std::nullopt;
  std::optional<engine::View> found;
  push(engine::Show{std::string(kTenant), id_, [&](Result<std::optional<engine::View>> answer) {
                      if (answer) found = std::move(answer).value();
                    }});
  if (found) return found;
  auto row = life_->store.find(kTenant, id_);
  if (!row) fatal(row.error());
  if (!*row) return std::nullopt;
  auto decoded = journal::decode_state((*row)->columns(), (*row)->body);
  if (!decoded) fatal(decoded.error());
  return engine::view_of(std::move(*decoded));
}

std::string MemoryHost::show_json() const {
  const std::optional<engine::View> shown = view();
  if (!shown) return R"({"state":"not_started","steps":[],"context":{},"error":null})";
  return api::execution_text(*shown, now_);
}

std::string MemoryHost::events_json() const {
  std::string out = "[";
  auto commits = life_->store.journal(id_, 0, UINT32_MAX);
  if (!commits) fatal(commits.error());
  for (const store::StoredCommit& commit : *commits) {
    const Status read = events::for_each_event(commit.body, [&](const events::EventView& event) {
      out += out.size() > 1 ? ",{\"at_ms\":" : "{\"at_ms\":";
      journal::append_integer(out, (event.at - started_at_) / 1'000'000);
      out += ',';
      out += event.text.substr(1);
    });
    if (!read) fatal(read.error());
  }
  return out += ']';
}

void MemoryHost::on_log(const worker::Invocation& invocation, uint32_t level, std::string_view message) {
  logs_ += logs_.empty() ? "{\"at_ms\":" : ",{\"at_ms\":";
  journal::append_integer(logs_, now_ns() / 1'000'000);
  logs_ += ",\"level\":";
  journal::append_unsigned(logs_, level);
  logs_ += ",\"step\":";
  journal::append_json_string(logs_, invocation.step_name);
  logs_ += ",\"message\":";
  journal::append_json_string(logs_, message);
  logs_ += '}';
}

std::string MemoryHost::logs_json() const { return "[" + logs_ + "]"; }

}  // namespace

std::unique_ptr<Engine> make_engine(const pirn_plugin* plugin, const std::string& workflow,
                                    const std::string& definition_file, std::string& problem) {
  auto package = PackageUnderTest::get(plugin, definition_file);
  if (!package) {
    problem = describe(package.error());
    return nullptr;
  }
  const definition::Workflow* found = (*package)->release().find(workflow);
  if (!found) {
    problem = "the package has no workflow \"" + workflow + "\"; it has:";
    for (const definition::Workflow& known : (*package)->release().definition.workflows)
      problem += " " + known.name;
    return nullptr;
  }
  return std::make_unique<MemoryHost>(std::move(package).value(), *found);
}

}  // namespace pirn::testkit
