// Slows down whoever presents wrong API keys, without waiting anywhere.
//
// Wrong keys are counted by where they come from and what they name: wrong secrets for a key that there is,
// for that key from that address; everything else, for the address. Each such source has a few wrong keys
// free, which come back with time. When they are used up, a request of that source is held back before its
// key is looked at, for longer with each further wrong one; and when several of the source are held back
// already, it is refused at once, its key unread. So the rate at which an address can try the secrets of a
// key is bounded, however many connections it opens.
//
// Many people may share an address. Nobody's key waits for what others try there, unless wrong secrets for
// that very key come from there too; then it is let in after the delay. What happens before the key is looked
// at depends on the address and on the key's public id alone, so it tells nothing of the secret. It can tell
// that there is a key with an id: ids are public, and too many to be guessed.
//
// Memory is bounded: sources that were not seen for the longest time are forgotten, addresses and keys apart.
//
// Thread: the network thread; figures() any. No clock: `now_ms` does not go back.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace pirn::api {

class WrongKeys {
 public:
  struct Limits {
    double free = 10;           // wrong keys of one source that cost nothing
    int64_t refill_ms = 6'000;  // after which one of them comes back
    int64_t first_delay_ms = 250, longest_delay_ms = 4'000;
    uint32_t held_of_source = 8;
    uint32_t held = 1'024;                   // of all addresses, and as many of all keys
    size_t addresses = 4'096, keys = 4'096;  // that are remembered
  };
  struct Figures {
    uint64_t wrong = 0, held_back = 0, refused = 0;  // since the start
  };
  struct Advice {
    int64_t hold_ms = 0;         // look at the key after so long, and call go_on() then
    int64_t retry_after_ms = 0;  // not 0: do not look at the key at all; one more is free after so long
  };

  WrongKeys() : WrongKeys(Limits()) {}
  explicit WrongKeys(Limits limits) : limits_(limits) {}

  // Before a key is looked at. `key`: its public id, empty when there is no key with that id.
  Advice ask(const std::string& address, const std::string& key, int64_t now_ms);
  // The request that was held back goes on, or its connection has ended; `key` as it was asked.
  void go_on(const std::string& address, const std::string& key);
  void was_wrong(const std::string& address, const std::string& key, int64_t now_ms);

  size_t remembered() const { return addresses_.recent.size() + keys_.recent.size(); }  // the network thread
  Figures figures() const { return {wrong_.load(), held_back_.load(), refused_.load()}; }

 private:
  struct Source {
    double left = 0;  // of the free wrong keys
    int64_t at_ms = 0;
    uint32_t held = 0, strikes = 0;  // strikes: wrong ones since there was none left
  };

  // A table that forgets what was not used for the longest time.
  class Recent {
   public:
    explicit Recent(size_t limit) : limit_(limit) {}
    Source* find(const std::string& name) {
      const auto found = index_.find(name);
      if (found == index_.end()) return nullptr;
      entries_.splice(entries_.begin(), entries_, found->second);
      return &found->second->second;
    }
    Source& add(const std::string& name, Source value) {
      entries_.emplace_front(name, value);
      index_[name] = entries_.begin();
      if (entries_.size() > limit_) {
        index_.erase(entries_.back().first);
        entries_.pop_back();
      }
      return entries_.front().second;
    }
    size_t size() const { return entries_.size(); }

   private:
    const size_t limit_;
    std::list<std::pair<std::string, Source>> entries_;
    std::unordered_map<std::string, std::list<std::pair<std::string, Source>>::iterator> index_;
  };
  // Sources of one kind. What one kind does takes no room from the other.
  struct Kind {
    Recent recent;
    uint32_t held = 0;
  };

  Kind& kind_of(const std::string& key) { return key.empty() ? addresses_ : keys_; }
  void refill(Source& source, int64_t now_ms) const;

  const Limits limits_;
  Kind addresses_{Recent(limits_.addresses)};  // by address: what names no key
  Kind keys_{Recent(limits_.keys)};            // by address and key
  std::atomic<uint64_t> wrong_{0}, held_back_{0}, refused_{0};
};

}  // namespace pirn::api
