#include "host/api/head.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace pirn::api {

namespace {

Error malformed(std::string what) { return Error{Code::malformed_request, std::move(what)}; }

Error too_large(const std::string& what) { return Error{Code::headers_too_large, "the request " + what}; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The next line without its CR LF, which is there.
std::string_view take_line(std::string_view& head) {
  const size_t end = head.find("\r\n");
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(end + 2);
  return line;
}

Result<uint64_t> read_length(std::string_view value) {
  uint64_t length = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (value.empty() || error != std::errc() || stop != end)
    return malformed("Content-Length is '" + std::string(value.substr(0, 64)) + "', which is not a length");
  return length;
}

// What the fields of one head say about its body.
struct Statements {
  size_t lengths = 0, codings = 0;
  std::string_view coding;
  uint64_t length = 0;
};

Status read_field(std::string_view line, Statements& statements) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos) return malformed("a header line has no colon");
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_character))
    return malformed("a header's name is empty or has a character that names do not have");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_name(name, "content-length")) {
    PIRN_TRY(statements.length, read_length(value));
    ++statements.lengths;
  } else if (same_name(name, "transfer-encoding")) {
    statements.coding = value;
    ++statements.codings;
  }
  return {};
}

}  // namespace

bool is_token_character(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_control_character(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

Result<size_t> HeadScan::look(std::string_view bytes) {
  if (passed_ == 0 && !bytes.empty() && !is_token_character(bytes[0]))
    return malformed("the request does not begin with a method");
  while (passed_ < bytes.size()) {
    if (passed_ >= kHeadLimit)
      return too_large("has a header of more than " + std::to_string(kHeadLimit) + " bytes");
    const bool line_begins = passed_ != 0 && bytes[passed_ - 1] == '\n';
    const char c = bytes[passed_];
    if (line_begins && (c == ' ' || c == '\t')) return malformed("a header line is folded");
    if (c != '\r') {
      if (is_control_character(c)) return malformed("the header has a control character");
      ++passed_;
      continue;
    }
    if (passed_ + 1 == bytes.size()) return size_t(0);
    if (bytes[passed_ + 1] != '\n') return malformed("the header has a CR without an LF");
    passed_ += 2;
    if (line_begins) {
      if (passed_ <= kHeadLimit) return passed_;
      continue;  // the last line ended just beyond the limit
    }
    if (++lines_ > kFieldLimit + 1)
      return too_large("has more than " + std::to_string(kFieldLimit) + " header fields");
  }
  if (passed_ > kHeadLimit)
    return too_large("has a header of more than " + std::to_string(kHeadLimit) + " bytes");
  return size_t(0);
}

Result<Framing> check_head(std::string_view head) {
  const std::string_view request_line = take_line(head);
  const size_t first = request_line.find(' '), last = request_line.rfind(' ');
  if (first != last && last - first - 1 > kTargetLimit)
    return too_large("has a target of more than " + std::to_string(kTargetLimit) + " bytes");
  Statements statements;
  for (std::string_view line = take_line(head); !line.empty(); line = take_line(head))
    PIRN_DO(read_field(line, statements));
  if (statements.lengths > 1) return malformed("the header 'content-length' is there twice");
  if (statements.codings == 0) return Framing{false, statements.length};
  if (request_line.ends_with("HTTP/1.0")) return malformed("HTTP/1.0 has no Transfer-Encoding");
  if (statements.lengths != 0) return malformed("the request has both Content-Length and Transfer-Encoding");
  if (statements.codings > 1 || !same_name(statements.coding, "chunked"))
    return Error{Code::transfer_coding_unsupported,
                 "Transfer-Encoding is '" + std::string(statements.coding.substr(0, 64)) +
                     (statements.codings > 1 ? "' and is there more than once" : "'") +
                     "; only 'chunked' is supported"};
  return Framing{true, 0};
}

}  // namespace pirn::api
