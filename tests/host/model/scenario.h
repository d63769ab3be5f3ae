// Random cases for the engine and the model: a workflow, what each call into its code does, and commands at
// instants. All of it follows from a seed; how long things take can be drawn anew, since by property P4 it
// must not matter as long as nothing stops the workflow.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/host/model/model.h"

namespace pirn::model {

// What random cases may have.
enum class Feature {
  conditions,
  retries,
  error_policies,
  timeouts,
  concurrency,
  workflow_timeout,
  cancel,
  crash,
  after_any,
  groups,
  grafts,
  snooze,
  await,
  pause,
  rollback,
  fallback,
  recovery,
  priority,
  workflow_retries,
  strategy,
  handlers,
  answers,  // of people and others: resume, signal, approve, reject
  nested,
  breakers,
  dead_letters,
  resources,
  starts,    // of several workflows, later, with another strategy
  down,      // the host is, for a while
  kills,     // calls take the host with them
  again,     // retry and rerun
  triggers,  // schedules and events
  count,
  poison  // tasks that take the host with them without a trace: how many lives that costs is a matter of time
};
std::set<Feature> all_features();

inline constexpr int64_t kBegin = 1'767'225'600'000'000'000;  // 2026-01-01, where cases begin

struct Command {
  enum class What { start, cancel, crash, pause, resume, signal, approve, reject, retry_letter, again, emit };
  What what = What::cancel;
  int64_t at = 0;  // from the start
  std::string run = "w";
  bool rollback = false, cleanup = true;  // cancel
  std::string step;                       // resume: may be empty
  Action action = Action::complete;
  Context context;
  std::string as;                                // start, retry_letter, again: the run that begins
  std::string workflow;                          // start
  int64_t in = 0;                                // start: so much later
  std::optional<definition::Strategy> strategy;  // start
  int64_t down = 0;                              // crash: for so long
  bool without_trace = false;                    // crash: nobody knows why; what comes out is the same
  std::string event, id;                         // emit
  std::string from;                              // again: a step; empty: what did not complete
};

struct Scenario {
  std::vector<boost::json::object> workflows;  // the first one is started; it may contain the others
  Context input;
  std::map<std::string, double> pool;  // what the host has; empty: enough of everything
  std::map<std::pair<std::string, Kind>, std::vector<Deed>> deeds;  // by step; the last one repeats
  std::vector<Command> commands;                                    // in order of time
};

Scenario make_scenario(uint64_t seed, const std::set<Feature>& features);
// With other durations, and the host lost at other instants; what calls return is the same.
Scenario retimed(const Scenario& scenario, uint64_t seed, bool crashes);

std::string definition_of(const Scenario& scenario);  // a document
// As `pirn simulate` reads it; with what the model says that comes out, if it is given.
std::string case_of(const Scenario& scenario, size_t slots = 64, const Model* expected = nullptr);

Deed deed_of(const Scenario& scenario, const Call& call);
// The model's run of it, to its end; `definition` outlives it. `refused` counts the commands that were.
Model run_model(const Scenario& scenario, const definition::Definition& definition, int64_t begin,
                Model::IdOf id_of, size_t* refused = nullptr);

// "completed", "skipped(not_taken)", "failed(tolerated)", …; and of an execution.
std::string text_of(const Step& step);
std::string_view text_of(Phase phase);

// The smallest scenario found by dropping steps, dependencies, options, deeds and commands that still fails.
Scenario shrunk(Scenario scenario, const std::function<bool(const Scenario&)>& fails);

}  // namespace pirn::model
