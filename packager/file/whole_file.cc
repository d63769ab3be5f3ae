#include "packager/file/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "packager/file/descriptor.h"

namespace pirn::file {

namespace {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A file under its temporary name; renamed by publish(), else removed.
class Unpublished {
 public:
  explicit Unpublished(const std::string& path)
      : path_(path),
        name_(folder_of(path) + "/" + std::string(kUnfinished) + "XXXXXX"),
        file_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  ~Unpublished() {
    if (!file_ || published_) return;
    const int reason = errno;
    ::unlink(name_.c_str());
    errno = reason;
  }
  Unpublished(const Unpublished&) = delete;

  bool write(std::string_view bytes, mode_t mode) {
    return file_ && ::fchmod(file_.get(), mode) == 0 && write_all(file_.get(), bytes) &&
           ::fsync(file_.get()) == 0;
  }
  bool publish(Existing existing) {
    const unsigned flags = existing == Existing::refuse ? RENAME_NOREPLACE : 0;
    return published_ = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path_.c_str(), flags) == 0;
  }

 private:
  std::string path_, name_;
  FileDescriptor file_;
  bool published_ = false;
};

Error not_written(std::string_view doing, std::string_view path) {
  Error error = io_error(doing, path);
  error.code = Code::io_failed;
  return error;
}

Status sync(const std::string& path, int flags, std::string_view doing) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!file || ::fsync(file.get()) != 0) return not_written(doing, path);
  return {};
}

}  // namespace

Error io_error(std::string_view doing, std::string_view path) {
  return Error{
      .code = errno == ENOENT ? Code::not_found : Code::io_failed,
      .message = "cannot " + std::string(doing) + " " + std::string(path) + ": " + std::strerror(errno),
      .hint = errno == ENOENT ? "Check the path." : "",
      .blame = Blame::world};
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Status write(const std::string& path, std::string_view bytes, mode_t mode, Existing existing) {
  {
    Unpublished file(path);
    if (!file.write(bytes, mode)) return not_written("write", path);
    if (!file.publish(existing)) {
      if (existing == Existing::refuse && errno == EEXIST)
        return Error{Code::conflict, path + " already exists", "Remove it first, or choose another name."};
      return not_written("write", path);
    }
  }
  return sync_folder(folder_of(path));
}

Result<std::string> read(const std::string& path, Links links, uint64_t limit) {
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write into it.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::refuse ? O_NOFOLLOW : 0);
  const FileDescriptor file(::open(path.c_str(), flags));
  if (!file) return io_error("open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return io_error("read", path);
  if (!S_ISREG(status.st_mode))
    return Error{.code = Code::io_failed, .message = path + " is not a regular file", .blame = Blame::world};
  if (static_cast<uint64_t>(status.st_size) > limit)
    return Error{Code::package_too_large, path + " has " + std::to_string(status.st_size) +
                                              " bytes; at most " + std::to_string(limit) + " are allowed"};
  return read(file.get(), path);
}

Result<std::string> read(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return io_error("read", path);
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("read", path);
    if (n == 0)
      return Error{.code = Code::io_failed,
                   .message = path + " became shorter while it was read",
                   .blame = Blame::world};
    done += static_cast<size_t>(n);
  }
  return bytes;
}

Status sync_file(const std::string& path) { return sync(path, 0, "sync"); }

Status sync_folder(const std::string& path) { return sync(path, O_DIRECTORY, "sync the folder"); }

}  // namespace pirn::file
