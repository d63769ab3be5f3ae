// Which invocation killed the process: what a host can still say when a function of a package crashes it.
//
// Every thread that calls package code notes the id of its invocation. A handler of fatal signals, which may
// do next to nothing, writes the id that the crashing thread has noted to a file that was opened beforehand.
// The next life of the host reads it, and counts the crash against that step and against no neighbour. A
// thread that a package started itself has no invocation, so its crash is nobody's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/worker/runner.h"
#include "packager/error/error.h"

namespace pirn::worker {

class LastWords {
 public:
  // Reads what the lives before left, and catches fatal signals until the process ends. There is one file in
  // a process: another one takes its place.
  static Result<LastWords> open(const std::string& file);

  const std::vector<Killer>& killers() const { return killers_; }
  // When the crashes are counted.
  void forget() const;

 private:
  explicit LastWords(std::vector<Killer> killers) : killers_(std::move(killers)) {}
  std::vector<Killer> killers_;
};

// While it lives, a crash of this thread is that of the invocation.
class InvocationNote {
 public:
  explicit InvocationNote(uint64_t invocation, ExecutionId hook_of = {});
  ~InvocationNote();
  InvocationNote(const InvocationNote&) = delete;
};

// What a handler of signals runs on, so that an overflow of this thread's own stack can be told, too.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;

 private:
  std::unique_ptr<char[]> memory_;
};

}  // namespace pirn::worker
