// Files that are read and written as a whole. Whoever reads a file that is replaced here finds the old content or
// the new one, also after a crash or a loss of power.
//
// Errors: io_failed with the reason that the system gives; not_found when the file to read does not exist.
//
// Thread: any; blocks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::file {

// The prefix of the name that an unfinished write has in the folder of its target. A crash may leave such a file.
inline constexpr std::string_view kUnfinished = ".unfinished-";

enum class Existing : uint8_t {
  replace,
  refuse,  // conflict when the file is there
};

// Writes beside `path`, syncs, renames, and syncs the folder: durable when it returns. When it fails, the old
// content is in place and nothing is left behind; only when the folder cannot be synced, the new content is in
// place, but a loss of power may bring the old one back.
Status write(const std::string& path, std::string_view bytes, mode_t mode,
             Existing existing = Existing::replace);

enum class Links : uint8_t { follow, refuse };  // in the last part of a path

// All bytes of a regular file. package_too_large above `limit` bytes.
Result<std::string> read(const std::string& path, Links links, uint64_t limit = UINT64_MAX);
// The bytes of an open file, from where it stands.
Result<std::string> read(int fd, const std::string& path);

// Makes what has been written to the file, or the names in the folder, durable.
Status sync_file(const std::string& path);
Status sync_folder(const std::string& path);

// false, with the reason in errno: not all of it was written.
bool write_all(int fd, std::string_view bytes);

// The error of the call that has just failed, from errno.
Error io_error(std::string_view doing, std::string_view path);

}  // namespace pirn::file
