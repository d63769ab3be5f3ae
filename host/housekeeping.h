// What a host does for its data directory between turns of the engine: it watches the room on the disk and
// applies the retention policy.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "host/engine/engine.h"
#include "host/host.h"
#include "host/maintenance/disk.h"
#include "host/maintenance/maintenance.h"
#include "host/store/database_file.h"

namespace pirn {

maintenance::Policy policy_of(const HostOptions& options);
maintenance::DiskOptions disk_options_of(const DiskLimits& limits);

// The engine's thread. Everything is borrowed.
class Housekeeping {
 public:
  // `file`: null when the store is in memory. `post`: runs work that reads and writes for long elsewhere.
  Housekeeping(maintenance::DiskWatch& disk, maintenance::Maintenance& maintenance,
               const store::DatabaseFile* file, engine::Engine& engine,
               std::function<void(std::function<void()>)> post)
      : disk_(disk), maintenance_(maintenance), file_(file), engine_(engine), post_(std::move(post)) {}

  // Announces a change of the room on the disk, and lets the engine refuse or take starts accordingly.
  // Returns whether there was one.
  bool look_at_disk(int64_t now);
  // Does what is due, and shortens `sleep` (ns) to what is due next.
  void look_after(int64_t now, int64_t& sleep);

 private:
  maintenance::DiskWatch& disk_;
  maintenance::Maintenance& maintenance_;
  const store::DatabaseFile* const file_;
  engine::Engine& engine_;
  const std::function<void(std::function<void()>)> post_;
};

}  // namespace pirn
