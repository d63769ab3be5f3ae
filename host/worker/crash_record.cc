#include "host/worker/crash_record.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "host/worker/end_process.h"
#include "host/worker/exit_guard.h"
#include "packager/file/descriptor.h"
#include "packager/mutex/mutex.h"

namespace pirn::worker {

// ---- the format ----

// A line of the cache for each thread, so that threads do not take it from each other.
struct alignas(64) CrashRecord::Slot {
  std::atomic<uint64_t> invocation;  // 0: no call; stored last
  std::atomic<uint64_t> execution;
  std::atomic<uint64_t> step_and_kind;
};

namespace {

constexpr char kMagic[8] = {'p', 'i', 'r', 'n', 'l', 'i', 'f', 'e'};
constexpr uint32_t kVersion = 2;
constexpr size_t kFatalInvocations = 16;

struct KeptFatalInvocation {
  std::atomic<uint64_t> invocation, hook_of;
  std::atomic<uint64_t> how;  // a signal, or kByExit and the status
};
constexpr uint64_t kByExit = uint64_t{1} << 32;
struct KeptSuspect {
  uint64_t execution;
  uint32_t step, kind;
  int64_t window_ns;
  uint64_t deaths;
};

constexpr int kFatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
constexpr size_t kSignalStack = 64 << 10;
struct sigaction previous_action[std::size(kFatal)];

// Of the life that goes on in this process; null: none does. A forked process has it and is not its owner.
std::atomic<CrashRecord*> in_force{nullptr};
std::atomic<pid_t> owner{0};

thread_local const Invocation* volatile noted_call = nullptr;
thread_local volatile uint64_t noted_invocation = 0, noted_hook_of = 0;

// Whoever ends the process is named once: what is printed may itself end the process.
std::atomic<bool> said{false};

constexpr std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    case SIGABRT:
      return "SIGABRT";
    case SIGSYS:
      return "SIGSYS";
    case SIGTRAP:
      return "SIGTRAP";
  }
  return "a fatal signal";
}

std::string words_of(uint64_t how) {
  if (how & kByExit) return "exit(" + std::to_string(static_cast<int32_t>(how)) + ")";
  return how == 0 ? std::string() : std::string(name_of(static_cast<int>(how)));
}

CrashRecord* own_record() {
  CrashRecord* const record = in_force.load(std::memory_order_acquire);
  return record && owner.load(std::memory_order_relaxed) == getpid() ? record : nullptr;
}

Error io_error(const std::string& file, int reason) {
  return Error{Code::io_failed, file + ": " + std::strerror(reason), "", Blame::world};
}

}  // namespace

struct CrashRecord::Page {
  char magic[8];
  uint32_t version, bytes;
  char boot[64];
  std::atomic<uint64_t> goes_on;  // 1: a life has begun and has not ended
  std::atomic<uint64_t> n_fatal;
  KeptFatalInvocation fatal[kFatalInvocations];
  std::atomic<uint64_t> trial;          // invocation * 2 + alone
  std::atomic<uint64_t> suspects_kept;  // which of both lists is valid, << 32, and its length
  Slot slots[kSlots];
  KeptSuspect suspects[2][kSuspects];
};

std::string boot_id() {
  std::string id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, id);
  return id;
}

// ---- a life, and the one before ----

CrashRecord::CrashRecord(Page* page, std::string boot, std::string file, std::string fresh)
    : page_(page), boot_(std::move(boot)), file_(std::move(file)), fresh_(std::move(fresh)) {
  // The first ones are given out first: a host that is idle touches one page.
  for (uint32_t slot = kSlots; slot-- > 0;) free_slots_.push_back(slot);
}

