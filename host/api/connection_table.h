// Which connections are open, whose they are, and which one goes when there is no room for another.
//
// The Unix socket and TCP are counted apart, so that nothing that happens on TCP takes the operator's places.
// A TCP connection is a stranger's until a request of it has authenticated; strangers have places of their
// own, and the newest stranger is always let in: it pushes out the oldest one, of its own address first. So a
// flood of silent connections cannot keep out somebody who has a key and says so.
//
// The remaining places of TCP belong to callers with keys. A quarter of them is out of reach for any single
// caller: who has the other three quarters gives up an idle connection of his own, or is refused. When all
// are full, a caller gets a place of one who holds more, of the one who holds most first: an idle connection,
// or else a watcher of a stream, whose client connects again. A caller's connection with a request under way
// is never closed for another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/api/gate.h"
#include "packager/mutex/mutex.h"

namespace pirn::api {

struct ConnectionLimits {
  size_t local = 4'096;               // of the Unix socket
  size_t network = 16'384;            // of TCP, with those of strangers
  size_t strangers = 2'048;           // of TCP; less than `network`
  size_t strangers_of_address = 256;  // of one peer: an IPv4 address, or the /64 network of an IPv6 address
};

// What the descriptors that this process may open have room for: some are spared for the databases and for
// the programs that the host starts, and neither door can take what the other one needs.
ConnectionLimits within_descriptors(ConnectionLimits limits);

// Any thread. Connections are closed by calls without a lock.
class ConnectionTable {
 public:
  using Id = uint64_t;
  enum class Activity : uint8_t { idle, request, stream };

  explicit ConnectionTable(ConnectionLimits limits) : limits_(limits) {}

  // A connection that was accepted; it is idle. `peer`: its address, of TCP only. `close` closes it, may be
  // called once, on the thread of the call that needs room. 0: there is no room for it.
  Id open(Door door, const std::string& peer, std::function<void()> close);
  // A request of it came with a key. `tenant`: the caller's; empty: the operator. False: there is no room for
  // one more connection of this caller.
  bool authenticate(Id id, const std::string& tenant);
  void set(Id id, Activity activity);
  // It was closed. Idempotent.
  void remove(Id id);

  // Closes one TCP connection that waits for a request, a stranger's first. False: there is none.
  bool make_room();
  void close_all();

  struct Count {
    size_t local = 0, strangers = 0,
           known = 0;      // open now: of the Unix socket, of TCP without a key and with
    uint64_t closed = 0;   // since the start: closed to make room for others
    uint64_t refused = 0;  // since the start: turned away, for there was no room
  };
  Count count() const;

 private:
  struct Entry {
    Door door;
    bool known = false;
    std::string owner;  // the tenant of a known one, the peer of a stranger
    Activity activity = Activity::idle;
    std::function<void()> close;
  };
  struct Group {
    std::set<Id> all, idle, streams;  // oldest first
  };
  using Groups = std::map<std::string, Group>;
  using Closing = std::vector<std::function<void()>>;

  std::vector<Group*> groups_of(const Entry& entry) PIRN_REQUIRES(mutex_);
  void insert(Id id, const Entry& entry) PIRN_REQUIRES(mutex_);
  void erase(Id id, const Entry& entry) PIRN_REQUIRES(mutex_);
  void evict(Id id, Closing& closing) PIRN_REQUIRES(mutex_);
  // Of the oldest one; false: there is none.
  bool evict_idle(Group& group, Closing& closing) PIRN_REQUIRES(mutex_);
  void evict_stranger(Group& group, Closing& closing) PIRN_REQUIRES(mutex_);
  size_t held_by(const std::string& tenant) const PIRN_REQUIRES(mutex_);
  bool make_room_for(const std::string& tenant, Closing& closing) PIRN_REQUIRES(mutex_);

  const ConnectionLimits limits_;
  mutable Mutex mutex_;
  Id last_ PIRN_GUARDED_BY(mutex_) = 0;
  uint64_t closed_ PIRN_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ PIRN_GUARDED_BY(mutex_) = 0;
  std::unordered_map<Id, Entry> entries_ PIRN_GUARDED_BY(mutex_);
  Group local_ PIRN_GUARDED_BY(mutex_);
  Group strangers_ PIRN_GUARDED_BY(mutex_);
  Group known_ PIRN_GUARDED_BY(mutex_);
  Groups addresses_ PIRN_GUARDED_BY(mutex_);
  Groups tenants_ PIRN_GUARDED_BY(mutex_);
};

}  // namespace pirn::api
