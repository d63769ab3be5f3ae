// A process of its own in which a test runs code in the cell.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "packager/sandbox/cell.h"

namespace pirn::sandbox {

inline constexpr uid_t kOrdinaryUser = 65534;

struct Heard {
  std::string said;  // what arrived at the descriptor of the answer
  int status = 0;    // of waitpid
};

// Forks, becomes `user` unless that is the present one, and runs the work in a cell. `user` other than the
// present one needs root.
Heard run_inmate(uid_t user, const Work& work);

}  // namespace pirn::sandbox
