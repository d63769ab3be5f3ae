// Notices that the lock of the data directory was removed while this host runs, and that another host has
// started on the same directory since.
#pragma once

#include <optional>

#include "host/store/data_directory.h"
#include "host/store/database_file.h"

namespace pirn {

class LockWatch {
 public:
  // `directory` outlives the watch.
  explicit LockWatch(const store::DataDirectory& directory) : directory_(directory) {}

  // Fails (store_fenced) once the lock is lost. Nothing fences writers of the registry as the epoch fences
  // those of the store, and what another host has written there is not in this one's memory. Any thread.
  Status check() const;

  // Whether another host has begun on this directory. Without the lock it can, and then this one must end: its
  // commits are refused, and its answers are out of date. Looks every few seconds, also when there is nothing
  // else to do, and shortens `sleep` (ns) for that. `file`: the store's; null: in memory, where nobody can take
  // over. The engine's thread.
  bool is_taken_over(const store::DatabaseFile* file, int64_t now, int64_t& sleep);
  // Why this host must end; none: it was not taken over.
  const std::optional<Error>& taken_over() const { return taken_over_; }

 private:
  static constexpr int64_t kLookEvery_ns = 5'000'000'000;

  const store::DataDirectory& directory_;
  int64_t look_at_ = 0;
  bool was_lost_ = false;
  std::optional<Error> taken_over_;
};

}  // namespace pirn