// A file that is not there yet.
Result<CrashRecord::Page*> CrashRecord::map_fresh(const std::string& file) {
  ::unlink(file.c_str());
  const file::FileDescriptor fd(
      ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return io_error(file, errno);
  const auto failed = [&](int reason) {
    ::unlink(file.c_str());
    return io_error(file, reason);
  };
  // All blocks are there from now on: a store into a hole of the file on a full disk would be a SIGBUS.
  if (const int refused = posix_fallocate(fd.get(), 0, sizeof(Page)); refused != 0) return failed(refused);
  void* const mapped = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return failed(errno);
  // A process that a package forks has no part in it.
  madvise(mapped, sizeof(Page), MADV_DONTFORK);
  return static_cast<Page*>(mapped);
}

// What the life before has left; null: nothing that fits.
Result<CrashRecord::Page*> CrashRecord::map_last(const std::string& file) {
  const file::FileDescriptor fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return nullptr;
  if (!fd) return io_error(file, errno);
  struct stat status {};
  const bool fits = fstat(fd.get(), &status) == 0 && status.st_size == sizeof(Page);
  void* const mapped =
      fits ? mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0) : nullptr;
  if (mapped == MAP_FAILED) return io_error(file, errno);
  if (mapped != nullptr) madvise(mapped, sizeof(Page), MADV_DONTFORK);
  return static_cast<Page*>(mapped);
}

Result<std::unique_ptr<CrashRecord>> CrashRecord::open(const std::string& file, const std::string& boot) {
  if (file.empty()) {
    void* const memory =
        mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return io_error("memory", errno);
    catch_fatal_signals();
    return std::unique_ptr<CrashRecord>(new CrashRecord(static_cast<Page*>(memory), boot));
  }
  PIRN_TRY(Page* const last, map_last(file));
  const std::string next = file + ".next";
  Result<Page*> fresh = map_fresh(next);
  // On a full disk the file that is there has to do.
  if (!fresh && last == nullptr) return fresh.error();
  std::unique_ptr<CrashRecord> record(fresh ? new CrashRecord(*fresh, boot, file, next)
                                            : new CrashRecord(last, boot, file));
  if (last != nullptr) record->read(*last);
  if (last != nullptr && fresh) {
    record->keep_suspects(record->last_.suspects);
    munmap(last, sizeof(Page));
  }
  catch_fatal_signals();
  return record;
}

CrashRecord::~CrashRecord() {
  end_life();
  if (!fresh_.empty()) ::unlink(fresh_.c_str());
  munmap(page_, sizeof(Page));
}

void CrashRecord::read(const Page& last) {
  if (std::memcmp(last.magic, kMagic, sizeof kMagic) != 0 || last.version != kVersion ||
      last.bytes != sizeof(Page))
    return;
  using End = LastLife::End;
  last_.end = last.goes_on == 0 ? End::clean : End::crash;
  const std::string_view boot(last.boot, strnlen(last.boot, sizeof last.boot));
  if (boot_.empty() || boot != boot_) {  // nobody knows how old this is
    if (last_.end == End::crash) last_.end = End::power_loss;
  } else {
    read_suspects(last);
  }
  if (last_.end == End::clean) return;
  for (const Slot& slot : last.slots) {
    const uint64_t invocation = slot.invocation, what = slot.step_and_kind;
    if (invocation == 0 || what >> 32 > static_cast<uint64_t>(Kind::result)) continue;
    last_.running.push_back(
        {invocation, {{slot.execution}, static_cast<uint32_t>(what), static_cast<Kind>(what >> 32)}});
  }
  if (last_.end == End::power_loss) return;
  for (size_t i = 0; i < std::min<uint64_t>(last.n_fatal, kFatalInvocations); ++i)
    if (const uint64_t invocation = last.fatal[i].invocation; invocation != 0)
      last_.fatal.push_back({invocation, {last.fatal[i].hook_of}, words_of(last.fatal[i].how)});
  last_.trial = {last.trial >> 1, (last.trial & 1) != 0};
}

void CrashRecord::read_suspects(const Page& last) {
  const uint64_t kept = last.suspects_kept;
  const KeptSuspect* const list = last.suspects[(kept >> 32) & 1];
  for (size_t i = 0; i < std::min<uint64_t>(kept & UINT32_MAX, kSuspects); ++i)
    if (list[i].kind <= static_cast<uint32_t>(Kind::result) && list[i].window_ns > 0)
      last_.suspects.push_back({{{list[i].execution}, list[i].step, static_cast<Kind>(list[i].kind)},
                                list[i].window_ns,
                                static_cast<uint32_t>(list[i].deaths)});
}

