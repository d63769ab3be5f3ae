#include "host/lock_watch.h"

#include <algorithm>
#include <utility>

#include "host/log/log.h"

namespace pirn {

Status LockWatch::check() const {
  if (directory_.holds_lock()) return {};
  return Error{Code::store_fenced,
               "the file 'lock' of '" + directory_.path() +
                   "' was removed or replaced while this host runs, and another host may have started: "
                   "nothing is written to registry.db any more",
               "Stop this host; start it again if it is the only one.", Blame::world};
}

bool LockWatch::is_taken_over(const store::DatabaseFile* file, int64_t now, int64_t& sleep) {
  if (now >= look_at_) {
    look_at_ = now + kLookEvery_ns;
    const Status lock = check();
    if (!lock && !std::exchange(was_lost_, true))
      log::write(log::Level::error, "host", lock.error().message, {{"error", lock.error().name()}});
    if (!lock && file != nullptr) {
      const auto taken_over = file->taken_over();
      if (taken_over && *taken_over)
        taken_over_ = Error{Code::store_fenced,
                            "another host has taken over '" + directory_.path() +
                                "', whose file 'lock' was removed while this one ran; it stops",
                            "", Blame::world};
    }
  }
  sleep = std::min(sleep, look_at_ - now);
  return taken_over_.has_value();
}

}  // namespace pirn
