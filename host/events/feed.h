// The tail of the committed journal, and what running functions say before they return, for whoever watches
// an execution. The journal is the truth; this is best effort: a subscriber that is too slow loses the oldest
// items, is told how many, and reads the journal again.
//
// Nothing is parsed here: the engine's thread pays one atomic load for an execution that nobody watches while
// nobody watches anything, and one copy of the commit's text otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "packager/mutex/mutex.h"
#include "registry/ids.h"

namespace pirn::events {

// One commit of the journal, or one live message.
struct Item {
  uint32_t commit_no = 0;                   // 0: live
  bool last = false;                        // a commit: the execution has ended with it
  std::string name;                         // live: "log", "progress", "chunk"
  uint64_t line = 0;                        // live: its number in the logbook; 0: it is not kept
  std::shared_ptr<const std::string> text;  // a commit's body (host/journal/codec.h), or a JSON object
};

class Feed;

// A bounded queue of one watcher of one execution. Any thread; it must not outlive its feed.
class Subscription {
 public:
  Subscription(Feed& feed, ExecutionId id, size_t limit, size_t byte_limit)
      : feed_(feed), id_(id), limit_(limit), byte_limit_(byte_limit) {}
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  struct Batch {
    std::vector<Item> items;  // in order
    uint64_t lost = 0;        // items that were dropped before these
  };
  // What has arrived; may be empty.
  Batch take();
  // Calls `ready` once, as soon as there is something to take: at once if there is. A second call replaces
  // the first. `ready` runs on any thread and must not block.
  void when_ready(std::function<void()> ready);

 private:
  friend class Feed;
  // Returns what has to be called when no lock is held.
  std::function<void()> push(Item item);

  Feed& feed_;
  const ExecutionId id_;
  const size_t limit_, byte_limit_;
  Mutex mutex_;
  std::deque<Item> items_ PIRN_GUARDED_BY(mutex_);
  size_t bytes_ PIRN_GUARDED_BY(mutex_) = 0;  // of the texts of items_
  uint64_t lost_ PIRN_GUARDED_BY(mutex_) = 0;
  std::function<void()> when_ready_ PIRN_GUARDED_BY(mutex_);
};

class Feed {
 public:
  // What waits for one subscriber: at most `limit` items, whose texts have at most `byte_limit` bytes
  // together unless it is one item alone.
  explicit Feed(size_t limit = 1024, size_t byte_limit = 1 << 20) : limit_(limit), byte_limit_(byte_limit) {}

  // Any thread. Gets everything that is published after the call.
  std::shared_ptr<Subscription> subscribe(ExecutionId id);

  // The engine's thread, after the commit is durable. `body` is copied if somebody watches.
  void publish_commit(ExecutionId id, uint32_t commit_no, std::string_view body, bool last);
  // Any thread. `object` is a JSON object; `line` its number in the logbook, 0: it is not kept.
  void publish_live(ExecutionId id, std::string_view name, std::string object, uint64_t line = 0);
  // Any thread; cheap. Whether publish_live would reach anybody.
  bool watched(ExecutionId id) const;

  size_t subscribers() const { return count_.load(std::memory_order_relaxed); }

 private:
  friend class Subscription;
  void remove(ExecutionId id, Subscription* subscription);
  void publish(ExecutionId id, const Item& item);

  const size_t limit_, byte_limit_;
  std::atomic<size_t> count_{0};
  mutable Mutex mutex_;
  // A subscription removes itself before it dies, under this lock.
  std::unordered_map<ExecutionId, std::vector<Subscription*>> subscriptions_ PIRN_GUARDED_BY(mutex_);
};

}  // namespace pirn::events
