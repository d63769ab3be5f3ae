// A chunked body (RFC 9112, 7.1), decoded as it arrives. It keeps none of the framing: extensions and
// trailers are checked for their form, counted, and dropped, so that the decoded bytes are all that a sender
// can make the host hold.
//
// Rejected: Beast's parser. It finds the end of a chunk's line and the end of the trailers in one buffer that
// grows until they come, takes line feeds within extensions, and stops the process with an assertion when the
// end of an empty body arrives in pieces.
//
// Pure; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::api {

class ChunkedBody {
 public:
  // Bytes of one chunk's line, and of all trailers together.
  static constexpr uint64_t kLineLimit = 4 * 1024, kTrailerLimit = 4 * 1024;
  // Framing bytes may exceed the decoded ones by so many: a body of tiny chunks is refused.
  static constexpr uint64_t kFramingLimit = 16 * 1024;

  // `limit`: decoded bytes.
  explicit ChunkedBody(uint64_t limit) : limit_(limit) {}

  // Decodes from the front of `bytes` and appends to `body`; returns how many bytes it took: all of them,
  // unless the body ends before. Errors: malformed_request, too_large; then the body is of no use.
  Result<size_t> take(std::string_view bytes, std::string& body);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : uint8_t {
    size,       // at least one hexadecimal digit
    blank,      // before the semicolon of an extension
    extension,  // after it
    line_end,   // LF of a chunk's line
    data,       // left_ bytes
    data_cr,    // CR after them
    data_lf,    // LF
    trailer,    // at the beginning of a line
    trailer_name,
    trailer_value,
    trailer_end,  // LF of a trailer
    last_lf,      // LF of the empty line
    done,
  };

  Status framing(char c);
  Status end_of_line();
  Status size_digit(char c);
  Status count(char c);

  const uint64_t limit_;
  State state_ = State::size;
  uint64_t left_ = 0;      // of the chunk
  uint64_t decoded_ = 0;   // bytes of the body, with those of the chunk under way
  uint64_t framing_ = 0;   // bytes that are not
  uint64_t line_ = 0;      // bytes of the chunk's line
  uint64_t trailers_ = 0;  // bytes
  uint32_t digits_ = 0;
};

}  // namespace pirn::api
