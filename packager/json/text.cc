#include "packager/json/text.h"

#include <boost/json.hpp>
#include <cmath>

#include "packager/json/json.h"

namespace pirn {

namespace json = boost::json;

std::string json_text(const json::value& value) {
  std::string out;
  if (value.is_double()) return std::isfinite(value.get_double()) ? canonical(value) : "null";
  if (value.is_array()) {
    for (const json::value& element : value.get_array()) out += (out.empty() ? "" : ",") + json_text(element);
    return "[" + out + "]";
  }
  if (value.is_object()) {
    for (const auto& member : value.get_object())
      out += (out.empty() ? "" : ",") + json::serialize(json::string(member.key())) + ":" +
             json_text(member.value());
    return "{" + out + "}";
  }
  return json::serialize(value);
}

}  // namespace pirn
