// The side of the process that started a cell (cell.h): it hears what the cell says, and decides about the
// calls that the kernel holds back for it. Nothing here shares memory with the code in the cell.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace pirn::sandbox {

inline constexpr unsigned kMaxThreads = 64;  // that the work may create, counted over its life

// A call that ends the process, as the kernel told it.
struct Offence {
  uint32_t call = 0;             // SYS_…; SYS_clone: one thread too many
  uint32_t second_argument = 0;  // its lower half
};

// Owns the descriptor by which the kernel tells of calls, and lends that of the answer. One thread at a time.
class Guard {
 public:
  // `answer` is the other end of the cell's socket kAnswer, and outlives the guard.
  explicit Guard(int answer) : answer_(answer) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  // As read(2) of the answer. Takes the listener, which the cell sends with its first words.
  ssize_t read(char* into, size_t size);
  // To be polled for POLLIN, then judge(), and for POLLHUP, then retire(). -1: there is none.
  int listener() const { return listener_; }
  // Lets a thread be made, or says which offence it was: the caller ends the process, in which the call
  // waits.
  std::optional<Offence> judge();
  // Nobody who could make a call is left.
  void retire();

 private:
  int answer_;
  int listener_ = -1;
  bool introduced_ = false;
  unsigned threads_ = 0;
};

}  // namespace pirn::sandbox
