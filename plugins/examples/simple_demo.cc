// The smallest package: three steps in sequence, collect_data, process_data and generate_report. Each uses
// the result of the step before it.
//
// From document 5 (a packaged workflow): "Example Workflow", in the package simple_demo. The document does
// not show the bodies; here the data are readings of a sensor, and negative ones are rejected.
//
// To run it, pack it as README.md shows, then:
//   pirn run data_processing --local --package simple_demo.pirn --input '{"readings": [3, -1, 4]}'
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

PIRN_STEP(collect_data,
          {.description = "Gathers data from its source", .max_retries = 2, .retry_delay = 1_s}) {
  const auto readings = ctx.get<std::vector<int64_t>>("readings");
  if (readings.empty()) return pirn::fail("no_data", "\"readings\" is empty", pirn::terminal);
  return pirn::ok({{"raw_data", readings}});
}

PIRN_STEP(process_data,
          {.description = "Validates and transforms what was collected", .after = collect_data}) {
  int64_t count = 0, rejected = 0, total = 0;
  for (int64_t reading : ctx.get<std::vector<int64_t>>("raw_data")) {
    if (reading < 0) {
      ++rejected;
      continue;
    }
    ++count;
    total += reading;
  }
  return pirn::ok(
      {{"processed_data", pirn::json::object({{"count", count}, {"rejected", rejected}, {"total", total}})}});
}

PIRN_STEP(generate_report, {.description = "Says it in one sentence", .after = process_data}) {
  const auto data = ctx.get<pirn::json::View>("processed_data");
  return pirn::ok({{"final_report", std::to_string(data.get<int64_t>("count")) + " readings, total " +
                                        std::to_string(data.get<int64_t>("total")) + ", rejected " +
                                        std::to_string(data.get<int64_t>("rejected"))}});
}

PIRN_WORKFLOW(data_processing, {.description = "Data processing workflow"}, collect_data, process_data,
              generate_report)

PIRN_PACKAGE("simple_demo", PIRN_PACKAGE_VERSION, {.author = "Your Team"}, data_processing)
