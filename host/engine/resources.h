// The host's resources (R48): what steps ask for in `resources`, who has some of it, who waits. A step gets
// all that it asks for when its invocation starts and gives it back when that ends; it holds nothing while it
// waits. How they go one after the other is host/scheduler/waiting_line.h.
//
// It is an account, no fence: a step that says 1 core and uses 3 is not stopped. What a step held whose host
// was lost nobody holds: the next host begins with everything free, and all steps begin anew.
//
// Of "gpu" whole devices are given out, and which ones the step is told.
//
// Thread: the engine's. Capacity and what asks for it alone are plain values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/scheduler/waiting_line.h"
#include "packager/definition/definition.h"
#include "registry/catalog.h"
#include "registry/ids.h"

namespace pirn::engine {

inline constexpr double kMostOfAResource = 1e12;

// What the host has of each resource; what is not named it has not. The default has everything without end.
struct Capacity {
  bool endless = true;
  std::vector<definition::Resource> amounts;  // 0: none, as if it were not named

  static Capacity of(std::vector<definition::Resource> amounts) { return {false, std::move(amounts)}; }
};

// Error resources_insufficient: the release says that it needs a host with more, or one of its steps could
// never run on such a host. All of that are its causes.
Status check_resources(const Capacity& capacity, const registry::Release& release);
// The same of one workflow, with those that it contains, of whatever package.
Status check_resources(const Capacity& capacity, const registry::Catalog::Target& target);
// "gpu=2" as somebody writes it for a host, in the catalogue's words when it is wrong.
Result<definition::Resource> parse_resource(std::string_view text);
// "1 gpu of 0", or empty: what is asked for and is not there.
std::string lacking(const Capacity& capacity, const std::vector<definition::Resource>& needs);

// What one step has or waits for.
struct Claim {
  uint32_t step = 0;
  bool waiting = false;
  bool hopeless = false;  // waiting, and the host has less than that
  int64_t since = 0;      // ns since 1970
  std::vector<definition::Resource> needs;
  std::vector<uint32_t> gpus;  // devices that it has
};

// "2", "0.5": as the definition and messages write an amount.
std::string amount_text(double amount);

// For the operator.
struct ResourceUse {
  std::string name;
  std::optional<double> capacity;  // nullopt: without end
  double in_use = 0;
  uint32_t waiting = 0;  // steps
};

class Resources {
 public:
  explicit Resources(Capacity capacity);

  // Nobody has anything and nobody waits: what is true for ever where no step asks for resources.
  bool idle() const { return claims_.empty(); }
  const Capacity& capacity() const { return capacity_; }

  // `needs` lives as long as the claim.
  void wait(ExecutionId execution, uint32_t step, uint32_t tenant,
            const std::vector<definition::Resource>& needs, int32_t priority, int64_t now);
  // Who is to start now: it has what it asked for. nullopt: nobody can. `may_start(tenant)`: whether a tenant
  // may; who may not is passed over, and keeps nothing from others.
  template <class MayStart>
  std::optional<std::pair<ExecutionId, uint32_t>> next(int64_t now, MayStart may_start) {
    const auto id = line_.next(pool_, may_start);
    if (id) supply(*id, now);
    return id;
  }
  // The steps of an execution that waited and wait no longer.
  std::vector<uint32_t> withdraw(ExecutionId execution);
  // Gives back what the step has; one that has nothing is ignored.
  void release(ExecutionId execution, uint32_t step);

  // `input`, an object or empty, with what the function of a step is told of what it has:
  // {"resources":{…},"gpus":[…]}.
  std::string input_of(ExecutionId execution, uint32_t step, std::string_view input = {}) const;
  std::vector<Claim> claims_of(ExecutionId execution) const;
  std::vector<ResourceUse> use() const;

 private:
  using Id = std::pair<ExecutionId, uint32_t>;
  struct Holding {
    const std::vector<definition::Resource>* needs;
    bool waiting = true;
    int64_t since = 0;
    scheduler::WaitingLine<Id>::Ticket ticket = 0;
    std::vector<uint32_t> gpus;
  };

  void supply(const Id& id, int64_t now);
  uint32_t number_of(const std::string& name);
  std::vector<scheduler::Share> shares_of(const std::vector<definition::Resource>& needs);
  std::vector<uint32_t> take_gpus(const std::vector<definition::Resource>& needs);

  const Capacity capacity_;
  std::map<std::string, uint32_t, std::less<>> numbers_;
  scheduler::ResourcePool pool_;
  scheduler::WaitingLine<Id> line_;
  std::map<Id, Holding> claims_;
  std::vector<bool> gpus_;  // by device: is it given out?
};

}  // namespace pirn::engine
