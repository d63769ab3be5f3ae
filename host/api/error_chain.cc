#include "host/api/error_chain.h"

namespace pirn::api {

namespace bj = boost::json;

namespace {

// Details are the author's: what is called `causes` may be anything.
bool is_cause(const bj::value& value) {
  const bj::object* object = value.if_object();
  const bj::value* message = object ? object->if_contains("message") : nullptr;
  return message && message->is_string();
}

bj::value cause_in(const bj::object& details) {
  bj::value cause = nullptr;
  if (const bj::value* nested = details.if_contains("error"); nested && nested->is_object())
    cause = with_causes(nested->as_object());
  const bj::value* causes = details.if_contains("causes");
  if (!causes || !causes->is_array()) return cause;
  const bj::array& list = causes->as_array();
  for (size_t i = list.size(); i > 0; --i) {
    if (!is_cause(list[i - 1])) continue;
    bj::object outer = with_causes(list[i - 1].as_object());
    if (outer.at("cause").is_null()) outer["cause"] = std::move(cause);
    cause = std::move(outer);
  }
  return cause;
}

}  // namespace

bj::object with_causes(bj::object error) {
  bj::value details = nullptr;
  if (const auto found = error.find("details"); found != error.end()) details = found->value();
  bj::value cause = details.is_object() ? cause_in(details.as_object()) : bj::value(nullptr);
  error["details"] = std::move(details);
  error["cause"] = std::move(cause);
  return error;
}

}  // namespace pirn::api
