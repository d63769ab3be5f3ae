#include "host/engine/command.h"

#include <string>
#include <vector>

namespace pirn::engine {

Result<Resume::Action> parse_action(std::string_view name) {
  static const std::vector<std::string> kActions = {"complete", "retry", "skip", "fail"};
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == name) return static_cast<Resume::Action>(i);
  const std::string near = nearest(name, kActions);
  return Error{
      Code::invalid_argument, "there is no action '" + std::string(name) + "'",
      near.empty() ? "The actions are complete, retry, skip and fail." : "Did you mean '" + near + "'?"};
}

}  // namespace pirn::engine
