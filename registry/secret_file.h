// Files that only the host's user may reach. Any thread; blocks.
#pragma once

#include <string>

#include "packager/error/error.h"

namespace pirn::registry {

// The whole file. data_directory_unsafe when it is a link, has a second name, belongs to another user, or when
// others can read or change it. Judged by the descriptor that is read.
Result<std::string> read_secret_file(const std::string& path);

}  // namespace pirn::registry
