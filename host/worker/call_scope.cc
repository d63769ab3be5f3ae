#include "host/worker/call_scope.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <atomic>
#include <locale>
#include <set>
#include <string>

#include "packager/mutex/mutex.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // packages may call the old ones, too
#pragma GCC diagnostic ignored "-Wignored-attributes"       // of functions, where only their type is meant

extern "C" const char __executable_start, etext;  // the linker's: the program's code lies between them

namespace pirn::worker {

namespace {

enum Restored : uint32_t { kFloatingPoint = 1, kLocale = 2, kSignalMask = 4 };

// The rounding mode, the masks of exceptions, flush to zero: all of the register but what merely happened.
constexpr uint32_t kSseControl = 0xffc0;

thread_local CallScope* the_current = nullptr;

uint16_t x87_control() {
  uint16_t word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return word;
}

// The definition that comes after the program's, in the C library or a sanitizer. It is resolved before
// main(), since the child of a fork may take no lock and so not look for it; the constructor of a library may
// call it even earlier.
template <class Function>
class Next {
 public:
  constexpr explicit Next(const char* name) : name_(name) {}
  Function* get() {
    Function* found = found_.load(std::memory_order_relaxed);
    if (found == nullptr) {
      found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
      found_.store(found, std::memory_order_relaxed);
    }
    return found;
  }

