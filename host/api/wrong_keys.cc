#include "host/api/wrong_keys.h"

#include <algorithm>

namespace pirn::api {

namespace {
std::string source_of(const std::string& address, const std::string& key) { return address + " " + key; }
}  // namespace

void WrongKeys::refill(Source& source, int64_t now_ms) const {
  const auto passed = static_cast<double>(std::max<int64_t>(0, now_ms - source.at_ms));
  source.left = std::min(limits_.free, source.left + passed / static_cast<double>(limits_.refill_ms));
  source.at_ms = now_ms;
  if (source.left >= limits_.free) source.strikes = 0;
}

WrongKeys::Advice WrongKeys::ask(const std::string& address, const std::string& key, int64_t now_ms) {
  // Whoever was never wrong costs no entry.
  Kind& kind = kind_of(key);
  Source* source = kind.recent.find(source_of(address, key));
  if (source == nullptr) return {};
  refill(*source, now_ms);
  if (source->left >= 1) return {};
  if (source->held >= limits_.held_of_source || kind.held >= limits_.held) {
    ++refused_;
    const double missing = 1 - source->left;
    return {0, std::max<int64_t>(1, static_cast<int64_t>(missing * static_cast<double>(limits_.refill_ms)))};
  }
  ++source->held;
  ++kind.held;
  ++held_back_;
  const uint32_t doublings = std::min<uint32_t>(source->strikes, 16);
  return {std::min(limits_.longest_delay_ms, limits_.first_delay_ms << doublings), 0};
}

void WrongKeys::go_on(const std::string& address, const std::string& key) {
  Kind& kind = kind_of(key);
  if (kind.held > 0) --kind.held;
  if (Source* source = kind.recent.find(source_of(address, key)); source != nullptr && source->held > 0)
    --source->held;
}

void WrongKeys::was_wrong(const std::string& address, const std::string& key, int64_t now_ms) {
  ++wrong_;
  Recent& recent = kind_of(key).recent;
  const std::string name = source_of(address, key);
  Source* source = recent.find(name);
  if (source == nullptr) source = &recent.add(name, Source{limits_.free, now_ms});
  refill(*source, now_ms);
  if (source->left < 1) ++source->strikes;
  source->left = source->left > 1 ? source->left - 1 : 0;
}

}  // namespace pirn::api
