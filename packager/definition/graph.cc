#include "packager/definition/graph.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <queue>

#include "packager/definition/words.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

struct StateStyle {
  std::string_view name, colour;
};
constexpr StateStyle kStyles[] = {{"completed", "#90EE90"}, {"running", "#FFD700"}, {"pending", "#D3D3D3"},
                                  {"failed", "#FF6B6B"},    {"skipped", "#E6E6FA"}, {"awaiting", "#87CEEB"}};
constexpr size_t kPendingStyle = 2;

const StateStyle& style_of(const Step& step, const StepStates& states) {
  const auto found = states.find(step.name);
  if (found == states.end()) return kStyles[kPendingStyle];
  std::string_view state = found->second;
  if (state == "retry_wait" || state == "snoozed") state = "awaiting";
  if (state == "cancelled") state = "skipped";
  const auto style =
      std::find_if(std::begin(kStyles), std::end(kStyles), [&](const auto& s) { return s.name == state; });
  return style == std::end(kStyles) ? kStyles[kPendingStyle] : *style;
}

std::string label_of(const Step& step) { return step.label.empty() ? humanised(step.name) : step.label; }

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? std::string_view() : between).append(word);
  return out;
}

std::vector<std::string> names_of_steps(const Workflow& workflow, const std::vector<uint32_t>& steps) {
  std::vector<std::string> names;
  for (const uint32_t step : steps) names.push_back(workflow.steps[step].name);
  return names;
}

std::vector<std::vector<uint32_t>> dependents(const Workflow& workflow) {
  std::vector<std::vector<uint32_t>> out(workflow.steps.size());
  for (uint32_t step = 0; step < workflow.steps.size(); ++step)
    for (const uint32_t before : workflow.steps[step].after) out[before].push_back(step);
  return out;
}

int64_t add(int64_t left, int64_t right) {
  int64_t sum = 0;
  return __builtin_add_overflow(left, right, &sum) ? kInfinite : sum;
}

// ---- table ----

// Columns on a terminal: characters, not bytes.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

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
    out += "│ " + cells[i] + std::string(widths[i] - width(cells[i]), ' ') + " ";
  return out + "│\n";
}

std::string shown_timeout(int64_t ns) { return ns == kInfinite ? "∞" : print_duration(ns); }

std::vector<Column> columns(const Workflow& workflow, const StepStates& states) {
  std::vector<Column> out = {
      {"Step", 18, [](const Step& step) { return step.name; }},
      {"Depends On", 18,
       [&](const Step& step) {
         return step.after.empty() ? "-" : join(names_of_steps(workflow, step.after), ", ");
       }},
      {"Timeout", 8, [](const Step& step) { return shown_timeout(step.timeout_ns); }},
      {"Retries", 7, [](const Step& step) { return std::to_string(step.retry.max_retries); }},
      {"Rollback", 8, [](const Step&) { return std::string("✗"); }}};
  const auto has_condition = [](const Step& step) { return step.when.kind != Condition::Kind::always; };
  if (std::any_of(workflow.steps.begin(), workflow.steps.end(), has_condition))
    out.push_back(
        {"Condition", 9, [=](const Step& step) { return has_condition(step) ? to_text(step.when) : "-"; }});
  if (!states.empty())
    out.push_back({"State", 9, [&](const Step& step) {
                     const auto found = states.find(step.name);
                     return found == states.end() ? std::string("pending") : found->second;
                   }});
  return out;
}

// ---- conditions ----

std::string_view symbol(Condition::Op op) {
  switch (op) {
    case Condition::Op::equal:
      return "=";
    case Condition::Op::not_equal:
      return "≠";
    case Condition::Op::less:
      return "<";
    case Condition::Op::less_or_equal:
      return "≤";
    case Condition::Op::greater:
      return ">";
    case Condition::Op::greater_or_equal:
      return "≥";
  }
  return "";
}

std::string operand_text(const Condition& condition) {
  const bool composed = condition.kind == Condition::Kind::all || condition.kind == Condition::Kind::any;
  return composed && condition.operands.size() > 1 ? "(" + to_text(condition) + ")" : to_text(condition);
}

