#include "host/store/private_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "packager/file/descriptor.h"

namespace pirn::store {

namespace {

namespace fs = boost::filesystem;

constexpr size_t kMostReported = 20;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH, kOthers = S_IRWXG | S_IRWXO;

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(uid);
}

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
  return text.data();
}

// As a shell takes it, for the command in a hint.
std::string quoted(const std::string& path) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::strchr("/._-+", c) != nullptr;
  };
  if (std::all_of(path.begin(), path.end(), plain)) return path;
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Error unsafe(const std::string& message, const std::string& hint) {
  return Error{Code::data_directory_unsafe, message, hint, Blame::world};
}

// Whether others may read it.
enum class Secrecy : uint8_t { secret, open };

// What is wrong with one entry; nothing when only the host's user reaches it.
std::optional<Error> judge(const std::string& path, const struct stat& found, const std::string& link_target,
                           Secrecy secrecy) {
  const std::string name = "'" + path + "'";
  const bool directory = S_ISDIR(found.st_mode);
  if (S_ISLNK(found.st_mode))
    return unsafe(name + " is a symbolic link to '" + link_target + "'",
                  "Put the file or directory itself there, or remove the link: rm " + quoted(path));
  if (!directory && !S_ISREG(found.st_mode) && !S_ISSOCK(found.st_mode))
    return unsafe(name + " is neither a file nor a directory", "Remove it: rm " + quoted(path));
  if (found.st_uid != geteuid())
    return unsafe(name + " belongs to the user " + user_name(found.st_uid) + ", and the host runs as " +
                      user_name(geteuid()),
                  "Run the host as " + user_name(found.st_uid) + ", or: chown " + user_name(geteuid()) + " " +
                      quoted(path));
  const std::string mode = " by other users (mode " + octal(found.st_mode) + ")";
  const std::string repair = "Run: chmod " +
                             std::string(secrecy == Secrecy::open ? "go-w "
                                         : directory              ? "700 "
                                                                  : "600 ") +
                             quoted(path);
  if ((found.st_mode & kOthersWrite) != 0) return unsafe(name + " can be changed" + mode, repair);
  if (secrecy == Secrecy::secret && (found.st_mode & kOthers) != 0)
    return unsafe(name + " can be read" + mode, repair);
  if (S_ISREG(found.st_mode) && found.st_nlink > 1)
    return unsafe(
        name + " has a second name: it is a file with " + std::to_string(found.st_nlink) + " hard links",
        "Give it a copy of its own: cp -p " + quoted(path) + " " + quoted(path + ".copy") + " && mv " +
            quoted(path + ".copy") + " " + quoted(path));
  return std::nullopt;
}

std::string target_of(int link) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
  return size < 0 ? std::string("?") : std::string(target.data(), static_cast<size_t>(size));
}

Error io_error(std::string_view doing, const std::string& path) {
  return Error{Code::io_failed,
               std::string(doing) + " '" + path + "' failed: " + std::strerror(errno),
               {},
               Blame::world};
}

// Collects what is wrong; one refusal names all of it.
class Inspection {
 public:
  // `name` within the open directory `at`; `path` is for the message. An entry that is gone passes.
  Status look(int at, const std::string& name, const std::string& path, Secrecy secrecy) {
    const file::FileDescriptor entry(::openat(at, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!entry && errno == ENOENT) return {};
    struct stat found {};
    if (!entry || ::fstat(entry.get(), &found) != 0) return io_error("looking at", path);
    if (auto problem = judge(path, found, S_ISLNK(found.st_mode) ? target_of(entry.get()) : "", secrecy))
      add(std::move(*problem));
    return {};
  }

  // Every entry of an open directory. `secrecy` says of a name whether others may read it.
  Status look_at_entries(int directory, const std::string& path, Secrecy (*secrecy)(std::string_view)) {
    const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(own < 0 ? nullptr : ::fdopendir(own), ::closedir);
    if (!listing) return io_error("reading", path);
    for (errno = 0; const dirent* entry = ::readdir(listing.get()); errno = 0) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || name == "lost+found") continue;
      PIRN_DO(look(directory, name, path + "/" + name, secrecy(name)));
    }
    return errno == 0 ? Status() : Status(io_error("reading", path));
  }

  Status conclude() const {
    if (problems_.empty()) return {};
    if (problems_.size() == 1) return problems_.front();
    Error error = unsafe(std::to_string(problems_.size() + more_) + " paths are not safe from other users",
                         "Repair each of them, then start the host again.");
    error.causes = problems_;
    if (more_ > 0)
      error.causes.push_back(
          unsafe("and " + std::to_string(more_) + " more paths", "Repair the ones above first."));
    return error;
  }

 private:
  void add(Error problem) {
    if (problems_.size() < kMostReported)
      problems_.push_back(std::move(problem));
    else
      ++more_;
  }

  std::vector<Error> problems_;
  size_t more_ = 0;
};

