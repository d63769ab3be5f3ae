// A seccomp filter as an ordered list of rules: the first rule that matches a system call decides, and calls
// that no rule matches get the filter's default. libseccomp was rejected: it has no "not this descriptor"
// that looks at the 32 bits the kernel looks at, and no order between rules of one call, so a table like
// calls.cc cannot be read off it.
//
// Any thread; no global state.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "packager/error/error.h"

namespace pirn::sandbox {

// A test of one argument. The kernel ignores the upper half of `int` arguments, so a test that compared 64
// bits could be passed by with garbage there: every test but `is_null` looks at the lower half alone.
struct Condition {
  enum class Test : uint8_t { equal, not_equal, is_null };

  uint8_t argument;  // 0 to 5
  Test test;
  uint32_t mask = ~0u;  // what of the lower half is compared
  uint32_t value = 0;
};

enum class FilterAction : uint8_t {
  allow,
  refuse,   // EPERM
  absent,   // ENOSYS: the caller falls back on an older call
  exhaust,  // EAGAIN
  notify,   // the process that has the listener of the filter decides
  kill,     // SIGSYS for the whole process
};

struct Rule {
  uint32_t call;  // its number, SYS_…
  FilterAction action;
  std::vector<Condition> when = {};  // all of them; empty: always
};

// The program of these rules for this machine. Calls of a foreign architecture, x32 included, kill the
// process.
std::vector<sock_filter> compile(const std::vector<Rule>& rules, FilterAction otherwise);

// Binds the calling thread, and the threads that it creates from now on, to the program, permanently. The
// process must have no_new_privs. With `listen`, returns the descriptor that receives the calls with the
// action `notify`; else -1. Error: probe_sandbox_failed.
Result<int> load(const std::vector<sock_filter>& program, bool listen);

}  // namespace pirn::sandbox
