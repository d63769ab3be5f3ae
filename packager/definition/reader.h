// What parse.cc reads and check.cc checks. Private to packager/definition.
#pragma once

#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/definition/problems.h"
#include "packager/definition/source.h"

namespace pirn::definition {

// The name of a step where another one mentions it.
struct Mention {
  std::string_view name;  // lent by the Source
  const Node* node = nullptr;
};

// A workflow as it was read: step i stands at nodes[i] and waits for after[i].
struct Draft {
  Workflow workflow;
  std::vector<const Node*> nodes;
  std::vector<std::vector<Mention>> after;
};

// Names are unique, dependencies exist and make no cycle; fills in Step::after. Linear in the size of the
// draft.
void check_graph(Draft& draft, const Source& source, Problems& problems);

}  // namespace pirn::definition
