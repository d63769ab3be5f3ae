// A process of its own in which a test runs code in the cell.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "packager/sandbox/cell.h"
#include "packager/sandbox/guard.h"

namespace pirn::sandbox {

inline constexpr uid_t kOrdinaryUser = 65534;
inline constexpr int kSpare = 3;  // a descriptor that stays open in the cell

struct Heard {
  std::optional<Confinement> confinement;  // the first line
  std::string said;                        // what else arrived at the descriptor of the answer
  std::optional<Offence> offence;
  int status = 0;  // of waitpid
};

// Forks, becomes `user` unless that is the present one, prepares what is given, and runs the work in a cell.
// `user` other than the present one needs root.
Heard run_inmate(
    uid_t user, const Work& work, const std::function<void()>& prepare = [] {});

}  // namespace pirn::sandbox
