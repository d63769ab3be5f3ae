#include "host/store/committer.h"

#include <pthread.h>

#include <cassert>
#include <utility>

#include "packager/mutex/mutex.h"

namespace pirn::store {

namespace {
constexpr int kSpins = 1'000;  // some tens of microseconds
}

CommitThread::CommitThread(Store& store, std::function<void()> wake)
    : store_(store), wake_(std::move(wake)), thread_([this] { work(); }) {}

CommitThread::~CommitThread() {
  if (stage_ == Stage::begun) (void)finish();
  move_to(Stage::stopping);
  thread_.join();
}

void CommitThread::begin(const Change& change, std::function<void()> prepare) {
  assert(stage_ == Stage::idle);
  prepare_ = std::move(prepare);
  change_ = change;
  move_to(Stage::begun);
}

Status CommitThread::finish() {
  await([this] { return finished(); });
  stage_.store(Stage::idle, std::memory_order_relaxed);
  return std::exchange(result_, Status());
}

void CommitThread::work() {
  pthread_setname_np(pthread_self(), "pirn-commit");
  for (;;) {
    await([this] {
      const Stage stage = stage_.load(std::memory_order_acquire);
      return stage == Stage::begun || stage == Stage::stopping;
    });
    if (stage_ == Stage::stopping) return;
    if (prepare_) prepare_();
    result_ = store_.commit(change_);
    prepare_ = nullptr;
    move_to(Stage::finished);
    wake_();
    // While the engine acts on it. What fails here is said by whatever is asked of the store next.
    (void)store_.maintain();
  }
}

template <class Until>
void CommitThread::await(Until until) {
  for (int i = 0; i < kSpins && !until(); ++i) __builtin_ia32_pause();
  if (until()) return;
  MutexLock lock(mutex_);
  while (!until()) moved_.wait(mutex_);
}

void CommitThread::move_to(Stage stage) {
  {
    const MutexLock lock(mutex_);
    stage_.store(stage, std::memory_order_release);
  }
  moved_.notify_one();
}

}  // namespace pirn::store
