#include "packager/definition/workflow_name.h"

#include "packager/definition/definition.h"

namespace pirn::definition {

std::string WorkflowName::local() const { return package.empty() ? workflow : package + "::" + workflow; }

bool is_workflow_name(std::string_view text) {
  for (int parts = 0; parts < 2; ++parts) {
    const size_t colons = text.find("::");
    if (colons == std::string_view::npos) break;
    if (!is_name(text.substr(0, colons))) return false;
    text.remove_prefix(colons + 2);
  }
  return is_name(text);
}

WorkflowName split_workflow_name(std::string_view text) {
  WorkflowName name;
  for (size_t colons; (colons = text.find("::")) != std::string_view::npos;) {
    name.tenant = std::move(name.package);
    name.package = text.substr(0, colons);
    text.remove_prefix(colons + 2);
  }
  name.workflow = text;
  return name;
}

Result<WorkflowName> parse_workflow_name(std::string_view text) {
  if (is_workflow_name(text)) return split_workflow_name(text);
  return Error{Code::bad_name, "'" + std::string(text) + "' is not a valid name of a workflow",
               "Use NAME, PACKAGE::NAME or TENANT::PACKAGE::NAME."};
}

}  // namespace pirn::definition
