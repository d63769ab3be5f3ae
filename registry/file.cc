#include "registry/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem/path.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pirn::registry {

namespace {

Error failure(std::string_view what, const std::string& path) {
  return Error{Code::io_failed,
               "cannot " + std::string(what) + " " + path + ": " + std::strerror(errno),
               {},
               Blame::world};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int operator*() const { return fd_; }

 private:
  int fd_;
};

Status write_and_sync(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0) return failure("sync", path);
  return {};
}

Status sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (*directory < 0 || ::fsync(*directory) != 0) return failure("sync the directory", path);
  return {};
}

}  // namespace

Status write_file_durably(const std::string& path, std::string_view bytes) {
  const std::string directory = boost::filesystem::path(path).parent_path().string();
  std::string unfinished = directory + "/" + std::string(kUnfinished) + "XXXXXX";
  const Descriptor file(::mkostemp(unfinished.data(), O_CLOEXEC));  // mode 0600
  if (*file < 0) return failure("create a file in", directory);
  Status status = write_and_sync(*file, unfinished, bytes);
  if (status && ::rename(unfinished.c_str(), path.c_str()) != 0) status = failure("rename a file to", path);
  if (!status) {
    ::unlink(unfinished.c_str());
    return status;
  }
  return sync_directory(directory);
}

namespace {

Result<std::string> read_all(int file, const struct stat& status, const std::string& path) {
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(file, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read", path);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (*file < 0 || ::fstat(*file, &status) != 0) return failure("open", path);
  return read_all(*file, status, path);
}

Result<std::string> read_secret_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (*file < 0 || ::fstat(*file, &status) != 0) return failure("open", path);
  const bool private_file = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == geteuid() &&
                            (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  if (private_file) return read_all(*file, status, path);
  return Error{Code::data_directory_unsafe, "other users can reach '" + path + "'",
               "It must belong to the host's user, have mode 600, and have no other hard link.",
               Blame::world};
}

}  // namespace pirn::registry
