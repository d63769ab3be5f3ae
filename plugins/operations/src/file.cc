#include "file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <pirn/error.hpp>

namespace operations {
namespace {

constexpr size_t kBufferBytes = size_t{256} * 1024;

[[noreturn]] void refuse(const std::string& what, const std::string& path, int error) {
  throw pirn::Error("io_error", "cannot " + what + " " + path + ": " + std::strerror(error), pirn::transient);
}

void sync_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) refuse("open", path, errno);
  const int failed = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (failed != 0) refuse("sync", path, failed);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, const std::string& staging, const std::string& tag)
    : path_(std::move(path)) {
  make_directories(staging);
  draft_ = staging + "/" + std::filesystem::path(path_).filename().string() + "." + tag;
  descriptor_ = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) refuse("create", draft_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(draft_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  digest_.add(bytes);
  size_ += bytes.size();
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) flush();
}

void AtomicFile::flush() {
  for (size_t done = 0; done < buffer_.size();) {
    const ssize_t written = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno != EINTR) refuse("write", draft_, errno);
    if (written > 0) done += static_cast<size_t>(written);
  }
  buffer_.clear();
}

std::string AtomicFile::publish() {
  flush();
  if (::fsync(descriptor_) != 0) refuse("sync", draft_, errno);
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  make_directories(directory);
  if (::rename(draft_.c_str(), path_.c_str()) != 0) refuse("publish", path_, errno);
  ::close(descriptor_);
  descriptor_ = -1;
  sync_directory(directory);
  return digest_.hex();
}

void make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) refuse("create the directory", path, error.value());
}

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::ifstream open_to_read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse("read", path, errno);
  return file;
}

}  // namespace operations