// ---- Mermaid and Graphviz ----

// Upper case never collides: names of steps are lower case.
std::string mermaid_id(const Workflow& workflow, uint32_t step) {
  constexpr std::string_view kReserved[] = {"end",   "graph",   "subgraph",  "class",     "classdef", "style",
                                            "click", "default", "flowchart", "linkstyle", "direction"};
  const std::string& name = workflow.steps[step].name;
  const bool plain = name.find("--") == name.npos && name.back() != '-' &&
                     std::find(std::begin(kReserved), std::end(kReserved), name) == std::end(kReserved);
  return plain ? name : "S" + std::to_string(step);
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '_';
}

// Unquoted where Mermaid can read it so; entities for what would end or start something.
std::string mermaid_label(const std::string& label) {
  if (std::all_of(label.begin(), label.end(), is_word)) return label;
  std::string out = "\"";
  for (const char c : label) {
    if (c == '"')
      out += "#quot;";
    else if (c == '#')
      out += "#35;";
    else if (c == '<')
      out += "#lt;";
    else if (c == '>')
      out += "#gt;";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string dot_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string dot_id(const std::string& name) {
  constexpr std::string_view kKeywords[] = {"node", "edge", "graph", "digraph", "subgraph", "strict"};
  const bool plain = name.find('-') == name.npos && !(name[0] >= '0' && name[0] <= '9') &&
                     std::find(std::begin(kKeywords), std::end(kKeywords), name) == std::end(kKeywords);
  return plain ? name : dot_quoted(name);
}

// ---- JSON ----

json::string text(std::string_view view) { return json::string(view.data(), view.size()); }

json::array texts(const std::vector<std::string>& words) {
  json::array out;
  for (const std::string& word : words) out.push_back(text(word));
  return out;
}

json::value milliseconds(int64_t ns) {
  if (ns == kInfinite) return nullptr;
  return ns / 1'000'000;
}

json::object summary_object(const Workflow& workflow) {
  return {{"name", text(workflow.name)},
          {"version", workflow.version},
          {"steps", workflow.steps.size()},
          {"parallel_groups", 0},
          {"grafts", 0},
          {"nested_workflows", 0},
          {"has_rollback", false},
          {"estimated_timeout", milliseconds(critical_path(workflow).timeout_ns)},
          {"trigger", "manual"},
          {"schedule", nullptr},
          {"tags", texts(workflow.tags)}};
}

json::object step_object(const Workflow& workflow, const Step& step) {
  return {{"name", text(step.name)},
          {"label", text(label_of(step))},
          {"task", text(step.task)},
          {"depends_on", texts(names_of_steps(workflow, step.after))},
          {"timeout", milliseconds(step.timeout_ns)},
          {"max_retries", step.retry.max_retries},
          {"has_rollback", false},
          {"has_condition", step.when.kind != Condition::Kind::always},
          {"on_error", text(name_of(kOnError, step.on_error))}};
}

json::object hooks_object(const Hooks& hooks) {
  json::object out;
  for (const auto& [name, id] : {std::pair{"on_start", &hooks.on_start},
                                 {"on_success", &hooks.on_success},
                                 {"on_failure", &hooks.on_failure},
                                 {"on_skip", &hooks.on_skip},
                                 {"on_finish", &hooks.on_finish}})
    if (!id->empty()) out[name] = text(*id);
  return out;
}

// ---- tree ----

// Draws each step below its parent: the dependency of the highest rank, which is the last to be over.
class Tree {
 public:
  Tree(const Workflow& workflow, const StepStates& states) : workflow_(workflow), states_(states) {
    const std::vector<uint32_t> order = execution_order(workflow);
    std::vector<uint32_t> rank(order.size());
    for (uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
    children_.resize(order.size());
    parent_.resize(order.size());
    for (uint32_t step = 0; step < order.size(); ++step) {
      const std::vector<uint32_t>& after = workflow.steps[step].after;
      if (after.empty()) {
        roots_.push_back(step);
        continue;
      }
      parent_[step] =
          *std::max_element(after.begin(), after.end(), [&](auto a, auto b) { return rank[a] < rank[b]; });
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
      out_ += indent + (last ? "└─ " : "├─ ") + line(steps[i]) + "\n";
      draw_below(children_[steps[i]], indent + (last ? "   " : "│  "), depth + 1);
    }
  }

  std::string line(uint32_t index) const {
    const Step& step = workflow_.steps[index];
    std::string out = step.name;
    if (humanised(step.task) != humanised(step.name)) out += " = " + step.task;
    if (step.when.kind != Condition::Kind::always) out += "  ? " + to_text(step.when);
    std::vector<uint32_t> others;
    for (const uint32_t before : step.after)
      if (before != parent_[index]) others.push_back(before);
    if (!others.empty()) out += "  (also after " + join(names_of_steps(workflow_, others), ", ") + ")";
    if (!states_.empty()) {
      const auto found = states_.find(step.name);
      out += "  [" + (found == states_.end() ? std::string("pending") : found->second) + "]";
    }
    return out;
  }

  const Workflow& workflow_;
  const StepStates& states_;
  std::vector<uint32_t> roots_;
  std::vector<std::vector<uint32_t>> children_;
  std::vector<uint32_t> parent_;
  std::string out_;
  size_t hidden_ = 0;
};

}  // namespace

std::vector<uint32_t> execution_order(const Workflow& workflow) {
  const std::vector<std::vector<uint32_t>> next = dependents(workflow);
  std::vector<size_t> open(workflow.steps.size());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t step = 0; step < workflow.steps.size(); ++step) {
    open[step] = workflow.steps[step].after.size();
    if (open[step] == 0) ready.push(step);
  }
  std::vector<uint32_t> order;
  order.reserve(workflow.steps.size());
  while (!ready.empty()) {
    const uint32_t step = ready.top();
    ready.pop();
    order.push_back(step);
    for (const uint32_t dependent : next[step])
      if (--open[dependent] == 0) ready.push(dependent);
  }
  return order;
}

CriticalPath critical_path(const Workflow& workflow) {
  const std::vector<Step>& steps = workflow.steps;
  std::vector<int64_t> longest(steps.size());
  std::vector<uint32_t> before(steps.size(), UINT32_MAX);
  uint32_t last = UINT32_MAX;
  for (const uint32_t step : execution_order(workflow)) {
    for (const uint32_t dependency : steps[step].after)
      if (before[step] == UINT32_MAX || longest[dependency] > longest[before[step]])
        before[step] = dependency;
    longest[step] = add(before[step] == UINT32_MAX ? 0 : longest[before[step]], steps[step].timeout_ns);
    if (last == UINT32_MAX || longest[step] > longest[last]) last = step;
  }
  CriticalPath path;
  if (last == UINT32_MAX) return path;
  path.timeout_ns = longest[last];
  for (uint32_t step = last; step != UINT32_MAX; step = before[step]) path.steps.push_back(step);
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

std::string humanised(const std::string& name) {
  std::string out = name;
  bool begins = true;
  for (char& c : out) {
    if (c == '_' || c == '-') c = ' ';
    if (begins && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    begins = c == ' ';
  }
  return out;
}

std::string to_text(const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::always:
      return "always";
    case Condition::Kind::compare:
      return condition.path + " " + std::string(symbol(condition.op)) + " " + condition.value;
    case Condition::Kind::in:
      return condition.path + " in " + condition.value;
    case Condition::Kind::exists:
      return condition.path + (condition.value == "true" ? " exists" : " is absent");
    case Condition::Kind::function:
      return condition.function + "()";
    case Condition::Kind::negation:
      return "not " + operand_text(condition.operands.at(0));
    case Condition::Kind::all:
    case Condition::Kind::any: {
      std::vector<std::string> operands;
      for (const Condition& operand : condition.operands) operands.push_back(operand_text(operand));
      return join(operands, condition.kind == Condition::Kind::all ? " and " : " or ");
    }
  }
  return "";
}

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
      row.push_back(columns[i].cell(step));
      widths[i] = std::max(widths[i], width(row[i]));
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

std::string to_mermaid(const Workflow& workflow, const StepStates& states) {
  std::string out = "graph TD\n";
  for (uint32_t i = 0; i < workflow.steps.size(); ++i) {
    const Step& step = workflow.steps[i];
    const std::string marker = step.when.kind == Condition::Kind::always ? "" : " ?";
    out += "  " + mermaid_id(workflow, i) + "[" + mermaid_label(label_of(step) + marker) + "]";
    if (!states.empty()) out.append(":::").append(style_of(step, states).name);
    out += "\n";
  }
  for (uint32_t i = 0; i < workflow.steps.size(); ++i)
    for (const uint32_t before : workflow.steps[i].after)
      out += "  " + mermaid_id(workflow, before) + " --> " + mermaid_id(workflow, i) + "\n";
  if (!states.empty())
    for (const StateStyle& style : kStyles)
      out.append("  classDef ").append(style.name).append(" fill:").append(style.colour).append("\n");
  return out;
}

std::string to_dot(const Workflow& workflow, const StepStates& states) {
  std::string out =
      "digraph " + dot_id(workflow.name) + " {\n  rankdir=TB;\n  node [shape=box, style=rounded];\n";
  for (const Step& step : workflow.steps) {
    out += "  " + dot_id(step.name) + " [label=" + dot_quoted(label_of(step));
    if (step.when.kind != Condition::Kind::always) out += ", shape=diamond";
    if (!states.empty())
      out.append(", style=\"rounded,filled\", fillcolor=\"")
          .append(style_of(step, states).colour)
          .append("\"");
    out += "];\n";
  }
  for (const Step& step : workflow.steps)
    for (const uint32_t before : step.after)
      out += "  " + dot_id(workflow.steps[before].name) + " -> " + dot_id(step.name) + ";\n";
  return out + "}\n";
}

JsonText to_json(const Workflow& workflow, const StepStates& states) {
  json::array nodes, edges;
  for (const Step& step : workflow.steps) {
    json::object node{{"name", text(step.name)}, {"label", text(label_of(step))}, {"task", text(step.task)}};
    if (step.when.kind != Condition::Kind::always) node["condition"] = text(to_text(step.when));
    if (!states.empty()) {
      const auto found = states.find(step.name);
      node["state"] = text(found == states.end() ? "pending" : found->second);
    }
    nodes.push_back(std::move(node));
    for (const uint32_t before : step.after)
      edges.push_back(json::object{{"from", text(workflow.steps[before].name)}, {"to", text(step.name)}});
  }
  return canonical(
      json::object{{"name", text(workflow.name)}, {"nodes", std::move(nodes)}, {"edges", std::move(edges)}});
}

JsonText summary(const Workflow& workflow) { return canonical(summary_object(workflow)); }

JsonText report(const Definition& definition, const Workflow& workflow) {
  json::object out = summary_object(workflow);
  json::array steps;
  int64_t total = 0;
  for (const Step& step : workflow.steps) {
    steps.push_back(step_object(workflow, step));
    total = add(total, step.timeout_ns);
  }
  out["package"] = text(definition.package);
  out["label"] = text(workflow.label.empty() ? humanised(workflow.name) : workflow.label);
  out["description"] = text(workflow.description);
  out["step_list"] = std::move(steps);
  out["execution_order"] = texts(names_of_steps(workflow, execution_order(workflow)));
  out["critical_path"] = texts(names_of_steps(workflow, critical_path(workflow).steps));
  out["total_timeout"] = milliseconds(total);
  out["failure_mode"] = text(name_of(kFailureMode, workflow.failure_mode));
  out["timeout"] = milliseconds(workflow.timeout_ns);
  out["step_concurrency"] = workflow.step_concurrency;
  out["hooks"] = hooks_object(workflow.hooks);
  return canonical(out);
}

}  // namespace pirn::definition
