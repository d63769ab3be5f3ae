#include "packager/json/text.h"

#include <boost/json.hpp>
#include <cmath>

#include "packager/error/printable.h"
#include "packager/json/json.h"

namespace pirn {

namespace json = boost::json;

namespace {

std::string write(const json::value& value) {
  std::string out;
  if (value.is_double()) return std::isfinite(value.get_double()) ? canonical(value) : "null";
  if (value.is_array()) {
    for (const json::value& element : value.get_array()) out += (out.empty() ? "" : ",") + write(element);
    return "[" + out + "]";
  }
  if (value.is_object()) {
    for (const auto& member : value.get_object())
      out += (out.empty() ? "" : ",") + json::serialize(json::string(member.key())) + ":" +
             write(member.value());
    return "{" + out + "}";
  }
  return json::serialize(value);
}

}  // namespace

std::string json_text(const json::value& value) { return printable_json(write(value)); }

}  // namespace pirn
