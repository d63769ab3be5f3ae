// What the routes work with. Everything is borrowed from the composition root and outlives the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/clock.h"
#include "host/engine/resources.h"
#include "packager/error/error.h"
#include "registry/ids.h"
#include "registry/release.h"

namespace pirn::registry {
class Registry;
}
namespace pirn::store {
class Store;
}
namespace pirn::maintenance {
class Maintenance;
}
namespace pirn::notify {
class Notifier;
}
namespace pirn::engine {
class Inbox;
}
namespace pirn::logbook {
class Logbook;
}
namespace pirn::events {
class Feed;
class Outlets;
class MeterSink;
}  // namespace pirn::events

namespace pirn::api {

class ConnectionTable;
class RequestPool;
class WrongKeys;

// One release that is loaded, for the operator.
struct Residence {
  std::string tenant, package, version;
  Digest release;
  bool retired = false, still_mapped = false;
  uint32_t stuck_calls = 0;
};

// How the process of the host ended the last time, for the operator who finds it started again.
struct LastEnd {
  struct Call {  // under way at that moment; what the store does not know any more is empty
    std::string tenant, execution, workflow, step, function;
    std::string_view role;  // "culprit", "suspect", "bystander"
  };
  bool clean = true;
  std::string_view what;
  std::vector<Call> calls;
};

// How the host feels. Any thread.
class HostStatus {
 public:
  virtual ~HostStatus() = default;
  virtual bool draining() const = 0;  // shutdown has begun: nothing new is admitted
  virtual bool store_failed() const = 0;
  virtual bool registry_failed() const = 0;  // a commit of it could not be made durable: the host stops
  virtual uint32_t stuck_calls() const = 0;
  // Executions that cannot be continued, for they or their releases cannot be read; why this one is among
  // them, nullptr: it is not.
  virtual const std::vector<Error>& damaged_executions() const = 0;
  virtual const Error* why_quarantined(std::string_view tenant, ExecutionId id) const = 0;
  virtual std::vector<Residence> residences() const = 0;
  virtual LastEnd last_end() const = 0;
  virtual std::string version() const = 0;
  virtual std::string data_directory() const = 0;  // empty: everything in memory
  virtual std::string store_kind() const = 0;      // "sqlite", "memory"
  virtual int64_t started_at_ns() const = 0;
  // Somebody has removed or replaced the file `lock` of the data directory: another host may be started.
  virtual bool lock_lost() const = 0;
  // Of each write-ahead log that is too large: how large, and who keeps it from starting again.
  virtual std::vector<std::string> wal_warnings() const = 0;
  virtual uint64_t log_lines_lost() const = 0;  // of the host's own log, since its start: nobody read them
};

// So many calls of package code that never returned make a host not ready: their threads are lost.
inline constexpr uint32_t kStuckCallsLimit = 8;

struct Services {
  registry::Registry& registry;
  const store::Store& store;
  const logbook::Logbook& logbook;
  maintenance::Maintenance& maintenance;
  engine::Inbox& inbox;
  events::Feed& feed;
  const events::Outlets& outlets;
  const std::vector<std::shared_ptr<const events::MeterSink>>& meters;
  const notify::Notifier& notifier;
  const HostStatus& status;
  const Clock& clock;     // the engine's: of durations and of what is now
  registry::Probe probe;  // loads a release where it can do no harm
  WrongKeys& wrong_keys;
  ConnectionTable& connections;
  RequestPool& pool;  // where what blocks runs
  engine::Capacity capacity;
};

}  // namespace pirn::api
