// Draws workflows for tools: Mermaid, Graphviz, JSON.
#include <algorithm>

#include "packager/definition/drawing.h"
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
  std::string state = state_of(step, states);
  if (state == "retry_wait" || state == "snoozed") state = "awaiting";
  if (state == "cancelled") state = "skipped";
  const auto style =
      std::find_if(std::begin(kStyles), std::end(kStyles), [&](const auto& s) { return s.name == state; });
  return style == std::end(kStyles) ? kStyles[kPendingStyle] : *style;
}

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

// The word at which Mermaid ends a subgraph, wherever it stands bare.
bool says_end(const std::string& label) { return (" " + label + " ").find(" end ") != std::string::npos; }

// Unquoted where Mermaid can read it so; entities for what would end or start something.
std::string mermaid_label(const std::string& label) {
  if (std::all_of(label.begin(), label.end(), is_word) && !says_end(label)) return label;
  std::string out = "\"";
  for (const char c : label) {
    if (c == '"')
      out += "#quot;";
    else if (c == '#')
      out += "#35;";
    else if (c == '`')
      out += "#96;";
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

std::string mermaid_node(const Workflow& workflow, uint32_t index, const StepStates& states) {
  const Step& step = workflow.steps[index];
  const char* marker = "";
  if (!step.rollback.empty())
    marker = " ↩";
  else if (has_condition(step))
    marker = " ?";
  else if (step.await_approval)
    marker = " ⏸";
  const std::string label = mermaid_label(label_of(step) + marker);
  std::string out =
      mermaid_id(workflow, index) + (step.nested.empty() ? "[" + label + "]" : "[[" + label + "]]");
  if (!states.empty()) out.append(":::").append(style_of(step, states).name);
  return out + "\n";
}

// Each step once: those of a group inside of it, where its first member stands.
std::string mermaid_nodes(const Workflow& workflow, const StepStates& states, ShowGroups show_groups) {
  std::vector<const Group*> group_at(workflow.steps.size());
  std::vector<bool> grouped(workflow.steps.size());
  const std::vector<Group> groups =
      show_groups == ShowGroups::yes ? groups_of(workflow) : std::vector<Group>();
  for (const Group& group : groups) {
    group_at[group.members[0]] = &group;
    for (const uint32_t member : group.members) grouped[member] = true;
  }
  std::string out;
  for (uint32_t i = 0; i < workflow.steps.size(); ++i) {
    if (const Group* group = group_at[i]) {
      out += "  subgraph G" + std::to_string(group - groups.data()) + "[" +
             mermaid_label(humanised(group->name)) + "]\n";
      for (const uint32_t member : group->members) out += "    " + mermaid_node(workflow, member, states);
      out += "  end\n";
    } else if (!grouped[i]) {
      out += "  " + mermaid_node(workflow, i, states);
    }
  }
  return out;
}

std::string dot_node(const Step& step, const StepStates& states) {
  std::string out = dot_id(step.name) + " [label=" + dot_quoted(label_of(step));
  if (has_condition(step))
    out += ", shape=diamond";
  else if (!step.nested.empty())
    out += ", shape=component";
  if (!step.rollback.empty()) out += ", peripheries=2";
  if (!states.empty())
    out.append(", style=\"rounded,filled\", fillcolor=\"").append(style_of(step, states).colour).append("\"");
  return out + "];\n";
}

std::string dot_clusters(const Workflow& workflow) {
  const std::vector<Group> groups = groups_of(workflow);
  std::string out;
  for (size_t i = 0; i < groups.size(); ++i) {
    out += "  subgraph cluster_" + std::to_string(i) +
           " {\n    label=" + dot_quoted(humanised(groups[i].name)) + ";\n    style=dashed;\n   ";
    for (const uint32_t member : groups[i].members) out += " " + dot_id(workflow.steps[member].name) + ";";
    out += "\n  }\n";
  }
  return out;
}

json::object json_node(const Step& step, const StepStates& states) {
  json::object node{{"name", json_text(step.name)}, {"label", json_text(label_of(step))}};
  const auto add = [&node](const char* key, const std::string& value) {
    if (!value.empty()) node[key] = json_text(value);
  };
  add("task", step.task);
  add("workflow", step.nested);
  add("group", step.group);
  add("rollback", step.rollback);
  if (has_condition(step)) node["condition"] = json_text(to_text(step.when));
  if (step.graft) node["graft"] = true;
  if (step.await_approval) node["await_approval"] = true;
  if (!states.empty()) node["state"] = json_text(state_of(step, states));
  return node;
}

constexpr Choice<Edge::Kind> kEdgeKinds[] = {{"after", Edge::Kind::after},
                                             {"graft", Edge::Kind::graft},
                                             {"group", Edge::Kind::group},
                                             {"any", Edge::Kind::any}};

}  // namespace

std::string to_mermaid(const Workflow& workflow, const StepStates& states, ShowGroups show_groups) {
  std::string out = "graph TD\n" + mermaid_nodes(workflow, states, show_groups);
  for (const Edge& edge : edges(workflow))
    out += "  " + mermaid_id(workflow, edge.from) + " --> " + mermaid_id(workflow, edge.to) + "\n";
  if (!states.empty())
    for (const StateStyle& style : kStyles)
      out.append("  classDef ").append(style.name).append(" fill:").append(style.colour).append("\n");
  return out;
}

std::string to_dot(const Workflow& workflow, const StepStates& states) {
  std::string out =
      "digraph " + dot_id(workflow.name) + " {\n  rankdir=TB;\n  node [shape=box, style=rounded];\n";
  for (const Step& step : workflow.steps) out += "  " + dot_node(step, states);
  out += dot_clusters(workflow);
  for (const Edge& edge : edges(workflow))
    out +=
        "  " + dot_id(workflow.steps[edge.from].name) + " -> " + dot_id(workflow.steps[edge.to].name) + ";\n";
  return out + "}\n";
}

JsonText to_json(const Workflow& workflow, const StepStates& states) {
  json::array nodes, list;
  for (const Step& step : workflow.steps) nodes.push_back(json_node(step, states));
  for (const Edge& edge : edges(workflow)) {
    json::object object{{"from", json_text(workflow.steps[edge.from].name)},
                        {"to", json_text(workflow.steps[edge.to].name)}};
    if (edge.kind != Edge::Kind::after) object["kind"] = json_text(name_of(kEdgeKinds, edge.kind));
    list.push_back(std::move(object));
  }
  return canonical(json::object{
      {"name", json_text(workflow.name)}, {"nodes", std::move(nodes)}, {"edges", std::move(list)}});
}

}  // namespace pirn::definition
