// Checks the graph of one workflow: names, what steps wait for, cycles. A group is in the graph as a node
// of its own between its members and those that wait for it, so that the work stays linear although the edges
// that it stands for grow with the product of both.
#include <algorithm>
#include <unordered_map>

#include "packager/definition/draft.h"

namespace pirn::definition {
namespace {

using Index = std::unordered_map<std::string_view, uint32_t>;

std::string show_place(const Where& where) {
  return where.file + (where.line == 0 ? "" : ":" + std::to_string(where.line));
}

class GraphCheck {
 public:
  GraphCheck(Draft& draft, const Source& source, Problems& problems)
      : draft_(draft), steps_(draft.workflow.steps), source_(source), problems_(problems) {}

  void run() {
    index_steps();
    index_groups();
    before_.resize(steps_.size() + groups_.size());
    for (uint32_t i = 0; i < steps_.size(); ++i) resolve(i);
    check_group_edges();
  }

  // What each node waits for: steps first, then groups.
  const std::vector<std::vector<uint32_t>>& before() const { return before_; }
  std::string show(uint32_t node) const {
    return node < steps_.size() ? "'" + steps_[node].name + "'"
                                : "the group '" + groups_[node - steps_.size()].name + "'";
  }

 private:
  struct Group {
    std::string name;
    std::vector<uint32_t> members;
    uint32_t waiting = 0;
  };

  void problem(Code code, size_t step, const Node& node, std::string message, std::string hint) {
    problems_.add(code, std::move(message), std::move(hint), draft_.place(source_, step, node), node.offset);
  }

  // A name that is none was reported where it was read.
  std::string named(size_t i) const {
    return steps_[i].name.empty() ? "step " + std::to_string(i + 1) : "the step '" + steps_[i].name + "'";
  }

