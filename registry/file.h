// Small files that must be whole or absent, also after a crash. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::registry {

// Writes beside `path`, syncs, renames over it, syncs the directory. Mode 0600. Leaves nothing on failure.
Status write_file_durably(const std::string& path, std::string_view bytes);
// The prefix of the name that an unfinished write has in the directory of its target.
inline constexpr std::string_view kUnfinished = ".unfinished-";
Result<std::string> read_file(const std::string& path);
// The same of a file that only its owner may reach: data_directory_unsafe when it is a link, has a second
// name, belongs to another user, or when others can read or change it. Judged by the descriptor that is read.
Result<std::string> read_secret_file(const std::string& path);

}  // namespace pirn::registry