 private:
  const char* const name_;
  std::atomic<Function*> found_{nullptr};
};

#define PIRN_NEXT_AS(name, symbol, ...)            \
  constinit Next<__VA_ARGS__> next_##name{symbol}; \
  [[maybe_unused]] const bool resolved_##name = next_##name.get() != nullptr;
#define PIRN_NEXT(name) PIRN_NEXT_AS(name, #name, decltype(::name))
PIRN_NEXT(setlocale)
PIRN_NEXT(chdir)
PIRN_NEXT(fchdir)
PIRN_NEXT(chroot)
PIRN_NEXT(umask)
PIRN_NEXT(setenv)
PIRN_NEXT(putenv)
PIRN_NEXT(unsetenv)
PIRN_NEXT(clearenv)
PIRN_NEXT(signal)
PIRN_NEXT(__sysv_signal)
PIRN_NEXT(sigset)
PIRN_NEXT(sigignore)
PIRN_NEXT(siginterrupt)
PIRN_NEXT(sigaltstack)
PIRN_NEXT(pthread_sigmask)
PIRN_NEXT(sigprocmask)
PIRN_NEXT(sighold)
PIRN_NEXT(sigrelse)
PIRN_NEXT(setrlimit)
PIRN_NEXT(setrlimit64)
PIRN_NEXT(prlimit)
PIRN_NEXT(prlimit64)
PIRN_NEXT(alarm)
PIRN_NEXT(ualarm)
PIRN_NEXT(setitimer)
PIRN_NEXT(sched_setaffinity)
PIRN_NEXT(pthread_setaffinity_np)
PIRN_NEXT(setpriority)
PIRN_NEXT(nice)
PIRN_NEXT(execv)
PIRN_NEXT(execve)
PIRN_NEXT(execvp)
PIRN_NEXT(execvpe)
PIRN_NEXT(execveat)
PIRN_NEXT(fexecve)
PIRN_NEXT_AS(sigaction, "sigaction", int(int, const struct sigaction*, struct sigaction*))
PIRN_NEXT_AS(bsd_signal, "bsd_signal", sighandler_t(int, sighandler_t))
PIRN_NEXT_AS(sigblock, "sigblock", int(int))
PIRN_NEXT_AS(sigsetmask, "sigsetmask", int(int))
PIRN_NEXT_AS(locale_global, "_ZNSt6locale6globalERKS_", std::locale(const std::locale&))
#undef PIRN_NEXT
#undef PIRN_NEXT_AS

const pid_t the_host = getpid();

// A process that a package has forked needs these functions to set up its own directory, handlers and limits,
// and shares nothing with the host that they can change; only after vfork() it shares the memory until it
// executes a program. It may take no lock: another thread may have held it when the process was forked.
bool in_forked_process() { return getpid() != the_host; }

bool in_program(const void* caller) {
  return caller >= static_cast<const void*>(&__executable_start) && caller < static_cast<const void*>(&etext);
}

// Packages are loaded from sealed memory, under this name (packager/library).
bool in_package(const void* caller) {
  dl_find_object found;
  return _dl_find_object(const_cast<void*>(caller), &found) == 0 && found.dlfo_link_map != nullptr &&
         strncmp(found.dlfo_link_map->l_name, "/proc/self/fd/", 14) == 0;
}

// Is this call made by package code? On a thread of the host that is whatever runs within a scope and is not
// the program itself: package code also calls through other libraries (std::filesystem::current_path).
bool from_package(const void* caller) {
  if (in_program(caller)) return false;
  return (the_current != nullptr || in_package(caller)) && !in_forked_process();
}

// Once for each function and package: a step may run a million times.
void log_refusal(const char* function) {
  static Mutex mutex;
  static auto& said = *new std::set<std::string>;
  const CallScope* scope = the_current;
  const std::string who(scope ? scope->package() : "a thread that a package started");
  {
    const MutexLock lock(mutex);
    if (said.size() >= 1000 || !said.insert(who + " " + function).second) return;
  }
  spdlog::warn("{}() of {} was refused: it would change the whole host process", function, who);
}

}  // namespace

CallScope::CallScope(std::string_view package)
    : package_(package),
      locale_(uselocale(nullptr)),
      sse_control_(_mm_getcsr() & kSseControl),
      x87_control_(x87_control()) {
  the_current = this;
}

CallScope::~CallScope() {
  if (!ended_) restore();
}

CallScope* CallScope::current() { return the_current; }

void CallScope::note_refusal(const char* function) {
  for (size_t i = 0; i < n_refusals_; ++i)
    if (refusals_[i] == function) return;
  if (n_refusals_ < kMaxRefusals) refusals_[n_refusals_++] = function;
}

void CallScope::keep_signal_mask() {
  if (mask_kept_) return;
  mask_kept_ = next_pthread_sigmask.get()(SIG_SETMASK, nullptr, &mask_) == 0;
}

uint32_t CallScope::restore() {
  ended_ = true;
  the_current = nullptr;
  uint32_t restored = 0;
  if ((_mm_getcsr() & kSseControl) != sse_control_) {
    _mm_setcsr(sse_control_);
    restored |= kFloatingPoint;
  }
  if (x87_control() != x87_control_) {
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(x87_control_));
    restored |= kFloatingPoint;
  }
  if (uselocale(nullptr) != locale_) {
    uselocale(locale_);
    restored |= kLocale;
  }
  if (mask_kept_) {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, &mask_, &now);
    if (memcmp(&now, &mask_, sizeof(uint64_t)) != 0) restored |= kSignalMask;
  }
  return restored;
}

void CallScope::end(Outcome& outcome, uint32_t step) {
  const uint32_t restored = restore();
  if (n_refusals_ == 0 && restored == 0) return;
  std::string refused;
  for (size_t i = 0; i < n_refusals_; ++i)
    refused += (refused.empty() ? "" : ", ") + std::string(refusals_[i]) + "()";
  if (!refused.empty())
    outcome.diagnostics.push_back(
        {"process_state_refused", refused + " was refused: it would change the whole host process", step});
  const std::string left = std::string(restored & kFloatingPoint ? ", the floating-point control" : "") +
                           (restored & kLocale ? ", the thread's locale" : "") +
                           (restored & kSignalMask ? ", the signal mask" : "");
  if (!left.empty())
    outcome.diagnostics.push_back(
        {"thread_state_restored", "the function left " + left.substr(2) + " changed; it was restored", step});
}

}  // namespace pirn::worker

// ---- what packages find in place of the C library's functions

