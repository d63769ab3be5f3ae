// The parts of a case's reader (case.cc): values of the document with what is wrong about them, and what each
// section of a case means. Private to this folder.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/simulate/case.h"
#include "packager/definition/source.h"

namespace pirn::sim {

inline constexpr int64_t kMostTimes = 1'000'000;

// Reads values and collects every problem, each with its place.
class NodeReader {
 public:
  using Node = definition::Node;

  explicit NodeReader(const definition::Source& source) : source_(source) {}

  void problem(Code code, const Node& node, std::string message, std::string hint);
  void wrong_type(const Node& node, const std::string& what, std::string_view wanted);
  void bad(const Node& node, std::string message, std::string hint);
  // There is none such; `all` are those that there are.
  void unknown(const Node& node, const std::string& message, const std::vector<std::string>& all);
  void add(Error problem) { problems_.push_back(std::move(problem)); }
  const std::vector<Error>& problems() const { return problems_; }
  std::vector<Error> take_sorted();
  Where where(const Node& node) const {
    return source_.where(node.key.empty() ? node.offset : node.key_offset);
  }

  // Calls `read` for each member whose key is known.
  template <class Read>
  void members(const Node& object, std::string_view what, const std::vector<std::string>& known, Read read) {
    if (!object.value->is_object()) return wrong_type(object, std::string(what), "an object");
    for (const Node& node : object.children) {
      if (std::find(known.begin(), known.end(), node.key) != known.end())
        read(node);
      else
        unknown_member(node, what, known);
    }
  }
  template <class Read>
  void elements(const Node& node, Read read) {
    if (!node.value->is_array()) return wrong_type(node, quoted(node), "a list");
    for (const Node& element : node.children) read(element);
  }

  std::string text_of(const Node& node);
  definition::WorkflowName workflow_of(const Node& node);  // [[tenant::]package::]workflow
  bool truth_of(const Node& node);
  int64_t number_of(const Node& node, int64_t least, int64_t most);
  int64_t duration_of(const Node& node);  // ends
  int64_t instant_of(const Node& node);
  engine::Capacity capacity_of(const Node& node);  // what a host has of each resource
  std::string json_of(const Node& node);
  std::string object_of(const Node& node);
  static std::string quoted(const Node& node) { return node.key.empty() ? "this" : "\"" + node.key + "\""; }

 private:
  void unknown_member(const Node& node, std::string_view what, const std::vector<std::string>& known);

  const definition::Source& source_;
  std::vector<Error> problems_;
};

// case_calls.cc
Script read_script(NodeReader& reader, const definition::Node& object);
// case_orders.cc. nullopt: the problem is told.
std::optional<Order> read_order(NodeReader& reader, const definition::Node& object);
// case_expected.cc
void read_expected(NodeReader& reader, const definition::Node& object, std::vector<Expected>& out);

}  // namespace pirn::sim
