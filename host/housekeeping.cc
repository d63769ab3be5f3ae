#include "host/housekeeping.h"

#include <algorithm>

#include "host/log/log.h"

namespace pirn {

maintenance::Policy policy_of(const HostOptions& options) {
  maintenance::Policy policy;
  policy.every_ns = options.retention_every_ns;
  policy.tenant_journal_ns = options.tenant_journal_ns;
  if (options.event_window_ns > 0) policy.event_window_ns = options.event_window_ns;
  for (const RetentionRule& rule : options.retention)
    policy.rules.push_back({rule.tenant, rule.package, rule.workflow, rule.older_than_ns, rule.keep_last});
  return policy;
}

maintenance::DiskOptions disk_options_of(const DiskLimits& limits) {
  maintenance::DiskOptions options{limits.warn_used, limits.warn_free_bytes, {}};
  if (limits.reserve_bytes > 0) options.reserve_bytes = limits.reserve_bytes;
  return options;
}

bool Housekeeping::look_at_disk(int64_t now) {
  const bool changed = disk_.look(now, [this]() -> uint64_t {
    if (file_ == nullptr) return 0;
    const Result<store::FileUse> use = file_->use();
    return use ? use->free : 0;
  });
  if (!changed) return false;
  const maintenance::DiskState state = disk_.state();
  const bool full = state.room == maintenance::Room::full;
  if (state.room == maintenance::Room::ample)
    log::write(log::Level::info, "disk", "the disk has room again");
  else
    log::write(full ? log::Level::error : log::Level::warn, "disk",
               full ? "the disk is nearly full, and nothing new is started" : "the disk is filling up",
               {{"detail", state.detail}});
  // What is in memory needs no disk.
  if (file_ != nullptr) engine_.refuse_starts(full ? "nothing new is started: " + state.detail : "");
  return true;
}

void Housekeeping::look_after(int64_t now, int64_t& sleep) {
  // Schedules that waited for room get a turn of their own.
  if (now >= disk_.next_look_at() && look_at_disk(now)) sleep = 0;
  sleep = std::min(sleep, disk_.next_look_at() - now);
  if (maintenance_.begin_run(now)) post_([this, now] { maintenance_.run_policy(now); });
  sleep = std::min(sleep, maintenance_.next_run_at() - now);
}

}  // namespace pirn
