// A case: what `pirn simulate` runs. A document in which somebody says which workflows there are, what each
// call into their code does and when, what is asked of the host at which moment, and what must come out.
// docs/reference/simulate.md is its format. Parsed as definitions are: every problem at once, each with its
// place.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host/simulate/world.h"
#include "packager/definition/definition.h"
#include "packager/definition/workflow_name.h"

namespace pirn::sim {

// What a call does in a case.
struct Deed {
  Act act;
  uint32_t kills_host = 0;  // so many calls take the host with them before one does what `act` says
};
// What the calls that it selects do; an empty selector selects all.
struct Script {
  std::string run, step, function;
  definition::WorkflowName workflow;
  std::optional<worker::Kind> kind;
  std::vector<Deed> deeds;  // of the first, the second, … call; the last one repeats
};

struct Published {
  std::string tenant, name;
  definition::Definition definition;
  bool deployed = true;
};

// Right after the commit that holds the `times`-th such event, or that has this number. Of a run's journal,
// or of a tenant's own.
struct After {
  std::string run, tenant, event, step;
  uint32_t times = 1;
  uint32_t commit = 0;  // 0: by event
};

struct StartRun {
  std::string run, tenant, workflow, input, key;
  int64_t in_ns = 0;  // begins so much later
  journal::Strategy strategy = journal::Strategy::as_defined;
};
struct CancelRun {
  std::string run, reason;
  bool rollback = false, cleanup = true;
};
struct CancelRuns {
  engine::CancelAll which;
};
struct PauseRun {
  std::string run, reason;
};
struct ResumeRun {
  std::string run, step, context;
  engine::Resume::Action action = engine::Resume::Action::complete;
  engine::Person by;
  bool signal = false;
};
struct ApproveRun {
  std::string run, step, comment;
  bool approved = true;
  engine::Person by;
};
// A new run takes over what `run` has done (R65).
struct RunAgain {
  std::string run, as;
  std::string from;  // a step; empty: whatever did not complete
  bool on_active = false;
};
// The dead letter that `run` has left starts a new run.
struct RetryDeadLetter {
  std::string run, as;  // `as` empty: the host names it
  bool on_active = false;
};
struct RetryDeadLetters {
  std::string tenant;
  engine::DeadLetterFilter which;
  bool on_active = false;
};
struct DiscardDeadLetter {
  std::string run;
};
struct PruneDeadLetters {
  std::string tenant;
  engine::DeadLetterFilter which;
  int64_t older_than = 0;  // ns
};
struct ResetBreaker {
  std::string breaker, tenant, by;
};
struct EmitEvent {
  std::string event, tenant, id, payload;
};
struct ScheduleOrder {
  std::string workflow, tenant;
  engine::ControlSchedule::Action action = engine::ControlSchedule::Action::pause;
};
struct BackfillRuns {
  std::string workflow, tenant;
  int64_t from = 0, to = 0;
};
struct Deploy {
  std::string name;  // of what is published
};
struct LoseHost {
  int64_t down_ns = 0;
  bool without_trace = false;                // only the process, and nobody knows who ended it
  std::optional<engine::Capacity> capacity;  // of the host that comes back; nullopt: as before
};
// Somebody sets the system's clock, also while the host is down.
struct SetClock {
  int64_t by = 0;
};
struct FailCommit {
  bool uncertain = false;  // durable all the same
};
using What =
    std::variant<StartRun, CancelRun, CancelRuns, PauseRun, ResumeRun, ApproveRun, RunAgain, RetryDeadLetter,
                 RetryDeadLetters, DiscardDeadLetter, PruneDeadLetters, ResetBreaker, EmitEvent,
                 ScheduleOrder, BackfillRuns, Deploy, LoseHost, FailCommit, SetClock>;
struct Order {
  Where where;
  int64_t at = 0;  // from the beginning; behind `after`: from there
  std::optional<After> after;
  What what;
};

// What must come out of a run. Values are canonical JSON.
struct Expected {
  Where where;
  std::string run, state;
  std::string error;                                                        // code
  std::map<std::string, std::string> steps, errors, results, compensation;  // those that are named
  std::map<std::string, uint32_t> invocations, diagnostics;                 // diagnostics: by code
  std::optional<std::vector<std::string>> rolled_back;                      // steps, in order; each once
  std::optional<std::string> context;
  std::optional<bool> dead_letter;  // whether one of it waits
};

struct Case {
  int64_t begin = 0;
  int64_t until_ns = 0;
  size_t slots = 64;
  engine::Options options;
  std::vector<Published> published;
  std::vector<definition::Function> functions;  // that children of grafts name
  std::vector<Script> scripts;
  std::vector<Order> orders;
  std::vector<Expected> expected;
};

// The definition document that a file holds: JSON, a package or a library.
using ReadDefinition = std::function<Result<std::string>(const std::string& path)>;
// Error case_invalid with all problems as causes, or malformed_json.
Result<Case> parse_case(std::string_view text, std::string_view file, const ReadDefinition& read);

}  // namespace pirn::sim
