// How much JSON text an execution may store (R80).
#pragma once

#include <cstddef>

namespace pirn::engine {

struct SizeLimits {
  size_t execution_bytes = 0;  // its values: the input, patches, results, children of grafts
  size_t body_bytes = 0;       // its row at the end, and each of its commits
};

}  // namespace pirn::engine
