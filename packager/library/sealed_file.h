// Bytes in memory that nobody can change any more, with a file descriptor that can be mapped or loaded: what
// is verified is what is executed, whatever happens to files in the meantime.
#pragma once

#include <string_view>
#include <utility>

#include "packager/digest/digest.h"
#include "packager/error/error.h"
#include "packager/file/descriptor.h"

namespace pirn::library {

// Owns the descriptor. One thread at a time.
class SealedFile {
 public:
  // Copies `bytes` into a sealed memfd and digests what is in it then. Errors: io_failed.
  static Result<SealedFile> make(std::string_view bytes);

  // Takes over a descriptor of a file that make() has sealed, here or in another process. Errors:
  // library_malformed when it is empty; io_failed, also when somebody could still change it.
  static Result<SealedFile> adopt(int fd);

  SealedFile(SealedFile&& other) noexcept { swap(other); }
  SealedFile& operator=(SealedFile&& other) noexcept { return swap(other), *this; }
  ~SealedFile();

  int fd() const { return fd_.get(); }
  // The sealed bytes, mapped read-only for the life of this object.
  std::string_view bytes() const { return {static_cast<const char*>(map_), size_}; }
  const Digest& digest() const { return digest_; }

  // Gives the descriptor up: it stays open for the life of the process.
  void keep_open() { (void)fd_.release(); }

 private:
  SealedFile() = default;
  void swap(SealedFile& other) {
    std::swap(fd_, other.fd_);
    std::swap(map_, other.map_);
    std::swap(size_, other.size_);
    std::swap(digest_, other.digest_);
  }
  Status fill(std::string_view bytes);
  Status map(size_t size);

  file::FileDescriptor fd_;
  void* map_ = nullptr;
  size_t size_ = 0;
  Digest digest_;
};

}  // namespace pirn::library
