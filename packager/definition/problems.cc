#include "packager/definition/problems.h"

#include <algorithm>

namespace pirn::definition {

void Problems::add(Code code, std::string message, std::string hint, Where where, uint32_t order) {
  if (++count_ > kMaxShown) return;
  problems_.emplace_back(order,
                         Error{code, std::move(message), std::move(hint), Blame::package, std::move(where)});
}

Error Problems::error(std::string what) && {
  std::stable_sort(problems_.begin(), problems_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Error error{Code::definition_invalid,
              what + " has " + std::to_string(count_) + (count_ == 1 ? " problem" : " problems"), "",
              Blame::package};
  if (count_ > problems_.size())
    error.message += "; the first " + std::to_string(problems_.size()) + " are listed";
  for (auto& [order, problem] : problems_) error.causes.push_back(std::move(problem));
  return error;
}

}  // namespace pirn::definition
