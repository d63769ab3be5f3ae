#include "host/worker/await_options.h"

#include <pirn/abi.h>

#include <algorithm>
#include <boost/json.hpp>
#include <pirn/text.hpp>

#include "packager/definition/definition.h"
#include "packager/json/json.h"

namespace pirn::worker {

namespace {

using Json = boost::json::value;

constexpr size_t kMaxApprovers = 64;
constexpr size_t kMaxApprover = 255;  // bytes

Error refused(std::string why) { return Error{Code::invalid_argument, std::move(why), "", Blame::package}; }

Status read_approvers(const Json& value, std::vector<std::string>& out) {
  if (!value.is_array()) return refused("\"approvers\" is not a list");
  if (value.get_array().size() > kMaxApprovers)
    return refused("\"approvers\" has more than " + std::to_string(kMaxApprovers) + " elements");
  for (const Json& approver : value.get_array()) {
    if (!approver.is_string() || approver.get_string().empty() || approver.get_string().size() > kMaxApprover)
      return refused("\"approvers\" has an element that is not a text of 1 to " +
                     std::to_string(kMaxApprover) + " bytes");
    // A name that had to be repaired is nobody's: the step would wait for ever.
    if (approver.get_string().find("\xef\xbf\xbd") != approver.get_string().npos)
      return refused("\"approvers\" has an element that is not UTF-8");
    out.emplace_back(approver.get_string());
  }
  return {};
}

Status read_timeout(const Json& value, std::optional<int64_t>& out) {
  int64_t ns = 0;
  if (value.is_string()) {
    if (const auto parsed = definition::parse_duration(value.get_string())) ns = *parsed;
  } else if (value.is_int64() && value.get_int64() <= INT64_MAX / 1'000'000) {
    ns = value.get_int64() * 1'000'000;
  }
  if (ns <= 0) return refused("\"timeout\" must be a positive duration such as \"48h\"");
  out = ns;
  return {};
}

Status read_function(const Json& value, const registry::Release& release, std::string& out) {
  if (!value.is_string()) return refused("\"on_timeout\" is not a text");
  out = std::string_view(value.get_string());
  const auto known = std::find_if(release.functions.begin(), release.functions.end(),
                                  [&](const definition::Function& function) { return function.id == out; });
  if (known == release.functions.end() || (known->kind != PIRN_KIND_HANDLER && known->kind != PIRN_KIND_TASK))
    return refused("\"on_timeout\" names no handler and no task of the package");
  return {};
}

}  // namespace

Result<AwaitRequest> read_await_options(std::string_view json, const registry::Release& release) {
  const Result<Json> parsed = parse_json(json, "the options of await");
  if (!parsed) return refused(parsed.error().message);
  if (!parsed->is_object()) return refused("they are no JSON object");
  AwaitRequest request;
  for (const auto& [key, value] : parsed->get_object()) {
    if (key == "notify") {
      if (!value.is_null()) request.await.notify = canonical(value);
    } else if (key == "approvers") {
      PIRN_DO(read_approvers(value, request.await.approvers));
    } else if (key == "timeout") {
      PIRN_DO(read_timeout(value, request.timeout));
    } else if (key == "on_timeout") {
      PIRN_DO(read_function(value, release, request.await.on_timeout));
    } else if (key == "kind") {
      if (!value.is_string() || !definition::is_name(value.get_string()))
        return refused("\"kind\" is not a name such as \"approval\"");
      request.await.kind = std::string_view(value.get_string());
      if (request.await.kind == "intervention")
        return refused("\"kind\" may not be \"intervention\": that is what recovery rules ask for");
    } else {
      return refused("there is no option \"" + text::repaired(std::string_view(key), 64) + "\"");
    }
  }
  return request;
}

}  // namespace pirn::worker
