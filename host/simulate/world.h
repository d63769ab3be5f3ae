// A host in a bottle: the real engine on a memory store, with a scripted runner and a manual clock, on one
// thread. Everything is a function of what its owner does, so a seed reproduces a run, crashes included.
// Tests drive it directly; `pirn simulate` (simulate.h) drives it by a case.
//
// What cannot happen unless the harness itself is used wrongly ends the program.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "host/engine/engine.h"
#include "host/journal/codec.h"
#include "host/store/memory_store.h"

namespace pirn::sim {

inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kMinute = 60 * kSecond;

// What an invocation does in virtual time.
struct Act {
  int64_t takes = 0;  // ns
  worker::Outcome outcome;
  bool ignores_cancel = false;  // else it returns CANCELLED when it is asked to
  bool hangs = false;           // never returns by itself
  bool kills_host = false;      // instead of returning it takes the host with it
  bool without_trace = false;   // and nobody knows that it was this call
};
Act ok();
Act ok(std::string_view result_json);
Act value(std::string_view value_json);
Act fail(std::string code, journal::ErrorClass error_class = journal::ErrorClass::retryable);
Act skip(std::string reason = "");
Act answer(bool truth);
// The children of a graft, and its own result.
Act expand(std::vector<journal::Child> children, std::string_view result_json = "{}");
journal::Child child(std::string name, std::string options = "", std::string params = "",
                     std::string task = "child");
Act answer_delay(int64_t ns);
Act hang();
Act snooze(int64_t ns);
// Options as abi.h has them, and `on_timeout` unchecked.
Act await(worker::AwaitRequest request = {});
Act after(int64_t takes, Act act);

// One call that the engine made.
struct Called {
  uint64_t id;
  ExecutionId execution;
  worker::Kind kind;
  uint32_t step_index;
  std::string step, function, input, context;
  uint32_t attempt;
  int64_t at;
  // 1, 2, … of its execution, step and kind: calls that the host lost do not count, so that what is called
  // again after a crash does what the lost call would have done.
  uint32_t nth;
  enum class Fate : uint8_t { under_way, returned, abandoned, lost } fate = Fate::under_way;
  int64_t ended_at = 0;
  bool killed_host = false;
};

class ScriptedRunner : public worker::Runner {
 public:
  using Script = std::function<Act(const worker::Invocation&)>;

  explicit ScriptedRunner(const int64_t& now) : now_(now) {}
  size_t slots() const override { return limit; }
  void start(std::span<worker::Invocation> batch) override;
  void take_completions(std::vector<worker::Completion>& out) override;
  void take_freed(std::vector<uint32_t>& out) override;
  void cancel(uint64_t invocation, Signal signal) override;
  void retire(const registry::ReleasePtr& release) override { retired.push_back(release); }
  std::vector<worker::Residence> residences() const override { return {}; }
  uint32_t stuck_calls() const override { return 0; }

  std::optional<int64_t> next_completion() const;
  // Calls that kill their host and are due.
  bool kills_host() const;
  std::vector<worker::FatalInvocation> fatal() const;  // those of them that leave a trace
  // What the record of this life says if it ends now.
  worker::LastLife last_life() const;
  void keep_suspects(std::span<const worker::Suspect> suspects) override {
    suspects_ = {suspects.begin(), suspects.end()};
  }
  void put_on_trial(const worker::Trial& trial) override { trial_ = trial; }
  // The host is lost, and all that is under way with it.
  void lose_all();
  // What was taken was committed; or else the journal says what was.
  using Counts = std::map<std::tuple<ExecutionId, uint32_t, worker::Kind>, uint32_t>;
  void count_taken();
  void recount(Counts journaled);
  // Nothing follows from what its deaf calls return.
  void execution_over(ExecutionId id);
  size_t under_way() const { return under_way_.size(); }

  size_t limit = 64;
  Script script;  // by function, below, when this is not set
  std::map<std::string, Script> by_function;
  std::vector<Called> calls;  // all, in order
  size_t most_at_once = 0;    // tasks
  std::vector<registry::ReleasePtr> retired;
  std::vector<std::string> breaches;  // of the promise that a suspect on trial is alone

