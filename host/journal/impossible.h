// How the folds of this folder say that a record cannot follow what stands before it. For their .cc files.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace pirn::journal {

// Caught by replay(); by apply(), whose records the engine itself has made, nobody catches it.
struct Impossible : std::logic_error {
  explicit Impossible(const std::source_location& at)
      : std::logic_error("no transition of the journal: " + std::string(at.file_name()) + ":" +
                         std::to_string(at.line())) {}
};

inline void require(bool possible, const std::source_location& at = std::source_location::current()) {
  if (!possible) throw Impossible(at);
}

}  // namespace pirn::journal
