// A workflow as a caller names it: [[tenant::]package::]workflow (R69).
//
// Thread: any; values.
#pragma once

#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::definition {

// What the caller left out is empty.
struct WorkflowName {
  std::string tenant, package, workflow;

  std::string local() const;  // without the tenant
};

bool is_workflow_name(std::string_view text);
// The parts of what is_workflow_name().
WorkflowName split_workflow_name(std::string_view text);
// bad_name: it is none.
Result<WorkflowName> parse_workflow_name(std::string_view text);

}  // namespace pirn::definition
