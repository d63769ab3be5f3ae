// Codes of errors in definitions: what retry lists and recovery rules compare with the code that a function
// gave, which a host has repaired (sdk/include/pirn/text.hpp). Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace pirn::definition {

// [a-z0-9_.-]{1,64}
bool is_error_code(std::string_view code);
// What a host makes of a code that a function gives: "HTTP 500" becomes "http_500".
std::string repaired_error_code(std::string_view code);
// Does a pattern that names this code mean an error with that one? A pattern is repaired as the error was, so
// that {"no_retry_on": ["HTTP 500"]} matches what pirn::fail("HTTP 500") becomes.
bool means_error_code(std::string_view pattern, std::string_view code);

}  // namespace pirn::definition
