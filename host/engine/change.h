// What one turn decided: records to commit, and what to do once they are durable. A value, filled by the
// executions, consumed by the engine; its buffers are kept from turn to turn.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/engine/id_source.h"
#include "host/engine/resources.h"
#include "host/engine/size_limits.h"
#include "host/journal/text_writer.h"
#include "host/scheduler/timers.h"
#include "host/worker/runner.h"

namespace pirn::engine {

class Breakers;
class DeadLetters;
class Execution;

// One commit of one execution in the making.
struct Draft {
  Execution* execution = nullptr;
  uint32_t commit_no = 0;
  bool empty = true;  // no record yet
  bool last = false;  // it ends the execution
  journal::TextWriter body;
};

struct Signal {
  uint64_t invocation;
  worker::Runner::Signal signal;
};

// A step begins its nested workflow, or has it rolled back, or does not want it any more.
struct ChildStart {
  Execution* parent;
  uint32_t step;
  ExecutionId child;
  journal::Delta input;
  ExecutionId undoes;  // rolls back what this one has completed; 0: it is the nested workflow itself
};
struct ChildStop {
  ExecutionId child;
  std::string reason;
  bool rollback;
};
// After a crash: a step that waits for its child.
struct Waiting {
  Execution* parent;
  uint32_t step;
  ExecutionId child;
};

struct Change {
  std::vector<Draft> drafts;  // the first n_drafts are in use
  size_t n_drafts = 0;
  std::vector<worker::Invocation> invocations;
  std::vector<Signal> signals;
  std::vector<std::function<void()>> replies;
  std::vector<ChildStart> child_starts;
  std::vector<ChildStop> child_stops;
  std::vector<const Execution*> pauses;  // whose pause has begun or ended
  std::vector<const Execution*> ended_children;
  std::vector<Execution*> attempts;  // nested ones that have failed and are to begin anew
  std::vector<Waiting> waiting;
  uint64_t turn = 0;

  size_t new_draft(Execution* execution, uint32_t commit_no) {
    if (n_drafts == drafts.size()) drafts.emplace_back();
    Draft& draft = drafts[n_drafts];
    draft.execution = execution;
    draft.commit_no = commit_no;
    draft.empty = true;
    draft.last = false;
    draft.body.clear();
    return n_drafts++;
  }

  // Afterwards, when what was decided is durable.
  template <class Command, class Answer>
  void reply_to(Command& command, Answer answer) {
    replies.push_back([reply = std::move(command.reply), answer = std::move(answer)]() mutable {
      reply(std::move(answer));
    });
  }

  void clear() {
    n_drafts = 0;
    invocations.clear();
    signals.clear();
    replies.clear();
  }
};

// What a timer is for.
struct Timer {
  enum class What : uint8_t { start, workflow_deadline, grace, step, rollback, handler, hook };
  Timer(Execution* execution, What what, uint32_t step);  // in execution.h
  Execution* execution;
  ExecutionId of;  // its id, at hand for comparisons
  What what;
  uint32_t step;  // handler: the low bits of its invocation's id

  // Which of the same instant comes first: that of the older execution, and within one by what it is for.
  bool operator<(const Timer& other) const {
    if (of != other.of) return of < other.of;
    return what != other.what ? what < other.what : step < other.step;
  }
};
using Timers = scheduler::Timers<Timer>;

// Everything an execution needs to decide with: the instant and where its decisions go.
struct Decision {
  int64_t now = 0;   // engine time
  int64_t wall = 0;  // the wall clock: for what calendars say
  Change& change;
  Timers& timers;
  Timers& wall_timers;
  IdSource& ids;
  Resources& resources;
  uint64_t& next_invocation;
  Breakers& breakers;
  DeadLetters& dead_letters;
  int64_t cancel_grace_ns = 0;
  int64_t consultation_limit_ns = 0;
  int64_t handler_limit_ns = 0;
  SizeLimits size_limits{};
  const registry::Catalog* catalog = nullptr;
  int64_t shift = 0;                                 // recovery: of what is pending in engine time
  std::span<const worker::FatalInvocation> fatal{};  // likewise
  bool killed_host(uint64_t invocation) const {
    return invocation != 0 &&
           std::any_of(fatal.begin(), fatal.end(),
                       [&](const worker::FatalInvocation& each) { return each.invocation == invocation; });
  }
  // How that happened; empty: nobody knows.
  std::string_view cause_of(uint64_t invocation) const {
    for (const worker::FatalInvocation& each : fatal)
      if (each.invocation == invocation) return each.cause;
    return {};
  }
  bool hook_killed_host(ExecutionId id) const {
    return std::any_of(fatal.begin(), fatal.end(),
                       [&](const worker::FatalInvocation& each) { return each.hook_of == id; });
  }
};

}  // namespace pirn::engine
