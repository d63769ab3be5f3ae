#include "packager/library/sealed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "packager/error/limits.h"

namespace pirn::library {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

#ifndef MFD_EXEC
#define MFD_EXEC \
  0x0010U  // Linux 6.3; where the system forbids executable memfds by default, it must be asked for
#endif

Error failed(const char* what) {
  return Error{
      Code::io_failed,
      std::string("cannot ") + what + " memory for a library: " + std::strerror(errno) + limit_behind(errno),
      "", Blame::world};
}

Error empty() { return Error{Code::library_malformed, "the library is empty", "", Blame::package}; }

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
  if (bytes.empty()) return empty();
  fd_.reset(create());
  if (!fd_) return failed("get");
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = write(fd_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("fill");
    rest.remove_prefix(static_cast<size_t>(written));
  }
  if (fcntl(fd_.get(), F_ADD_SEALS, kSeals) != 0) return failed("seal");
  return map(bytes.size());
}

Result<SealedFile> SealedFile::adopt(int fd) {
  SealedFile file;
  file.fd_.reset(fd);
  const int seals = fcntl(fd, F_GET_SEALS);
  struct stat status;
  if (seals < 0 || fstat(fd, &status) != 0) return failed("take over");
  if ((seals & kSeals) != kSeals)
    return Error{Code::io_failed, "the memory of a library is not sealed", "", Blame::pirn};
  if (status.st_size <= 0) return empty();
  PIRN_DO(file.map(static_cast<size_t>(status.st_size)));
  return file;
}

Status SealedFile::map(size_t size) {
  void* map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd_.get(), 0);
  if (map == MAP_FAILED) return failed("map");
  map_ = map;
  size_ = size;
  digest_ = sha256(bytes());
  return {};
}

SealedFile::~SealedFile() {
  if (map_ != nullptr) munmap(map_, size_);
}

}  // namespace pirn::library
