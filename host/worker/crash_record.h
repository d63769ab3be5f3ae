// Who may have ended the process: what a host can still say when package code takes it down.
//
// The record is a file that is mapped into the process. A thread stores the call that it makes in a slot of
// the file before it calls package code, and clears the slot when the function has returned: a few stores, no
// system call, no sync. What is stored survives every death of the process, SIGKILL included, because it is
// the kernel's by then. It does not survive the loss of the machine, and must not: the file holds the id of
// the boot, and what an earlier boot has left convicts nobody.
//
// Where the culprit is known, its id is recorded too: by a handler of fatal signals, which may do next to
// nothing, and by the functions that end a process (exit_guard.h), both on the thread of the call. A thread
// that a package started has no call: then all calls that were under way are suspects, and the engine tries
// them one at a time (host/engine/trials.h).
//
// An alternative was to journal each call when it begins in a way that is synced: that costs what the record
// of the step's start costs, once more. Another one was a pipe to a process that watches: a thread that is
// killed between the write and the call makes the same difference, and one process more must be kept alive.
//
// The format is that of one machine and one version: a file that does not fit is begun anew. Each life has a
// file of its own, which takes the place of the last one when it begins: where somebody has removed the lock
// of the data directory, the life before goes on, and must not write into the record of this one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/worker/runner.h"
#include "packager/error/error.h"
#include "packager/mutex/mutex.h"

namespace pirn::worker {

// Of the running kernel; empty where the system does not tell.
std::string boot_id();

class CrashRecord {
 public:
  static constexpr size_t kSlots = 2048;     // threads that call package code at once
  static constexpr size_t kSuspects = 2048;  // more are forgotten, the youngest first
  static constexpr int kExitStatus = 1;      // of a process that package code ends by exit()

  // Reads what the life before left, and catches fatal signals until the process ends. One record at a time
  // is in force in a process: the last one whose life was begun. Without a file (empty) there is no next
  // life, but the record still says who ends this one. io_failed: the file cannot be made, or the disk has no
  // room for it.
  static Result<std::unique_ptr<CrashRecord>> open(const std::string& file,
                                                   const std::string& boot = boot_id());
  // Ends the life. Whoever has a slot shares the record: it is in the file that is mapped here.
  ~CrashRecord();
  CrashRecord(const CrashRecord&) = delete;

  const LastLife& last_life() const { return last_; }

  // Once, when what the last life left has been taken up: from now on the record is that of this life.
  void begin_life();
  // The process is about to end on purpose: calls that still run are not to blame. Any thread.
  void end_life();

  // The engine's thread; after begin_life(), or before it to carry suspects over.
  void keep_suspects(std::span<const Suspect> suspects);
  void put_on_trial(const Trial& trial);

  // A place for the calls of one thread; null: there is none left, and its calls leave no trace. Any thread.
  struct Slot;
  Slot* take_slot();
  void give_back(Slot* slot);

 private:
  struct Page;
  CrashRecord(Page* page, std::string boot, std::string file = {}, std::string fresh = {});
  static Result<Page*> map_fresh(const std::string& file);
  static Result<Page*> map_last(const std::string& file);
  friend void before_exit(const char* function, int status);

  void read(const Page& last);
  void read_suspects(const Page& last);
  void note_fatal_invocation(uint64_t how);
  class Message;
  size_t print_calls_under_way(Message& message) const;
  void say_exit(const char* function, int status) const;
  void say_signal(int signal) const;
  static void on_fatal(int signal);
  static void catch_fatal_signals();

  Page* const page_;
  const std::string boot_;
  const std::string file_;  // empty: there is none
  std::string fresh_;       // what page_ is of, until it becomes file_; empty: it is that already
  LastLife last_;
  Mutex slots_mutex_;
  std::vector<uint32_t> free_slots_ PIRN_GUARDED_BY(slots_mutex_);
};

// While it lives, the call is under way on this thread, and what ends the process here is its doing.
class CallNote {
 public:
  // `slot` may be null. Its record and the call outlive the note.
  CallNote(CrashRecord::Slot* slot, const Invocation& call);
  ~CallNote();
  CallNote(const CallNote&) = delete;

 private:
  CrashRecord::Slot* const slot_;
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
