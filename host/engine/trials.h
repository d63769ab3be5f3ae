// Which call ended the process? After an unclean end that nobody is known to have caused, every call that was
// under way is a suspect. Suspects run again one at a time: as long as one of them is on trial nothing else
// is handed to the runner. A call that returns is cleared. A process that ends during a trial convicts the
// call only if that call was the first thing that this life has run, since a thread that an earlier call left
// behind may have ended it otherwise; a call that was on trial without being the first one is the first in
// the next life.
//
// Nobody waits for ever. A trial lasts for the suspect's window at most: after that the suspect goes on
// beside the others, and its next window is twice as long, up to kLongestWindowNs. So a call that ends the
// process late is found after finitely many lives. Windows grow only while ends of the process stay
// unexplained: when a life ends in order, or the fatal invocation is known or convicted, the windows of all others are
// as at first. Otherwise one tenant's crashes would make the trial of another one's long step ever longer,
// and everybody waits for that. Of one life all trials together take kWindows windows, and no more than the
// longest; the suspects that are left then run beside the others, too.
//
// Pure: this is the account, Engine::Core (suspects.cc) starts and holds the calls.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "host/engine/change.h"
#include "host/worker/runner.h"

namespace pirn::engine {

// A call that was decided and waits until it may be handed to the runner. Its limit does not run meanwhile.
struct HeldCall {
  worker::Invocation invocation;
  int64_t since = 0;
  bool cancelled = false;  // the runner is told when it has begun
};

class Trials {
 public:
  static constexpr int64_t kFirstWindowNs = 250'000'000;
  static constexpr int64_t kLongestWindowNs = 512 * kFirstWindowNs;  // 128 s
  static constexpr int64_t kWindows = 4;

  // Takes up what the last life left; from now on calls are held. Answers whom the crashes count against.
  std::vector<worker::FatalInvocation> take_up(const worker::LastLife& last);
  // A step that was running, whose call may have returned unheard.
  void suspect(const worker::CallIdentity& call);
  // Those of other executions than these are no suspects any more.
  void keep_only(const std::function<bool(ExecutionId)>& open);

  bool empty() const { return cases_.empty(); }
  // Calls are held: the trials are not over.
  bool holding() const { return holding_; }
  bool on_trial() const { return trial_.invocation != 0; }
  std::optional<int64_t> next_timer() const {
    return on_trial() ? std::optional(trial_until_) : std::nullopt;
  }
  std::vector<worker::Suspect> suspects() const;

  // The suspect whose step is to start next; null: none, or one that goes first is on its way. called() says
  // what became of it: one that cannot start now runs with the others when it can.
  const worker::Suspect* next_to_call() const;
  // Its call is part of that batch.
  void called(bool begins, uint64_t batch);
  // The batches up to this one have arrived: a suspect whose call has not arrived with its batch has none,
  // and the trial of a call that had returned is over. Whether there is a suspect less.
  bool is_durable(uint64_t batch);

  // Calls that were decided and are durable.
  void hold(std::vector<worker::Invocation>& calls, int64_t now);
  // A held call is not wanted any more, or is to be cancelled. false: it is not held.
  bool signal(const Signal& signal);
  // Of a held call; nullopt: it is not held.
  std::optional<uint32_t> tenant_of(uint64_t invocation) const;
  bool is_suspect(const worker::Invocation& call) const;

  enum class Next : uint8_t {
    wait,   // for the trial that goes on, or for a commit
    look,   // for a suspect that can be called
    begin,  // a trial, with begin()
    over,   // nobody is left, or the others have waited long enough: end()
  };
  Next next(int64_t now) const;
  // The held call whose turn it is, and what the record has to say of it.
  HeldCall begin(int64_t now, worker::Trial& trial);
  // Everything that is held, in the order in which it was decided.
  std::vector<HeldCall> end();

  // The window of the trial is over, and the call is not. Whether anything has changed.
  bool expire(int64_t now);
  // Calls that begin when no trial goes on.
  void began(const std::vector<worker::Invocation>& calls);
  // A call has returned, what follows from that is part of the batch, or its execution is gone. Whether there
  // is a suspect less: the call on trial stays one until the batch has arrived, since the process may end
  // before that and then would call it again.
  bool returned(uint64_t invocation, uint64_t batch);
  bool forget(ExecutionId execution);

 private:
  enum class Place : uint8_t { waiting, called, held, begun, passed };
  struct Case {
    worker::Suspect suspect;
    Place place = Place::waiting;
    uint64_t invocation = 0;  // when it has begun; the newest, if it was called again
    uint64_t batch = 0;       // in which it was called

    bool waits_for_its_step() const;
  };

  Case* case_of(const worker::CallIdentity& call);
  bool holds(const worker::CallIdentity& call) const;
  bool clear(uint64_t invocation);
  void charge(const worker::LastLife& last);
  void shorten_windows(const worker::LastLife& last, const std::vector<worker::FatalInvocation>& fatal);

  std::vector<Case> cases_;  // in the order in which they are tried
  std::vector<HeldCall> held_;
  bool holding_ = false;
  bool anything_began_ = false;  // in this life
  worker::Trial trial_;
  int64_t trial_until_ = 0;
  struct Returned {
    uint64_t invocation, batch;
  };
  std::optional<Returned> returned_;  // the call that is or was on trial
  std::optional<int64_t> all_until_;  // set with the first trial
};

}  // namespace pirn::engine
