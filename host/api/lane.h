// The queues in which work of the API waits: one for each lane and owner. Values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pirn::api {

// Which threads run a piece of work. Each lane has its own, so that short reads never wait for long work.
enum class Lane : uint8_t {
  reads,        // short: the registry, a page of the store
  reports,      // a whole journal, a drawn graph, the replay of a stream, the audit log
  uploads,      // a package: unpacked, verified, stored
  deployments,  // a library in its probe, which may sleep for as long as a probe may take
  maintenance,  // the operator's: pruning, backup, the retention policy
  refusals,     // audit records of refused requests
};
inline constexpr std::array kAllLanes = {Lane::reads,       Lane::reports,     Lane::uploads,
                                         Lane::deployments, Lane::maintenance, Lane::refusals};
inline constexpr size_t kLanes = kAllLanes.size();
std::string_view name(Lane lane);

// The owner of requests without a valid key. No tenant can have this name.
inline constexpr std::string_view kNobody = "?";

struct QueueKey {
  Lane lane = Lane::reads;
  std::string owner;              // the tenant of the key; empty: the operator; or kNobody
  std::string_view purpose = {};  // what the work is, for whoever wonders what takes so long; outlives it
};

}  // namespace pirn::api
