#include "host/api/exchange.h"

#include <boost/json.hpp>

#include "packager/error/printable.h"
#include "packager/json/text.h"
#include "registry/plain_text.h"

namespace pirn::api {

namespace {

std::string_view find(const std::map<std::string, std::string, std::less<>>& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? std::string_view() : std::string_view(found->second);
}

// An answer is UTF-8, also where it repeats what a stranger sent: only the bytes that are not UTF-8 become
// U+FFFD.
std::string as_utf8(std::string_view text) { return registry::as_text(text, std::string::npos); }

boost::json::object object_of(const Error& error) {
  const CatalogueEntry& entry = catalogue_entry(error.code);
  boost::json::object object;
  object["code"] = code_number(error.code);
  object["name"] = entry.name;
  object["detail"] = as_utf8(error.message);
  const std::string_view hint = error.hint.empty() ? entry.fix : std::string_view(error.hint);
  if (!hint.empty()) object["hint"] = as_utf8(hint);
  if (!error.where.file.empty() || error.where.line != 0) {
    boost::json::object where;
    where["file"] = as_utf8(error.where.file);
    if (error.where.line != 0) where["line"] = error.where.line;
    if (error.where.column != 0) where["column"] = error.where.column;
    if (!error.where.text.empty()) where["text"] = as_utf8(error.where.text);
    object["where"] = std::move(where);
  }
  if (!error.causes.empty()) {
    boost::json::array causes;
    for (const Error& cause : error.causes) causes.push_back(object_of(cause));
    object["causes"] = std::move(causes);
  }
  return object;
}

}  // namespace

std::string_view Request::parameter(std::string_view name) const { return find(query, name); }
std::string_view Request::header(std::string_view name) const { return find(headers, name); }

boost::json::object problem_object(const Error& error) {
  const CatalogueEntry& entry = catalogue_entry(error.code);
  boost::json::object object;
  object["type"] = "urn:pirn:error:" + code_number(error.code);
  object["title"] = entry.title;
  object["status"] = entry.http_status;
  for (auto& member : object_of(error)) object[member.key()] = member.value();
  return object;
}

Response problem(const Error& error) {
  const CatalogueEntry& entry = catalogue_entry(error.code);
  Response response;
  response.status = entry.http_status;
  response.content_type = "application/problem+json";
  response.body = json_text(problem_object(error));
  if (entry.http_status == 503) response.headers.emplace_back("Retry-After", "1");
  if (entry.http_status == 429) response.headers.emplace_back("Retry-After", "10");
  if (entry.http_status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

Response json(int status, std::string text) {
  Response response;
  response.status = status;
  response.body = printable_json(std::move(text));
  return response;
}

}  // namespace pirn::api
