// The threads for what a request may have to wait for: the registry, reads of the store, probes. The network
// thread and the engine's thread never wait for any of it.
//
// Each lane (lane.h) has threads of its own and serves owners in turn (fair_workers.h). Besides, an owner has
// a limit of requests under way, from the moment a request is complete until it is answered. It bounds what
// an owner can hold of everything that requests pass through: queues, the engine's inbox, memory.
#pragma once

#include <array>
#include <memory>

#include "host/api/fair_workers.h"
#include "host/api/lane.h"

namespace pirn::api {

struct PoolLimits {
  // By lane. Deployments mostly wait for their probes, hence the many threads.
  std::array<WorkerLimits, kLanes> lanes{{
      {.threads = 4, .running_per_owner = 2, .waiting_per_owner = 256},  // reads
      {.threads = 4, .running_per_owner = 2, .waiting_per_owner = 64},   // reports
      {.threads = 2, .running_per_owner = 1, .waiting_per_owner = 4},    // uploads
      {.threads = 8, .running_per_owner = 2, .waiting_per_owner = 16},   // deployments
      {.threads = 2, .running_per_owner = 2, .waiting_per_owner = 16},   // maintenance
      {.threads = 1, .running_per_owner = 1, .waiting_per_owner = 64},   // refusals
  }};
  size_t requests_per_owner = 512;
};

// Holds a request's place among those of its owner that are under way, until the last copy is gone. Any
// thread; may outlive the pool.
using Admission = std::shared_ptr<const void>;

class RequestPool {
 public:
  explicit RequestPool(const PoolLimits& limits = {});
  ~RequestPool();

  // Any thread. Null when as many requests of this owner are under way as may be.
  Admission admit(std::string_view owner);

  // Any thread. New work; false when the owner has too much waiting in this lane, or the pool has stopped.
  bool offer(const QueueKey& queue, std::function<void()> job);
  // Any thread. The continuation of work that was admitted; dropped only after stop().
  void post(const QueueKey& queue, std::function<void()> job);
  // Finishes what is under way, drops what waits, joins. Idempotent.
  void stop();

  // Any thread.
  WorkerFigures figures(Lane lane) const;
  uint64_t requests_under_way() const;  // now
  uint64_t requests_refused() const;    // since the start: those of owners at their limit

 private:
  struct Ledger;
  FairWorkers& workers(Lane lane) const { return *lanes_[static_cast<size_t>(lane)]; }

  const std::shared_ptr<Ledger> ledger_;
  std::array<std::unique_ptr<FairWorkers>, kLanes> lanes_;
};

}  // namespace pirn::api
