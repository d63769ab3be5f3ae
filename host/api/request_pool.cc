#include "host/api/request_pool.h"

#include <utility>

#include "host/store/wal_watch.h"
#include "packager/mutex/mutex.h"

namespace pirn::api {

std::string_view name(Lane lane) {
  switch (lane) {
    case Lane::reads:
      return "reads";
    case Lane::reports:
      return "reports";
    case Lane::uploads:
      return "uploads";
    case Lane::deployments:
      return "deployments";
    case Lane::maintenance:
      return "maintenance";
    case Lane::refusals:
      return "refusals";
  }
  return "";
}

// The requests that are under way, by owner.
struct RequestPool::Ledger {
  explicit Ledger(size_t limit) : limit(limit) {}

  bool enter(std::string_view owner) {
    const MutexLock lock(mutex);
    const auto found = requests.find(owner);
    const size_t before = found == requests.end() ? 0 : found->second;
    if (before >= limit) return ++refused, false;
    if (found == requests.end())
      requests.emplace(owner, 1);
    else
      ++found->second;
    return ++under_way, true;
  }

  void leave(const std::string& owner) {
    const MutexLock lock(mutex);
    const auto found = requests.find(owner);
    if (--found->second == 0) requests.erase(found);
    --under_way;
  }

  const size_t limit;
  mutable Mutex mutex;
  std::map<std::string, size_t, std::less<>> requests PIRN_GUARDED_BY(mutex);  // none is 0
  uint64_t under_way PIRN_GUARDED_BY(mutex) = 0;
  uint64_t refused PIRN_GUARDED_BY(mutex) = 0;
};

RequestPool::RequestPool(const PoolLimits& limits)
    : ledger_(std::make_shared<Ledger>(limits.requests_per_owner)) {
  for (size_t lane = 0; lane < kLanes; ++lane)
    lanes_[lane] = std::make_unique<FairWorkers>(limits.lanes[lane]);
}

RequestPool::~RequestPool() { stop(); }

Admission RequestPool::admit(std::string_view owner) {
  struct Place {
    Place(std::shared_ptr<Ledger> ledger, std::string_view owner) : ledger(std::move(ledger)), owner(owner) {}
    ~Place() { ledger->leave(owner); }
    const std::shared_ptr<Ledger> ledger;
    const std::string owner;
  };
  if (!ledger_->enter(owner)) return nullptr;
  return std::make_shared<const Place>(ledger_, owner);
}

namespace {

// What a reader of a database says that it reads for.
std::function<void()> with_purpose(const QueueKey& queue, std::function<void()> job) {
  if (queue.purpose.empty()) return job;
  return [purpose = queue.purpose, job = std::move(job)] {
    const store::Purpose of_thread(purpose);
    job();
  };
}

}  // namespace

bool RequestPool::offer(const QueueKey& queue, std::function<void()> job) {
  return workers(queue.lane).offer(queue.owner, with_purpose(queue, std::move(job)));
}

void RequestPool::post(const QueueKey& queue, std::function<void()> job) {
  workers(queue.lane).post(queue.owner, with_purpose(queue, std::move(job)));
}

void RequestPool::stop() {
  for (const auto& lane : lanes_) lane->stop();
}

WorkerFigures RequestPool::figures(Lane lane) const { return workers(lane).figures(); }

uint64_t RequestPool::requests_under_way() const {
  const MutexLock lock(ledger_->mutex);
  return ledger_->under_way;
}

uint64_t RequestPool::requests_refused() const {
  const MutexLock lock(ledger_->mutex);
  return ledger_->refused;
}

}  // namespace pirn::api
