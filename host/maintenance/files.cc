#include "host/maintenance/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pirn::maintenance {

namespace {

// Calls `piece` for each piece of the file.
template <class Piece>
Status read_in_pieces(const std::string& path, Piece piece) {
  const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return io_failed("opening", path, std::strerror(errno));
  std::string buffer(size_t{1} << 20, '\0');
  ssize_t length = 0;
  while ((length = ::read(file, buffer.data(), buffer.size())) > 0)
    piece(std::string_view(buffer.data(), static_cast<size_t>(length)));
  const int reason = errno;
  ::close(file);
  return length == 0 ? Status() : Status(io_failed("reading", path, std::strerror(reason)));
}

}  // namespace

Error io_failed(const std::string& doing, const std::string& path, const std::string& reason) {
  return Error{Code::io_failed, doing + " '" + path + "' failed: " + reason, {}, Blame::world};
}

Status sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  const int reason = errno;
  if (directory >= 0) ::close(directory);
  return synced ? Status() : Status(io_failed("syncing", path, std::strerror(reason)));
}

Result<std::string> read_whole(const std::string& path) {
  std::string text;
  PIRN_DO(read_in_pieces(path, [&](std::string_view piece) { text += piece; }));
  return text;
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
