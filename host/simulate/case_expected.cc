// What must come out, as a case says it.
#include "host/simulate/case_nodes.h"

namespace pirn::sim {

namespace {

using definition::Node;

Expected expected_of(NodeReader& reader, const Node& run) {
  Expected expected;
  expected.where = reader.where(run);
  expected.run = run.key;
  const auto texts = [&](const Node& node, std::map<std::string, std::string>& out) {
    if (!node.value->is_object()) return reader.wrong_type(node, NodeReader::quoted(node), "an object");
    for (const Node& step : node.children) out[step.key] = reader.text_of(step);
  };
  reader.members(run, "what is expected of a run",
                 {"state", "error", "steps", "errors", "results", "context", "invocations", "compensation",
                  "rolled_back", "diagnostics", "dead_letter"},
                 [&](const Node& node) {
                   if (node.key == "state") return void(expected.state = reader.text_of(node));
                   if (node.key == "error") return void(expected.error = reader.text_of(node));
                   if (node.key == "context") return void(expected.context = reader.object_of(node));
                   if (node.key == "dead_letter") return void(expected.dead_letter = reader.truth_of(node));
                   if (node.key == "steps") return texts(node, expected.steps);
                   if (node.key == "errors") return texts(node, expected.errors);
                   if (node.key == "compensation") return texts(node, expected.compensation);
                   if (node.key == "rolled_back") {
                     expected.rolled_back.emplace();
                     return reader.elements(node, [&](const Node& step) {
                       expected.rolled_back->push_back(reader.text_of(step));
                     });
                   }
                   if (!node.value->is_object())
                     return reader.wrong_type(node, NodeReader::quoted(node), "an object");
                   for (const Node& step : node.children)
                     if (node.key == "results")
                       expected.results[step.key] = reader.json_of(step);
                     else
                       (node.key == "invocations" ? expected.invocations : expected.diagnostics)[step.key] =
                           static_cast<uint32_t>(reader.number_of(step, 0, kMostTimes));
                 });
  return expected;
}

}  // namespace

void read_expected(NodeReader& reader, const Node& object, std::vector<Expected>& out) {
  if (!object.value->is_object())
    return reader.wrong_type(object, NodeReader::quoted(object), "an object of runs");
  for (const Node& run : object.children) out.push_back(expected_of(reader, run));
}

}  // namespace pirn::sim
