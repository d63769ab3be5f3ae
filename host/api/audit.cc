// The audit log: read, and followed to its end.
#include "host/api/audit_text.h"
#include "host/api/document.h"
#include "host/api/route.h"
#include "host/api/routes.h"
#include "packager/json/text.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using namespace registry;

// A tenant is told the number in its own log: `seq` of the host would tell how much others do.
bj::object object_of(const AuditRecord& record, bool of_host) {
  return {{"seq", of_host ? record.seq : record.number},
          {"at", time_ms(record.at_ms)},
          {"tenant", record.tenant},
          {"actor", record.actor},
          {"action", record.action},
          {"object", record.object},
          {"outcome", record.outcome},
          {"detail", record.detail},
          {"times", record.times},
          {"first_at", time_ms(record.first_at_ms)},
          {"hash", record.hash.hex()}};
}

// A name that no record can have would answer with an empty list, which looks as if nothing had happened.
Status check_outcome(std::string_view outcome) {
  if (outcome.empty() || outcome == "ok" || outcome == "refused") return {};
  std::vector<std::string> names = {"ok", "refused"};
  for (const CatalogueEntry& each : catalogue()) {
    if (outcome == each.name) return {};
    names.emplace_back(each.name);
  }
  const std::string near = nearest(outcome, names);
  return Error{Code::invalid_argument, "there is no outcome '" + std::string(outcome) + "'",
               near.empty() ? "Use ok, refused, or the name of an error: docs/reference/errors.md."
                            : "Did you mean '" + near + "'?"};
}

// One, all of a kind, or the route of refused requests.
Status check_action(std::string_view action) {
  if (action.empty()) return {};
  std::string known;
  std::vector<std::string> names;
  for (const std::string_view each : audit_actions()) {
    const std::string_view kind = each.substr(0, each.find('.'));
    if (action == each || action == kind) return {};
    known += (known.empty() ? "" : ", ") + std::string(each);
    names.emplace_back(each);
    names.emplace_back(kind);
  }
  for (const Route& route : routes())
    if (action == std::string(route.method) + " " + std::string(route.path)) return {};
  const std::string near = nearest(action, names);
  return Error{
      Code::invalid_argument, "there is no action '" + std::string(action) + "'",
      (near.empty() ? "" : "Did you mean '" + near + "'? ") + "There are " + known +
          "; all of a kind, such as key; and the routes of refused requests, such as POST /v1/keys."};
}

Result<AuditFilter> read_filter(const Request& request) {
  AuditFilter filter;
  filter.tenant = request.tenant;
  filter.actor = request.parameter("actor");
  filter.action = request.parameter("action");
  filter.outcome = request.parameter("outcome");
  PIRN_DO(check_action(filter.action));
  PIRN_DO(check_outcome(filter.outcome));
  if (const std::string_view since = request.parameter("since"); !since.empty()) {
    PIRN_TRY(const int64_t since_ns, parse_since_ns(since, now_ms() * 1'000'000));
    filter.since_ms = since_ns / 1'000'000;
  }
  const std::string_view order = request.parameter("order");
  if (order == "newest")
    filter.order = AuditFilter::Order::newest_first;
  else if (!order.empty() && order != "oldest")
    return Error{Code::invalid_argument, "there is no order '" + std::string(order) + "'",
                 "Use oldest (the oldest record first) or newest."};
  PIRN_TRY(const int64_t after, number_parameter(request, "after", 0, 0, INT64_MAX));
  PIRN_TRY(const int64_t limit, number_parameter(request, "limit", 100, 1, 1000));
  filter.after = static_cast<uint64_t>(after);
  filter.limit = static_cast<uint32_t>(limit);
  return filter;
}

}  // namespace

std::string audit_report_text(const AuditReport& report, std::string_view tenant) {
  const bool of_host = tenant.empty();
  bj::array breaks;
  for (const AuditBreak& each : report.breaks) {
    const bool own = of_host || each.tenant == tenant;
    bj::object object{
        {"seq", !own ? bj::value(nullptr) : bj::value(of_host ? each.seq : each.number)},
        {"what",
         own ? each.what : std::string("a record outside of this tenant's log was changed or is missing")},
        {"accepted", each.accepted}};
    if (of_host) object["tenant"] = each.tenant;
    if (own || breaks.empty() || breaks.back() != bj::value(object)) breaks.push_back(std::move(object));
  }
  const auto number = report.numbers.find(std::string(tenant));
  const uint64_t own_records = number == report.numbers.end() ? 0 : number->second;
  bj::object out{{"intact", report.intact()}, {"records", of_host ? report.records : own_records}};
  if (of_host) out["checked"] = report.checked;
  if (of_host) out["head"] = bj::object{{"seq", report.head_seq}, {"hash", report.head.hex()}};
  out["breaks"] = std::move(breaks);
  return json_text(out);
}

Response list_audit(const Services& services, const Request& request) {
  Result<AuditFilter> filter = read_filter(request);
  if (!filter) return problem(filter.error());
  const bool of_host = filter->tenant.empty();
  const uint32_t limit = filter->limit++;  // one more tells whether there are more
  const auto records = services.registry.audit(*filter);
  if (!records) return problem(records.error());
  bj::array array;
  uint64_t cursor = filter->after;
  for (const AuditRecord& record : *records) {
    if (array.size() == limit) break;
    array.push_back(object_of(record, of_host));
    cursor = of_host ? record.seq : record.number;
  }
  return json(
      200, bj::object{{"records", std::move(array)}, {"cursor", cursor}, {"more", records->size() > limit}});
}

Response verify_audit(const Services& services, const Request& request) {
  const auto report = services.registry.audit_report();
  return report ? json(200, audit_report_text(*report, request.tenant)) : problem(report.error());
}

}  // namespace pirn::api
