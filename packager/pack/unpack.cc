// `pirn unpack`: everything is written below one directory that this function has just made, component by
// component and never through a link. It gets its name only when it is complete.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cerrno>
#include <cstdio>

#include "packager/pack/package_file.h"

#include "packager/file/descriptor.h"
#include "packager/file/whole_file.h"

namespace pirn::pack {

namespace {

namespace fs = boost::filesystem;

class Directory {
 public:
  explicit Directory(int fd = -1) : fd_(fd) {}

  static Directory open(int parent, const char* name) {
    return Directory(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  // The directory of this name below, made if it is not there.
  Directory enter(const std::string& name) const {
    if (::mkdirat(fd_.get(), name.c_str(), 0755) != 0 && errno != EEXIST) return Directory();
    return open(fd_.get(), name.c_str());
  }
  bool write(const std::string& name, std::string_view bytes) const {
    file::FileDescriptor file(
        ::openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    return file && file::write_all(file.get(), bytes) && ::close(file.release()) == 0;
  }
  bool good() const { return static_cast<bool>(fd_); }

 private:
  file::FileDescriptor fd_;
};

// `path` passed archive::check_path: relative and plain.
Status write_below(const Directory& root, std::string_view path, std::string_view bytes) {
  Directory inner;
  const Directory* here = &root;
  for (size_t slash; (slash = path.find('/')) != std::string_view::npos; path.remove_prefix(slash + 1)) {
    Directory next = here->enter(std::string(path.substr(0, slash)));
    if (!next.good()) return file::io_error("create the directory", path.substr(0, slash));
    inner = std::move(next);
    here = &inner;
  }
  if (!here->write(std::string(path), bytes)) return file::io_error("write", path);
  return {};
}

Status write_all(const std::string& directory, const archive::UnverifiedPackage& package) {
  const Directory root = Directory::open(AT_FDCWD, directory.c_str());
  if (!root.good()) return file::io_error("open", directory);
  PIRN_DO(write_below(root, "manifest.json", package.manifest_text));
  for (const archive::File& file : package.manifest.files)
    PIRN_DO(write_below(root, "payload/" + file.path, package.payload.bytes(file.path)));
  return {};
}

}  // namespace

Status unpack_file(const std::string& file, const std::string& directory) {
  PIRN_TRY(const archive::UnverifiedPackage package, read_package(file));
  std::string target = directory;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  std::string staging = target + ".XXXXXX";
  if (!::mkdtemp(staging.data())) return file::io_error("create a directory next to", target);
  Status done = write_all(staging, package);
  if (done && (::chmod(staging.c_str(), 0755) != 0 ||
               ::renameat2(AT_FDCWD, staging.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0))
    done = errno == EEXIST ? Status(Error{Code::unpack_refused, target + " exists"})
                           : Status(file::io_error("make", target));
  if (!done) {
    boost::system::error_code ignored;
    fs::remove_all(staging, ignored);
  }
  return done;
}

}  // namespace pirn::pack
