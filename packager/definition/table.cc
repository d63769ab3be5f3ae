// Draws workflows for a terminal: as a table and as a tree.
#include <algorithm>
#include <functional>

#include "packager/definition/drawing.h"
#include "packager/error/printable.h"

namespace pirn::definition {
namespace {

struct Column {
  std::string title;
  size_t least_width;
  std::function<std::string(const Step&)> cell;
};

std::string rule(const std::vector<size_t>& widths) {
  std::string out;
  for (size_t i = 0; i < widths.size(); ++i) {
    out += i == 0 ? "├" : "┼";
    for (size_t n = 0; n < widths[i] + 2; ++n) out += "─";
  }
  return out + "┤\n";
}

std::string row(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i)
    out += "│ " + cells[i] + std::string(widths[i] - columns_of(cells[i]), ' ') + " ";
  return out + "│\n";
}

std::string shown_timeout(const Step& step) {
  if (!step.timeout_function.empty()) return step.timeout_function + "()";
  return step.timeout_ns == kInfinite ? "∞" : print_duration(step.timeout_ns);
}

// "a, b, any of (c, d), group g, graft h"
std::string shown_dependencies(const Workflow& workflow, const Step& step) {
  std::vector<std::string> out = names_of_steps(workflow, step.after);
  if (!step.after_any.empty())
    out.push_back("any of (" + join(names_of_steps(workflow, step.after_any), ", ") + ")");
  if (!step.after_group.empty()) out.push_back("group " + step.after_group);
  for (const std::string& graft : names_of_steps(workflow, step.after_graft)) out.push_back("graft " + graft);
  return out.empty() ? "-" : join(out, ", ");
}

std::vector<Column> columns(const Workflow& workflow, const StepStates& states) {
  std::vector<Column> out = {
      {"Step", 18, [](const Step& step) { return step.name; }},
      {"Depends On", 18, [&](const Step& step) { return shown_dependencies(workflow, step); }},
      {"Timeout", 8, shown_timeout},
      {"Retries", 7, [](const Step& step) { return std::to_string(step.retry.max_retries); }},
      {"Rollback", 8, [](const Step& step) { return step.rollback.empty() ? "✗" : "✓"; }}};
  if (std::any_of(workflow.steps.begin(), workflow.steps.end(), has_condition))
    out.push_back(
        {"Condition", 9, [](const Step& step) { return has_condition(step) ? to_text(step.when) : "-"; }});
  if (!states.empty()) out.push_back({"State", 9, [&](const Step& step) { return state_of(step, states); }});
  return out;
}

// Draws each step below its parent: the dependency of the highest rank, which is the last to be over.
class Tree {
 public:
  Tree(const Workflow& workflow, const StepStates& states)
      : workflow_(workflow), states_(states), before_(dependencies(workflow)) {
    const std::vector<uint32_t> order = execution_order(workflow);
    std::vector<uint32_t> rank(order.size());
    for (uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
    children_.resize(order.size());
    parent_.resize(order.size());
    for (uint32_t step = 0; step < order.size(); ++step) {
      const std::vector<uint32_t>& before = before_[step];
      if (before.empty()) {
        roots_.push_back(step);
        continue;
      }
      parent_[step] =
          *std::max_element(before.begin(), before.end(), [&](auto a, auto b) { return rank[a] < rank[b]; });
      children_[parent_[step]].push_back(step);
    }
  }

  std::string draw() {
    draw_below(roots_, "", 0);
    if (hidden_ != 0) out_ += "… and " + std::to_string(hidden_) + " chains that go deeper\n";
    return std::move(out_);
  }

 private:
  static constexpr int kMaxDepth = 40;

  void draw_below(const std::vector<uint32_t>& steps, const std::string& indent, int depth) {
    if (depth == kMaxDepth) {
      hidden_ += steps.size();
      return;
    }
    for (size_t i = 0; i < steps.size(); ++i) {
      const bool last = i + 1 == steps.size();
      out_ += indent + (last ? "└─ " : "├─ ") + printable(line(steps[i])) + "\n";
      draw_below(children_[steps[i]], indent + (last ? "   " : "│  "), depth + 1);
    }
  }

  std::string line(uint32_t index) const {
    const Step& step = workflow_.steps[index];
    std::string out = step.name;
    if (!step.nested.empty())
      out += " = workflow " + step.nested;
    else if (humanised(step.task) != humanised(step.name))
      out += " = " + step.task;
    if (step.graft) out += "  (graft)";
    if (!step.group.empty()) out += "  (group " + step.group + ")";
    if (has_condition(step)) out += "  ? " + to_text(step.when);
    std::vector<uint32_t> others;
    for (const uint32_t before : before_[index])
      if (before != parent_[index]) others.push_back(before);
    if (!others.empty()) out += "  (also after " + join(names_of_steps(workflow_, others), ", ") + ")";
    if (!states_.empty()) out += "  [" + state_of(step, states_) + "]";
    return out;
  }

  const Workflow& workflow_;
  const StepStates& states_;
  const std::vector<std::vector<uint32_t>> before_;
  std::vector<uint32_t> roots_;
  std::vector<std::vector<uint32_t>> children_;
  std::vector<uint32_t> parent_;
  std::string out_;
  size_t hidden_ = 0;
};

}  // namespace

std::string to_table(const Workflow& workflow, const StepStates& states) {
  const std::vector<Column> columns = definition::columns(workflow, states);
  std::vector<std::vector<std::string>> cells(1);
  std::vector<size_t> widths;
  for (const Column& column : columns) {
    cells[0].push_back(column.title);
    widths.push_back(column.least_width);
  }
  for (const Step& step : workflow.steps) {
    std::vector<std::string>& row = cells.emplace_back();
    for (size_t i = 0; i < columns.size(); ++i) {
      row.push_back(printable(columns[i].cell(step)));
      widths[i] = std::max(widths[i], columns_of(row[i]));
    }
  }
  std::string out = rule(widths) + row(cells[0], widths) + rule(widths);
  for (size_t i = 1; i < cells.size(); ++i) out += row(cells[i], widths);
  return out + rule(widths);
}

std::string to_tree(const Workflow& workflow, const StepStates& states) {
  const std::string steps =
      std::to_string(workflow.steps.size()) + (workflow.steps.size() == 1 ? " step" : " steps");
  return workflow.name + " (version " + std::to_string(workflow.version) + ", " + steps + ")\n" +
         Tree(workflow, states).draw();
}

}  // namespace pirn::definition
