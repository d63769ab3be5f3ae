#include "packager/sandbox/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace pirn::sandbox {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr uint32_t kForeignCalls = 0x40000000;  // x32: other numbers for the same calls
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr uint32_t kForeignCalls = 0x80000000;
#else
#error "say which architecture this is for seccomp"
#endif

sock_filter load_word(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
sock_filter give(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }

size_t lower_half(uint8_t argument) { return offsetof(seccomp_data, args) + argument * sizeof(uint64_t); }

uint32_t action_of(FilterAction action) {
  switch (action) {
    case FilterAction::allow:
      return SECCOMP_RET_ALLOW;
    case FilterAction::refuse:
      return SECCOMP_RET_ERRNO | EPERM;
    case FilterAction::absent:
      return SECCOMP_RET_ERRNO | ENOSYS;
    case FilterAction::exhaust:
      return SECCOMP_RET_ERRNO | EAGAIN;
    case FilterAction::notify:
      return SECCOMP_RET_USER_NOTIF;
    case FilterAction::kill:
      break;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

// A jump out of the rule, to be aimed when its end is known.
constexpr uint8_t kToTheEnd = 0xff;

void append_condition(const Condition& condition, std::vector<sock_filter>& block) {
  const size_t lower = lower_half(condition.argument);
  if (condition.test == Condition::Test::is_null) {
    for (const size_t half : {lower, lower + sizeof(uint32_t)}) {
      block.push_back(load_word(half));
      block.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, kToTheEnd));
    }
    return;
  }
  block.push_back(load_word(lower));
  if (condition.mask != ~0u) block.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition.mask));
  if (condition.test == Condition::Test::equal)
    block.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, condition.value, 0, kToTheEnd));
  else
    block.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, condition.value, kToTheEnd, 0));
}

void append_rule(const Rule& rule, std::vector<sock_filter>& program) {
  std::vector<sock_filter> block = {load_word(offsetof(seccomp_data, nr)),
                                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule.call, 0, kToTheEnd)};
  for (const Condition& condition : rule.when) append_condition(condition, block);
  block.push_back(give(action_of(rule.action)));
  assert(block.size() < kToTheEnd && "jumps have eight bits");
  for (size_t i = 0; i < block.size(); ++i) {
    const auto rest = static_cast<uint8_t>(block.size() - i - 1);
    if (BPF_CLASS(block[i].code) != BPF_JMP) continue;
    if (block[i].jt == kToTheEnd) block[i].jt = rest;
    if (block[i].jf == kToTheEnd) block[i].jf = rest;
  }
  program.insert(program.end(), block.begin(), block.end());
}

}  // namespace

std::vector<sock_filter> compile(const std::vector<Rule>& rules, FilterAction otherwise) {
  std::vector<sock_filter> program = {load_word(offsetof(seccomp_data, arch)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
                                      give(SECCOMP_RET_KILL_PROCESS),
                                      load_word(offsetof(seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kForeignCalls, 0, 1),
                                      give(SECCOMP_RET_KILL_PROCESS)};
  for (const Rule& rule : rules) append_rule(rule, program);
  program.push_back(give(action_of(otherwise)));
  return program;
}

Result<int> load(const std::vector<sock_filter>& program, bool listen) {
  const sock_fprog code{static_cast<unsigned short>(program.size()),
                        const_cast<sock_filter*>(program.data())};
  const unsigned flags = listen ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  const auto loaded = static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &code));
  if (loaded < 0)
    return Error{Code::probe_sandbox_failed,
                 std::string("the kernel rejects the system call filter: ") + std::strerror(errno), "",
                 Blame::world};
  return listen ? loaded : -1;
}

}  // namespace pirn::sandbox
