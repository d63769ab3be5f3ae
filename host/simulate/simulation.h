// Carries a case out on the real engine. Its report is simulate.cc's; tests ask it directly.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/simulate/case.h"
#include "host/simulate/world.h"

namespace pirn::sim {

class Simulation {
 public:
  struct Run {
    ExecutionId id;
    std::string tenant;
  };
  // A command that the host did not carry out.
  struct Refusal {
    size_t order;  // in the case
    int64_t at;
    Error error;
  };

  explicit Simulation(const Case& of);  // `of` outlives it

  // To rest, or to the case's end. Why it was cut short; empty: nothing is left to do.
  std::string run();

  World& world() { return world_; }
  const std::map<std::string, Run>& runs() const { return runs_; }
  const std::vector<Refusal>& refusals() const { return refusals_; }
  std::string_view name_of_run(ExecutionId id) const;  // empty: not yet named

 private:
  // An execution that has no name yet: who starts it has not been answered, or its parent has none.
  struct Nameless {
    std::string tenant, workflow, trigger;
    ExecutionId parent;
    std::vector<std::pair<uint32_t, std::string>> commits;
  };

  bool carry_out_next();
  Status carry_out(const StartRun& start);
  Status carry_out(const CancelRun& cancel);
  Status carry_out(const CancelRuns& cancel);
  Status carry_out(const PauseRun& pause);
  Status carry_out(const ResumeRun& resume);
  Status carry_out(const ApproveRun& approve);
  Status carry_out(const RunAgain& again);
  Status carry_out(const RetryDeadLetter& retry);
  Status carry_out(const RetryDeadLetters& retry);
  Status carry_out(const DiscardDeadLetter& discard);
  Status carry_out(const PruneDeadLetters& prune);
  Status carry_out(const ResetBreaker& reset);
  Status carry_out(const EmitEvent& emit);
  Status carry_out(const ScheduleOrder& order);
  Status carry_out(const BackfillRuns& backfill);
  Status carry_out(const Deploy& deploy);
  Status carry_out(const LoseHost& lose);
  Status carry_out(const FailCommit& fail);
  Status carry_out(const SetClock& clock);
  Status retry_letters(engine::RetryDeadLetters command);
  Status publish(const Published& published);
  Status reachable() const;
  Result<Run> run_of(const std::string& name) const;

  void note_commit(ExecutionId id, uint32_t commit_no, std::string_view body);
  void read_untold(ExecutionId id, uint32_t before);
  bool read_all_untold();
  ExecutionId parent_of(ExecutionId id, std::string_view body) const;
  void take_note(ExecutionId id, uint32_t commit_no, std::string_view body);
  void note_executions(ExecutionId id, std::string_view body);
  void name_run(ExecutionId id, const std::string& name, const std::string& tenant);
  void name_by_itself(ExecutionId id);
  void name_children(ExecutionId parent);
  std::string free_name(const std::string& base, bool numbered) const;
  void look_for_moments(std::string_view run, uint32_t commit_no, std::string_view body);
  void look_at(size_t order, uint32_t commit_no, std::string_view body);
  void look_at_tenants();
  Act act_of(const worker::Invocation& call);

  const Case& case_;
  World world_;
  std::map<std::string, Run> runs_;
  std::map<ExecutionId, std::string> names_;
  std::map<ExecutionId, Nameless> nameless_;
  std::map<ExecutionId, std::string> step_of_child_;
  std::map<ExecutionId, uint32_t> told_;         // by execution: the last commit that was noted
  std::string next_name_;                        // of the run that an order is starting
  std::vector<std::optional<int64_t>> pending_;  // by order: when it is due, if that is known
  std::vector<uint32_t> seen_;                   // by order: events of its moment so far
  std::vector<uint32_t> looked_at_;              // by order: commits of its tenant's journal
  std::optional<int64_t> back_at_;
  std::vector<Refusal> refusals_;
};

}  // namespace pirn::sim
