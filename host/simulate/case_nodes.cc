#include "host/simulate/case_nodes.h"

#include "packager/json/json.h"
#include "packager/schedule/instant.h"

namespace pirn::sim {

void NodeReader::problem(Code code, const Node& node, std::string message, std::string hint) {
  problems_.push_back(Error{code, std::move(message), std::move(hint), Blame::caller, where(node)});
}

void NodeReader::wrong_type(const Node& node, const std::string& what, std::string_view wanted) {
  problem(Code::wrong_type, node, what + " must be " + std::string(wanted),
          "Write " + std::string(wanted) + ".");
}

void NodeReader::bad(const Node& node, std::string message, std::string hint) {
  problem(Code::invalid_value, node, std::move(message), std::move(hint));
}

void NodeReader::unknown(const Node& node, const std::string& message, const std::vector<std::string>& all) {
  std::string list;
  for (const std::string& one : all) list += (list.empty() ? "" : ", ") + one;
  const std::string near = nearest(node.value->is_string() ? text_of(node) : node.key, all);
  bad(node, message, near.empty() ? "There are: " + list + "." : "Did you mean '" + near + "'?");
}

void NodeReader::unknown_member(const Node& node, std::string_view what,
                                const std::vector<std::string>& known) {
  const std::string near = nearest(node.key, known);
  std::string all;
  for (const std::string& key : known) all += (all.empty() ? "" : ", ") + key;
  problem(Code::unknown_key, node, std::string(what) + " has no \"" + node.key + "\"",
          near.empty() ? "It has: " + all + "." : "Did you mean \"" + near + "\"?");
}

std::vector<Error> NodeReader::take_sorted() {
  const auto place = [](const Error& problem) { return std::pair(problem.where.line, problem.where.column); };
  std::stable_sort(problems_.begin(), problems_.end(),
                   [&](const Error& a, const Error& b) { return place(a) < place(b); });
  return std::move(problems_);
}

std::string NodeReader::text_of(const Node& node) {
  if (const auto* text = node.value->if_string()) return {text->data(), text->size()};
  wrong_type(node, quoted(node), "a text");
  return {};
}

definition::WorkflowName NodeReader::workflow_of(const Node& node) {
  const std::string text = text_of(node);
  if (!node.value->is_string()) return {};
  auto name = definition::parse_workflow_name(text);
  if (name) return std::move(name).value();
  bad(node, name.error().message, name.error().hint);
  return {};
}

bool NodeReader::truth_of(const Node& node) {
  if (const bool* truth = node.value->if_bool()) return *truth;
  wrong_type(node, quoted(node), "true or false");
  return false;
}

int64_t NodeReader::number_of(const Node& node, int64_t least, int64_t most) {
  const int64_t* number = node.value->if_int64();
  if (number && *number >= least && *number <= most) return *number;
  bad(node,
      quoted(node) + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most),
      "");
  return least;
}

int64_t NodeReader::duration_of(const Node& node) {
  if (const int64_t* ms = node.value->if_int64(); ms && *ms >= 0 && *ms <= INT64_MAX / kMillisecond)
    return *ms * kMillisecond;
  if (node.value->is_string()) {
    const auto duration = definition::parse_duration(text_of(node));
    if (duration && *duration != definition::kInfinite) return *duration;
  }
  problem(Code::invalid_duration, node, quoted(node) + " is not a finite duration", "");
  return 0;
}

int64_t NodeReader::instant_of(const Node& node) {
  const auto instant = schedule::parse_instant(text_of(node));
  if (instant) return *instant;
  problem(instant.error().code, node, instant.error().message, instant.error().hint);
  return 0;
}

engine::Capacity NodeReader::capacity_of(const Node& object) {
  std::vector<definition::Resource> amounts;
  if (!object.value->is_object()) {
    wrong_type(object, quoted(object), "an object of names and amounts");
    return engine::Capacity::of({});
  }
  for (const Node& node : object.children) {
    double amount = -1;
    if (node.value->is_double()) amount = node.value->get_double();
    if (node.value->is_int64()) amount = static_cast<double>(node.value->get_int64());
    if (!definition::is_name(node.key))
      problem(Code::invalid_name, node, "\"" + node.key + "\" is not the name of a resource", "");
    else if (amount < 0 || amount > engine::kMostOfAResource)
      bad(node, quoted(node) + " must be an amount from 0 to 1e12", "");
    else
      amounts.push_back({node.key, amount});
  }
  return engine::Capacity::of(std::move(amounts));
}

std::string NodeReader::json_of(const Node& node) { return canonical(*node.value); }

std::string NodeReader::object_of(const Node& node) {
  if (!node.value->is_object()) {
    wrong_type(node, quoted(node), "an object");
    return "{}";
  }
  return json_of(node);
}

}  // namespace pirn::sim
