/* One library, bent by macros: each target of the CMakeLists.txt beside it breaks one rule. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pirn/abi.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef ENTRY
#define ENTRY pirn_plugin_v1
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR 1
#endif
#ifndef MIN_HOST_MINOR
#define MIN_HOST_MINOR 0
#endif
#ifndef DESCRIPTOR_MINOR
#define DESCRIPTOR_MINOR MIN_HOST_MINOR
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(pirn_plugin)
#endif
#ifndef PLUGIN_FLAGS
#define PLUGIN_FLAGS 0
#endif
#ifndef PACKAGE_ID
#define PACKAGE_ID "zoo"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef SECOND_ID
#define SECOND_ID "ask"
#endif
#ifndef SECOND_KIND
#define SECOND_KIND PIRN_KIND_CONDITION
#endif
#ifndef SECOND_CALL
#define SECOND_CALL work
#endif
#ifndef FUNCTION_SIZE
#define FUNCTION_SIZE sizeof(pirn_function)
#endif
#ifndef N_FUNCTIONS
#define N_FUNCTIONS 2
#endif
#ifndef DEFINITION
#define DEFINITION                                                     \
  "{\"schema\":1,\"package\":{\"name\":\"zoo\",\"version\":\"" VERSION \
  "\"},\"workflows\":[{\"name\":"                                      \
  "\"feeding\",\"steps\":[{\"name\":\"first\",\"task\":\"work\",\"when\":{\"function\":\"ask\"}}]}]}"
#endif

/* The same within JSON. */
#define FORGED_DEFINITION                                                                         \
  "\"{\\\"schema\\\":1,\\\"package\\\":{\\\"name\\\":\\\"zoo\\\",\\\"version\\\":\\\"1.0.0\\\"}," \
  "\\\"workflows\\\":[{\\\"name\\\":\\\"feeding\\\",\\\"steps\\\":[{\\\"name\\\":\\\"first\\\","  \
  "\\\"task\\\":\\\"work\\\",\\\"when\\\":{\\\"function\\\":\\\"ask\\\"}}]}]}\""

#ifndef NO_NOTE
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
__asm__(
    ".pushsection .note.pirn,\"a\",%note\n.balign 4\n.long 5, 12, 1\n.asciz \"Pirn\"\n.balign 4\n.long " TEXT(
        ABI_MAJOR) ", " TEXT(MIN_HOST_MINOR) ", " TEXT(MIN_HOST_MINOR) "\n.popsection\n");
#endif

#ifdef TEXT_RELOCATIONS
__asm__(".text\n.globl zoo_text\n.hidden zoo_text\nzoo_text: .quad zoo_text\n");
#endif
#ifdef WRITABLE_CODE
__asm__(".pushsection .zoo_code,\"awx\",@progbits\n.quad 0\n.popsection\n");
#endif
#ifdef UNIQUE
__asm__(
    ".pushsection .data\n.globl zoo_unique\n.type zoo_unique,@gnu_unique_object\n.size zoo_unique,8\n"
    "zoo_unique: .quad 0\n.popsection\n");
#endif
#ifdef STATIC_TLS
static __thread int zoo_tls = 3;
#endif
#ifdef PRIVATE_VERSION
extern unsigned long __pthread_get_minstack(void*);
#endif
#ifdef UNRESOLVED
extern int nobody_has_this(void);
#endif

int zoo_counter_of_this_copy(void) {
  static int counter;
  return ++counter;
}

static void loop(void) {
  for (volatile int i = 0;; ++i) {
  }
}

/* What a package may print must not be taken for the probe's answer. */
static void print_everywhere(void) {
  for (int fd = 0; fd < 64; ++fd)
    if (fd != 2) (void)!write(fd, "{\"id\":\"forged\"}\n", 16);
  printf("hello from a constructor\n");
  fflush(stdout);
}

static void flood_everywhere(void) {
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  for (int round = 0; round < 64; ++round)
    for (int fd = 1; fd < 64; ++fd) (void)!write(fd, block, sizeof block);
}

/* A whole answer of the probe, as if all had gone well, for whoever reads any descriptor. */
static void forge_answer(void) {
  static const char kForged[] =
      "DUA{\"description\":{\"abi_major\":1,\"abi_minor\":0,\"definition\":" FORGED_DEFINITION
      ",\"functions\":[{\"id\":"
      "\"work\",\"kind\":1},{\"id\":\"ask\",\"kind\":6}],\"id\":\"zoo\",\"min_host_minor\":0,\"sdk\":\"zoo/"
      "1\","
      "\"unloads\":true,\"version\":\"1.0.0\"}}";
  for (int fd = 0; fd < 1024; ++fd)
    if (fd != 1 && fd != 2) (void)!write(fd, kForged, sizeof kForged - 1);
  _exit(0);
}