namespace {

using pirn::worker::CallScope;

bool refuses(const void* caller, const char* function) {
  if (!pirn::worker::from_package(caller)) return false;
  if (CallScope* scope = CallScope::current()) scope->note_refusal(function);
  pirn::worker::log_refusal(function);
  errno = EPERM;
  return true;
}

// May a package do this to the thread that it is on? To its own, but not to the host's.
bool refuses_on_host_thread(const void* caller, const char* function) {
  return CallScope::current() != nullptr && refuses(caller, function);
}

void keep_signal_mask(const void* caller) {
  CallScope* scope = CallScope::current();
  if (scope != nullptr && pirn::worker::from_package(caller)) scope->keep_signal_mask();
}

// There is no call that reads it and changes nothing; so it is read before other threads exist.
std::atomic<mode_t> the_umask = [] {
  auto* const real = pirn::worker::next_umask.get();
  const mode_t mask = real(077);
  real(mask);
  return mask;
}();

}  // namespace

#define PIRN_CALLER __builtin_return_address(0)
#define PIRN_REAL(name) auto* const real = pirn::worker::next_##name.get()

#pragma GCC visibility push(default)
extern "C" {

char* setlocale(int category, const char* locale) noexcept {
  PIRN_REAL(setlocale);
  if (locale != nullptr && refuses(PIRN_CALLER, "setlocale")) return nullptr;
  return real(category, locale);
}

int chdir(const char* path) noexcept {
  PIRN_REAL(chdir);
  return refuses(PIRN_CALLER, "chdir") ? -1 : real(path);
}
int fchdir(int fd) noexcept {
  PIRN_REAL(fchdir);
  return refuses(PIRN_CALLER, "fchdir") ? -1 : real(fd);
}
int chroot(const char* path) noexcept {
  PIRN_REAL(chroot);
  return refuses(PIRN_CALLER, "chroot") ? -1 : real(path);
}
// It cannot fail: a package is told the mask that is in force, and changes nothing.
mode_t umask(mode_t mask) noexcept {
  PIRN_REAL(umask);
  if (refuses(PIRN_CALLER, "umask")) return the_umask;
  if (!pirn::worker::in_forked_process()) the_umask = mask;
  return real(mask);
}

int setenv(const char* name, const char* value, int overwrite) noexcept {
  PIRN_REAL(setenv);
  return refuses(PIRN_CALLER, "setenv") ? -1 : real(name, value, overwrite);
}
int putenv(char* text) noexcept {
  PIRN_REAL(putenv);
  return refuses(PIRN_CALLER, "putenv") ? -1 : real(text);
}
int unsetenv(const char* name) noexcept {
  PIRN_REAL(unsetenv);
  return refuses(PIRN_CALLER, "unsetenv") ? -1 : real(name);
}
int clearenv() noexcept {
  PIRN_REAL(clearenv);
  return refuses(PIRN_CALLER, "clearenv") ? -1 : real();
}

int sigaction(int signal, const struct sigaction* action, struct sigaction* before) noexcept {
  PIRN_REAL(sigaction);
  if (action != nullptr && refuses(PIRN_CALLER, "sigaction")) return -1;
  return real(signal, action, before);
}
// What `signal` means depends on the feature macros that a package is compiled with.
sighandler_t signal(int number, sighandler_t handler) noexcept {
  PIRN_REAL(signal);
  return refuses(PIRN_CALLER, "signal") ? SIG_ERR : real(number, handler);
}
sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept {
  PIRN_REAL(__sysv_signal);
  return refuses(PIRN_CALLER, "signal") ? SIG_ERR : real(number, handler);
}
sighandler_t bsd_signal(int number, sighandler_t handler) noexcept {
  PIRN_REAL(bsd_signal);
  return refuses(PIRN_CALLER, "signal") ? SIG_ERR : real(number, handler);
}
sighandler_t sigset(int number, sighandler_t handler) noexcept {
  PIRN_REAL(sigset);
  return refuses(PIRN_CALLER, "sigset") ? SIG_ERR : real(number, handler);
}
int sigignore(int number) noexcept {
  PIRN_REAL(sigignore);
  return refuses(PIRN_CALLER, "sigignore") ? -1 : real(number);
}
int siginterrupt(int number, int interrupts) noexcept {
  PIRN_REAL(siginterrupt);
  return refuses(PIRN_CALLER, "siginterrupt") ? -1 : real(number, interrupts);
}
// The stack on which a crash is told.
int sigaltstack(const stack_t* stack, stack_t* before) noexcept {
  PIRN_REAL(sigaltstack);
  if (stack != nullptr && refuses_on_host_thread(PIRN_CALLER, "sigaltstack")) return -1;
  return real(stack, before);
}

// The mask is a thread's own, so it may change while the function runs.
int pthread_sigmask(int how, const sigset_t* mask, sigset_t* before) noexcept {
  PIRN_REAL(pthread_sigmask);
  if (mask != nullptr) keep_signal_mask(PIRN_CALLER);
  return real(how, mask, before);
}
int sigprocmask(int how, const sigset_t* mask, sigset_t* before) noexcept {
  PIRN_REAL(sigprocmask);
  if (mask != nullptr) keep_signal_mask(PIRN_CALLER);
  return real(how, mask, before);
}
int sighold(int number) noexcept {
  PIRN_REAL(sighold);
  keep_signal_mask(PIRN_CALLER);
  return real(number);
}
int sigrelse(int number) noexcept {
  PIRN_REAL(sigrelse);
  keep_signal_mask(PIRN_CALLER);
  return real(number);
}
int sigblock(int mask) noexcept {
  PIRN_REAL(sigblock);
  keep_signal_mask(PIRN_CALLER);
  return real(mask);
}
int sigsetmask(int mask) noexcept {
  PIRN_REAL(sigsetmask);
  keep_signal_mask(PIRN_CALLER);
  return real(mask);
}

int setrlimit(__rlimit_resource_t resource, const rlimit* limits) noexcept {
  PIRN_REAL(setrlimit);
  return refuses(PIRN_CALLER, "setrlimit") ? -1 : real(resource, limits);
}
int setrlimit64(__rlimit_resource_t resource, const rlimit64* limits) noexcept {
  PIRN_REAL(setrlimit64);
  return refuses(PIRN_CALLER, "setrlimit") ? -1 : real(resource, limits);
}
int prlimit(pid_t process, __rlimit_resource resource, const rlimit* limits, rlimit* before) noexcept {
  PIRN_REAL(prlimit);
  if (limits != nullptr && refuses(PIRN_CALLER, "prlimit")) return -1;
  return real(process, resource, limits, before);
}
int prlimit64(pid_t process, __rlimit_resource resource, const rlimit64* limits, rlimit64* before) noexcept {
  PIRN_REAL(prlimit64);
  if (limits != nullptr && refuses(PIRN_CALLER, "prlimit")) return -1;
  return real(process, resource, limits, before);
}

// They cannot fail: no timer is running, and none is started.
unsigned alarm(unsigned seconds) noexcept {
  PIRN_REAL(alarm);
  return refuses(PIRN_CALLER, "alarm") ? 0 : real(seconds);
}
useconds_t ualarm(useconds_t value, useconds_t interval) noexcept {
  PIRN_REAL(ualarm);
  return refuses(PIRN_CALLER, "ualarm") ? 0 : real(value, interval);
}
int setitimer(__itimer_which_t which, const itimerval* value, itimerval* before) noexcept {
  PIRN_REAL(setitimer);
  return refuses(PIRN_CALLER, "setitimer") ? -1 : real(which, value, before);
}

// Affinity and priority are a thread's own: a package may set those of threads that it started.
int sched_setaffinity(pid_t thread, size_t size, const cpu_set_t* cpus) noexcept {
  PIRN_REAL(sched_setaffinity);
  if (thread == 0 ? refuses_on_host_thread(PIRN_CALLER, "sched_setaffinity")
                  : refuses(PIRN_CALLER, "sched_setaffinity"))
    return -1;
  return real(thread, size, cpus);
}
int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t* cpus) noexcept {
  PIRN_REAL(pthread_setaffinity_np);
  if (pthread_equal(thread, pthread_self()) && refuses_on_host_thread(PIRN_CALLER, "pthread_setaffinity_np"))
    return EPERM;
  return real(thread, size, cpus);
}
int setpriority(__priority_which_t which, id_t who, int priority) noexcept {
  PIRN_REAL(setpriority);
  if (which == PRIO_PROCESS && who == 0 ? refuses_on_host_thread(PIRN_CALLER, "setpriority")
                                        : refuses(PIRN_CALLER, "setpriority"))
    return -1;
  return real(which, who, priority);
}
int nice(int increment) noexcept {
  PIRN_REAL(nice);
  return refuses_on_host_thread(PIRN_CALLER, "nice") ? -1 : real(increment);
}

