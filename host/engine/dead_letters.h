// The dead letters of the tenants (R34): what is left of executions that failed for good, until somebody
// decides about them or their time is over. A letter is in the tenant's own stream from the transaction that
// ended its execution to the one that starts its successor or gives it up.
//
// Thread: the engine's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "host/engine/dead_letter_command.h"
#include "host/engine/tenant_streams.h"

namespace pirn::engine {

struct Decision;

class DeadLetters {
 public:
  // Of one tenant; the oldest makes room.
  static constexpr size_t kMost = 10'000;

  // They outlive it.
  explicit DeadLetters(TenantStreams& streams) : streams_(streams) {}

  // After the streams are recovered.
  void restore();

  void insert(const std::string& tenant, ExecutionId id, journal::DeadLetter letter, int64_t now);
  // Another execution goes on in its place.
  void retried(const std::string& tenant, ExecutionId id, ExecutionId execution, int64_t now);
  // Removes at most `limit` of those whose time is over; how many.
  size_t expire(int64_t now, size_t limit);
  std::optional<int64_t> next_timer() const;

  // Oldest first. With an id: that one, or the error not_found.
  Result<std::vector<DeadLetterEntry>> select(const std::string& tenant, std::optional<ExecutionId> id,
                                              const DeadLetterFilter& filter, uint32_t limit) const;

  void handle(Decision& decision, ListDeadLetters& command) const;
  void handle(Decision& decision, ShowDeadLetter& command) const;
  void handle(Decision& decision, DiscardDeadLetters& command);

 private:
  using ByTime = std::set<std::pair<int64_t, ExecutionId>>;

  const journal::DeadLetter* find(std::string_view tenant, ExecutionId id) const;
  void index(const std::string& tenant, ExecutionId id, const journal::DeadLetter& letter);
  // Before the record that removes it.
  void unindex(const std::string& tenant, ExecutionId id);
  void prune(const std::string& tenant, journal::DeadLetterPrune reason, std::vector<ExecutionId> ids,
             int64_t now);

  TenantStreams& streams_;
  // Derived from the streams.
  std::map<std::string, ByTime, std::less<>> by_time_;              // of failure, by tenant
  std::set<std::tuple<int64_t, std::string, ExecutionId>> expiry_;  // of those that expire
};

}  // namespace pirn::engine