static void forge_in_handler(int signal) { forge_answer(); }

/* A signal for the process goes to any thread that takes it, the first one by preference. */
static void forge_by_signal(void) {
  for (int number = 1; number < 65; ++number) {
    struct {
      void (*handler)(int);
      unsigned long flags;
      void (*restorer)(void);
      unsigned long mask;
    } action = {forge_in_handler, 0x44000000 /* SA_RESTORER | SA_NODEFER */, 0, 0};
    syscall(SYS_rt_sigaction, number, &action, 0, 8L);
  }
  for (int number = 1; number < 65; ++number)
    if (number != SIGKILL && number != SIGSTOP) syscall(SYS_tgkill, getpid(), getpid(), number);
}

static void* forge_in_thread(void* unused) {
  forge_answer();
  return 0;
}

static void forge_by_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, 0, forge_in_thread, 0) == 0) pthread_join(thread, 0);
}

static void copy_answer_away(void) {
  for (int fd = 4; fd < 64; ++fd) {
    const int copy = dup(fd);
    if (copy >= 0) (void)!write(copy, "DUA{}", 5);
    if (dup2(fd, 40) >= 0) (void)!write(40, "DUA{}", 5);
    const int other = fcntl(fd, F_DUPFD, 30);
    if (other >= 0) (void)!write(other, "DUA{}", 5);
    (void)!syscall(SYS_write, 0x100000000L + fd, "DUA{}", 5L); /* the kernel looks at 32 bits */
    close(fd);
  }
}

/* What an input on a descriptor does to the process that is its owner. */
static void signal_parent_on_input(void) {
  int ends[2];
  if (pipe(ends) != 0) return;
  fcntl(ends[0], F_SETOWN, getppid());
  fcntl(ends[0], F_SETSIG, SIGKILL);
  fcntl(ends[0], F_SETFL, O_ASYNC);
  (void)!write(ends[1], "x", 1);
}

static void pin_parent(void) {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(getppid(), sizeof first, &first);
}

static void* sleep_for_ever(void* unused) {
  while (1) pause();
}

static void start_threads(int count) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  pthread_t thread;
  for (int i = 0; i < count; ++i) pthread_create(&thread, &small, sleep_for_ever, 0);
}

static void* return_at_once(void* unused) { return 0; }

static void start_and_join_threads(int count) {
  pthread_t threads[64];
  for (int i = 0; i < count; ++i)
    if (pthread_create(&threads[i], 0, return_at_once, 0) != 0) abort();
  for (int i = 0; i < count; ++i) pthread_join(threads[i], 0);
}

static void protect(unsigned long from, unsigned long size, long protection) {
#if defined(__x86_64__)
  long result = SYS_mprotect; /* not through the C library, part of which cannot run for a moment */
  __asm__ volatile("syscall" : "+a"(result) : "D"(from), "S"(size), "d"(protection) : "rcx", "r11", "memory");
#endif
}

/* Changes ioctl() for the whole process, so that a guard in it that asks which call the kernel holds back is
   told of a harmless one, and then makes one that is not. */
static void patch_guard_and_limit_parent(void) {
  static const unsigned char kPatch[] = {0xb8, 0x10, 0,    0,    0, /* mov eax, SYS_ioctl */
                                         0x0f, 0x05,                /* syscall */
                                         0x40, 0x84, 0xf6, /* test sil, sil: SECCOMP_IOCTL_NOTIF_RECV? */
                                         0x75, 0x07,       /* jne to the end */
                                         0xc7, 0x42, 0x10, 0x38, 0,
                                         0,    0, /* mov dword [rdx + 16], SYS_clone */
                                         0xc3};   /* ret */
#if defined(__x86_64__)
  unsigned char* code = (unsigned char*)ioctl;
  const unsigned long page = (unsigned long)code & -4096ul;
  protect(page, 8192, PROT_READ | PROT_WRITE);
  for (unsigned i = 0; i < sizeof kPatch; ++i) ((volatile unsigned char*)code)[i] = kPatch[i];
  protect(page, 8192, PROT_READ | PROT_EXEC);
#endif
  start_and_join_threads(1); /* the guard returns from the call that it waits in */
  const struct rlimit limit = {12345, 12345};
  syscall(SYS_prlimit64, getppid(), RLIMIT_MSGQUEUE, &limit, 0);
}

