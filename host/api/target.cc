#include "host/api/target.h"

#include <algorithm>
#include <boost/url.hpp>

#include "host/journal/value.h"

namespace pirn::api {

namespace {

namespace urls = boost::urls;

Error malformed(const std::string& what) { return Error{Code::malformed_request, what}; }

// `plus_is_space`: as in a query, not as in a path.
Result<std::string> decode(std::string_view text, bool plus_is_space, const std::string& where) {
  const auto escaped = urls::make_pct_string_view(text);
  if (!escaped) return malformed("the " + where + " has a broken escape");
  urls::encoding_opts options;
  options.space_as_plus = plus_is_space;
  std::string out = escaped->decode(options);
  if (out.find('\0') != std::string::npos) return malformed("the " + where + " has a NUL");
  if (!journal::valid_utf8(out)) return malformed("the " + where + " is not UTF-8");
  return out;
}

}  // namespace

Result<std::vector<std::string>> path_segments(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with('/')) {
    PIRN_DO(decode(path, false, "path"));
    return segments;
  }
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    PIRN_TRY(std::string segment, decode(path.substr(0, end), false, "path"));
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(segment.begin(), segment.end(), control))
      return Error{Code::malformed_request, "the path has a control character"};
    segments.push_back(std::move(segment));
    path.remove_prefix(end);
  }
  return segments;
}

Result<Query> read_query(std::string_view text) {
  // As a part of a target: urls::parse_query() of Boost 1.81 reads one character beyond the end.
  const std::string target = "/?" + std::string(text);
  const auto parsed = urls::parse_origin_form(target);
  if (!parsed)
    return malformed("the query has a broken escape, or a character that must be written as an escape");
  Query query;
  for (const urls::param_pct_view each : parsed->encoded_params()) {
    if (each.key.empty() && !each.has_value) continue;  // "a=1&&b=2"
    PIRN_TRY(std::string name, decode(each.key, true, "query"));
    PIRN_TRY(std::string value, decode(each.value, true, "query"));
    if (const auto [at, fresh] = query.emplace(std::move(name), std::move(value)); !fresh)
      return malformed("the query has '" + at->first + "' twice");
  }
  return query;
}

}  // namespace pirn::api
