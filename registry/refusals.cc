#include "registry/refusals.h"

#include <algorithm>

#include "packager/mutex/mutex.h"

namespace pirn::registry {

namespace {

constexpr std::string_view kSeveral = "several";

void append(std::vector<AuditRecord>& into, const AuditRecord& summary) {
  if (summary.times == 0) return;
  into.push_back(summary);
  AuditRecord& record = into.back();
  if (record.times > 1) record.detail = "the last of " + std::to_string(record.times) + ": " + record.detail;
}

}  // namespace

void Refusals::collect(std::vector<AuditRecord>& into, const Window& window) {
  for (const auto& [kind, tally] : window.tallies) append(into, tally.summary);
  for (const auto& [actor, tally] : window.actors) append(into, tally.summary);
  append(into, window.others.summary);
}

Refusals::Window& Refusals::window_of(const std::string& scope, int64_t now_ms) {
  const auto found = windows_.find(scope);
  if (found != windows_.end() && now_ms < found->second.ends_ms) return found->second;
  if (found != windows_.end()) {  // it is over, and nobody has come for its summaries yet
    collect(over_, found->second);
    windows_.erase(found);
  }
  Window& window = windows_[scope];
  window.ends_ms = now_ms + limits_.window_ms;
  return window;
}

Refusals::Tally& Refusals::tally_of(Window& window, const AuditRecord& refusal) {
  const Kind kind{refusal.actor, refusal.action, refusal.outcome};
  const auto found = window.tallies.find(kind);
  if (found != window.tallies.end()) return found->second;
  if (window.tallies.size() < limits_.kinds) return window.tallies[kind];
  const auto actor = window.actors.find(refusal.actor);
  if (actor != window.actors.end()) return actor->second;
  return window.actors.size() < limits_.kinds ? window.actors[refusal.actor] : window.others;
}

void Refusals::add(AuditRecord& summary, const AuditRecord& refusal) {
  const uint64_t times = summary.times == 0 ? refusal.times : summary.times + refusal.times;
  if (summary.times == 0) {
    summary = refusal;
    summary.first_at_ms = refusal.first_at_ms == 0 ? refusal.at_ms : refusal.first_at_ms;
  }
  summary.times = times;
  summary.at_ms = std::max(summary.at_ms, refusal.at_ms);
  summary.detail = refusal.detail;
  for (std::string AuditRecord::*member :
       {&AuditRecord::actor, &AuditRecord::action, &AuditRecord::outcome, &AuditRecord::object})
    if (summary.*member != refusal.*member) summary.*member = kSeveral;
}

void Refusals::update_due() {
  int64_t due = over_.empty() ? INT64_MAX : 0;
  for (const auto& [scope, window] : windows_) due = std::min(due, window.ends_ms);
  due_ms_.store(due, std::memory_order_relaxed);
}

bool Refusals::admit(const std::string& scope, const AuditRecord& refusal) {
  const MutexLock lock(mutex_);
  Window& window = window_of(scope, refusal.at_ms);
  Tally& tally = tally_of(window, refusal);
  const bool own =
      &tally != &window.others && tally.recorded < limits_.each && window.recorded < limits_.one_by_one;
  if (own) {
    ++tally.recorded;
    ++window.recorded;
  } else {
    add(tally.summary, refusal);
  }
  update_due();
  return own;
}

void Refusals::count(const std::string& scope, const AuditRecord& refusal) {
  const MutexLock lock(mutex_);
  Window& window = window_of(scope, refusal.at_ms);
  add(tally_of(window, refusal).summary, refusal);
  update_due();
}

std::vector<AuditRecord> Refusals::take(int64_t now_ms) {
  const MutexLock lock(mutex_);
  std::vector<AuditRecord> due;
  due.swap(over_);
  std::erase_if(windows_, [&](const auto& entry) {
    const Window& window = entry.second;
    if (now_ms < window.ends_ms) return false;
    collect(due, window);
    return true;
  });
  update_due();
  return due;
}

}  // namespace pirn::registry
