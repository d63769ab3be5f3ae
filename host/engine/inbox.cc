#include "host/engine/inbox.h"

#include <algorithm>

namespace pirn::engine {

bool Inbox::push(Command& command) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    if (closed_ || commands_.size() >= limit_) return false;
    first = commands_.empty();
    commands_.push_back(std::move(command));
  }
  // Whoever found it empty has woken the engine for all that follow.
  if (first) wakeup_.wake();
  return true;
}

void Inbox::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

bool Inbox::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

size_t Inbox::take(size_t max, std::vector<Command>& out) {
  std::lock_guard lock(mutex_);
  const size_t n = std::min(max, commands_.size());
  for (size_t i = 0; i < n; ++i) {
    out.push_back(std::move(commands_.front()));
    commands_.pop_front();
  }
  return n;
}

}  // namespace pirn::engine
