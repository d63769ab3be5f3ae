// Runs invocations on the calling thread and on a virtual clock, for a test of a package: functions of the
// package, or what the test puts in their place.
//
// An invocation calls its function exactly once, when its virtual time is over. A cancellation ends that time
// at once, and the function finds the signal raised. So it finds PIRN_SIG_DEADLINE if the virtual time reached
// into the last part of the call's time, and PIRN_SIG_DRAIN if the engine has retired its release. An
// invocation that is not wanted any more (timed out, or lost with its host) also calls its function, and its
// outcome is discarded: a real host cannot prevent that either.
//
// Thread: one.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/worker/call.h"
#include "host/worker/runner.h"
#include "packager/library/descriptor.h"
#include "pirn/testkit/engine.h"

namespace pirn::testkit {

// What the test wants to be different; outlives crashes of the host.
struct Scenario {
  std::map<std::string, Substitute, std::less<>> substitutes;  // by function
  std::map<std::string, int64_t, std::less<>> durations;       // by step, ns
  std::set<std::string, std::less<>> crashes;  // steps whose next invocation takes the host along
};

class InlineRunner final : public worker::Runner {
 public:
  // All of them outlive the runner.
  InlineRunner(const library::Descriptor& package, pirn_state* state, Scenario& scenario,
               worker::Listener& listener, const int64_t& now);

  size_t slots() const override;
  void start(std::span<worker::Invocation> batch) override;
  void take_completions(std::vector<worker::Completion>& out) override;
  void take_freed(std::vector<uint32_t>& out) override;
  void cancel(uint64_t invocation, Signal signal) override;
  // Raises PIRN_SIG_DRAIN in the calls of this release that are under way. Nothing is unloaded.
  void retire(const registry::ReleasePtr& release) override;
  std::vector<worker::Residence> residences() const override { return {}; }
  uint32_t stuck_calls() const override { return 0; }

  // When the next invocation is over.
  std::optional<int64_t> next_due() const;
  // An invocation of Scenario::crashes has taken the host along: nothing completes here any more.
  bool crashed() const { return crashed_; }
  // The host is lost: what is under way has happened, and nobody hears of it.
  void lose_all();

 private:
  struct UnderWay {
    worker::Invocation invocation;
    int64_t began = 0, due = 0;
    std::atomic<uint32_t> signals{0};
    bool crashes = false;
  };

  worker::Outcome call(const UnderWay& under_way);

  const library::Descriptor& package_;
  pirn_state* const state_;
  Scenario& scenario_;
  worker::Listener& listener_;
  const int64_t& now_;
  const worker::Call::Now clock_ = [this] { return now_; };
  std::map<uint64_t, UnderWay> under_way_;  // by invocation: ids ascend in the order of starts
  std::vector<uint32_t> freed_;             // tenants, since take_freed()
  bool crashed_ = false;
};

}  // namespace pirn::testkit
