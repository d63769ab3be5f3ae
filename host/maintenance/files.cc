#include "host/maintenance/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "packager/file/descriptor.h"

namespace pirn::maintenance {

namespace {

// Calls `piece` for each piece of the file.
template <class Piece>
Status read_in_pieces(const std::string& path, Piece piece) {
  const file::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return io_failed("opening", path, std::strerror(errno));
  std::string buffer(size_t{1} << 20, '\0');
  ssize_t length = 0;
  while ((length = ::read(file.get(), buffer.data(), buffer.size())) > 0)
    piece(std::string_view(buffer.data(), static_cast<size_t>(length)));
  return length == 0 ? Status() : Status(io_failed("reading", path, std::strerror(errno)));
}

}  // namespace

Error io_failed(const std::string& doing, const std::string& path, const std::string& reason) {
  return Error{Code::io_failed, doing + " '" + path + "' failed: " + reason, {}, Blame::world};
}

Result<FileDigest> digest_of_file(const std::string& path) {
  Sha256 sum;
  FileDigest file;
  PIRN_DO(read_in_pieces(path, [&](std::string_view piece) {
    sum.add(piece);
    file.bytes += piece.size();
  }));
  file.digest = sum.finish();
  return file;
}

}  // namespace pirn::maintenance
