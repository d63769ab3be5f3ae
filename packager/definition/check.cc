#include <algorithm>
#include <unordered_map>

#include "packager/definition/reader.h"

namespace pirn::definition {
namespace {

using Index = std::unordered_map<std::string_view, uint32_t>;

// What a message about a step points at: where its author declared it, or else `node` in the text.
Where place(const Source& source, const Draft& draft, const Step& step, const Node& node) {
  const bool declared = !step.at.empty() || !draft.workflow.at.empty();
  return declared ? step.where : source.where(node.offset);
}

std::string show_place(const Where& where) {
  return where.file + (where.line == 0 ? "" : ":" + std::to_string(where.line));
}

// The first step of each name.
Index index_steps(const Draft& draft, const Source& source, Problems& problems) {
  const std::vector<Step>& steps = draft.workflow.steps;
  Index index;
  index.reserve(steps.size());
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].name.empty()) continue;  // reported where it was read
    const auto [found, fresh] = index.emplace(steps[i].name, i);
    if (fresh) continue;
    problems.add(Code::duplicate_name,
                 "the workflow '" + draft.workflow.name + "' has two steps named '" + steps[i].name + "'",
                 "Rename one of them; the first stands at " + show_place(steps[found->second].where) + ".",
                 place(source, draft, steps[i], *draft.nodes[i]), draft.nodes[i]->offset);
  }
  return index;
}

std::string suggest_step(std::string_view name, const Draft& draft, const Problems& problems) {
  if (problems.worth_a_suggestion()) {
    std::vector<std::string> names;
    for (const Step& step : draft.workflow.steps) names.push_back(step.name);
    const std::string near = nearest(name, names);
    if (!near.empty()) return "Did you mean '" + near + "'?";
  }
  return "Add a step of this name, or remove it from \"after\".";
}

void resolve(Draft& draft, const Index& index, const Source& source, Problems& problems) {
  for (uint32_t i = 0; i < draft.workflow.steps.size(); ++i) {
    Step& step = draft.workflow.steps[i];
    for (const Mention& mention : draft.after[i]) {
      const auto found = index.find(mention.name);
      if (found != index.end()) {
        step.after.push_back(found->second);
        continue;
      }
      problems.add(Code::unknown_step,
                   "the step '" + step.name + "' comes after '" + std::string(mention.name) +
                       "', but the workflow '" + draft.workflow.name + "' has no such step",
                   suggest_step(mention.name, draft, problems), place(source, draft, step, *mention.node),
                   mention.node->offset);
    }
    std::sort(step.after.begin(), step.after.end());
    step.after.erase(std::unique(step.after.begin(), step.after.end()), step.after.end());
  }
}

// Depth first along "after" with its own stack: ten thousand steps in a row are legal.
class CycleSearch {
 public:
  CycleSearch(const Draft& draft, const Source& source, Problems& problems)
      : draft_(draft),
        steps_(draft.workflow.steps),
        source_(source),
        problems_(problems),
        state_(steps_.size()) {}

  void run() {
    for (uint32_t root = 0; root < steps_.size(); ++root)
      if (state_[root] == State::fresh) visit(root);
  }

 private:
  enum class State : uint8_t { fresh, open, done, in_a_cycle };
  struct Frame {
    uint32_t step;
    size_t next = 0;  // index into its `after`
  };

  void visit(uint32_t root) {
    enter(root);
    while (!stack_.empty()) {
      Frame& top = stack_.back();
      if (top.next == steps_[top.step].after.size()) {
        if (state_[top.step] == State::open) state_[top.step] = State::done;
        stack_.pop_back();
        continue;
      }
      const uint32_t next = steps_[top.step].after[top.next++];
      if (state_[next] == State::fresh)
        enter(next);
      else if (state_[next] == State::open)
        report(next);
    }
  }

  void enter(uint32_t step) {
    state_[step] = State::open;
    stack_.push_back({step});
  }

  // The stack from `first` upwards is a chain of "comes after" that ends in `first`; in the order of
  // execution it reads backwards. Each step is shown in one cycle only.
  void report(uint32_t first) {
    size_t start = stack_.size();
    while (stack_[--start].step != first) {
    }
    const size_t length = stack_.size() - start;
    std::string path = "'" + steps_[first].name + "'";
    for (size_t shown = 0; shown < length; ++shown) {
      const uint32_t step = stack_[stack_.size() - 1 - shown].step;
      state_[step] = State::in_a_cycle;
      if (shown < kMaxShown || step == first) path += " -> '" + steps_[step].name + "'";
      if (shown == kMaxShown && step != first) path += " -> …";
    }
    const Node& node = *draft_.nodes[first];
    problems_.add(
        Code::cycle_detected,
        length == 1 ? "the step '" + steps_[first].name + "' comes after itself"
                    : "steps of the workflow '" + draft_.workflow.name + "' wait for each other: " + path,
        "Remove one of these dependencies.", place(source_, draft_, steps_[first], node), node.offset);
  }

  static constexpr size_t kMaxShown = 24;
  const Draft& draft_;
  const std::vector<Step>& steps_;
  const Source& source_;
  Problems& problems_;
  std::vector<State> state_;
  std::vector<Frame> stack_;
};

}  // namespace

void check_graph(Draft& draft, const Source& source, Problems& problems) {
  const Index index = index_steps(draft, source, problems);
  resolve(draft, index, source, problems);
  CycleSearch(draft, source, problems).run();
}

}  // namespace pirn::definition
