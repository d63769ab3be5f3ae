// Where package code threw the exception that it fails with. By the time the exception is caught its stack is
// gone, so throw_trace.cc defines the C++ runtime's __cxa_throw: the definition of a program wins over that
// of its libraries, notes the stack of what a package throws, and goes on to the runtime's.
//
// Not seen: what a package throws that brings a C++ runtime of its own, or on a thread of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pirn::worker {

// Around a call into a package: what this thread throws meanwhile is noted. Scopes do not nest.
class ThrowTrace {
 public:
  // The package's name for frames, lent while the scope lives.
  explicit ThrowTrace(std::string_view package);
  ~ThrowTrace();
  ThrowTrace(const ThrowTrace&) = delete;

  // Of the exception that the calling thread handles: its frames from the innermost on, up to where the host
  // called the package, at most 32: "orders+0x4f21 (charge(int))". The module is the package's name or a
  // file's; addr2line reads the offset; a symbol is there only when the module exports it. Empty: no
  // exception is handled, or its stack is not known.
  static std::vector<std::string> of_handled_exception();
};

}  // namespace pirn::worker
