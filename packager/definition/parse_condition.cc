// Reads conditions.
#include <pirn/abi.h>

#include "packager/definition/draft.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

constexpr size_t kMaxPath = 512;
constexpr size_t kMaxOperands = 256;

std::vector<std::string> condition_keys() {
  std::vector<std::string> keys = names_of(kOperators);
  for (std::string& key : names_of(kConditions)) keys.push_back(std::move(key));
  keys.emplace_back("path");
  return keys;
}

void read_path(ValueReader& in, const Node& node, std::string& out) {
  in.read_text(node, out, kMaxPath);
  if (!node.value->is_string()) return;
  if (out.empty() || out.front() == '.' || out.back() == '.' || out.find("..") != out.npos)
    in.bad_value(node, "is not a path",
                 "Write keys and list positions separated by dots, for example \"items.0.price\".");
}

void read_comparison(ValueReader& in, const Node& node, Condition::Op op, Condition& out) {
  out.op = op;
  out.value = canonical(*node.value);
  const bool orders = op != Condition::Op::equal && op != Condition::Op::not_equal;
  if (orders && !node.value->is_number() && !node.value->is_string())
    in.wrong_type(node, "a number or a string");
}

void read_operands(ValueReader& in, const Node& list, Condition& out) {
  if (!in.is_list(list, kMaxOperands)) return;
  if (list.children.empty())
    in.bad_value(list, "is an empty list of conditions", "Write at least one condition, or leave it out.");
  for (const Node& element : list.children) read_condition(in, element, out.operands.emplace_back());
}

void read_question(ValueReader& in, const Node& node, const Node* path, const Node& question,
                   Condition& out) {
  const Condition::Op* op = choose(kOperators, question.key);
  out.kind = op != nullptr ? Condition::Kind::compare : *choose(kConditions, question.key);
  const bool about_a_path =
      op != nullptr || out.kind == Condition::Kind::in || out.kind == Condition::Kind::exists;
  if (about_a_path && path == nullptr)
    return in.problem(Code::missing_key, node, "a condition of " + in.subject() + " has no \"path\"",
                      "Add the \"path\" of the context value that \"" + question.key + "\" tests.");
  if (!about_a_path && path != nullptr)
    return in.problem(Code::invalid_value, *path, "\"path\" is not allowed with \"" + question.key + "\"",
                      "Remove it.");
  if (about_a_path) read_path(in, *path, out.path);
  switch (out.kind) {
    case Condition::Kind::compare:
      return read_comparison(in, question, *op, out);
    case Condition::Kind::in:
      if (in.is_list(question, kMaxOperands)) out.value = canonical(*question.value);
      return;
    case Condition::Kind::exists: {
      bool exists = true;
      in.read_truth(question, exists);
      out.value = exists ? "true" : "false";
      return;
    }
    case Condition::Kind::function:
      return in.read_function(question, out.function, PIRN_KIND_CONDITION);
    case Condition::Kind::negation:
      return read_condition(in, question, out.operands.emplace_back());
    default:
      return read_operands(in, question, out);
  }
}

}  // namespace

void read_condition(ValueReader& in, const Node& node, Condition& out) {
  if (!node.value->is_object()) return void(in.wrong_type(node, "a condition object"));
  const Node* path = nullptr;
  const Node* question = nullptr;
  size_t questions = 0;
  bool understood = true;
  for (const Node& child : node.children) {
    if (child.key == "path") {
      path = &child;
    } else if (choose(kOperators, child.key) != nullptr || choose(kConditions, child.key) != nullptr) {
      question = &child;
      ++questions;
    } else {
      in.unknown_key(child, Level::condition, condition_keys());
      understood = false;
    }
  }
  if (questions > 1 || (questions == 0 && understood))
    return in.problem(
        Code::invalid_value, node,
        "a condition of " + in.subject() + (questions > 1 ? " has several operators" : " has no operator"),
        questions > 1 ? "Write one object for each operator, in a list \"all\" or \"any\"."
                      : "Write, for example, {\"path\": \"order.total\", \"greater\": 100}.");
  if (questions == 1) read_question(in, node, path, *question, out);
}

}  // namespace pirn::definition
