// The record of a refusal on its way into the audit log: written by the pool, and never lost on that way.
// Any thread.
#pragma once

#include <memory>

#include "host/api/request_pool.h"
#include "registry/registry.h"

namespace pirn::api {

// One that was admitted (Registry::admit_refusal). Destroyed before it was written, as when a queue is full
// or the pool stops, it is counted and becomes a part of the next record of its kind. `registry` outlives it.
class RefusalRecord {
 public:
  RefusalRecord(registry::Registry& registry, registry::AuditRecord record)
      : registry_(registry), record_(std::move(record)) {}
  ~RefusalRecord() {
    if (!written_) registry_.count_refusal(record_);
  }
  RefusalRecord(const RefusalRecord&) = delete;
  RefusalRecord& operator=(const RefusalRecord&) = delete;

  // Should this fail, the registry is broken and says so at the next change; the refusal stands.
  void write() {
    written_ = true;
    (void)registry_.record(record_);
  }

 private:
  registry::Registry& registry_;
  const registry::AuditRecord record_;
  bool written_ = false;
};

// Lets the pool write it.
inline void write_later(RequestPool& pool, const QueueKey& queue, registry::Registry& registry,
                        registry::AuditRecord record) {
  const auto waiting = std::make_shared<RefusalRecord>(registry, std::move(record));
  pool.offer(queue, [waiting] { waiting->write(); });
}

}  // namespace pirn::api
