#include "host/engine/inbox.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "packager/mutex/mutex.h"

namespace pirn::engine {

namespace {

template <class T, class... Of>
constexpr bool kIsOneOf = (std::is_same_v<T, Of> || ...);

std::string_view tenant_of(const Command& command) {
  return std::visit(
      [](const auto& each) -> std::string_view {
        if constexpr (requires { each.tenant; }) return each.tenant;
        return {};  // the operator's
      },
      command);
}

}  // namespace

size_t cost_of(const Command& command) {
  return std::visit(
      [](const auto& each) -> size_t {
        using T = std::decay_t<decltype(each)>;
        if constexpr (kIsOneOf<T, ListOpen, ListAwaiting, CancelAll, Backfill, RetryDeadLetters,
                               DiscardDeadLetters>)
          return kWalkCost;
        if constexpr (kIsOneOf<T, Stats, ListSchedules, ListDeadLetters, ListBreakers, Rerun>)
          return kWalkCost / 4;
        if constexpr (std::is_same_v<T, Show>) return each.brief ? 1 : kWalkCost / 16;
        return 1;
      },
      command);
}

bool Inbox::push(Command& command) {
  bool first;
  {
    const MutexLock lock(mutex_);
    if (closed_ || waiting_.load(std::memory_order_relaxed) >= limit_) return false;
    first = commands_.empty();
    commands_.push_back(std::move(command));
    waiting_.fetch_add(1, std::memory_order_relaxed);
  }
  // Whoever found it empty has woken the engine for all that follow.
  if (first) wakeup_.wake();
  return true;
}

void Inbox::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
}

bool Inbox::closed() const {
  const MutexLock lock(mutex_);
  return closed_;
}

size_t Inbox::take(size_t max, std::vector<Command>& out) {
  arrived_.clear();
  {
    const MutexLock lock(mutex_);
    arrived_.swap(commands_);
  }
  size_t n = arrived_.size();
  size_t cost = 0;
  if (queues_.empty())
    for (const Command& command : arrived_) cost += cost_of(command);
  if (queues_.empty() && cost <= max) {
    out.insert(out.end(), std::make_move_iterator(arrived_.begin()), std::make_move_iterator(arrived_.end()));
  } else {
    line_up();
    n = take_in_turn(max, out);
  }
  waiting_.fetch_sub(n, std::memory_order_relaxed);
  return n;
}

void Inbox::line_up() {
  for (Command& command : arrived_) {
    const std::string_view tenant = tenant_of(command);
    auto queue = queues_.find(tenant);
    if (queue == queues_.end()) {
      queue = queues_.try_emplace(std::string(tenant)).first;
      ring_.push_back(queue);
    }
    queue->second.commands.push_back(std::move(command));
  }
}

size_t Inbox::take_in_turn(size_t max, std::vector<Command>& out) {
  size_t n = 0;
  for (size_t left = max; left > 0 && !ring_.empty();) {
    TenantQueue& queue = ring_.front()->second;
    while (left > 0 && !queue.commands.empty()) {
      const size_t cost = cost_of(queue.commands.front());
      if (cost > queue.credit) break;
      queue.credit -= cost;
      left -= std::min(left, cost);
      out.push_back(std::move(queue.commands.front()));
      queue.commands.pop_front();
      ++n;
    }
    const bool is_over = queue.commands.empty() || cost_of(queue.commands.front()) > queue.credit;
    if (!is_over) break;  // the engine's turn has ended within this one, which goes on in the next
    const auto over = ring_.front();
    ring_.pop_front();
    if (queue.commands.empty()) {
      queues_.erase(over);
    } else {
      queue.credit += kWalkCost;
      ring_.push_back(over);
    }
  }
  return n;
}

}  // namespace pirn::engine
