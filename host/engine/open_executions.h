// The open executions of the host: of each tenant in the order of their ids, and how many of them do what. It
// is counted when something changes, so a question walks over nothing, or over as many as it wants.
//
// Thread: the engine's.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "host/engine/execution.h"

namespace pirn::engine {

class OpenExecutions {
 public:
  // After anything was decided about it. Cheap when it counts for what it has counted for.
  void note(Execution& execution);

  size_t size() const { return size_; }
  uint32_t running_steps() const { return running_; }
  uint32_t waiting_steps(uint32_t tenant) const {
    return tenant < tenants_.size() ? tenants_[tenant].waiting : 0;
  }
  // Executions that are under way, with all releases of the workflow.
  uint32_t under_way(std::string_view tenant, std::string_view package, std::string_view workflow) const;
  // For under_way(): what the plans of a workflow are numbered with.
  uint32_t number_of(std::string_view tenant, std::string_view package, std::string_view workflow);

  // Whether an execution of the workflow was open in this life. `package` empty: of any package.
  bool knows(std::string_view tenant, std::string_view package, std::string_view workflow) const;

  // Zero: it has none.
  ExecutionId newest(uint32_t tenant) const;
  // Those of a tenant above or below an id (zero: from the oldest, from the newest on), until visit()
  // returns false. It may decide about the execution that it is shown, and about no other.
  template <class Visit>
  void ascend(uint32_t tenant, ExecutionId above, Visit visit);
  template <class Visit>
  void descend(uint32_t tenant, ExecutionId below, Visit visit);

  // For tests: a walk over all of `executions` counts the same.
  template <class Executions>
  bool holds(const Executions& executions) const;

 private:
  struct IdOf {
    using type = ExecutionId;
    ExecutionId operator()(const Execution& execution) const { return execution.id(); }
  };
  using ById = boost::intrusive::set<
      Execution, boost::intrusive::member_hook<Execution, Execution::ByIdHook, &Execution::by_id>,
      boost::intrusive::key_of_value<IdOf>, boost::intrusive::constant_time_size<false>>;
  struct Tenant {
    ById open;
    uint32_t waiting = 0;
  };

  std::deque<Tenant> tenants_;  // by number
  size_t size_ = 0;
  uint32_t running_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, uint32_t, std::less<>> numbers_;
  std::vector<uint32_t> under_way_;  // by workflow number
};

template <class Visit>
void OpenExecutions::ascend(uint32_t tenant, ExecutionId above, Visit visit) {
  if (tenant >= tenants_.size()) return;
  ById& open = tenants_[tenant].open;
  for (auto next = open.upper_bound(above); next != open.end();)
    if (!visit(*next++)) return;
}

template <class Visit>
void OpenExecutions::descend(uint32_t tenant, ExecutionId below, Visit visit) {
  if (tenant >= tenants_.size()) return;
  ById& open = tenants_[tenant].open;
  for (auto last = below ? open.lower_bound(below) : open.end(); last != open.begin();)
    if (!visit(*--last)) return;
}

template <class Executions>
bool OpenExecutions::holds(const Executions& executions) const {
  size_t size = 0, linked = 0;
  uint32_t running = 0;
  std::vector<uint32_t> waiting(tenants_.size()), under_way(under_way_.size());
  for (const auto& [id, execution] : executions) {
    const Execution::Count count = execution->count();
    if (count != execution->counted) return false;
    size += count.open ? 1 : 0;
    running += count.running;
    if (execution->tenant_number() < waiting.size()) waiting[execution->tenant_number()] += count.ready;
    if (count.under_way) ++under_way[execution->shared_plan()->number()];
  }
  for (size_t tenant = 0; tenant < tenants_.size(); ++tenant) {
    linked += tenants_[tenant].open.size();
    if (waiting[tenant] != tenants_[tenant].waiting) return false;
  }
  return size == size_ && linked == size && running == running_ && under_way == under_way_;
}

}  // namespace pirn::engine
