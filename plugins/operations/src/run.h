// What every step of the report needs of its invocation: where files go, how it is paced, how it is stopped.
//
//   OUTPUT/                          what the report publishes
//     dashboard.html dashboard.json    publish-dashboard
//     cache/*.json                     refresh-cache
//     search/index.json                sync-search-index
//     archive/<digest>/                archive-datasets
//     metrics.json metrics.prom        publish-metrics
//     notification.json                notify-ops, on healthy data only
//     runs/<execution>/                everything between the steps of one run, and its hooks' log
//
// Large data go from step to step as files of the run's own directory; what is committed is their path, their
// digest and their counts. Two runs into one output share only what is published, which is replaced
// atomically.
#pragma once

#include <cstdint>
#include <pirn/context.hpp>
#include <string>
#include <string_view>

#include "datasets.h"
#include "file.h"

namespace operations {

std::string output_directory(const pirn::Context& ctx);  // absolute
std::string run_directory(const pirn::Context& ctx);     // of this execution
std::string run_file(const pirn::Context& ctx, std::string_view name);

// A file of the run's directory, or one that is published.
AtomicFile create_run_file(const pirn::Context& ctx, std::string_view name);
AtomicFile create_output_file(const pirn::Context& ctx, std::string_view name);

// The same in one go; the digest.
std::string write_run_file(const pirn::Context& ctx, std::string_view name, std::string_view content);
std::string write_output_file(const pirn::Context& ctx, std::string_view name, std::string_view content);
std::string copy_to_output(const pirn::Context& ctx, const std::string& from, std::string_view name);

// Heartbeats while lines are read, and stops the reading when the step is cancelled.
Poll heartbeat(pirn::Context& ctx);

// For demonstrations: a step takes at least `pace_ms` (input), and the step `hold_step` waits for as long as
// the file `hold_file` exists. Both listen to cancellation: false.
bool pace(pirn::Context& ctx);

}  // namespace operations
