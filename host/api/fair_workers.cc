#include "host/api/fair_workers.h"

#include <iterator>
#include <utility>

#include "packager/mutex/mutex.h"

namespace pirn::api {

FairWorkers::FairWorkers(WorkerLimits limits) : limits_(limits) {
  for (size_t i = 0; i < limits_.threads; ++i) threads_.emplace_back([this] { work(); });
}

FairWorkers::~FairWorkers() { stop(); }

bool FairWorkers::offer(std::string_view owner, Job job) { return enqueue(owner, std::move(job), true); }
void FairWorkers::post(std::string_view owner, Job job) { enqueue(owner, std::move(job), false); }

bool FairWorkers::enqueue(std::string_view name, Job&& job, bool bounded) {
  {
    const MutexLock lock(mutex_);
    if (stopped_) return false;
    auto owner = owners_.find(name);
    if (owner == owners_.end()) owner = owners_.try_emplace(std::string(name)).first;
    // An owner at its limit has jobs, so none is left behind here without any.
    if (bounded && owner->second.waiting.size() >= limits_.waiting_per_owner) {
      ++figures_.refused;
      return false;
    }
    owner->second.waiting.push_back(std::move(job));
    ++figures_.waiting;
    line_up(owner);
  }
  changed_.notify_one();
  return true;
}

void FairWorkers::line_up(Owners::iterator owner) {
  Owner& of = owner->second;
  if (of.in_ring || of.waiting.empty() || of.running >= limits_.running_per_owner) return;
  of.in_ring = true;
  ring_.push_back(owner);
}

void FairWorkers::stop() {
  Owners dropped;  // destroyed without the lock: jobs own requests
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    ring_.clear();
    for (auto owner = owners_.begin(); owner != owners_.end();) {
      owner->second.in_ring = false;
      dropped[owner->first].waiting.swap(owner->second.waiting);
      owner = owner->second.running == 0 ? owners_.erase(owner) : std::next(owner);
    }
    figures_.waiting = 0;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

WorkerFigures FairWorkers::figures() const {
  const MutexLock lock(mutex_);
  WorkerFigures figures = figures_;
  figures.owners = owners_.size();
  return figures;
}

void FairWorkers::work() {
  MutexLock lock(mutex_);
  while (true) {
    while (!stopped_ && ring_.empty()) changed_.wait(mutex_);
    if (stopped_) return;
    const auto owner = ring_.front();
    ring_.pop_front();
    Owner& of = owner->second;
    of.in_ring = false;
    Job job = std::move(of.waiting.front());
    of.waiting.pop_front();
    ++of.running;
    --figures_.waiting;
    ++figures_.running;
    line_up(owner);
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    --of.running;
    --figures_.running;
    ++figures_.done;
    line_up(owner);  // no wake-up: this thread goes on with the ring itself
    if (of.waiting.empty() && of.running == 0) owners_.erase(owner);
  }
}

}  // namespace pirn::api