 private:
  struct UnderWay {
    worker::Completion completion;
    int64_t at;
    bool ignores_cancel;
    bool kills_host, without_trace;
    size_t call;  // in calls
    uint32_t tenant;
  };
  void end(const UnderWay& call, Called::Fate fate);
  void check_trial(const worker::Invocation& starting);

  const int64_t& now_;
  std::map<uint64_t, UnderWay> under_way_;  // by invocation
  std::map<uint64_t, UnderWay> deaf_;       // abandoned, and they will return all the same; they take no slot
  std::set<ExecutionId> over_;
  std::vector<size_t> taken_;    // calls whose outcomes this turn has
  std::vector<uint32_t> freed_;  // tenants, since take_freed()
  Counts ended_;
  std::vector<worker::Suspect> suspects_;  // outlive a life, as a file does
  worker::Trial trial_;
  size_t n_begun_ = 0;  // in this life
};

// Releases made from definition documents.
class FakeReleases : public engine::Releases {
 public:
  // Publishes a definition document (JSON) as a release of the tenant, and makes it the active one.
  registry::ReleasePtr publish(const std::string& tenant, const std::string& json);
  registry::ReleasePtr publish(const std::string& tenant, definition::Definition definition);
  // What a tenant may use of the host's slots, from the next turn on.
  void allot(const std::string& tenant, registry::SlotTerms terms);
  registry::CatalogPtr catalog() const override { return catalog_; }
  Result<registry::ReleasePtr> load(std::string_view tenant, const Digest& digest) const override;
  // The active release of a package cannot be read at the next start, or is there again.
  void set_aside(const std::string& tenant, const std::string& package);
  void restore(const registry::ReleasePtr& release);
  registry::ReleasePtr unreadable;                               // load() refuses this one
  mutable size_t n_loaded = 0;                                   // how often load() was asked
  std::vector<definition::Function> functions = {{"child", 1}};  // what releases to come export

