#include "packager/archive/source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace pirn::archive {

Result<size_t> MemorySource::read(char* into, size_t size) {
  const size_t n = std::min(size, rest_.size());
  if (n != 0) std::memcpy(into, rest_.data(), n);
  rest_.remove_prefix(n);
  return n;
}

Result<size_t> FileSource::read(char* into, size_t size) {
  for (;;) {
    const ssize_t n = ::read(fd_, into, size);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EINTR) continue;
    return Error{.code = Code::io_failed,
                 .message = "cannot read " + std::string(name_) + ": " + std::strerror(errno),
                 .blame = Blame::world};
  }
}

}  // namespace pirn::archive
