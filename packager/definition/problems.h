// Collects everything that is wrong with one definition, so that its author sees it all at once.
// Private to packager/definition.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "packager/error/error.h"

namespace pirn::definition {

class Problems {
 public:
  // `order` is the offset in the text: the causes are listed in the order in which a person reads. Beyond
  // kMaxShown they are only counted, so that a hostile document cannot make a report larger than itself.
  void add(Code code, std::string message, std::string hint, Where where, uint32_t order);

  bool empty() const { return count_ == 0; }
  // A search for the nearest name costs time in proportion to all names: only the first problems get one.
  bool worth_a_suggestion() const { return count_ < kMaxSuggestions; }

  // The Error definition_invalid with all problems as its causes. `what` is the subject: "the definition of
  // 'x'".
  Error error(std::string what) &&;

 private:
  static constexpr size_t kMaxShown = 1000;
  static constexpr size_t kMaxSuggestions = 50;

  size_t count_ = 0;
  std::vector<std::pair<uint32_t, Error>> problems_;
};

}  // namespace pirn::definition