 private:
  registry::CatalogPtr catalog_ = std::make_shared<registry::Catalog>();
  std::vector<registry::ReleasePtr> releases_;
};

struct Event {
  ExecutionId execution;
  uint64_t seq;
  int64_t at;
  journal::Record record;
};

// "completed", "skipped(not_taken)", "failed(tolerated)", …
std::string step_text(const journal::Step& step);

class World : public engine::CommitListener, public worker::Wakeup {
 public:
  explicit World(engine::Options options = {}, int64_t begin = 1'700'000'000 * kSecond);
  ~World() override;

  // A document of one workflow "w" of package "p" for tenant "t": the argument is the workflow's members,
  // e.g. R"("steps":[{"name":"a"}])".
  registry::ReleasePtr publish(const std::string& workflow_members);
  FakeReleases releases;

  engine::Options& options() { return options_; }  // of the next life
  // From the next life on changes go through what this makes; empty: each turn commits.
  std::function<std::unique_ptr<store::Committer>(store::Store&)> committers;
  bool losing() const { return losing_; }  // what is under way may become durable or not
  ScriptedRunner& runner() { return *runner_; }
  engine::Engine& engine() { return *engine_; }
  store::MemoryStore& store() { return *store_; }
  // The steady clock, which is engine time too as long as nobody sets the wall clock.
  int64_t now() const { return now_; }
  int64_t wall() const { return now_ + wall_offset_; }
  int64_t engine_now() const { return now_ + origin_; }
  // The wall clock is set by so much; also while the host is down.
  void set_clock(int64_t by) { wall_offset_ += by; }
  std::string boot;  // what the steady clock counts from; empty: nobody knows

  // Commands; each runs the turn that it needs. An error store_failed: the host was lost before it answered.
  Result<engine::Started> start(std::string_view input_json = "{}", std::string_view key = "",
                                std::string_view workflow = "w", std::string_view tenant = "t",
                                journal::Strategy strategy = journal::Strategy::as_defined);
  Result<journal::State> cancel(ExecutionId id, std::string_view tenant = "t", bool rollback = false,
                                bool cleanup = true);
  // Each answers the visible state.
  Result<std::string_view> pause(ExecutionId id, std::string_view tenant = "t");
  Result<std::string_view> resume(ExecutionId id, std::string_view context_json = "{}",
                                  std::string_view step = "",
                                  engine::Resume::Action action = engine::Resume::Action::complete,
                                  engine::Person by = {"ops", true}, std::string_view tenant = "t");
  Result<std::string_view> approve(ExecutionId id, std::string_view step, bool approved = true,
                                   engine::Person by = {"ops", true}, std::string_view tenant = "t");
  // Any other command; its reply is made here.
  template <class Answer, class Order>
  Result<Answer> ask(Order order);
  std::vector<engine::AwaitingStep> waiting(std::string_view tenant = "t");
  std::string_view visible(ExecutionId id) { return journal::visible_state(show(id).state); }
  // The execution, open or closed.
  engine::View show(ExecutionId id, std::string_view tenant = "t");
  std::string step_state(ExecutionId id, std::string_view step);
  std::string context(ExecutionId id) { return show(id).context; }

  // One turn; returns whether a host would go on with the next one now. It sleeps otherwise, as real ones do:
  // what an engine forgets to ask for stays undone.
  bool turn();
  // Turns until the host would sleep at this instant.
  void settle();
  // Lets time pass: settles at every instant at which something is due.
  void advance(int64_t ns);
  // Until nothing is due any more.
  void run();
  // The host is lost: what was not committed is gone, the runner's calls too. Nothing but come_back() and
  // pass_time() makes sense until it is back.
  // Without `without_trace` the whole machine is lost; with it only the process, and nobody knows why.
  void lose(bool without_trace = false);
  void come_back(std::vector<worker::FatalInvocation> calls = {});  // whose functions had crashed it
  bool down() const { return engine_ == nullptr; }
  void crash(std::vector<worker::FatalInvocation> fatal = {});  // both, and settles
  void crash_without_trace();
  void pass_time(int64_t ns) { now_ += ns; }
  // The n-th commit from now fails, and the host with it; it comes back at once. `uncertain`: the commit is
  // durable all the same.
  void fail_commit(uint64_t n, bool uncertain);
  // Nothing is under way and nothing is due.
  bool idle() const { return !next_timer_ && runner_->under_way() == 0; }
  int crashes() const { return crashes_; }

  // What is due next, if anything is.
  std::optional<int64_t> next_due() const;

  size_t published_commits() const { return published_commits_; }
  // In one turn, by commands that go over many executions.
  size_t most_looks() const { return most_looks_; }
  std::function<void(ExecutionId id, uint32_t commit_no, std::string_view body)> committed;  // may be empty
  // Everything that is durable of an execution, as clients see it; of a damaged one what stands before the
  // damage.
  bool damaged = false;  // commits that cannot be read are no bug of the harness
  std::vector<Event> events_of(ExecutionId id) const;
  template <class Record>
  std::vector<Record> records_of(ExecutionId id) const {
    std::vector<Record> out;
    for (const Event& event : events_of(id))
      if (const auto* record = std::get_if<Record>(&event.record)) out.push_back(*record);
    return out;
  }

  void on_commit(ExecutionId id, const journal::Origin& origin, uint32_t commit_no, std::string_view body,
                 bool last) override;
  void wake() override { woken_ = true; }

 private:
  void push(engine::Command& command);
  engine::Clocks clocks() const { return {wall(), now_, boot}; }
  ScriptedRunner::Counts journaled_calls() const;

  engine::Options options_;
  int64_t now_, wall_offset_ = 0, origin_ = 0;
  std::shared_ptr<store::MemoryStoreContents> contents_;
  std::unique_ptr<store::MemoryStore> store_;
  std::unique_ptr<ScriptedRunner> runner_;
  std::unique_ptr<store::Committer> committer_;
  std::unique_ptr<engine::Engine> engine_;
  bool losing_ = false, undurable_ = false, more_ = false, woken_ = false;
  size_t most_looks_ = 0;
  worker::LastLife last_life_;
  size_t published_commits_ = 0;
  std::optional<int64_t> next_timer_;
  int crashes_ = 0;
};

template <class Answer, class Order>
Result<Answer> World::ask(Order order) {
  std::optional<Result<Answer>> answer;
  order.reply = [&](Result<Answer> result) { answer = std::move(result); };
  engine::Command command = std::move(order);
  push(command);
  turn();
  while (!answer && (undurable_ || more_)) turn();
  if (!answer) return Error{Code::store_failed, "the host was lost before it answered"};
  return *answer;
}

}  // namespace pirn::sim
