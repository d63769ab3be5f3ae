#include "host/engine/inbox.h"

#include <thread>

namespace pirn::engine {

namespace {
constexpr int kSpins = 200;
}

bool Inbox::push(Command& command) {
  {
    std::lock_guard lock(mutex_);
    if (closed_ || commands_.size() >= limit_) return false;
    commands_.push_back(std::move(command));
  }
  signal();
  return true;
}

void Inbox::wake() { signal(); }

void Inbox::signal() {
  if (signalled_.exchange(true)) return;  // whoever set it first has woken the engine
  if (!sleeping_.load()) return;
  // The lock orders this notification after the sleeper's last look at signalled_.
  std::lock_guard lock(mutex_);
  changed_.notify_one();
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
  if (!commands_.empty()) signalled_ = true;
  return n;
}

void Inbox::wait(int64_t timeout_ns) {
  for (int i = 0; i < kSpins; ++i) {
    if (signalled_.exchange(false)) return;
    std::this_thread::yield();
  }
  std::unique_lock lock(mutex_);
  sleeping_ = true;
  changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [&] { return signalled_.load(); });
  sleeping_ = false;
  signalled_ = false;
}

}  // namespace pirn::engine
