#include "host/events/feed.h"

#include <algorithm>

#include "packager/mutex/mutex.h"

namespace pirn::events {

Subscription::~Subscription() { feed_.remove(id_, this); }

Subscription::Batch Subscription::take() {
  const MutexLock lock(mutex_);
  Batch batch;
  batch.items.assign(std::make_move_iterator(items_.begin()), std::make_move_iterator(items_.end()));
  items_.clear();
  bytes_ = 0;
  batch.lost = std::exchange(lost_, 0);
  return batch;
}

void Subscription::when_ready(std::function<void()> ready) {
  {
    const MutexLock lock(mutex_);
    if (items_.empty()) {
      when_ready_ = std::move(ready);
      return;
    }
    when_ready_ = nullptr;
  }
  ready();
}

std::function<void()> Subscription::push(Item item) {
  const MutexLock lock(mutex_);
  const size_t size = item.text->size();
  while (!items_.empty() && (items_.size() == limit_ || size > byte_limit_ - std::min(bytes_, byte_limit_))) {
    bytes_ -= items_.front().text->size();
    items_.pop_front();
    ++lost_;
  }
  bytes_ += size;
  items_.push_back(std::move(item));
  return std::exchange(when_ready_, nullptr);
}

std::shared_ptr<Subscription> Feed::subscribe(ExecutionId id) {
  auto subscription = std::make_shared<Subscription>(*this, id, limit_, byte_limit_);
  const MutexLock lock(mutex_);
  subscriptions_[id].push_back(subscription.get());
  count_.fetch_add(1);
  return subscription;
}

void Feed::remove(ExecutionId id, Subscription* subscription) {
  const MutexLock lock(mutex_);
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return;
  if (std::erase(found->second, subscription) != 0) count_.fetch_sub(1);
  if (found->second.empty()) subscriptions_.erase(found);
}

void Feed::publish(ExecutionId id, const Item& item) {
  // Called without a lock: it may drop the last reference to a subscription, which then removes itself.
  std::vector<std::function<void()>> ready;
  {
    const MutexLock lock(mutex_);
    const auto found = subscriptions_.find(id);
    if (found == subscriptions_.end()) return;
    for (Subscription* subscription : found->second)
      if (auto call = subscription->push(item)) ready.push_back(std::move(call));
  }
  for (const auto& call : ready) call();
}

void Feed::publish_commit(ExecutionId id, uint32_t commit_no, std::string_view body, bool last) {
  if (!watched(id)) return;
  publish(id, Item{commit_no, last, {}, 0, std::make_shared<const std::string>(body)});
}

void Feed::publish_live(ExecutionId id, std::string_view name, std::string object, uint64_t line) {
  if (!watched(id)) return;
  publish(id,
          Item{0, false, std::string(name), line, std::make_shared<const std::string>(std::move(object))});
}

bool Feed::watched(ExecutionId id) const {
  if (count_.load() == 0) return false;
  const MutexLock lock(mutex_);
  return subscriptions_.contains(id);
}

}  // namespace pirn::events
