// How this process is doing, for the API: what its parts know, put together.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "host/api/services.h"
#include "host/machine.h"
#include "host/store/data_directory.h"
#include "host/store/location.h"

namespace pirn {

// What the host itself decides or learns. Any thread.
struct HostFlags {
  std::atomic<bool> draining{false}, store_failed{false};
};

// Everything is borrowed.
class RunningStatus final : public api::HostStatus {
 public:
  RunningStatus(const HostFlags& flags, const store::DataDirectory& directory,
                const store::StoreLocation& location, const registry::Registry& registry,
                const Machine& machine, const worker::CrashRecord& crash_record, int64_t started_at_ns)
      : flags_(flags),
        directory_(directory),
        location_(location),
        registry_(registry),
        machine_(machine),
        crash_record_(crash_record),
        started_at_ns_(started_at_ns) {}

  bool draining() const override { return flags_.draining; }
  bool store_failed() const override { return flags_.store_failed; }
  bool registry_failed() const override { return !registry_.healthy(); }
  uint32_t stuck_calls() const override { return machine_.runner.stuck_calls(); }
  const std::vector<Error>& damaged_executions() const override {
    return machine_.engine.damaged_executions();
  }
  const Error* why_quarantined(std::string_view tenant, ExecutionId id) const override {
    return machine_.engine.why_quarantined(tenant, id);
  }
  std::vector<api::Residence> residences() const override;
  api::LastEnd last_end() const override;
  std::string version() const override { return PIRN_VERSION; }
  std::string data_directory() const override { return directory_.path(); }
  std::string store_kind() const override { return location_.memory ? "memory" : "sqlite"; }
  int64_t started_at_ns() const override { return started_at_ns_; }
  bool lock_lost() const override { return !directory_.holds_lock(); }
  std::vector<std::string> wal_warnings() const override;
  uint64_t log_lines_lost() const override;

 private:
  const HostFlags& flags_;
  const store::DataDirectory& directory_;
  const store::StoreLocation& location_;
  const registry::Registry& registry_;
  const Machine& machine_;
  const worker::CrashRecord& crash_record_;
  const int64_t started_at_ns_;
};

}  // namespace pirn
