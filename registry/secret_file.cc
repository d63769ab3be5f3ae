#include "registry/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packager/file/descriptor.h"
#include "packager/file/whole_file.h"

namespace pirn::registry {

Result<std::string> read_secret_file(const std::string& path) {
  const file::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return file::io_error("open", path);
  const bool private_file = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == geteuid() &&
                            (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  if (private_file) return file::read(file.get(), path);
  return Error{Code::data_directory_unsafe, "other users can reach '" + path + "'",
               "It must belong to the host's user, have mode 600, and have no other hard link.",
               Blame::world};
}

}  // namespace pirn::registry
