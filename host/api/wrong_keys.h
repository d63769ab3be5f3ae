// Slows down whoever presents wrong API keys, without waiting anywhere.
//
// Each address has a few wrong keys free, which come back with time. When they are used up, a request from
// that address is held back before its key is looked at, for longer with each further wrong one; and when
// several of the address are held back already, it is refused at once, its key unread. So the rate at which
// an address can try keys is bounded, however many connections it opens.
//
// Many people may share an address. A key that was right from it lately is looked at without delay, unless
// wrong secrets for that very key come from there too; any other right key is let in after the delay. What
// happens before the key is looked at depends on the address and on the key's public id alone, so it tells
// nothing of the secret.
//
// Memory is bounded: addresses and keys that were not seen for the longest time are forgotten.
//
// Thread: the network thread; figures() any. No clock: `now_ms` does not go back.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace pirn::api {

class WrongKeys {
 public:
  struct Limits {
    double free = 10;           // wrong keys of one address that cost nothing
    int64_t refill_ms = 6'000;  // after which one of them comes back
    int64_t first_delay_ms = 250, longest_delay_ms = 4'000;
    uint32_t held_of_address = 8, held = 1'024;
    size_t addresses = 4'096, keys = 4'096;  // that are remembered
  };
  struct Figures {
    uint64_t wrong = 0, held_back = 0, refused = 0;  // since the start
  };
  struct Advice {
    int64_t hold_ms = 0;         // look at the key after so long, and call go_on() then
    int64_t retry_after_ms = 0;  // not 0: do not look at the key at all
  };

  WrongKeys() : WrongKeys(Limits()) {}
  explicit WrongKeys(Limits limits) : limits_(limits) {}

  // Before a key is looked at. `key`: its public id, empty when it has none.
  Advice ask(const std::string& address, const std::string& key, int64_t now_ms);
  // The request that was held back goes on, or its connection has ended.
  void go_on(const std::string& address);
  void was_right(const std::string& address, const std::string& key, int64_t now_ms);
  void was_wrong(const std::string& address, const std::string& key, int64_t now_ms);

  size_t remembered() const { return addresses_.size() + known_.size(); }  // entries; the network thread
  Figures figures() const { return {wrong_.load(), held_back_.load(), refused_.load()}; }

 private:
  // What is left of the free wrong keys.
  struct Bucket {
    double left = 0;
    int64_t at_ms = 0;
  };
  struct Address {
    Bucket bucket;
    uint32_t held = 0, strikes = 0;  // strikes: wrong ones since the bucket was empty
  };

  // A table that forgets what was not used for the longest time.
  template <class T>
  class Recent {
   public:
    explicit Recent(size_t limit) : limit_(limit) {}
    T* find(const std::string& key) {
      const auto found = index_.find(key);
      if (found == index_.end()) return nullptr;
      entries_.splice(entries_.begin(), entries_, found->second);
      return &found->second->second;
    }
    T& add(const std::string& key, T value) {
      entries_.emplace_front(key, std::move(value));
      index_[key] = entries_.begin();
      if (entries_.size() > limit_) {
        index_.erase(entries_.back().first);
        entries_.pop_back();
      }
      return entries_.front().second;
    }
    size_t size() const { return entries_.size(); }

   private:
    const size_t limit_;
    std::list<std::pair<std::string, T>> entries_;
    std::unordered_map<std::string, typename std::list<std::pair<std::string, T>>::iterator> index_;
  };

  void refill(Bucket& bucket, int64_t now_ms) const;
  void take(Bucket& bucket) const { bucket.left = bucket.left > 1 ? bucket.left - 1 : 0; }
  Address& address_of(const std::string& address, int64_t now_ms);

  const Limits limits_;
  Recent<Address> addresses_{limits_.addresses};
  Recent<Bucket> known_{limits_.keys};  // by address and key: was right from there
  uint32_t held_ = 0;
  std::atomic<uint64_t> wrong_{0}, held_back_{0}, refused_{0};
};

}  // namespace pirn::api
