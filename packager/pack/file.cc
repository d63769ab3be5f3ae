#include "packager/pack/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem/path.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace pirn::pack {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// The file under its temporary name; renamed by publish(), else removed.
class Unpublished {
 public:
  explicit Unpublished(const std::string& path)
      : path_(path), name_(path + ".XXXXXX"), file_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  ~Unpublished() {
    if (file_.get() >= 0 && !published_) ::unlink(name_.c_str());
  }
  bool write(std::string_view bytes, uint32_t mode) {
    return file_.get() >= 0 && ::fchmod(file_.get(), mode) == 0 && write_all(file_.get(), bytes) &&
           ::fsync(file_.get()) == 0;
  }
  bool publish(Existing existing) {
    const unsigned flags = existing == Existing::refuse ? RENAME_NOREPLACE : 0;
    return published_ = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path_.c_str(), flags) == 0;
  }

 private:
  std::string path_, name_;
  Descriptor file_;
  bool published_ = false;
};

bool sync_directory_of(const std::string& path) {
  const std::string parent = boost::filesystem::path(path).parent_path().string();
  const Descriptor directory(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.get() >= 0 && ::fsync(directory.get()) == 0;
}

}  // namespace

Error io_error(std::string_view doing, std::string_view path) {
  return Error{
      .code = errno == ENOENT ? Code::not_found : Code::io_failed,
      .message = "cannot " + std::string(doing) + " " + std::string(path) + ": " + std::strerror(errno),
      .hint = errno == ENOENT ? "Check the path." : "",
      .blame = Blame::world};
}

Result<std::string> read_file(const std::string& path, uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return io_error("open", path);
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return io_error("read", path);
  if (!S_ISREG(status.st_mode))
    return Error{.code = Code::io_failed, .message = path + " is not a regular file", .blame = Blame::world};
  if (static_cast<uint64_t>(status.st_size) > limit)
    return Error{Code::package_too_large, path + " has " + std::to_string(status.st_size) +
                                              " bytes; at most " + std::to_string(limit) + " are allowed"};
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
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

Status write_file(const std::string& path, std::string_view bytes, uint32_t mode, Existing existing) {
  Unpublished file(path);
  if (!file.write(bytes, mode)) return io_error("write", path);
  if (!file.publish(existing)) {
    if (errno == EEXIST)
      return Error{Code::conflict, path + " already exists", "Remove it first, or choose another name."};
    return io_error("write", path);
  }
  if (!sync_directory_of(path)) return io_error("sync the directory of", path);
  return {};
}

}  // namespace pirn::pack
