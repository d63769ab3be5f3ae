// The properties P1 to P14 as far as they speak of every instant (docs/semantics.md has the rules behind
// them): each commit of each execution is checked when it has become durable, against what the journal said
// before it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "host/simulate/world.h"

namespace pirn::sim {

class Monitor {
 public:
  // Follows all executions of `world` from now on; both outlive it. `pool`: what the host has, if it has not
  // enough of everything. Whoever else wants to hear of commits is heard first.
  Monitor(World& world, std::map<std::string, double> pool = {});
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // P9: the fold of the journal is what the engine has. Between turns.
  void compare_with_live();
  // P1, P3, P14: everything is over. When nothing is due any more.
  void check_end();
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  class Followed;

  void on_commit(ExecutionId id);
  void check_all_together();
  void say(const Followed& of, const std::string& problem);

  World& world_;
  const std::map<std::string, double> pool_;
  std::map<ExecutionId, std::unique_ptr<Followed>> executions_;
  std::vector<std::string> problems_;
};

}  // namespace pirn::sim
