// Which refusals get an audit record of their own, and which are only counted. Somebody who is refused 3,000
// times must neither push the records of what was done out of sight nor fill the disk; and the first few
// times, with what was asked for and why it was refused, are what an auditor wants to see.
//
// Within a window the first refusals of one actor, action and outcome are recorded one by one, up to a limit
// for each and a limit for the tenant. What comes beyond is counted, and becomes one record for each actor,
// action and outcome when the window ends, with the number of times and the first and last instant. Beyond
// `kinds` of those, the refusals of one actor share one, so that who makes many kinds does not blur what
// others are refused. A tenant gets at most `one_by_one` + 2 × `kinds` + 1 such records in a window, whatever
// its callers do.
//
// What is counted is in memory: a host that dies loses the counts of at most one window.
//
// Thread: any; one mutex that is never held during input or output.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "packager/mutex/mutex.h"
#include "registry/records.h"

namespace pirn::registry {

class Refusals {
 public:
  struct Limits {
    int64_t window_ms = 600'000;
    uint32_t each = 16;        // recorded one by one: of one actor, action and outcome
    uint32_t one_by_one = 64;  // ... of one scope
    uint32_t kinds = 32;       // summaries of one scope; further kinds share one of their actor, of as many
                               // actors, and all others one more
  };

  Refusals() = default;
  explicit Refusals(Limits limits) : limits_(limits) {}

  // True: append the record now. False: it was counted. `scope`: who shares the limits, the tenant as a rule.
  bool admit(const std::string& scope, const AuditRecord& refusal);
  // Counts a refusal that was admitted and could not be recorded.
  void count(const std::string& scope, const AuditRecord& refusal);

  // The summaries of the windows that are over; INT64_MAX: of all. They are handed out once.
  std::vector<AuditRecord> take(int64_t now_ms);
  // When take() has something to do; INT64_MAX: never, as things stand. Cheap.
  int64_t due_ms() const { return due_ms_.load(std::memory_order_relaxed); }

 private:
  using Kind = std::tuple<std::string, std::string, std::string>;  // actor, action, outcome
  struct Tally {
    Tally() { summary.times = 0; }
    uint32_t recorded = 0;
    AuditRecord summary;  // times 0: nothing was counted
  };
  struct Window {
    int64_t ends_ms = 0;
    uint32_t recorded = 0;
    std::map<Kind, Tally> tallies;
    std::map<std::string, Tally> actors;  // of kinds beyond the limit, by actor
    Tally others;                         // of actors beyond the limit
  };

  Window& window_of(const std::string& scope, int64_t now_ms) PIRN_REQUIRES(mutex_);
  Tally& tally_of(Window& window, const AuditRecord& refusal);
  static void collect(std::vector<AuditRecord>& into, const Window& window);
  static void add(AuditRecord& summary, const AuditRecord& refusal);
  void update_due() PIRN_REQUIRES(mutex_);

  const Limits limits_{};
  Mutex mutex_;
  std::map<std::string, Window> windows_ PIRN_GUARDED_BY(mutex_);
  std::vector<AuditRecord> over_ PIRN_GUARDED_BY(mutex_);  // of windows that ended before they were taken
  std::atomic<int64_t> due_ms_{INT64_MAX};
};

}  // namespace pirn::registry