static pirn_status run_program(void) {
  const pid_t child = fork();
  if (child < 0) return PIRN_E_DENIED;
  if (child == 0) {
    execl("/bin/true", "true", (char*)0);
    _exit(9);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PIRN_OK : PIRN_E_DENIED;
}

static pirn_status write_file(void) {
  const int fd = open("/tmp/pirn-zoo-was-here", O_WRONLY | O_CREAT, 0600);
  if (fd >= 0) (void)!write(fd, "x", 1);
  return fd < 0 ? PIRN_E_DENIED : PIRN_OK;
}

static pirn_status allocate(void) {
  return mmap(0, 64ull << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
             ? PIRN_E_LIMIT
             : PIRN_OK;
}

/* Nothing of the host may be in sight: no environment, no open files beyond the probe's own. */
static pirn_status look_around(void) {
  extern char** environ;
  if (environ != 0 && environ[0] != 0) return PIRN_E_INVALID;
  if (fcntl(77, F_GETFD) != -1) return PIRN_E_STATE;
  return PIRN_OK;
}

#ifdef IN_CONSTRUCTOR
__attribute__((constructor)) static void constructor(void) { IN_CONSTRUCTOR; }
#endif

#ifdef PINS_ITSELF
extern int __cxa_thread_atexit_impl(void (*)(void*), void*, void*);
extern void* __dso_handle __attribute__((visibility("hidden")));
static void at_thread_exit(void* unused) {}
#endif

static pirn_status init(const pirn_host* host, pirn_state** out) {
#ifdef PINS_ITSELF
  __cxa_thread_atexit_impl(at_thread_exit, 0, &__dso_handle);
#endif
#ifdef IN_INIT
  IN_INIT;
#endif
  return PIRN_OK;
}

static void deinit(pirn_state* state) {
#ifdef IN_DEINIT
  IN_DEINIT;
#endif
}

static int32_t work(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
#ifdef STATIC_TLS
  return zoo_tls++;
#endif
#ifdef PRIVATE_VERSION
  return (int)__pthread_get_minstack(0);
#endif
#ifdef UNRESOLVED
  return nobody_has_this();
#endif
  return zoo_counter_of_this_copy();
}

static const char* definition(const char** error) {
#ifdef DEFINITION_FAILS
  *error = "the sloth\nis asleep";
  return 0;
#endif
  return DEFINITION;
}

static const pirn_function kWork = {FUNCTION_SIZE, PIRN_KIND_TASK, "work", work};
static const pirn_function kSecond = {FUNCTION_SIZE, SECOND_KIND, SECOND_ID, SECOND_CALL};
static const pirn_function* const kFunctions[] = {
    &kWork,
#ifdef NULL_FUNCTION
    0,
#else
    &kSecond,
#endif
};

#ifdef LONG_TEXT
static char kSdk[1000];
#else
#define kSdk "zoo/1"
#endif

static const pirn_plugin kPlugin = {
    .size = PLUGIN_SIZE,
    .flags = PLUGIN_FLAGS,
    .abi_major = ABI_MAJOR,
    .abi_minor = DESCRIPTOR_MINOR,
    .min_host_minor = MIN_HOST_MINOR,
    .n_functions = N_FUNCTIONS,
    .id = PACKAGE_ID,
    .version = VERSION,
    .sdk = kSdk,
    .functions = kFunctions,
#ifndef NO_DEFINITION
    .definition = definition,
#endif
    .init = init,
    .deinit = deinit,
};

#ifdef ENTRY_IS_DATA
#undef ENTRY
#define ENTRY real_entry
__asm__(
    ".pushsection .data\n.globl pirn_plugin_v1\n.type pirn_plugin_v1,@object\n.size pirn_plugin_v1,8\n"
    "pirn_plugin_v1: .quad 0\n.popsection\n");
#endif

PIRN_EXPORT const pirn_plugin* ENTRY(uint32_t host_minor) {
#ifdef LONG_TEXT
  memset(kSdk, 'x', sizeof kSdk - 1);
#endif
#ifdef IN_ENTRY
  IN_ENTRY;
#endif
#ifdef REFUSES_HOST
  return 0;
#endif
  return &kPlugin;
}
