// The circuit breakers of the tenants (R33): while what steps depend on fails, they are not called. A breaker
// is known by its name within its tenant, whoever names it; what it has counted is in the tenant's own
// stream, in the same transaction as the outcome that was counted, so that a restart knows no less.
//
// The trials in flight are not in the journal: they are invocations, and a host that is lost loses them.
//
// Thread: the engine's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/engine/breaker_command.h"
#include "host/engine/tenant_streams.h"
#include "registry/catalog.h"

namespace pirn::engine {

struct Decision;

class Breakers {
 public:
  // It outlives them.
  explicit Breakers(TenantStreams& streams) : streams_(streams) {}

  // S5, S6: may this invocation begin? An open breaker whose time has come becomes half open and takes it as
  // a trial.
  bool admits(const std::string& tenant, const definition::CircuitBreaker& breaker, uint64_t invocation,
              int64_t now);
  // After a crash: an invocation that outlived it (a nested workflow) holds its trial again, if it is one.
  void resume(const std::string& tenant, const std::string& breaker, uint64_t invocation, int64_t began_at);

  // An invocation is over; what it says of that which the breaker guards. `nothing`: it gives back its trial.
  enum class Effect : uint8_t { success, failure, nothing };
  struct Ended {
    uint64_t invocation = 0;
    Effect effect = Effect::nothing;
    ExecutionId execution;
    std::string_view step, code;  // of a failure
  };
  void ended(const std::string& tenant, const definition::CircuitBreaker& breaker, const Ended& call,
             int64_t now);

  // From when on a rejected step may try again.
  int64_t reopens_at(std::string_view tenant, std::string_view breaker) const;

  void handle(Decision& decision, ListBreakers& command, const registry::Catalog& catalog) const;
  void handle(Decision& decision, ResetBreaker& command, const registry::Catalog& catalog);

 private:
  struct Trials {
    uint64_t period = 0;                                // of the half-open times
    std::vector<std::pair<uint64_t, uint64_t>> flying;  // invocation, period
  };
  using Key = std::pair<std::string, std::string>;  // tenant, name

  const journal::BreakerState* find(std::string_view tenant, std::string_view breaker) const;
  void trip(const std::string& tenant, const definition::CircuitBreaker& breaker, const Ended& call,
            uint32_t failures, int64_t now);
  void close(const std::string& tenant, const std::string& breaker, std::string by, int64_t now);
  BreakerView view(const std::string& tenant, const std::string& name,
                   const definition::CircuitBreaker* declared, int64_t now) const;

  TenantStreams& streams_;
  std::map<Key, Trials> trials_;  // of those that have had some
};

}  // namespace pirn::engine
