#include "host/store/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <cerrno>
#include <cstring>

#include "host/store/private_files.h"

namespace pirn::store {

namespace {

namespace fs = boost::filesystem;

Error failed(const std::string& doing, const std::string& path, const char* reason) {
  return {Code::io_failed, doing + " '" + path + "' failed: " + reason, "", Blame::world};
}

// Missing parents are made for others to pass, but never to change, whatever the umask is.
Status make_parents(const fs::path& path) {
  fs::path each;
  for (const fs::path& part : path) {
    each /= part;
    if (mkdir(each.c_str(), 0755) != 0 && errno != EEXIST && errno != EROFS && errno != EISDIR) {
      const int reason = errno;
      boost::system::error_code ignored;
      if (!fs::is_directory(each, ignored))
        return failed("creating the directory", each.string(), std::strerror(reason));
    }
  }
  return {};
}

Result<std::string> make_directory(const std::string& path) {
  boost::system::error_code error;
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (absolute.filename_is_dot()) absolute = absolute.parent_path();  // "data/" names "data"
  if (error) return failed("creating the data directory", path, error.message().c_str());
  PIRN_DO(make_parents(absolute.parent_path()));
  if (mkdir(absolute.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("creating the data directory", absolute.string(), std::strerror(errno));
  if (!fs::is_directory(absolute, error))
    return failed("creating the data directory", absolute.string(), "a file is there");
  return absolute.string();
}

std::string holder(int lock) {
  char text[32] = {};
  const ssize_t length = pread(lock, text, sizeof text - 1, 0);
  const std::string_view digits(text, length > 0 ? static_cast<size_t>(length) : 0);
  const size_t end = digits.find_first_not_of("0123456789");
  const std::string_view pid = digits.substr(0, end);
  return pid.empty() ? "another process" : "process " + std::string(pid);
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  PIRN_TRY(std::string directory, make_directory(path));
  std::vector<std::string> warnings;
  PIRN_DO(check_parents(directory, warnings));
  PIRN_DO(check_private_directory(directory));
  const std::string name = directory + "/lock";
  const int lock = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return failed("opening", name, std::strerror(errno));
  DataDirectory opened(std::move(directory), lock, std::move(warnings));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed("locking", name, std::strerror(errno));
    return Error{Code::store_locked, "the data directory '" + opened.path_ + "' is in use by " + holder(lock),
                 "", Blame::world};
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  const bool written =
      ftruncate(lock, 0) == 0 && pwrite(lock, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
  // On a full disk the number is missing from a message, and the start goes on: it may be for a prune.
  if (!written && errno != ENOSPC && errno != EDQUOT) return failed("writing", name, std::strerror(errno));
  return opened;
}

bool DataDirectory::holds_lock() const {
  struct stat locked {};
  struct stat named {};
  return fstat(lock_, &locked) == 0 && stat(file("lock").c_str(), &named) == 0 &&
         locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      warnings_(std::move(other.warnings_)) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace pirn::store
