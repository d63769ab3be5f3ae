#include "host/api/chunked_body.h"

#include <algorithm>

#include "host/api/head.h"

namespace pirn::api {

namespace {

Error malformed(const char* what) {
  return Error{Code::malformed_request, std::string("the chunked body is malformed: ") + what};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr uint32_t kMostDigits = 16;

}  // namespace

Result<size_t> ChunkedBody::take(std::string_view bytes, std::string& body) {
  size_t at = 0;
  while (at < bytes.size() && state_ != State::done) {
    if (state_ == State::data) {
      const size_t size = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size() - at));
      body.append(bytes.substr(at, size));
      at += size;
      left_ -= size;
      if (left_ == 0) state_ = State::data_cr;
      continue;
    }
    PIRN_DO(count(bytes[at]));
    PIRN_DO(framing(bytes[at]));
    ++at;
  }
  return at;
}

// Before a byte of framing is looked at: what it adds up to.
Status ChunkedBody::count(char c) {
  if (++framing_ > kFramingLimit + decoded_) return malformed("its chunks are too small for what they frame");
  const bool in_trailers = state_ >= State::trailer;
  if (in_trailers && ++trailers_ > kTrailerLimit) return malformed("its trailers are larger than 4096 bytes");
  if (!in_trailers && ++line_ > kLineLimit) return malformed("a chunk's line is longer than 4096 bytes");
  if (is_control_character(c) && c != '\r' && c != '\n') return malformed("it has a control character");
  return {};
}

Status ChunkedBody::framing(char c) {
  const auto expect = [&](char wanted, State next) -> Status {
    if (c != wanted) return malformed("a line does not end with CR LF");
    state_ = next;
    return {};
  };
  switch (state_) {
    case State::size:
      if (hex_digit(c) >= 0) return size_digit(c);
      if (digits_ == 0) return malformed("a chunk has no size");
      if (c == '\r') return expect('\r', State::line_end);
      if (c != ';' && c != ' ' && c != '\t') return malformed("a chunk's size is not hexadecimal");
      state_ = c == ';' ? State::extension : State::blank;
      return {};
    case State::blank:
      if (c == ' ' || c == '\t') return {};
      return c == ';' ? expect(';', State::extension) : Status(malformed("blanks follow a chunk's size"));
    case State::extension:
      if (c == '\n') return malformed("a chunk's line has an LF without a CR");
      if (c == '\r') state_ = State::line_end;
      return {};
    case State::line_end:
      PIRN_DO(expect('\n', State::data));
      return end_of_line();
    case State::data_cr:
      return c == '\r' ? expect('\r', State::data_lf) : Status(malformed("a chunk is longer than its size"));
    case State::data_lf:
      return expect('\n', State::size);
    case State::trailer:
      if (c == '\r') return expect('\r', State::last_lf);
      if (!is_token_character(c)) return malformed("a trailer has no name");
      state_ = State::trailer_name;
      return {};
    case State::trailer_name:
      if (c == ':') return expect(':', State::trailer_value);
      return is_token_character(c)
                 ? Status()
                 : Status(malformed("a trailer's name has a character that names do not have"));
    case State::trailer_value:
      if (c == '\n') return malformed("a trailer has an LF without a CR");
      if (c == '\r') state_ = State::trailer_end;
      return {};
    case State::trailer_end:
      return expect('\n', State::trailer);
    case State::last_lf:
      return expect('\n', State::done);
    case State::data:
    case State::done:
      break;
  }
  return {};
}

Status ChunkedBody::size_digit(char c) {
  if (++digits_ > kMostDigits) return malformed("a chunk's size has more than 16 digits");
  left_ = left_ << 4 | static_cast<uint64_t>(hex_digit(c));
  return {};
}

Status ChunkedBody::end_of_line() {
  if (left_ > limit_ - decoded_)
    return Error{Code::too_large,
                 "the body is larger than the limit of this route, " + std::to_string(limit_) + " bytes"};
  decoded_ += left_;
  if (left_ == 0) state_ = State::trailer;
  digits_ = 0;
  line_ = 0;
  return {};
}

}  // namespace pirn::api
