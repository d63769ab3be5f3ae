// The engine: decides, commits, acts. It owns every open execution of this host.
//
// turn() is the whole loop's body: it takes what has arrived (commands, completions, due timers), decides
// with pure functions, commits ONE transaction and only then acts: replies, invocations, events. With a
// committer it decides on while the transaction is on its way to the disk; what it decides meanwhile goes
// into the next one, and each is acted on when it is durable, in their order. Nothing here reads a clock, a
// random source, a file or a socket; the caller says what the clocks say (time_line.h). Driven by a manual
// clock, a fake runner and a memory store the same code is the simulator.
//
// Thread: one. Other threads talk to it through inbox().
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "host/engine/command.h"
#include "host/engine/inbox.h"
#include "host/engine/resources.h"
#include "host/engine/time_line.h"
#include "host/scheduler/catch_up.h"
#include "host/store/committer.h"
#include "host/store/store.h"
#include "host/worker/runner.h"
#include "registry/catalog.h"

namespace pirn::engine {

// What the engine asks of the registry. Any implementation must answer at once.
class Releases {
 public:
  virtual ~Releases() = default;
  virtual registry::CatalogPtr catalog() const = 0;
  virtual Result<registry::ReleasePtr> load(std::string_view tenant, const Digest& digest) const = 0;
};

// Told of each commit after it is durable, in order; on the engine's thread, must not block.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // `body` is the journal's JSON text, valid during the call. `last`: the execution has ended.
  virtual void on_commit(ExecutionId id, const journal::Origin& origin, uint32_t commit_no,
                         std::string_view body, bool last) = 0;
};

struct Options {
  size_t inbox_limit = 65'536;
  size_t inputs_per_turn = 512;
  size_t looks_per_turn = 4096;              // at executions, by commands that go over many
  int64_t cancel_grace_ns = 30'000'000'000;  // running steps after a cancel or a failure
  int64_t consultation_limit_ns = 5'000'000'000;
  int64_t handler_limit_ns = 300'000'000'000;
  // Both count JSON text, which is what is stored. Of one execution: its input, patches, results, and the
  // children of its grafts; and its row as it will be at its end, or one commit.
  size_t execution_limit_bytes = 64 << 20;
  size_t body_limit_bytes = store::kBodyLimit;
  // A longer row is written at the end and when the projection is completed, not whenever the execution waits;
  // and by the committer, if there is one.
  size_t long_row_bytes = 1 << 20;
  uint64_t flush_after_commits = 50'000;  // the projection is completed at least this often
  // What the engine's thread commits itself, if there is a committer: a transaction for fewer inputs and of
  // fewer bytes is not worth a hand-over.
  size_t min_async_inputs = 4, min_async_bytes = 64 << 10;
  Capacity capacity;         // what steps may ask for
  scheduler::Pace catch_up;  // of starts that the host missed while it was down
};

// A call of package code that was under way when the last life of the host ended, for the operator. What the
// store does not know any more is empty: of an execution that has ended nothing but its id is known.
struct LostCall {
  enum class Role : uint8_t {
    culprit,    // ended the process
    suspect,    // may have ended it: runs again alone
    bystander,  // somebody else did, or the machine was lost
  };
  ExecutionId execution;
  std::string tenant, workflow, step, function;  // workflow: package::workflow
  worker::Kind kind = worker::Kind::task;
  Role role = Role::bystander;
};

// For the log: what the end of the last life was, and what became of a call in it.
std::string_view words_of(worker::LastLife::End end);
std::string_view words_of(LostCall::Role role);

// What a turn leaves to its caller.
struct Turn {
  size_t inputs = 0;       // 0: nothing had arrived
  size_t looks = 0;        // at executions, by commands that go over many
  bool more = false;       // more is waiting: call again at once
  bool undurable = false;  // something decided is not durable yet; the wakeup tells when it is
  // Transactions are counted from 1: the one that this turn's decisions go into, and the last one that is
  // durable and acted on.
  uint64_t decided_in = 0, durable = 0;
  std::optional<int64_t> next_timer;  // engine time
  int64_t now = 0;                    // engine time of this turn
  int64_t jump = 0;                   // by so much the wall clock was found to have been set; 0: it was not
};

// What became of time when a life of the host began.
struct Beginning {
  int64_t now = 0;     // engine time
  int64_t origin = 0;  // engine time is that plus the steady clock, as long as this life lasts
  int64_t shift = 0;   // what was pending in engine time was moved by so much
  int64_t jump = 0;    // since the last life has looked at it the wall clock was set by so much
};

class Engine {
 public:
  // All of them outlive the engine. `wakeup` is told when the inbox has something. Without a committer a turn
  // is durable when it returns.
  Engine(Options options, store::Store& store, worker::Runner& runner, const Releases& releases,
         CommitListener& listener, worker::Wakeup& wakeup, store::Committer* committer = nullptr);
  ~Engine();

  Inbox& inbox();

  // Folds what the store holds; call once, before the first turn. Invocations that were under way are
  // interrupted and will run again, without blame; but a crash counts against those that are known to have
  // killed the host, as `last` says. If nobody is known and the host was killed all the same, those that were
  // under way are suspects, which the first turns run one at a time (trials.h). Nothing is handed to the
  // runner before the first turn.
  Status recover(const Clocks& clocks, const worker::LastLife& last = {});
  // After recover().
  const Beginning& beginning() const;
  // What ran when the last life ended, in the order of last.running; after recover().
  const std::vector<LostCall>& lost_calls() const;
  // Executions whose release cannot be read any more, or whose journal tells what cannot have happened, one
  // error each: they stay in the store as they are, and are taken up by the first opening that can read them.
  const std::vector<Error>& damaged_executions() const;
  // Why this execution of the tenant is one of them; nullptr: it is not. Of one that has ended, or whose
  // tenant cannot be read, either, the tenant is empty. After recover(), any thread: what is
  // quarantined stays so until the next opening.
  const Error* why_quarantined(std::string_view tenant, ExecutionId id) const;

  // One turn. An error means that the commit failed: nothing of it was acknowledged, and the host must stop.
  Result<Turn> turn(const Clocks& clocks);

  // The store has no room for new work: starts of any kind are refused with `why` (store_full), and what
  // schedules owe waits. What has started goes on, with all that belongs to it. Empty: work is taken.
  void refuse_starts(std::string why);

  // Graceful shutdown: no execution and no step starts any more, running steps go on.
  void stop_dispatching();
  size_t running_steps() const;

  // For tests: what is counted as it changes is what a walk over everything counts.
  bool counts_hold() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace pirn::engine
