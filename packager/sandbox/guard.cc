#include "packager/sandbox/guard.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace pirn::sandbox {
namespace {

// The kernel's structs may be longer than those of the header.
union Notice {
  seccomp_notif call;
  char room[512];
};
union Reply {
  seccomp_notif_resp reply;
  char room[512];
};

// The descriptor that came with a message; -1: none.
int descriptor_of(msghdr& message) {
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

}  // namespace

Guard::~Guard() { retire(); }

void Guard::retire() {
  if (listener_ >= 0) close(std::exchange(listener_, -1));
}

ssize_t Guard::read(char* into, size_t size) {
  iovec part{into, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  // Later messages were written while package code ran: whatever comes with them is not taken.
  if (!introduced_) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  const ssize_t got = recvmsg(answer_, &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) return got;
  if (!std::exchange(introduced_, true)) listener_ = descriptor_of(message);
  return got;
}

std::optional<Offence> Guard::judge() {
  Notice notice = {};
  if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0) return {};  // the caller was interrupted
  const seccomp_data& call = notice.call.data;
  if (call.nr != SYS_clone || threads_ >= kMaxThreads)
    return Offence{static_cast<uint32_t>(call.nr), static_cast<uint32_t>(call.args[1])};
  ++threads_;
  Reply answer = {};
  answer.reply.id = notice.call.id;
  // Its flags, all that matters of it, are in a register, and the filter has seen them.
  answer.reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  return {};
}

}  // namespace pirn::sandbox
