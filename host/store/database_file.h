// A store that is a file, as an operator needs it while the host works: its size, a copy, its space given back.
#pragma once

#include <cstdint>
#include <string>

#include "packager/error/error.h"

namespace pirn::store {

// The bytes of a database, whether they are in its file or in its log.
struct FileUse {
  uint64_t used = 0;
  uint64_t free = 0;  // that new rows take before the file grows
};

// Any thread.
class DatabaseFile {
 public:
  virtual ~DatabaseFile() = default;

  virtual const std::string& path() const = 0;
  // Cheap.
  virtual Result<FileUse> use() const = 0;
  // Whether another host has opened the file since: then no commit of this one succeeds any more.
  virtual Result<bool> taken_over() const = 0;
  // A copy as of now, whole and durable, in a file that does not exist yet. Commits do not wait.
  virtual Status back_up(const std::string& to) const = 0;
  // Gives free space back to the file system. Rewrites the whole file, and commits wait that long. An error
  // for lack of room leaves everything as it was.
  virtual Status compact() = 0;
};

}  // namespace pirn::store
