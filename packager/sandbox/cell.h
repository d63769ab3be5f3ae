// Runs a stranger's code in this process, and keeps the descriptor of the answer out of its reach.
//
// Seccomp filters belong to threads, so one process has two kinds of them. The work runs on a thread whose
// filter refuses to write to, copy or close the descriptor of the answer; threads that it creates inherit
// that. The main thread writes what the work says: it runs no package code, takes no signals, whose handlers
// would be package code, and its own filter leaves it nothing but that writing. So a library that writes to
// every descriptor, or ends the process, has answered nothing.
//
// What this does not do: the threads share their memory. A library that finds the words of the trusted thread
// and changes them can make it say what it likes. It gains nothing that way: whatever it says is a claim of
// the library about itself, which it can as well make by returning it, and which is compared with the signed
// manifest when the package is pushed, when it is deployed and when the host loads it
// (packager/library/claims.h). Two processes in place of two threads would change nothing about that, because
// the answer is made from the library's memory in any case. What must not be a claim of the library is said
// before it is loaded, or decided elsewhere:
// - The first words are the confinement, one line (print() of confine.h).
// - The kernel holds back two sorts of calls (seccomp's user notification): the creation of a thread and
//   offences (calls.h). The descriptor that tells of them is sent to the process that started the cell, with
//   the first words, and is closed here. That process counts the threads, and names an offence and ends the
//   cell (guard.h). RLIMIT_NPROC was rejected: it does not bind root, and counts all processes of a user.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "packager/sandbox/confine.h"

namespace pirn::sandbox {

inline constexpr int kAnswer =
    4;  // the descriptor that is kept from the work: a stream socket, read by Guard

// The work's side.
class Voice {
 public:
  // Returns when it is written. The thread of the work.
  void say(std::string_view text);

 private:
  friend class Cell;
  enum State : uint32_t { idle, asked, ended };

  std::atomic<uint32_t> state_{idle};
  std::string_view text_;  // while asked
};

// `confinement`: what holds, or why it does not: then no package code may run, and the text that is returned
// should say so. What it returns is the last that is said.
using Work = std::function<std::string(const Result<Confinement>& confinement, Voice& voice)>;

// Confines the process, runs the work, and ends the process with status 0, or 1 when nobody reads the answer
// any more. Called once, by the only thread of a process with the descriptors 0 to kAnswer open.
[[noreturn]] void run_in_cell(const Work& work);

}  // namespace pirn::sandbox
