#include "host/api/connection_table.h"

#include <sys/resource.h>

#include <algorithm>

#include "packager/mutex/mutex.h"

namespace pirn::api {

namespace {

void call(const std::vector<std::function<void()>>& closing) {
  for (const auto& close : closing) close();
}

}  // namespace

ConnectionLimits within_descriptors(ConnectionLimits limits) {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0 || descriptors.rlim_cur == RLIM_INFINITY) return limits;
  const size_t all = descriptors.rlim_cur;
  const size_t spared = std::min<size_t>(1024, all / 4);
  // Of what is not spared, the Unix socket may take half where there is little.
  limits.local = std::clamp<size_t>(limits.local, 1, std::max<size_t>(1, (all - spared) / 2));
  limits.network = std::max<size_t>(2, std::min(limits.network, all - spared - limits.local));
  limits.strangers = std::clamp<size_t>(limits.strangers, 1, limits.network / 2);
  limits.strangers_of_address = std::clamp<size_t>(limits.strangers_of_address, 1, limits.strangers);
  return limits;
}

std::vector<ConnectionTable::Group*> ConnectionTable::groups_of(const Entry& entry) {
  if (entry.door == Door::local) return {&local_};
  if (entry.known) return {&known_, &tenants_[entry.owner]};
  return {&strangers_, &addresses_[entry.owner]};
}

void ConnectionTable::insert(Id id, const Entry& entry) {
  for (Group* group : groups_of(entry)) {
    group->all.insert(id);
    if (entry.activity == Activity::idle) group->idle.insert(id);
    if (entry.activity == Activity::stream) group->streams.insert(id);
  }
}

void ConnectionTable::erase(Id id, const Entry& entry) {
  for (Group* group : groups_of(entry)) {
    group->all.erase(id);
    group->idle.erase(id);
    group->streams.erase(id);
  }
  if (entry.door == Door::local) return;
  Groups& owners = entry.known ? tenants_ : addresses_;
  if (const auto found = owners.find(entry.owner); found->second.all.empty()) owners.erase(found);
}

void ConnectionTable::evict(Id id, Closing& closing) {
  const auto found = entries_.find(id);
  erase(id, found->second);
  closing.push_back(std::move(found->second.close));
  entries_.erase(found);
  ++closed_;
}

bool ConnectionTable::evict_idle(Group& group, Closing& closing) {
  if (group.idle.empty()) return false;
  evict(*group.idle.begin(), closing);
  return true;
}

// A stranger's request may be under way for as long as its client does not read the answer.
void ConnectionTable::evict_stranger(Group& group, Closing& closing) {
  if (!evict_idle(group, closing)) evict(*group.all.begin(), closing);
}

ConnectionTable::Id ConnectionTable::open(Door door, const std::string& peer, std::function<void()> close) {
  Closing closing;
  Id id = 0;
  {
    const MutexLock lock(mutex_);
    bool room = true;
    if (door == Door::local) {
      if (local_.all.size() >= limits_.local) room = evict_idle(local_, closing);
    } else {
      const auto same = addresses_.find(peer);
      if (same != addresses_.end() && same->second.all.size() >= limits_.strangers_of_address)
        evict_stranger(same->second, closing);
      else if (strangers_.all.size() >= limits_.strangers)
        evict_stranger(strangers_, closing);
    }
    if (room) {
      id = ++last_;
      const auto entry = entries_
                             .emplace(id, Entry{door, false, door == Door::local ? std::string() : peer,
                                                Activity::idle, std::move(close)})
                             .first;
      insert(id, entry->second);
    } else {
      ++refused_;
    }
  }
  call(closing);
  return id;
}

size_t ConnectionTable::held_by(const std::string& tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? 0 : found->second.all.size();
}

// Takes a place from a caller who has more than the one who asks would have, or else from that one.
bool ConnectionTable::make_room_for(const std::string& tenant, Closing& closing) {
  const size_t then = held_by(tenant) + 1;
  std::vector<Group*> larger;
  for (auto& [owner, group] : tenants_)
    if (group.all.size() > then) larger.push_back(&group);
  std::stable_sort(larger.begin(), larger.end(),
                   [](const Group* a, const Group* b) { return a->all.size() > b->all.size(); });
  for (Group* group : larger) {
    if (evict_idle(*group, closing)) return true;
    if (group->streams.empty()) continue;
    evict(*group->streams.begin(), closing);
    return true;
  }
  const auto own = tenants_.find(tenant);
  return own != tenants_.end() && evict_idle(own->second, closing);
}

bool ConnectionTable::authenticate(Id id, const std::string& tenant) {
  Closing closing;
  bool room = true;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return true;  // it is being closed
    Entry& entry = found->second;
    if (entry.door == Door::local || (entry.known && entry.owner == tenant)) return true;
    const size_t places = limits_.network - limits_.strangers;
    const size_t most_of_one = std::max<size_t>(1, places - (places + 3) / 4);
    if (const size_t held = held_by(tenant); held >= most_of_one)
      room = held != 0 && evict_idle(tenants_[tenant], closing);
    else if (!entry.known && known_.all.size() >= places)
      room = make_room_for(tenant, closing);
    if (room) {
      erase(id, entry);
      entry.known = true;
      entry.owner = tenant;
      insert(id, entry);
    } else {
      ++refused_;
    }
  }
  call(closing);
  return room;
}

void ConnectionTable::set(Id id, Activity activity) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.activity == activity) return;
  found->second.activity = activity;
  for (Group* group : groups_of(found->second)) {
    group->idle.erase(id);
    group->streams.erase(id);
    if (activity == Activity::idle) group->idle.insert(id);
    if (activity == Activity::stream) group->streams.insert(id);
  }
}

void ConnectionTable::remove(Id id) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  erase(id, found->second);
  entries_.erase(found);
}

bool ConnectionTable::make_room() {
  Closing closing;
  {
    const MutexLock lock(mutex_);
    if (!evict_idle(strangers_, closing) && !evict_idle(known_, closing)) return false;
  }
  call(closing);
  return true;
}

void ConnectionTable::close_all() {
  Closing closing;
  {
    const MutexLock lock(mutex_);
    const uint64_t before = closed_;
    while (!entries_.empty()) evict(entries_.begin()->first, closing);
    closed_ = before;
  }
  call(closing);
}

ConnectionTable::Count ConnectionTable::count() const {
  const MutexLock lock(mutex_);
  return {local_.all.size(), strangers_.all.size(), known_.all.size(), closed_, refused_};
}

}  // namespace pirn::api
