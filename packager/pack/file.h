// Whole files, read and written: what a reader of a file sees is all of it or nothing. Any thread; blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::pack {

// not_found, io_failed, or package_too_large above `limit` bytes.
Result<std::string> read_file(const std::string& path, uint64_t limit);

enum class Existing : uint8_t { replace, refuse };  // refuse: conflict when the file is there

// Writes beside `path`, syncs, renames, syncs the directory: durable when it returns, nothing left when it
// fails.
Status write_file(const std::string& path, std::string_view bytes, uint32_t mode, Existing existing);

// io_failed, with the reason that errno gives.
Error io_error(std::string_view doing, std::string_view path);

}  // namespace pirn::pack
