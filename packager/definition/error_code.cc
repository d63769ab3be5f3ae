#include "packager/definition/error_code.h"

#include <pirn/text.hpp>

namespace pirn::definition {

bool is_error_code(std::string_view code) { return text::is_error_code(code); }
std::string repaired_error_code(std::string_view code) { return text::repaired_error_code(code); }

bool means_error_code(std::string_view pattern, std::string_view code) {
  return pattern == code || (!is_error_code(pattern) && repaired_error_code(pattern) == code);
}

}  // namespace pirn::definition
