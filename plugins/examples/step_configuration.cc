// How long a step may take, how often it is retried, and how long the delays between retries are.
//
// From document 2 (the workflow system): "Step Configuration": Timeout Formats (timeouts, dynamic_timeout),
// Retry Configuration (retries), Backoff Strategies (backoffs).
//
// Corrected: The document describes its exponential backoff as 2^attempt times the delay but lists 1, 2, 4
// and 8 seconds, which is 2^(attempt - 1) times the delay; the list is right.
//
// To run it, pack it as README.md shows, then:
//   pirn run retries --local --package step_configuration.pirn --input '{}'
#include <algorithm>
#include <chrono>
#include <cmath>
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

// The outside call: the input says with which error it fails, {"error": "timeout"}.
PIRN_TASK(call_service) {
  if (auto error = ctx.find<std::string>("error")) return pirn::fail(*error, "the service is not well");
  return pirn::ok({{std::string(ctx.step()), true}});
}

// ---- timeouts: seconds, minutes, hours, days; milliseconds; a duration of the standard library; none

auto timeouts() {
  return pirn::workflow("timeouts", {.step_defaults = {.max_retries = 0}})
      .step<"seconds">(call_service, {.timeout = 30_s})
      .step<"minutes">(call_service, {.timeout = 5_min})
      .step<"hour">(call_service, {.timeout = 1_h})
      .step<"day">(call_service, {.timeout = 1_d})
      .step<"milliseconds">(call_service, {.timeout = 30'000_ms})
      .step<"chrono">(call_service, {.timeout = std::chrono::minutes(5)})
      .step<"unlimited">(call_service, {.timeout = pirn::infinity});
}

// ---- dynamic_timeout: the more data, the more time

PIRN_DURATION(by_size) {
  const auto size = ctx.get<int64_t>("data_size");
  if (size > 1'000'000) return 30_min;
  if (size > 100'000) return 10_min;
  return 2_min;
}

auto dynamic_timeout() {
  return pirn::workflow("dynamic_timeout")
      .step<"crunch">(call_service, {.timeout = by_size, .max_retries = 0});
}

// ---- retries: which errors are worth another try

auto retries() {
  return pirn::workflow("retries").step<"fetch">(
      call_service, {.max_retries = 5,
                     .retry_delay = 1_s,
                     .retry_backoff = pirn::backoff::exponential,
                     .retry_max_delay = 5_min,
                     .retry_jitter = pirn::jitter::additive,
                     .retry_on = {"timeout", "connection_error", {"error", "econnrefused"}},
                     .no_retry_on = {"validation_error", "not_found", "unauthorized"}});
}

// ---- backoffs: the same call, paced in four ways

PIRN_BACKOFF(gentle) {
  return std::min(in.base_delay() * std::pow(1.5, in.attempt()), pirn::Duration(300'000_ms));
}

auto backoffs() {
  return pirn::workflow("backoffs", {.step_defaults = {.max_retries = 20}})
      .step<"fixed">(call_service, {.retry_delay = 5_s, .retry_backoff = pirn::backoff::fixed})
      .step<"exponential">(call_service, {.after = "fixed",
                                          .retry_delay = 1_s,
                                          .retry_backoff = pirn::backoff::exponential,
                                          .retry_max_delay = 5_min})
      .step<"linear">(call_service, {.after = "exponential",
                                     .retry_delay = 10_s,
                                     .retry_backoff = pirn::backoff::linear,
                                     .retry_max_delay = 2_min})
      .step<"custom">(call_service, {.after = "linear", .retry_delay = 2_s, .retry_backoff = gentle});
}

PIRN_PACKAGE("step_configuration", PIRN_PACKAGE_VERSION, {.description = "Timeouts, retries, backoffs"},
             timeouts, dynamic_timeout, retries, backoffs, by_size, gentle)
