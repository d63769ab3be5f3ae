// The words of the drawings: conditions and labels.
#include "packager/definition/graph.h"

#include "packager/definition/drawing.h"

namespace pirn::definition {
namespace {

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

}  // namespace

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

}  // namespace pirn::definition
