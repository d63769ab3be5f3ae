// What package code may leave behind in the process that it shares with the host and with other tenants. The
// table of docs/abi.md ("Process and thread state") says for each kind of state what happens:
//
//   refused    what belongs to the process: locale, working directory, umask, environment, signal handlers,
//              resource limits, timers. call_scope.cc defines the C library's functions that change these
//              (setlocale, chdir, setenv, sigaction, …). The definitions of a program win over those of its
//              libraries, so packages call ours: a call from a package is refused with EPERM, all others go
//              on to the C library. Nothing is checked after a call, so the hot path pays nothing.
//   restored   what belongs to the thread: floating-point control, the thread's own locale, the signal mask.
//              Compared after each call without a system call (some nanoseconds).
//
// A process that a package forks is let through: it changes itself only.
//
// This protects against accidents, not against intent: a package that makes system calls itself, or writes
// into memory that is not its own, is contained by a worker process only.
#pragma once

#include <locale.h>
#include <signal.h>

#include <cstdint>
#include <string_view>

#include "host/worker/runner.h"

namespace pirn::worker {

// Around everything that a thread of the host calls in a package: functions, init, deinit, thread_detach. One
// thread; scopes do not nest.
class CallScope {
 public:
  // The package's name for messages, lent while the scope lives.
  explicit CallScope(std::string_view package);
  ~CallScope();
  CallScope(const CallScope&) = delete;

  // Restores the thread's state, and adds what was refused and restored to the outcome's diagnostics.
  void end(Outcome& outcome, uint32_t step);

  // The scope of this thread; nullptr: it runs no package code of the host's asking.
  static CallScope* current();
  // For the functions that refuse; `function` is a literal.
  void note_refusal(const char* function);
  // Before package code changes the signal mask.
  void keep_signal_mask();
  std::string_view package() const { return package_; }

 private:
  uint32_t restore();  // what was restored: bits of Restored

  const std::string_view package_;
  locale_t locale_;
  uint32_t sse_control_;
  uint16_t x87_control_;
  bool ended_ = false;
  bool mask_kept_ = false;
  sigset_t mask_;
  static constexpr size_t kMaxRefusals = 4;  // more are not listed
  const char* refusals_[kMaxRefusals];
  size_t n_refusals_ = 0;
};

}  // namespace pirn::worker
