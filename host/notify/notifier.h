// Tells people that a step waits for them. Each tenant has at most one messenger: a webhook or a command. A
// notice is made from the committed step.await, told at least once, tried again with growing delays, and what
// came of it is journaled with the step: the diagnostic `notified`, or `notify_failed` when it is given up.
// After a restart of the host, what waits and has neither is told again.
//
// Told of are awaits for approval and intervention, and all that say whom to notify.
//
// Without a messenger for a tenant its commits cost one comparison. Threads: publish_commit() is the
// engine's; deliveries have a thread of their own, so that they hold up nobody.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "host/engine/command.h"
#include "host/engine/inbox.h"
#include "host/notify/messenger.h"
#include "host/notify/schedule.h"
#include "host/store/store.h"
#include "packager/mutex/mutex.h"

namespace pirn::notify {

struct NotifierHealth {
  std::string tenant;  // empty: all that have none of their own
  std::string messenger;
  uint64_t told = 0, failures = 0, given_up = 0;
  std::string last_error;
};

class Notifier {
 public:
  // By tenant; under "" the one for all others. Clock: ns since 1970.
  using Messengers = std::map<std::string, std::unique_ptr<Messenger>, std::less<>>;
  Notifier(Messengers messengers, engine::Inbox& inbox, const store::Store& store,
           std::function<int64_t()> clock, RetryLimits limits = {});
  // Waits for nobody: what is under way is broken off, and told by the next host with what waits.
  ~Notifier();
  Notifier(const Notifier&) = delete;

  void publish_commit(ExecutionId id, std::string_view tenant, std::string_view body);
  // Once, when the engine runs: what waits in these tenants and nobody has been told of.
  void resume(const std::vector<std::string>& tenants);

  std::vector<NotifierHealth> health() const;

 private:
  bool serves(std::string_view tenant) const;
  void add(Notice notice);
  void work();
  void tell(Notice notice);
  std::string document_of(const Notice& notice) const;
  void journal(const Notice& notice, const char* code, std::string message);
  struct Suspect {
    std::string tenant;
    engine::AwaitingStep waiting;
  };
  Status find_untold(const Suspect& suspect);

  const Messengers messengers_;
  engine::Inbox& inbox_;
  const store::Store& store_;
  const std::function<int64_t()> clock_;

  mutable Mutex mutex_;
  ConditionVariable changed_;
  Schedule schedule_ PIRN_GUARDED_BY(mutex_);
  std::vector<Suspect> suspects_ PIRN_GUARDED_BY(mutex_);  // after a restart: wait, and may have been told of
  std::map<std::string, NotifierHealth, std::less<>> health_ PIRN_GUARDED_BY(mutex_);
  bool stopping_ PIRN_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace pirn::notify
