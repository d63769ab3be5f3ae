#include "packager/library/sealed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pirn::library {
namespace {

#ifndef MFD_EXEC
#define MFD_EXEC \
  0x0010U  // Linux 6.3; where the system forbids executable memfds by default, it must be asked for
#endif

Error failed(const char* what) {
  return Error{Code::io_failed,
               std::string("cannot ") + what + " memory for a library: " + std::strerror(errno), "",
               Blame::world};
}

int create() {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = memfd_create("pirn-library", flags | MFD_EXEC);
  return fd >= 0 || errno != EINVAL ? fd : memfd_create("pirn-library", flags);
}

}  // namespace

Result<SealedFile> SealedFile::make(std::string_view bytes) {
  SealedFile file;
  PIRN_DO(file.fill(bytes));
  return file;
}

Status SealedFile::fill(std::string_view bytes) {
  if (bytes.empty()) return Error{Code::library_malformed, "the library is empty", "", Blame::package};
  fd_ = create();
  if (fd_ < 0) return failed("get");
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("fill");
    rest.remove_prefix(static_cast<size_t>(written));
  }
  if (fcntl(fd_, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return failed("seal");
  void* map = mmap(nullptr, bytes.size(), PROT_READ, MAP_PRIVATE, fd_, 0);
  if (map == MAP_FAILED) return failed("map");
  map_ = map;
  size_ = bytes.size();
  digest_ = sha256(this->bytes());
  return {};
}

SealedFile::~SealedFile() {
  if (map_ != nullptr) munmap(map_, size_);
  if (fd_ >= 0) close(fd_);
}

}  // namespace pirn::library
