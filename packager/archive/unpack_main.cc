// pirn-unpack: decompresses ONE frame between two mapped pieces of memory. Started by decompress_apart(),
// which gives it the input as descriptor 3, the output, in its full size, as descriptor 4, and both sizes as
// arguments. Exit: 0 done, 1 the frame is bad, 2 not started as it should be or not able to shut itself in.
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zstd.h>

#include <cstdlib>

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // a sanitizer's runtime needs system calls of its own
#else
constexpr bool kSanitized = false;
#endif

constexpr rlim_t kCpuSeconds = 20;  // 512 MiB take one or two

[[noreturn]] void leave(int status) {
  // Strict mode knows exit, not exit_group, which _exit() calls.
  if (!kSanitized) syscall(SYS_exit, status);
  _exit(status);
}

bool shut_in() {
  const rlimit cpu{kCpuSeconds, kCpuSeconds}, none{0, 0};
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setrlimit(RLIMIT_CPU, &cpu) == 0 &&
         setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         (kSanitized || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t packed = std::strtoull(argv[1], nullptr, 10), unpacked = std::strtoull(argv[2], nullptr, 10);
  if (packed == 0 || unpacked == 0) return 2;
  const void* input = mmap(nullptr, packed, PROT_READ, MAP_PRIVATE, 3, 0);
  void* output = mmap(nullptr, unpacked, PROT_READ | PROT_WRITE, MAP_SHARED, 4, 0);
  ZSTD_DCtx* context = ZSTD_createDCtx();  // all that is allocated, while that is possible
  if (input == MAP_FAILED || output == MAP_FAILED || !context || !shut_in()) return 2;
  leave(ZSTD_decompressDCtx(context, output, unpacked, input, packed) == unpacked ? 0 : 1);
}
