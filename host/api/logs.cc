// What the functions of an execution said: its lines of the logbook.
#include <algorithm>
#include <iterator>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/routes.h"
#include "host/journal/value.h"
#include "host/logbook/logbook.h"

namespace pirn::api {

namespace {

const std::vector<std::string> kLevels = {"trace", "debug", "info", "warn", "error"};

Result<logbook::Filter> read_filter(const Request& request) {
  logbook::Filter filter;
  filter.step = request.parameter("step");
  if (request.query.contains("attempt")) {
    PIRN_TRY(const int64_t attempt, number_parameter(request, "attempt", 1, 1, UINT32_MAX));
    filter.attempt = static_cast<uint32_t>(attempt);
  }
  const std::string level(request.parameter("level"));
  const auto known = std::find(kLevels.begin(), kLevels.end(), level.empty() ? "trace" : level);
  if (known == kLevels.end()) {
    const std::string near = nearest(level, kLevels);
    return Error{
        Code::invalid_argument, "there is no level '" + level + "'",
        near.empty() ? "The levels are trace, debug, info, warn and error." : "Did you mean '" + near + "'?"};
  }
  filter.level = static_cast<int32_t>(known - kLevels.begin());
  PIRN_TRY(const int64_t after, number_parameter(request, "after", 0, 0, INT64_MAX));
  PIRN_TRY(const int64_t limit, number_parameter(request, "limit", 100, 1, 1000));
  filter.after = static_cast<uint64_t>(after);
  filter.limit = static_cast<uint32_t>(limit);
  return filter;
}

Response lines(const Services& services, logbook::Filter filter) {
  const Result<logbook::Page> page = services.logbook.read(filter);
  if (!page) return problem(page.error());
  std::string out = "{\"logs\":[";
  for (const logbook::LogLine& line : page->lines) {
    if (out.back() != '[') out += ',';
    out += "{\"n\":";
    journal::append_unsigned(out, line.n);
    out += ',';
    out += std::string_view(line.text).substr(1);
    filter.after = line.n;
  }
  out += "],\"cursor\":";
  journal::append_unsigned(out, filter.after);
  out += page->more ? ",\"more\":true,\"lost\":" : ",\"more\":false,\"lost\":";
  journal::append_unsigned(out, page->lost);
  return json(200, out + '}');
}

}  // namespace

void list_logs(const Services& services, RequestPtr request, Respond respond) {
  Result<logbook::Filter> filter = read_filter(*request);
  if (!filter) return respond(problem(filter.error()));
  with_steps(services, request, respond, {filter->step}, [&services, filter = *filter](ExecutionId id) {
    logbook::Filter of_execution = filter;
    of_execution.execution = id;
    return lines(services, std::move(of_execution));
  });
}

}  // namespace pirn::api
