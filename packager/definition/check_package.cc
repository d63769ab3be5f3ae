// Checks what only all workflows of a package together show: which contains which, and who shares a circuit
// breaker. A nested workflow of another package is not known here:
// registry/requirements.h checks it.
#include <algorithm>
#include <unordered_map>

#include "packager/definition/draft.h"

namespace pirn::definition {
namespace {

struct Nested {
  size_t step;
  size_t workflow;
};

class NestingCheck {
 public:
  NestingCheck(std::string_view package, const std::vector<Draft>& drafts, const Source& source,
               Problems& problems)
      : package_(package), drafts_(drafts), source_(source), problems_(problems) {}

  void run() {
    for (size_t i = 0; i < drafts_.size(); ++i) index_.emplace(drafts_[i].workflow.name, i);
    nested_.resize(drafts_.size());
    depth_.resize(drafts_.size());
    state_.resize(drafts_.size());
    for (size_t workflow = 0; workflow < drafts_.size(); ++workflow) resolve(workflow);
    for (size_t workflow = 0; workflow < drafts_.size(); ++workflow) visit(workflow);
  }

 private:
  enum class State : uint8_t { fresh, open, done };

  void problem(Code code, size_t workflow, size_t step, std::string message, std::string hint) {
    const Draft& draft = drafts_[workflow];
    const Node& node = *draft.steps[step].nested;
    problems_.add(code, std::move(message), std::move(hint), draft.place(source_, step, node), node.offset);
  }

  void resolve(size_t workflow) {
    const std::vector<Step>& steps = drafts_[workflow].workflow.steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].nested.empty()) continue;
      std::string_view name = steps[i].nested;
      const size_t colons = name.find("::");
      if (colons != name.npos && name.substr(0, colons) != package_) continue;
      if (colons != name.npos) name.remove_prefix(colons + 2);
      const auto found = index_.find(name);
      if (found != index_.end())
        nested_[workflow].push_back({i, found->second});
      else
        unknown(workflow, i, name);
    }
  }

  void unknown(size_t workflow, size_t step, std::string_view name) {
    std::vector<std::string> names;
    if (problems_.worth_a_suggestion())
      for (const Draft& draft : drafts_) names.push_back(draft.workflow.name);
    const std::string near = nearest(name, names);
    problem(Code::unknown_workflow, workflow, step,
            "the step '" + drafts_[workflow].workflow.steps[step].name + "' contains the workflow '" +
                std::string(name) + "', which the package does not have",
            near.empty() ? "Add the workflow, or correct its name." : "Did you mean '" + near + "'?");
  }

  // A package has at most kMaxWorkflows, so this recursion ends.
  void visit(size_t workflow) {
    if (state_[workflow] == State::done) return;
    state_[workflow] = State::open;
    path_.push_back(workflow);
    for (const Nested& nested : nested_[workflow]) {
      if (state_[nested.workflow] == State::open) {
        circle(workflow, nested);
        continue;
      }
      visit(nested.workflow);
      const size_t depth = depth_[nested.workflow] + 1;
      if (depth == kMaxNesting + 1) too_deep(workflow, nested);
      depth_[workflow] = std::max(depth_[workflow], depth);
    }
    path_.pop_back();
    state_[workflow] = State::done;
  }

  void circle(size_t workflow, const Nested& nested) {
    std::string path;
    for (auto at = std::find(path_.begin(), path_.end(), nested.workflow); at != path_.end(); ++at)
      path += "'" + drafts_[*at].workflow.name + "' -> ";
    path += "'" + drafts_[nested.workflow].workflow.name + "'";
    problem(Code::nesting_refused, workflow, nested.step,
            nested.workflow == workflow
                ? "the workflow '" + drafts_[workflow].workflow.name + "' contains itself"
                : "workflows contain each other: " + path,
            "Remove one of these nested workflows.");
  }

  void too_deep(size_t workflow, const Nested& nested) {
    problem(Code::nesting_refused, workflow, nested.step,
            "the workflow '" + drafts_[workflow].workflow.name + "' contains more than " +
                std::to_string(kMaxNesting) + " levels of nested workflows",
            "Start one of them with an event instead, or merge two of them.");
  }

  std::string_view package_;
  const std::vector<Draft>& drafts_;
  const Source& source_;
  Problems& problems_;
  std::unordered_map<std::string_view, size_t> index_;
  std::vector<std::vector<Nested>> nested_;
  std::vector<size_t> depth_;  // levels of nested workflows below
  std::vector<State> state_;
  std::vector<size_t> path_;
};

void check_breakers(const std::vector<Draft>& drafts, const Source& source, Problems& problems) {
  struct First {
    const Workflow* workflow;
    const Step* step;
  };
  std::unordered_map<std::string_view, First> first;
  for (const Draft& draft : drafts)
    for (size_t i = 0; i < draft.steps.size(); ++i) {
      const Step& step = draft.workflow.steps[i];
      if (step.breaker.name.empty()) continue;
      const auto [found, fresh] = first.emplace(step.breaker.name, First{&draft.workflow, &step});
      if (fresh || found->second.step->breaker == step.breaker) continue;
      const Node& node = *draft.steps[i].node;
      problems.add(Code::breaker_mismatch,
                   "the step '" + step.name + "' of the workflow '" + draft.workflow.name +
                       "' and the step '" + found->second.step->name + "' of the workflow '" +
                       found->second.workflow->name + "' set different options for the circuit breaker '" +
                       step.breaker.name + "'",
                   "Give both steps the same \"circuit_breaker_opts\", or name two different breakers.",
                   draft.place(source, i, node), node.offset);
    }
}

}  // namespace

void check_package(std::string_view package, const std::vector<Draft>& drafts, const Source& source,
                   Problems& problems) {
  NestingCheck(package, drafts, source, problems).run();
  check_breakers(drafts, source, problems);
}

}  // namespace pirn::definition
