#include "host/worker/throw_trace.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#include <array>
#include <boost/core/demangle.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <typeinfo>

namespace pirn::worker {

namespace {

constexpr int kMostFrames = 32;

// Of the call that the thread is in; empty: none.
thread_local std::string_view the_package;

// Of one exception. Without destructor: the thread's last exceptions may be thrown late in its life.
struct Thrown {
  const void* object;
  int n;
  void* frames[kMostFrames];
};

// A destructor that runs while the stack unwinds may throw and catch exceptions of its own.
constexpr size_t kKept = 4;
thread_local std::array<Thrown, kKept> the_last;
thread_local size_t the_next;

using Throw = void (*)(void*, std::type_info*, void (*)(void*));

// Resolved before any package is loaded; backtrace() loads what it needs with its first call.
const Throw next_throw = [] {
  void* frame;
  backtrace(&frame, 1);
  return reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
}();

void note(const void* object) {
  Thrown& thrown = the_last[the_next++ % kKept];
  thrown.object = object;
  thrown.n = backtrace(thrown.frames, kMostFrames);
}

const void* module_of(const void* address) {
  Dl_info info;
  return dladdr(address, &info) != 0 ? info.dli_fbase : nullptr;
}

// `address`: to which a call returns; the call itself comes before it.
std::string text_of(const void* address, std::string_view package) {
  const void* call = static_cast<const char*>(address) - 1;
  Dl_info info{};
  if (dladdr(call, &info) == 0 || info.dli_fbase == nullptr) return "?";
  std::string_view file = info.dli_fname != nullptr ? info.dli_fname : "";
  // A package is loaded from memory, under the name of a descriptor.
  const std::string_view module =
      file.starts_with("/proc/") ? package : file.substr(file.find_last_of('/') + 1);
  char offset[32];
  std::snprintf(offset, sizeof offset, "+0x%zx",
                reinterpret_cast<uintptr_t>(call) - reinterpret_cast<uintptr_t>(info.dli_fbase));
  std::string text = std::string(module) + offset;
  if (info.dli_sname != nullptr) text += " (" + boost::core::demangle(info.dli_sname) + ")";
  return text;
}

}  // namespace

// An exception of an earlier call may have had the address of one of this call.
ThrowTrace::ThrowTrace(std::string_view package) {
  the_package = package;
  for (Thrown& thrown : the_last) thrown.object = nullptr;
}
ThrowTrace::~ThrowTrace() { the_package = {}; }

std::vector<std::string> ThrowTrace::of_handled_exception() {
  if (the_package.empty() || abi::__cxa_current_exception_type() == nullptr) return {};
  const std::exception_ptr handled = std::current_exception();
  const void* object;
  static_assert(sizeof handled == sizeof object, "an exception_ptr is a pointer to the exception");
  __builtin_memcpy(&object, &handled, sizeof object);

  const void* const host = module_of(reinterpret_cast<const void*>(&note));
  std::vector<std::string> trace;
  for (const Thrown& thrown : the_last) {
    if (thrown.object != object) continue;
    for (int i = 0; i < thrown.n; ++i) {
      const bool of_host = module_of(static_cast<const char*>(thrown.frames[i]) - 1) == host;
      if (of_host && trace.empty()) continue;  // note() and __cxa_throw
      if (of_host) break;
      trace.push_back(text_of(thrown.frames[i], the_package));
    }
  }
  return trace;
}

}  // namespace pirn::worker

extern "C" void __cxxabiv1::__cxa_throw(void* object, std::type_info* type, void (*destroy)(void*)) {
  if (!pirn::worker::the_package.empty()) pirn::worker::note(object);
  pirn::worker::next_throw(object, type, destroy);
  __builtin_unreachable();
}
