#include "host/engine/open_executions.h"

namespace pirn::engine {

void OpenExecutions::note(Execution& execution) {
  const Execution::Count now = execution.count();
  const Execution::Count was = execution.counted;
  if (now == was) return;
  execution.counted = now;
  while (execution.tenant_number() >= tenants_.size()) tenants_.emplace_back();
  Tenant& tenant = tenants_[execution.tenant_number()];
  running_ += now.running - was.running;
  tenant.waiting += now.ready - was.ready;
  if (now.under_way != was.under_way) under_way_[execution.shared_plan()->number()] += now.under_way ? 1 : -1;
  if (now.open == was.open) return;
  if (now.open) {
    ++size_;
    tenant.open.insert(tenant.open.end(), execution);  // ids increase: it is the last one, as a rule
  } else {
    --size_;
    tenant.open.erase(tenant.open.iterator_to(execution));
  }
}

uint32_t OpenExecutions::under_way(std::string_view tenant, std::string_view package,
                                   std::string_view workflow) const {
  const auto number = numbers_.find(std::tie(tenant, package, workflow));
  return number == numbers_.end() ? 0 : under_way_[number->second];
}

uint32_t OpenExecutions::number_of(std::string_view tenant, std::string_view package,
                                   std::string_view workflow) {
  if (const auto known = numbers_.find(std::tie(tenant, package, workflow)); known != numbers_.end())
    return known->second;
  under_way_.push_back(0);
  return numbers_
      .emplace(std::tuple(std::string(tenant), std::string(package), std::string(workflow)),
               static_cast<uint32_t>(under_way_.size() - 1))
      .first->second;
}

bool OpenExecutions::knows(std::string_view tenant, std::string_view package,
                           std::string_view workflow) const {
  if (!package.empty()) return numbers_.contains(std::tie(tenant, package, workflow));
  for (auto at = numbers_.lower_bound(std::tie(tenant, package, package));
       at != numbers_.end() && std::get<0>(at->first) == tenant; ++at)
    if (std::get<2>(at->first) == workflow) return true;
  return false;
}

ExecutionId OpenExecutions::newest(uint32_t tenant) const {
  if (tenant >= tenants_.size() || tenants_[tenant].open.empty()) return {};
  return tenants_[tenant].open.rbegin()->id();
}

}  // namespace pirn::engine
