#include "host/api/target.h"

#include <algorithm>
#include <optional>

#include "host/journal/value.h"

namespace pirn::api {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus : uint8_t { is_plus, is_space };

Result<std::string> decode(std::string_view text, Plus plus, std::string_view where) {
  const auto malformed = [&](std::string_view what) {
    return Error{Code::malformed_request, "the " + std::string(where) + " " + std::string(what)};
  };
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
        return malformed("has a broken escape");
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (c == '+' && plus == Plus::is_space) {
      c = ' ';
    }
    if (c == '\0') return malformed("has a NUL");
    out += c;
  }
  if (!journal::valid_utf8(out)) return malformed("is not UTF-8");
  return out;
}

}  // namespace

Result<std::vector<std::string>> path_segments(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with('/')) {
    PIRN_DO(decode(path, Plus::is_plus, "path"));
    return segments;
  }
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    PIRN_TRY(std::string segment, decode(path.substr(0, end), Plus::is_plus, "path"));
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(segment.begin(), segment.end(), control))
      return Error{Code::malformed_request, "the path has a control character"};
    segments.push_back(std::move(segment));
    path.remove_prefix(end);
  }
  return segments;
}

Result<Query> read_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    PIRN_TRY(std::string name, decode(pair.substr(0, equals), Plus::is_space, "query"));
    PIRN_TRY(std::string value, decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(),
                                       Plus::is_space, "query"));
    if (const auto [at, fresh] = query.emplace(std::move(name), std::move(value)); !fresh)
      return Error{Code::malformed_request, "the query has '" + at->first + "' twice"};
  }
  return query;
}

}  // namespace pirn::api