  // The first step of each name.
  void index_steps() {
    index_.reserve(steps_.size());
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].name.empty()) continue;  // reported where it was read
      const auto [found, fresh] = index_.emplace(steps_[i].name, i);
      if (fresh) continue;
      problem(Code::duplicate_name, i, *draft_.steps[i].node,
              "the workflow '" + draft_.workflow.name + "' has two steps named '" + steps_[i].name + "'",
              "Rename one of them; the first is at " + show_place(steps_[found->second].where) + ".");
    }
  }

  void index_groups() {
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].group.empty()) continue;
      const auto [found, fresh] =
          group_index_.emplace(steps_[i].group, static_cast<uint32_t>(groups_.size()));
      if (fresh) groups_.push_back({steps_[i].group, {}});
      groups_[found->second].members.push_back(i);
    }
  }

  void resolve(uint32_t i) {
    Step& step = steps_[i];
    const StepDraft& draft = draft_.steps[i];
    step.after = find_all(i, draft.after, "comes after");
    step.after_any = find_all(i, draft.after_any, "comes after any of");
    step.after_graft = find_all(i, draft.after_graft, "comes after the graft");
    check_grafts(i);
    std::vector<uint32_t>& before = before_[i];
    for (const auto* steps : {&step.after, &step.after_any, &step.after_graft})
      before.insert(before.end(), steps->begin(), steps->end());
    if (!step.after_group.empty()) resolve_group(i);
  }

  // The steps of these names: ascending, each once.
  std::vector<uint32_t> find_all(uint32_t i, const std::vector<Mention>& mentions,
                                 std::string_view relation) {
    std::vector<uint32_t> out;
    for (const Mention& mention : mentions) {
      const auto found = index_.find(mention.name);
      if (found != index_.end()) {
        out.push_back(found->second);
        continue;
      }
      problem(Code::unknown_step, i, *mention.node,
              named(i) + " " + std::string(relation) + " '" + std::string(mention.name) +
                  "', but the workflow '" + draft_.workflow.name + "' has no such step",
              suggest_step(mention.name));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  void check_grafts(uint32_t i) {
    for (const Mention& mention : draft_.steps[i].after_graft) {
      const auto found = index_.find(mention.name);
      if (found == index_.end() || steps_[found->second].graft) continue;
      const std::string name(mention.name);
      problem(Code::not_a_graft, i, *mention.node,
              named(i) + " comes after the graft '" + name + "', but that step is not a graft",
              "Set \"graft\": true on '" + name + "', or list it in \"after\".");
    }
  }

  void resolve_group(uint32_t i) {
    const Step& step = steps_[i];
    const Node* node = draft_.steps[i].after_group;
    if (step.after_group == step.group)
      return problem(Code::cycle_detected, i, *node,
                     named(i) + " comes after the group '" + step.group + "', but belongs to that group",
                     "Remove it from the group, or remove \"after_group\".");
    const auto found = group_index_.find(step.after_group);
    if (found == group_index_.end())
      return problem(Code::unknown_group, i, *node,
                     named(i) + " comes after the group '" + step.after_group +
                         "', but no step of the workflow '" + draft_.workflow.name + "' belongs to it",
                     suggest_group(step.after_group));
    before_[i].push_back(static_cast<uint32_t>(steps_.size()) + found->second);
    Group& group = groups_[found->second];
    if (group.waiting++ == 0) before_[steps_.size() + found->second] = group.members;
  }

  // The engine and the diagrams have an edge from each member to each step that waits for its group.
  void check_group_edges() {
    size_t edges = 0;
    for (const Group& group : groups_) edges += group.members.size() * group.waiting;
    if (edges > kMaxGroupEdges)
      problems_.add(Code::too_large,
                    "the groups of the workflow '" + draft_.workflow.name + "' expand to " +
                        std::to_string(edges) + " dependencies; at most " + std::to_string(kMaxGroupEdges) +
                        " are allowed",
                    "Put one step after each group, and the other steps after that step.",
                    draft_.workflow.where, draft_.steps[0].node->offset);
  }

  std::string suggest_step(std::string_view name) const {
    if (problems_.worth_a_suggestion()) {
      std::vector<std::string> names;
      for (const Step& step : steps_) names.push_back(step.name);
      const std::string near = nearest(name, names);
      if (!near.empty()) return "Did you mean '" + near + "'?";
    }
    return "Add a step with this name, or remove the name here.";
  }

  std::string suggest_group(std::string_view name) const {
    if (problems_.worth_a_suggestion()) {
      std::vector<std::string> names;
      for (const Group& group : groups_) names.push_back(group.name);
      const std::string near = nearest(name, names);
      if (!near.empty()) return "Did you mean '" + near + "'?";
      if (index_.count(name) != 0)
        return "'" + std::string(name) + "' is a step, not a group: list it in \"after\".";
    }
    return "Add steps to the group, or correct its name.";
  }

  Draft& draft_;
  std::vector<Step>& steps_;
  const Source& source_;
  Problems& problems_;
  Index index_, group_index_;
  std::vector<Group> groups_;
  std::vector<std::vector<uint32_t>> before_;
};

// Depth first against the direction of the edges, with its own stack: ten thousand steps in a row are legal.
class CycleSearch {
 public:
  CycleSearch(const Draft& draft, const GraphCheck& graph, const Source& source, Problems& problems)
      : draft_(draft), graph_(graph), source_(source), problems_(problems), state_(graph.before().size()) {}

  void run() {
    for (uint32_t root = 0; root < state_.size(); ++root)
      if (state_[root] == State::fresh) visit(root);
  }

 private:
  enum class State : uint8_t { fresh, open, done, in_a_cycle };
  struct Frame {
    uint32_t node;
    size_t next = 0;  // index into what it waits for
  };

  void visit(uint32_t root) {
    enter(root);
    while (!stack_.empty()) {
      Frame& top = stack_.back();
      const std::vector<uint32_t>& before = graph_.before()[top.node];
      if (top.next == before.size()) {
        if (state_[top.node] == State::open) state_[top.node] = State::done;
        stack_.pop_back();
        continue;
      }
      const uint32_t next = before[top.next++];
      if (state_[next] == State::fresh)
        enter(next);
      else if (state_[next] == State::open)
        report(next);
    }
  }

  void enter(uint32_t node) {
    state_[node] = State::open;
    stack_.push_back({node});
  }

  // The stack from `first` upwards is a chain of "comes after" that ends in `first`; in the order of
  // execution it reads backwards. Each node is shown in one cycle only.
  void report(uint32_t first) {
    size_t start = stack_.size();
    while (stack_[--start].node != first) {
    }
    const size_t length = stack_.size() - start;
    std::string path = graph_.show(first);
    uint32_t step = first;
    for (size_t shown = 0; shown < length; ++shown) {
      const uint32_t node = stack_[stack_.size() - 1 - shown].node;
      state_[node] = State::in_a_cycle;
      if (step >= draft_.steps.size()) step = node;  // two groups never meet
      if (shown < kMaxShown || node == first) path += " -> " + graph_.show(node);
      if (shown == kMaxShown && node != first) path += " -> …";
    }
    const Node& node = *draft_.steps[step].node;
    problems_.add(Code::cycle_detected,
                  length == 1
                      ? "the step " + graph_.show(first) + " comes after itself"
                      : "steps of the workflow '" + draft_.workflow.name + "' wait for each other: " + path,
                  "Remove one of these dependencies.", draft_.place(source_, step, node), node.offset);
  }

  static constexpr size_t kMaxShown = 24;
  const Draft& draft_;
  const GraphCheck& graph_;
  const Source& source_;
  Problems& problems_;
  std::vector<State> state_;
  std::vector<Frame> stack_;
};

}  // namespace

Where Draft::place(const Source& source, size_t i, const Node& node) const {
  const bool declared = !workflow.steps[i].at.empty() || !workflow.at.empty();
  return declared ? workflow.steps[i].where : source.where(node.offset);
}

void check_graph(Draft& draft, const Source& source, Problems& problems) {
  GraphCheck graph(draft, source, problems);
  graph.run();
  CycleSearch(draft, graph, source, problems).run();
}

}  // namespace pirn::definition
