// Shows the graph of a workflow: to people as table and tree, to tools as Mermaid, Graphviz and JSON. The
// same definition gives the same text: steps in the order of their declaration, edges by their target.
//
// An edge leads from what a step waits for to that step: a step, each member of a group, a graft. A group
// whose member is a graft waits for the graft's children too; these exist in executions only and are drawn
// after with_children().
//
// Pure; any thread. All texts end with a newline, except JSON.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "packager/definition/definition.h"

namespace pirn::definition {

// The state of steps of an execution, by step: completed, running, pending, failed, skipped, awaiting; the
// other states of the engine are shown as the nearest of these. A step that is absent is pending. Empty: no
// execution.
using StepStates = std::map<std::string, std::string, std::less<>>;

struct Edge {
  enum class Kind : uint8_t { after, graft, group, any };
  uint32_t from, to;  // indices of steps
  Kind kind;
};
// By target, then by source; two steps have one edge at most.
std::vector<Edge> edges(const Workflow& workflow);
// For each step the sources of its edges, ascending.
std::vector<std::vector<uint32_t>> dependencies(const Workflow& workflow);

// A step that a graft has made in an execution.
struct GraftChild {
  std::string graft, name, task, label;
};
// The workflow as an execution has it: the children are its last steps, each after its graft. For drawing.
Workflow with_children(const Workflow& workflow, const std::vector<GraftChild>& children);

// Columns Step, Depends On, Timeout, Retries, Rollback; Condition if any step has one; State of an execution.
std::string to_table(const Workflow& workflow, const StepStates& states = {});

// Each step once, below the one that it waits for longest; further dependencies are named beside it.
std::string to_tree(const Workflow& workflow, const StepStates& states = {});

enum class ShowGroups : bool { no, yes };
// Marked: ↩ has a rollback, ? has a condition, ⏸ waits for an approval; the first that applies.
std::string to_mermaid(const Workflow& workflow, const StepStates& states = {},
                       ShowGroups show_groups = ShowGroups::no);
// Two outlines: has a rollback; a diamond: has a condition; dashed: a group.
std::string to_dot(const Workflow& workflow, const StepStates& states = {});

// {"name","nodes":[{"name","label","task"?,"workflow"?,"group"?,"rollback"?,"condition"?,"graft"?,
// "await_approval"?,"state"?}],"edges":[{"from","to","kind"?}]}; no kind: "after"
JsonText to_json(const Workflow& workflow, const StepStates& states = {});

// {"name","version","steps","parallel_groups","grafts","nested_workflows","has_rollback","estimated_timeout",
// "trigger","schedule","tags"}; times in milliseconds, null: endless.
boost::json::object summary(const Workflow& workflow);
// The summary, with "package", "label", "description", "step_list", "execution_order", "critical_path",
// "total_timeout", "failure_mode", "strategy", "timeout", "max_retries", "step_concurrency", "on_event",
// "dead_letter", "handlers", "hooks", "execution_plan"; "parallel_groups" and "nested_workflows" are objects,
// "grafts" a list. Of an execution each step has its "state".
boost::json::object report(const Definition& definition, const Workflow& workflow,
                           const StepStates& states = {});

// The steps as a topological order in which declaration decides between equals: the canonical rank.
std::vector<uint32_t> execution_order(const Workflow& workflow);

struct CriticalPath {
  std::vector<uint32_t> steps;  // from a root to a leaf
  int64_t timeout_ns = 0;       // their sum; kInfinite: endless
};
// The path whose timeouts sum up to most; of equals the first declared. For a step that may take for ever its
// estimate counts.
CriticalPath critical_path(const Workflow& workflow);
// How long a step takes if its author is right: its estimate, or else its timeout.
int64_t likely_length(const Step& step);
// The sum of two lengths; kInfinite stays that.
int64_t longer(int64_t left, int64_t right);
// Of all steps, as if one ran after the other; kInfinite: endless.
int64_t total_timeout(const Workflow& workflow);

// How an execution goes if every step runs and takes its likely length.
struct ExecutionPlan {
  struct Need {  // of a resource
    std::string name;
    double largest = 0;  // of one step: less than that a host may not have
    double at_once = 0;  // of one batch: with that, no step waits
  };
  // Steps by how many others stand before them; of each level those that are taken up together, the highest
  // priority first and then in the workflow's order, as many as step_concurrency and strategy let run.
  std::vector<std::vector<std::vector<uint32_t>>> levels;
  size_t n_batches = 0;
  size_t max_parallelism = 0;  // steps of the largest batch
  std::vector<uint32_t> critical_path;
  int64_t duration_ns = 0;  // with step_concurrency and strategy, in the workflow's order; kInfinite: unknown
  // The same in each order.
  struct {
    int64_t canonical_ns = 0, critical_path_ns = 0;
  } by_order;
  std::vector<Need> resources;
};
ExecutionPlan execution_plan(const Workflow& workflow);
// {"levels":[{"level","batches":[[step]]}],"batch_count","max_parallelism","critical_path",
// "estimated_duration","order","duration_by_order":{"canonical","critical_path"},
// "resources":{name:{"largest","at_once"}}}
JsonText plan(const Workflow& workflow);
// The same for a terminal.
std::string to_plan_text(const Workflow& workflow);

// "order.total > 100 and not vip exists"
std::string to_text(const Condition& condition);

// "Create account" of "create_account" and "create-account" is "Create Account": a label for who gave none.
std::string humanised(const std::string& name);

}  // namespace pirn::definition
