// Files of a run. What others may read appears whole or not at all, and is on the disk before the step that
// made it says so: the host may be killed at any instant, and the step is then run again.
//
// Failures are pirn::Error io_error, naming the file; transient, since a full disk or a lost mount may come
// back.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "sha256.h"

namespace operations {

// Written under a name of its own in `staging`, published by rename. Different invocations need different
// `tag`s: one that was given up for late may still be writing. One thread.
class AtomicFile {
 public:
  AtomicFile(std::string path, const std::string& staging, const std::string& tag);
  ~AtomicFile();  // without publish(): nothing is left
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  std::string publish();  // SHA-256 of the content; once
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  void flush();

  std::string path_, draft_, buffer_;
  Sha256 digest_;
  uint64_t size_ = 0;
  int descriptor_ = -1;
};

void make_directories(const std::string& path);
bool exists(const std::string& path);
std::ifstream open_to_read(const std::string& path);

}  // namespace operations
