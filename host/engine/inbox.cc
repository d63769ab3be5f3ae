#include "host/engine/inbox.h"

#include <algorithm>

namespace pirn::engine {

bool Inbox::push(Command& command) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    if (closed_ || waiting_ >= limit_) return false;
    first = commands_.empty();
    commands_.push_back(std::move(command));
    ++waiting_;
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
  const bool used_up = next_ == batch_.size();
  if (used_up) {
    batch_.clear();
    next_ = 0;
  }
  size_t n;
  {
    std::lock_guard lock(mutex_);
    if (used_up) batch_.swap(commands_);
    n = std::min(max, batch_.size() - next_);
    waiting_ -= n;
  }
  const auto first = batch_.begin() + static_cast<ptrdiff_t>(next_);
  out.insert(out.end(), std::make_move_iterator(first),
             std::make_move_iterator(first + static_cast<ptrdiff_t>(n)));
  next_ += n;
  return n;
}

}  // namespace pirn::engine