// Databases hold inputs and results of every tenant, the pepper what API keys are hashed with.
Secrecy secrecy_of_entry(std::string_view name) {
  for (const std::string_view end : {".db", ".db-wal", ".db-shm", ".db-journal", ".pepper"})
    if (name.ends_with(end)) return Secrecy::secret;
  return name == "blobs" || name == "crashes" ? Secrecy::secret : Secrecy::open;
}
Secrecy secrecy_of_blob(std::string_view) { return Secrecy::secret; }

// The absolute paths of the directories above this one, the root first.
std::vector<std::string> parents_of(const fs::path& path) {
  std::vector<std::string> all;
  for (fs::path each = path.parent_path(); !each.empty(); each = each.parent_path()) {
    all.push_back(each.string());
    if (each == each.root_path()) break;
  }
  std::reverse(all.begin(), all.end());
  return all;
}

}  // namespace

Status check_private_directory(const std::string& path) {
  Inspection itself;
  PIRN_DO(itself.look(AT_FDCWD, path, path, Secrecy::secret));
  PIRN_DO(itself.conclude());
  const file::FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return io_error("opening", path);
  Inspection contents;
  PIRN_DO(contents.look_at_entries(directory.get(), path, secrecy_of_entry));
  PIRN_DO(contents.conclude());
  const file::FileDescriptor blobs(
      ::openat(directory.get(), "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!blobs) return errno == ENOENT ? Status() : Status(io_error("opening", path + "/blobs"));
  Inspection of_blobs;
  PIRN_DO(of_blobs.look_at_entries(blobs.get(), path + "/blobs", secrecy_of_blob));
  return of_blobs.conclude();
}

Status check_parents(const std::string& path, std::vector<std::string>& warnings) {
  std::vector<std::string> all = parents_of(path);
  boost::system::error_code unresolved;
  const fs::path resolved = fs::weakly_canonical(path, unresolved);
  if (!unresolved)
    for (const std::string& parent : parents_of(resolved)) all.push_back(parent);
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const std::string& parent : all) {
    const file::FileDescriptor directory(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat found {};
    if (!directory || ::fstat(directory.get(), &found) != 0) return io_error("looking at", parent);
    if (!seen.emplace(found.st_dev, found.st_ino).second) continue;
    const bool sticky = (found.st_mode & S_ISVTX) != 0;
    const std::string replace = ", who could put another directory in the place of '" + path + "'";
    if ((found.st_mode & S_IWOTH) != 0 && !sticky)
      return unsafe(
          "'" + parent + "' can be changed by every user (mode " + octal(found.st_mode) + ")" + replace,
          "Run: chmod o-w " + quoted(parent) + ", or choose another directory with --data or --store.");
    if ((found.st_mode & S_IWGRP) != 0 && !sticky && found.st_gid != 0)
      warnings.push_back("'" + parent + "' can be changed by its group (mode " + octal(found.st_mode) + ")" +
                         replace);
    if (found.st_uid != 0 && found.st_uid != geteuid())
      warnings.push_back("'" + parent + "' belongs to the user " + user_name(found.st_uid) + replace);
  }
  return {};
}

Status check_private_database(const std::string& path) {
  Inspection inspection;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"})
    PIRN_DO(inspection.look(AT_FDCWD, path + suffix, path + suffix, Secrecy::secret));
  return inspection.conclude();
}

}  // namespace pirn::store
