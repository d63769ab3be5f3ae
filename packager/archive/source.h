// Where the bytes of a package come from: memory, a file, later a request's body. Reading is staged, so that
// a refused package costs no more than was needed to refuse it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::archive {

// One thread. Reads on from its current position.
class Source {
 public:
  virtual ~Source() = default;
  // Reads up to `size` bytes; 0 = the end. Blocks.
  virtual Result<size_t> read(char* into, size_t size) = 0;
};

// Borrows the bytes.
class MemorySource : public Source {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}
  Result<size_t> read(char* into, size_t size) override;
  size_t unread() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

// Borrows the descriptor. `name` is used in messages.
class FileSource : public Source {
 public:
  FileSource(int fd, std::string_view name) : fd_(fd), name_(name) {}
  Result<size_t> read(char* into, size_t size) override;

 private:
  int fd_;
  std::string_view name_;
};

}  // namespace pirn::archive