void CrashRecord::begin_life() {
  page_->goes_on = 0;
  for (Slot& slot : page_->slots) slot.invocation = 0;
  page_->n_fatal = 0;
  for (KeptFatalInvocation& each : page_->fatal) each.invocation = 0;
  page_->trial = 0;
  std::memcpy(page_->magic, kMagic, sizeof kMagic);
  page_->version = kVersion;
  page_->bytes = sizeof(Page);
  std::memset(page_->boot, 0, sizeof page_->boot);
  boot_.copy(page_->boot, sizeof page_->boot - 1);
  page_->goes_on = 1;
  if (!fresh_.empty()) (void)::rename(fresh_.c_str(), file_.c_str());  // else this life leaves no trace
  fresh_.clear();
  owner = getpid();
  in_force = this;
  // Where exit() is not guarded it comes here first, or after others: better late than never.
  [[maybe_unused]] static const int once =
      on_exit([](int status, void*) { before_exit("exit", status); }, nullptr);
}

void CrashRecord::end_life() {
  CrashRecord* self = this;
  if (in_force.compare_exchange_strong(self, nullptr)) page_->goes_on = 0;
}

void CrashRecord::keep_suspects(std::span<const Suspect> suspects) {
  const uint64_t list =
      1 - ((page_->suspects_kept >> 32) & 1);  // the valid one stays until this one is whole
  const size_t n = std::min(suspects.size(), kSuspects);
  for (size_t i = 0; i < n; ++i)
    page_->suspects[list][i] = {suspects[i].call.execution.value, suspects[i].call.step,
                                static_cast<uint32_t>(suspects[i].call.kind), suspects[i].window_ns,
                                suspects[i].deaths};
  page_->suspects_kept = list << 32 | n;
}

void CrashRecord::put_on_trial(const Trial& trial) {
  page_->trial = trial.invocation << 1 | static_cast<uint64_t>(trial.alone);
}

// ---- calls ----

CrashRecord::Slot* CrashRecord::take_slot() {
  const MutexLock lock(slots_mutex_);
  if (free_slots_.empty()) return nullptr;
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return &page_->slots[slot];
}

void CrashRecord::give_back(Slot* slot) {
  if (slot == nullptr) return;
  const MutexLock lock(slots_mutex_);
  free_slots_.push_back(static_cast<uint32_t>(slot - page_->slots));
}

CallNote::CallNote(CrashRecord::Slot* slot, const Invocation& call) : slot_(slot) {
  noted_call = &call;
  noted_hook_of = call.kind == Kind::hook ? call.frame->execution.value : 0;
  noted_invocation = call.id;
  if (!slot_) return;
  slot_->execution.store(call.frame->execution.value, std::memory_order_relaxed);
  slot_->step_and_kind.store(static_cast<uint64_t>(call.kind) << 32 | call.step, std::memory_order_relaxed);
  slot_->invocation.store(call.id, std::memory_order_release);
}

CallNote::~CallNote() {
  noted_invocation = 0;
  noted_call = nullptr;
  if (!slot_) return;
  slot_->invocation.store(0, std::memory_order_release);
}

// ---- the end ----

// Async-signal-safe.
void CrashRecord::note_fatal_invocation(uint64_t how) {
  const uint64_t invocation = noted_invocation;
  if (invocation == 0) return;
  const uint64_t at = page_->n_fatal.fetch_add(1);
  if (at >= kFatalInvocations) return;
  page_->fatal[at].hook_of = noted_hook_of;
  page_->fatal[at].how = how;
  page_->fatal[at].invocation = invocation;
}

// Async-signal-safe: no allocation, no lock, no library beyond getpid(), write() and sigaction().
void CrashRecord::on_fatal(int signal) {
  if (CrashRecord* const record = own_record()) {
    record->note_fatal_invocation(static_cast<uint64_t>(signal));
    if (!said.exchange(true)) record->say_signal(signal);
  }
  // What would have happened without this handler happens now: the signal waits until it returns.
  for (size_t i = 0; i < std::size(kFatal); ++i)
    if (kFatal[i] == signal) sigaction(signal, &previous_action[i], nullptr);
  raise(signal);
}

void CrashRecord::catch_fatal_signals() {
  static bool caught = false;
  if (std::exchange(caught, true)) return;
  struct sigaction action {};
  action.sa_handler = on_fatal;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kFatal); ++i) sigaction(kFatal[i], &action, &previous_action[i]);
}