// Another program in the place of the host: with its status, which may be 0, nobody would know that the host
// is gone. A process that a package has forked executes what it likes.
int execve(const char* path, char* const arguments[], char* const environment[]) noexcept {
  PIRN_REAL(execve);
  return refuses(PIRN_CALLER, "execve") ? -1 : real(path, arguments, environment);
}
int execv(const char* path, char* const arguments[]) noexcept {
  PIRN_REAL(execv);
  return refuses(PIRN_CALLER, "execv") ? -1 : real(path, arguments);
}
int execvp(const char* file, char* const arguments[]) noexcept {
  PIRN_REAL(execvp);
  return refuses(PIRN_CALLER, "execvp") ? -1 : real(file, arguments);
}
int execvpe(const char* file, char* const arguments[], char* const environment[]) noexcept {
  PIRN_REAL(execvpe);
  return refuses(PIRN_CALLER, "execvpe") ? -1 : real(file, arguments, environment);
}
int execveat(int directory, const char* path, char* const arguments[], char* const environment[],
             int flags) noexcept {
  PIRN_REAL(execveat);
  return refuses(PIRN_CALLER, "execveat") ? -1 : real(directory, path, arguments, environment, flags);
}
int fexecve(int fd, char* const arguments[], char* const environment[]) noexcept {
  PIRN_REAL(fexecve);
  return refuses(PIRN_CALLER, "fexecve") ? -1 : real(fd, arguments, environment);
}

