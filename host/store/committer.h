// Makes a change durable while the engine decides the next one: under load the disk and the decisions take
// about as long, and neither waits for the other.
//
// Thread: the engine's; one change at a time.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "host/store/store.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

class Committer {
 public:
  virtual ~Committer() = default;
  // Nothing is under way. The change and all that it views stay as they are until finish() has returned, but
  // for what `prepare` does, which is called before it is committed and dropped afterwards: it writes what
  // would take the engine's thread long. May be empty.
  virtual void begin(const Change& change, std::function<void()> prepare) = 0;
  // Of what begin() began: whether finish() would return at once.
  virtual bool finished() const = 0;
  // Waits for it: what Store::commit() said.
  virtual Status finish() = 0;
};

// On a thread of its own, which commits nothing else and to no other store.
class CommitThread final : public Committer {
 public:
  // Both outlive it. `wake`: any thread; called when a change is finished.
  CommitThread(Store& store, std::function<void()> wake);
  ~CommitThread() override;  // after what is under way

  void begin(const Change& change, std::function<void()> prepare) override;
  bool finished() const override { return stage_.load(std::memory_order_acquire) == Stage::finished; }
  Status finish() override;

 private:
  enum class Stage : uint8_t { idle, begun, finished, stopping };
  void work();
  // Looks a little before it blocks: under load the other side is microseconds away.
  template <class Until>
  void await(Until until);
  void move_to(Stage stage);

  Store& store_;
  const std::function<void()> wake_;
  std::atomic<Stage> stage_ = Stage::idle;
  std::function<void()> prepare_;
  Change change_;  // the engine's until begun, the thread's until finished; result_ likewise
  Status result_;
  Mutex mutex_;
  ConditionVariable moved_;
  std::thread thread_;
};

}  // namespace pirn::store
