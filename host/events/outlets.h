// The way from what is committed and said to the sinks. Each outlet has a sink, a thread that writes to it,
// and a bounded queue before it: who publishes never waits. A sink that is too slow loses the oldest items,
// one that fails or throws loses that envelope; both are counted and shown, and no other sink, no step and no
// turn of the engine hears of it.
//
// Without an outlet publishing costs one comparison. With one, a commit of a tenant that it wants is copied
// once for all outlets.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "host/events/envelope.h"
#include "host/events/sink.h"
#include "host/journal/record.h"

namespace pirn::events {

struct OutletOptions {
  std::string name;                 // shown to the operator
  std::string tenant;               // empty: every tenant's
  std::vector<std::string> events;  // "step.*", "workflow.stop", "chunk", "end"; empty: all
  std::shared_ptr<Sink> sink;
};

struct OutletHealth {
  std::string name, tenant;
  uint64_t written = 0, errors = 0, lost = 0;
  std::string last_error;
  int64_t last_error_at = 0;  // ns since 1970
};

// One failure of a sink.
struct OutletFailure {
  std::string name, error;
  int64_t at = 0;
  uint64_t occurrence = 1;  // 1, 2, 3, … of this sink
};

class Outlets {
 public:
  // `clock`: ns since 1970. `on_failure`: on the thread of the outlet. `limit`: items that wait for a sink.
  Outlets(std::vector<OutletOptions> outlets, std::function<int64_t()> clock,
          std::function<void(const OutletFailure&)> on_failure, size_t limit = 1024);
  // Writes what waits, for a second at most: what a blocked reader leaves over is lost.
  ~Outlets();
  Outlets(const Outlets&) = delete;

  // The engine's thread, after the commit is durable.
  void publish_commit(ExecutionId id, const journal::Origin& origin, uint32_t commit_no,
                      std::string_view body);
  // Any thread.
  void publish_live(Source source, std::string_view name, std::string_view object);

  // Any thread. Of a tenant's own outlets; of all when it is empty.
  std::vector<OutletHealth> health(std::string_view tenant) const;

 private:
  struct Item {
    Source source;
    uint32_t commit_no = 0;                   // 0: live
    std::shared_ptr<const std::string> text;  // a commit's body, or a JSON object
    std::string name;                         // of a live message
  };
  class Outlet;
  void publish(std::string_view tenant, const std::function<Item()>& make);

  std::vector<std::unique_ptr<Outlet>> outlets_;
};

}  // namespace pirn::events
