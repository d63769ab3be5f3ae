#include "host/api/wrong_keys.h"

#include <algorithm>

namespace pirn::api {

namespace {
std::string both(const std::string& address, const std::string& key) { return address + " " + key; }
}  // namespace

void WrongKeys::refill(Bucket& bucket, int64_t now_ms) const {
  const auto passed = static_cast<double>(std::max<int64_t>(0, now_ms - bucket.at_ms));
  bucket.left = std::min(limits_.free, bucket.left + passed / static_cast<double>(limits_.refill_ms));
  bucket.at_ms = now_ms;
}

WrongKeys::Address& WrongKeys::address_of(const std::string& address, int64_t now_ms) {
  Address* found = addresses_.find(address);
  if (found == nullptr) found = &addresses_.add(address, Address{{limits_.free, now_ms}, 0, 0});
  refill(found->bucket, now_ms);
  if (found->bucket.left >= limits_.free) found->strikes = 0;
  return *found;
}

WrongKeys::Advice WrongKeys::ask(const std::string& address, const std::string& key, int64_t now_ms) {
  // Whoever was never wrong costs no entry.
  Address* peer = addresses_.find(address);
  if (peer == nullptr) return {};
  peer = &address_of(address, now_ms);
  if (peer->bucket.left >= 1) return {};
  if (Bucket* known = key.empty() ? nullptr : known_.find(both(address, key))) {
    refill(*known, now_ms);
    if (known->left >= 1) return {};
  }
  if (peer->held >= limits_.held_of_address || held_ >= limits_.held) {
    ++refused_;
    const double missing = 1 - peer->bucket.left;
    return {0, std::max<int64_t>(1, static_cast<int64_t>(missing * static_cast<double>(limits_.refill_ms)))};
  }
  ++peer->held;
  ++held_;
  ++held_back_;
  const uint32_t doublings = std::min<uint32_t>(peer->strikes, 16);
  return {std::min(limits_.longest_delay_ms, limits_.first_delay_ms << doublings), 0};
}

void WrongKeys::go_on(const std::string& address) {
  if (held_ > 0) --held_;
  if (Address* peer = addresses_.find(address); peer != nullptr && peer->held > 0) --peer->held;
}

void WrongKeys::was_right(const std::string& address, const std::string& key, int64_t now_ms) {
  Bucket* known = known_.find(both(address, key));
  if (known == nullptr) known_.add(both(address, key), Bucket{limits_.free, now_ms});
}

void WrongKeys::was_wrong(const std::string& address, const std::string& key, int64_t now_ms) {
  ++wrong_;
  Address& peer = address_of(address, now_ms);
  if (peer.bucket.left < 1) ++peer.strikes;
  take(peer.bucket);
  if (Bucket* known = known_.find(both(address, key))) {
    refill(*known, now_ms);
    take(*known);
  }
}

}  // namespace pirn::api
