#include "host/events/outlets.h"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "packager/mutex/mutex.h"

namespace pirn::events {

namespace {
constexpr std::chrono::milliseconds kLastWrites{1000};
}

class Outlets::Outlet {
 public:
  Outlet(OutletOptions options, std::function<int64_t()> clock,
         std::function<void(const OutletFailure&)> on_failure, size_t limit)
      : options_(std::move(options)),
        clock_(std::move(clock)),
        on_failure_(std::move(on_failure)),
        limit_(limit),
        thread_([this] { work(); }) {}

  ~Outlet() {
    stop();
    thread_.join();
  }

  // What waits is written until kLastWrites are over; the rest is lost.
  void stop() {
    const auto until = std::chrono::steady_clock::now() + kLastWrites;
    {
      const MutexLock lock(mutex_);
      if (std::exchange(stopping_, true)) return;
      stop_at_ = until;
    }
    arrived_.notify_one();
    options_.sink->finish_by(until);
  }

  bool wants(std::string_view tenant) const { return options_.tenant.empty() || options_.tenant == tenant; }
  const std::string& tenant() const { return options_.tenant; }

  void push(Item item) {
    {
      const MutexLock lock(mutex_);
      if (items_.size() == limit_) {
        items_.pop_front();
        ++lost_;
      }
      items_.push_back(std::move(item));
    }
    arrived_.notify_one();
  }

  OutletHealth health() const {
    const MutexLock lock(mutex_);
    return {options_.name, options_.tenant, written_, errors_, lost_, last_error_, last_error_at_};
  }

 private:
  void work() {
    MutexLock lock(mutex_);
    for (;;) {
      while (!stopping_ && items_.empty()) arrived_.wait(mutex_);
      if (stopping_ && std::chrono::steady_clock::now() >= stop_at_) {
        lost_ += items_.size();
        items_.clear();
      }
      if (items_.empty()) return;
      const Item item = std::move(items_.front());
      items_.pop_front();
      lock.unlock();
      tell(item);
      lock.lock();
    }
  }

  void tell(const Item& item) {
    const Source& source = item.source;
    if (item.commit_no == 0) {
      if (wanted(options_.events, item.name)) write(envelope_of_live(source, item.name, *item.text));
      return;
    }
    const Status read = for_each_event(*item.text, [&](const EventView& event) {
      if (event.type == "workflow.fail") errors_of_runs_[source.execution] = member(event.text, "error");
      if (wanted(options_.events, event.type)) write(envelope_of(source, event, item.commit_no));
      if (event.type != "workflow.stop") return;
      const auto error = errors_of_runs_.extract(source.execution);
      if (wanted(options_.events, "end"))
        write(end_of_stream(source, event, item.commit_no, error ? error.mapped() : std::string()));
    });
    if (!read) fail(read.error().message);
  }

  void write(const Envelope& envelope) {
    std::optional<std::string> problem;
    try {
      if (const Status status = options_.sink->write(envelope); !status) problem = status.error().message;
    } catch (const std::exception& error) {
      problem = error.what();
    } catch (...) {
      problem = "it threw something that is not a std::exception";
    }
    if (problem) return fail(*problem);
    const MutexLock lock(mutex_);
    ++written_;
  }

  void fail(const std::string& problem) {
    OutletFailure failure{options_.name, problem, clock_(), 0};
    {
      const MutexLock lock(mutex_);
      failure.occurrence = ++errors_;
      ++lost_;  // it is not tried again
      last_error_ = problem;
      last_error_at_ = failure.at;
    }
    on_failure_(failure);
  }

  const OutletOptions options_;
  const std::function<int64_t()> clock_;
  const std::function<void(const OutletFailure&)> on_failure_;
  const size_t limit_;
  std::unordered_map<ExecutionId, std::string> errors_of_runs_;  // between their fail and their stop

  mutable Mutex mutex_;
  ConditionVariable arrived_;
  std::deque<Item> items_ PIRN_GUARDED_BY(mutex_);
  uint64_t written_ PIRN_GUARDED_BY(mutex_) = 0;
  uint64_t errors_ PIRN_GUARDED_BY(mutex_) = 0;
  uint64_t lost_ PIRN_GUARDED_BY(mutex_) = 0;
  std::string last_error_ PIRN_GUARDED_BY(mutex_);
  int64_t last_error_at_ PIRN_GUARDED_BY(mutex_) = 0;
  bool stopping_ PIRN_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point stop_at_ PIRN_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses all of the above
};

Outlets::Outlets(std::vector<OutletOptions> outlets, std::function<int64_t()> clock,
                 std::function<void(const OutletFailure&)> on_failure, size_t limit) {
  for (OutletOptions& options : outlets)
    outlets_.push_back(std::make_unique<Outlet>(std::move(options), clock, on_failure, limit));
}

Outlets::~Outlets() {
  for (const auto& outlet : outlets_) outlet->stop();  // all at once; then each is waited for
}

void Outlets::publish(std::string_view tenant, const std::function<Item()>& make) {
  std::optional<Item> item;
  for (const auto& outlet : outlets_) {
    if (!outlet->wants(tenant)) continue;
    if (!item) item = make();
    outlet->push(*item);
  }
}

void Outlets::publish_commit(ExecutionId id, const journal::Origin& origin, uint32_t commit_no,
                             std::string_view body) {
  if (outlets_.empty()) return;
  publish(origin.tenant, [&] {
    return Item{{id, origin.tenant, origin.package, origin.workflow},
                commit_no,
                std::make_shared<const std::string>(body),
                {}};
  });
}

void Outlets::publish_live(Source source, std::string_view name, std::string_view object) {
  if (outlets_.empty()) return;
  publish(source.tenant, [&] {
    return Item{source, 0, std::make_shared<const std::string>(object), std::string(name)};
  });
}

std::vector<OutletHealth> Outlets::health(std::string_view tenant) const {
  std::vector<OutletHealth> all;
  for (const auto& outlet : outlets_)
    if (tenant.empty() || outlet->tenant() == tenant) all.push_back(outlet->health());
  return all;
}

}  // namespace pirn::events