// Text in a buffer of fixed size, made without any call of the library: whoever calls _exit() may be a
// handler of signals.
class CrashRecord::Message {
 public:
  Message& operator<<(std::string_view text) {
    const size_t n = std::min(text.size(), sizeof text_ - n_);
    std::memcpy(text_ + n_, text.data(), n);
    n_ += n;
    return *this;
  }
  Message& operator<<(int64_t number) {
    char digits[24];
    char* at = std::end(digits);
    uint64_t left = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do *--at = static_cast<char>('0' + left % 10);
    while ((left /= 10) != 0);
    if (number < 0) *--at = '-';
    return *this << std::string_view(at, static_cast<size_t>(std::end(digits) - at));
  }
  // As the command line prints errors.
  Message& begin_error(Code code) {
    return *this << "error PIRN0" << static_cast<int64_t>(code) << " (" << catalogue_entry(code).name
                 << "): ";
  }
  Message& operator<<(const Message& other) { return *this << std::string_view(other.text_, other.n_); }
  Message& operator<<(const Invocation& call) {
    const Frame& frame = *call.frame;
    const registry::Release& release = *frame.release;
    *this << "the function '" << call.function << "'";
    if (!call.step_name.empty()) *this << " of the step '" << call.step_name << "'";
    return *this << " (" << release.tenant << "::" << release.package << "@" << release.version
                 << ", workflow '" << frame.workflow << "', execution " << frame.execution_text << ")";
  }
  void write_to(int fd) const { (void)!write(fd, text_, n_); }

 private:
  char text_[2048];
  size_t n_ = 0;
};

// Other threads' calls may end meanwhile: only what their slots say is known of them. Async-signal-safe.
size_t CrashRecord::print_calls_under_way(Message& message) const {
  size_t calls = 0;
  for (const Slot& slot : page_->slots) {
    if (slot.invocation.load(std::memory_order_acquire) == 0 || ++calls > 1) continue;
    char id[ExecutionId::kDigits];
    ExecutionId{slot.execution.load(std::memory_order_relaxed)}.print(id);
    message << ", while this was under way: a call of the execution " << std::string_view(id, sizeof id);
  }
  if (calls > 1) message << " and " << static_cast<int64_t>(calls - 1) << " other calls";
  return calls;
}

void CrashRecord::say_exit(const char* function, int status) const {
  Message message;
  message.begin_error(Code::process_ended);
  const Invocation* const own = noted_call;
  if (own)
    message << *own;
  else
    message << "a thread that was started by package code";
  message << " called " << function << "(" << status << "), which ends the process that it runs in";
  if (!own) print_calls_under_way(message);
  message << "\n  hint: " << catalogue_entry(Code::process_ended).fix << "\n";
  message.write_to(STDERR_FILENO);
}

// A thread without a call may be the package's or the host's own.
void CrashRecord::say_signal(int signal) const {
  Message message;
  if (const Invocation* const own = noted_call) {
    message.begin_error(Code::process_ended);
    message
        << *own << " caused " << name_of(signal) << ", which ends the process that it runs in"
        << "\n  hint: Reproduce it in a debugger: gdb --args pirn run local WORKFLOW --package DIRECTORY\n";
  } else {
    Message calls;
    const bool any = print_calls_under_way(calls) > 0;
    message.begin_error(any ? Code::process_ended : Code::internal);
    message
        << "a thread that runs no step received " << name_of(signal) << ", which ends the process" << calls
        << "\n  hint: "
        << (any ? "It may be a thread that package code started; when the host starts again, it runs these "
                  "calls one at a time to find the culprit."
                : catalogue_entry(Code::internal).fix)
        << "\n";
  }
  message.write_to(STDERR_FILENO);
}

void before_exit(const char* function, int status) {
  CrashRecord* const record = own_record();
  if (!record) return;
  record->note_fatal_invocation(kByExit | static_cast<uint32_t>(status));
  if (!said.exchange(true)) record->say_exit(function, status);
  // Other threads go on until the end, so that nothing is destroyed.
  end_process(CrashRecord::kExitStatus);
}

// ---- stacks of signals ----

// Not cleared: memory that no handler needs is never touched.
SignalStack::SignalStack() : memory_(std::make_unique_for_overwrite<char[]>(kSignalStack)) {
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kSignalStack;
  sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
}

}  // namespace pirn::worker
