#include "packager/sandbox/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "packager/file/descriptor.h"
#include "packager/sandbox/sanitized.h"

namespace pirn::sandbox {
namespace {

constexpr rlim_t kCpuSeconds = 10;
constexpr uid_t kNobody = 65534;

constexpr const char* kReadable[] = {
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime"};

// The header of Debian 12 knows version 2 of Landlock.
constexpr uint64_t kFiles1 = (uint64_t{1} << 13) - 1;  // all of version 1
constexpr uint64_t kFilesLater[] = {0,        0, 1u << 13,
                                    1u << 14, 0, 1u << 15};  // by version: 2 REFER, 3 TRUNCATE, 5 IOCTL_DEV
constexpr uint64_t kTcp = 3;                                 // bind, connect; version 4
constexpr uint64_t kScopes = 3;                              // abstract Unix sockets, signals; version 6
constexpr long kScopesSince = 6;

Error failed(const char* what) {
  return Error{Code::probe_sandbox_failed,
               std::string("cannot confine the probe: ") + what + ": " + std::strerror(errno), "",
               Blame::world};
}

// A limit that is lower already stays: only root could raise it.
bool limit(__rlimit_resource resource, rlim_t value, rlim_t grace = 0) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min(limit.rlim_max, value + grace);
  limit.rlim_cur = std::min(limit.rlim_max, value);
  return setrlimit(resource, &limit) == 0;
}

Status limit_resources() {
  // A second between SIGXCPU, which tells the parent what happened, and SIGKILL, which does not.
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_CPU, kCpuSeconds, 1) || !limit(RLIMIT_NOFILE, kOpenFiles) ||
      !limit(RLIMIT_FSIZE, 0) || (!kSanitized && !limit(RLIMIT_AS, kAddressBytes)))
    return failed("setrlimit");
  std::signal(SIGXFSZ, SIG_IGN);  // a file that would grow is an error, not the end
  return {};
}

bool has_capabilities(std::initializer_list<int> wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](int capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
  });
}

void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  syscall(SYS_capset, &header, none);
}

// Root becomes nobody, so that a signal to the host fails even if everything else did. Only where the parent,
// which has the capabilities that this process still has, can stop a process of another user.
void leave_root() {
  if (geteuid() == 0 && has_capabilities({CAP_SETUID, CAP_SETGID, CAP_KILL}) && setgroups(0, nullptr) == 0 &&
      setresgid(kNobody, kNobody, kNobody) == 0)
    static_cast<void>(!setresuid(kNobody, kNobody, kNobody));  // geteuid() tells
  drop_capabilities();
}

void allow_reading(int ruleset, const char* path) {
  const file::FileDescriptor fd(open(path, O_PATH | O_CLOEXEC));
  if (!fd) return;
  landlock_path_beneath_attr rule{};
  rule.parent_fd = fd.get();
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;  // a file has no entries to read
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  }
}

// The version of Landlock that holds from now on; 0: none, and files stay readable, though not writable.
uint32_t enter_landlock() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return 0;
  const LandlockRights attributes = landlock_rights(version);
  const size_t known = version >= kScopesSince ? 3 : version >= 4 ? 2 : 1;
  const auto ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, known * sizeof(uint64_t), 0));
  if (ruleset < 0) return 0;
  for (const char* path : kReadable) allow_reading(ruleset, path);
  const bool entered = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return entered ? static_cast<uint32_t>(version) : 0;
}

}  // namespace

LandlockRights landlock_rights(long version) {
  LandlockRights rights{kFiles1};
  for (size_t i = 0; i < std::size(kFilesLater) && static_cast<long>(i) <= version; ++i)
    rights.files |= kFilesLater[i];
  if (version >= 4) rights.network = kTcp;
  if (version >= kScopesSince) rights.scoped = kScopes;
  return rights;
}

std::string print(const Confinement& confinement) {
  std::string out = std::to_string(confinement.landlock);
  for (const bool given : {confinement.scoped_signals, confinement.unprivileged, confinement.guarded})
    out += given ? " 1" : " 0";
  return out + "\n";
}

std::optional<Confinement> parse_confinement(std::string_view line) {
  Confinement out;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), out.landlock);
  if (error != std::errc()) return {};
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  for (bool* given : {&out.scoped_signals, &out.unprivileged, &out.guarded}) {
    if (!line.starts_with(" 0") && !line.starts_with(" 1")) return {};
    *given = line[1] == '1';
    line.remove_prefix(2);
  }
  if (line != "\n") return {};
  return out;
}

std::string describe(const Confinement& confinement) {
  return (confinement.landlock == 0 ? "no Landlock" : "Landlock " + std::to_string(confinement.landlock)) +
         (confinement.scoped_signals ? ", signals scoped" : "") +
         (confinement.unprivileged ? ", not root" : ", root without capabilities") +
         (confinement.guarded ? ", threads counted" : ", no threads");
}

Result<Confinement> confine_process(int first_closed) {
  const uid_t user = geteuid();
  clearenv();
  if (close_range(static_cast<unsigned>(first_closed), ~0u, 0) != 0) return failed("close_range");
  if (!kSanitized) leave_root();
  // After the change of user, which would undo the first and forbid nothing of the second.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      (!kSanitized && prctl(PR_SET_DUMPABLE, 0) != 0))
    return failed("prctl");
  PIRN_DO(limit_resources());
  Confinement given;
  given.unprivileged = geteuid() != 0;
  if (kSanitized) return given;
  given.landlock = enter_landlock();
  given.scoped_signals = given.landlock >= kScopesSince;
  if (given.landlock == 0 && geteuid() == user)
    return Error{
        Code::probe_sandbox_failed,
        "cannot confine the probe: the kernel has no Landlock, and the probe cannot become another user, "
        "which needs root with CAP_SETUID, CAP_SETGID and CAP_KILL; so a library could read whatever user " +
            std::to_string(user) + " can read",
        "", Blame::world};
  return given;
}

}  // namespace pirn::sandbox
