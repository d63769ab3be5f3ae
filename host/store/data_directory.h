// The directory that holds all that a host keeps, and the lock that lets one host at a time use it.
//
// The lock is the kernel's (flock on <directory>/lock): it ends with the process, however that ends, and the
// file that stays behind means nothing. The file's text is the number of the process, for the message only.
// Epochs fence a host that is cut off from its lock; this lock is for the mistake of starting two.
//
// Who removes or replaces the file while a host runs lets a second one start. The first one notices it
// (holds_lock), and leaves alone what is the second one's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "packager/error/error.h"

namespace pirn::store {

class DataDirectory {
 public:
  // Creates the directory (mode 0700; missing parents, 0755) if it is not there, checks that it and
  // everything in it is the host's alone (private_files.h), and locks it. Errors: data_directory_unsafe;
  // store_locked, which names the process that has it; io_failed. `path` may be relative; path() is absolute.
  static Result<DataDirectory> open(const std::string& path);

  ~DataDirectory();
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;

  // Whether the file that is locked here is still the directory's: false once somebody has removed or
  // replaced it, and then another host may have been started. Any thread; two calls of the system.
  bool holds_lock() const;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  // What an operator should know of the directories above, and what does not stop the start.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  DataDirectory(std::string path, int lock, std::vector<std::string> warnings)
      : path_(std::move(path)), lock_(lock), warnings_(std::move(warnings)) {}

  std::string path_;
  int lock_;  // -1: moved from
  std::vector<std::string> warnings_;
};

}  // namespace pirn::store
