// The few things that are done to files of a data directory as a whole. Private to this folder. Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "packager/digest/digest.h"

namespace pirn::maintenance {

// "<doing> '<path>' failed: <reason>"
Error io_failed(const std::string& doing, const std::string& path, const std::string& reason);

struct FileDigest {
  Digest digest;
  uint64_t bytes = 0;
};
// In pieces: files may be larger than memory.
Result<FileDigest> digest_of_file(const std::string& path);

}  // namespace pirn::maintenance
