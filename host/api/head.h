// The head of a request as bytes: where it ends, and how its body is framed.
//
// Whatever two programs could read differently is refused before anything acts on it: a proxy in front of the
// host and the host must agree where each request ends. So lines end with CR LF and nothing else, lines are
// never folded, a name is followed by its colon at once, and there is exactly one statement about the body.
// Beast parses the head afterwards; alone it joins folded lines, takes lists of equal lengths, and ignores
// codings that it does not know.
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::api {

inline constexpr size_t kHeadLimit = 16 * 1024;   // bytes, with the request line and the empty line
inline constexpr size_t kTargetLimit = 8 * 1024;  // bytes of the target in the request line
inline constexpr size_t kFieldLimit = 100;        // header fields

// Looks for the end of a head that arrives piece by piece. Bytes that no head may have are refused as soon as
// they are there. Each byte is looked at once.
class HeadScan {
 public:
  // `bytes`: all that has come of the head so far, each time from its beginning. Returns the size of the head
  // with its empty line; 0: there is no end yet. Errors: malformed_request, headers_too_large.
  Result<size_t> look(std::string_view bytes);

 private:
  size_t passed_ = 0;  // bytes that were looked at
  size_t lines_ = 0;   // that have ended
};

// How the body of a request is delimited. Without either there is none.
struct Framing {
  bool chunked = false;
  uint64_t length = 0;
};

// `head`: what HeadScan found. Errors: malformed_request, headers_too_large (the target),
// transfer_coding_unsupported.
Result<Framing> check_head(std::string_view head);

// RFC 9110, 5.6.2: the characters of methods and of the names of fields.
bool is_token_character(char c);
// A control character other than the tab: it has no place in a line of HTTP.
bool is_control_character(char c);

}  // namespace pirn::api
