// The directory that holds all that a host keeps, and the lock that lets one host at a time use it.
//
// The lock is the kernel's (flock on <directory>/lock): it ends with the process, however that ends, and the
// file that stays behind means nothing. The file's text is the number of the process, for the message only.
// Epochs fence a host that is cut off from its lock; this lock is for the mistake of starting two.
#pragma once

#include <string>

#include "packager/error/error.h"

namespace pirn::store {

class DataDirectory {
 public:
  // Creates the directory (mode 0700; missing parents too) and locks it. store_locked names the process that
  // has it; io_failed. `path` may be relative; path() is absolute.
  static Result<DataDirectory> open(const std::string& path);

  ~DataDirectory();
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;  // -1: moved from
};

}  // namespace pirn::store
