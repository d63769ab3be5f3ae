// Text that strangers chose, made fit to be kept and read by people. Values: any thread.
#pragma once

#include <string>
#include <string_view>

namespace pirn::registry {

// UTF-8 without control characters: no C0, DEL, C1, and nothing that changes the direction of writing.
bool is_plain_text(std::string_view bytes);
// As UTF-8: what is none becomes U+FFFD, and what goes beyond `longest` bytes is cut, at the end of a
// character, and marked with an ellipsis.
std::string as_text(std::string_view bytes, size_t longest);

}  // namespace pirn::registry