// The list of arguments on the stack, for the child of a vfork() may allocate nothing. `rest` is left behind
// the null at the end.
#define PIRN_ARGUMENTS(first, rest)                                                         \
  size_t n_arguments = 0;                                                                   \
  const char* volatile given = first; /* declared never to be null, and a caller may lie */ \
  if (given != nullptr) {                                                                   \
    va_list counted;                                                                        \
    va_copy(counted, rest);                                                                 \
    for (n_arguments = 1; va_arg(counted, char*) != nullptr;) ++n_arguments;                \
    va_end(counted);                                                                        \
  }                                                                                         \
  char** const arguments = static_cast<char**>(alloca((n_arguments + 1) * sizeof(char*)));  \
  arguments[0] = const_cast<char*>(first);                                                  \
  for (size_t i = 1; i <= n_arguments; ++i) arguments[i] = va_arg(rest, char*)
int execl(const char* path, const char* first, ...) noexcept {
  if (refuses(PIRN_CALLER, "execl")) return -1;
  va_list rest;
  va_start(rest, first);
  PIRN_ARGUMENTS(first, rest);
  va_end(rest);
  PIRN_REAL(execv);
  return real(path, arguments);
}
int execlp(const char* file, const char* first, ...) noexcept {
  if (refuses(PIRN_CALLER, "execlp")) return -1;
  va_list rest;
  va_start(rest, first);
  PIRN_ARGUMENTS(first, rest);
  va_end(rest);
  PIRN_REAL(execvp);
  return real(file, arguments);
}
int execle(const char* path, const char* first, ...) noexcept {
  if (refuses(PIRN_CALLER, "execle")) return -1;
  va_list rest;
  va_start(rest, first);
  PIRN_ARGUMENTS(first, rest);
  char* const* const environment = va_arg(rest, char* const*);
  va_end(rest);
  PIRN_REAL(execve);
  return real(path, arguments, environment);
}
#undef PIRN_ARGUMENTS

}  // extern "C"

// The locale of C++ streams. It answers the one that stays in force.
std::locale std::locale::global(const std::locale& wanted) {
  PIRN_REAL(locale_global);
  return refuses(PIRN_CALLER, "std::locale::global") ? std::locale() : real(wanted);
}
#pragma GCC visibility pop
