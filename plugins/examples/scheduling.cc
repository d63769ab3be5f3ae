// Workflows that start without a request: by cron, at an interval, at an instant, or by an event.
//
// From document 2 (the workflow system): "Builder API / Scheduling" (daily_report, sync_job, health_check,
// order_processor) and "Scheduling": Cron Expressions (scheduled_workflow, often_scheduled,
// seldom_scheduled), Interval-based (every_half_minute), One-time Execution (at_christmas, in_half_an_hour),
// Event-triggered (user_created, order_changed), Combined Schedules (hourly_in_january).
//
// Corrected: The document's instants have passed: a deployment today does not fire at_christmas, because of
// its `misfire`, and the window of hourly_in_january is over. The document's pattern "every minute" would
// drown the others and has no workflow here.
//
// To run it, pack it as README.md shows, then:
//   pirn run daily_report --local --package scheduling.pirn --input '{"department": "sales"}'
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

// ---- daily_report, by cron

PIRN_TASK(generate_report) {
  return pirn::ok({{"report", "report of " + ctx.get_or<std::string>("department", "all departments")}});
}
PIRN_TASK(send_report) {
  ctx.info("sent the " + ctx.get<std::string>("report"));
  return pirn::ok();
}
auto daily_report() {
  return pirn::workflow("daily_report")
      .step<"generate">(generate_report)
      .step<"send">(send_report, {.after = "generate"})
      .schedule({.cron = {"0 6 * * *"}});
}

// ---- sync_job, by several cron expressions

PIRN_TASK(sync_data) {
  const auto source = ctx.get_or<int64_t>("source_rows", 100),
             target = ctx.get_or<int64_t>("target_rows", 90);
  if (target > source)
    return pirn::fail("diverged", "the copy has rows that its source has not", pirn::terminal);
  return pirn::ok({{"copied", source - target}});
}
auto sync_job() {
  return pirn::workflow("sync_job")
      .step<"sync">(sync_data)
      .schedule({.cron = {"0 6 * * *", "0 12 * * *", "0 18 * * *"}});
}

// ---- health_check, by an interval; one at a time

PIRN_TASK(check_health) {
  const auto latency_ms = ctx.get_or<int64_t>("latency_ms", 20);
  if (latency_ms > 1000) return pirn::fail("unhealthy", std::to_string(latency_ms) + " ms", pirn::terminal);
  return pirn::ok({{"healthy", true}});
}
auto health_check() {
  return pirn::workflow("health_check", {.max_running = 1})
      .step<"check">(check_health)
      .schedule({.every = 5_min});
}

// ---- order_processor, by an event, whose payload is its input

PIRN_TASK(process_order) { return pirn::ok({{"processed", ctx.get<std::string>("order_id")}}); }
auto order_processor() {
  return pirn::workflow("order_processor").step<"process">(process_order).on_event({"order.created"});
}

// ---- the same by macros, where the schedule is an option of the workflow

// Says why it runs: what the host puts into the context of a start by schedule or event.
PIRN_STEP(tell) {
  if (auto trigger = ctx.find<pirn::json::View>("__trigger__"))
    return pirn::ok({{"told", trigger->get<std::string>("type")}});
  return pirn::ok({{"told", "by hand"}});
}
PIRN_WORKFLOW(scheduled_workflow, {.schedule = pirn::Schedule{.cron = {"0 6 * * *"}}}, tell)
PIRN_WORKFLOW(often_scheduled,
              {.schedule = pirn::Schedule{.cron = {"0 6 * * *", "0 12 * * *", "0 18 * * *"}}}, tell)
// Mondays at six, the first of each month, the first of January.
PIRN_WORKFLOW(seldom_scheduled, {.schedule = pirn::Schedule{.cron = {"0 6 * * 1", "0 0 1 * *", "0 0 1 1 *"}}},
              tell)
PIRN_WORKFLOW(every_half_minute, {.schedule = pirn::Schedule{.every = 30_s}}, tell)
PIRN_WORKFLOW(at_christmas,
              {.schedule = pirn::Schedule{.at = "2025-12-25T00:00:00Z", .misfire = pirn::misfire::skip}},
              tell)
PIRN_WORKFLOW(in_half_an_hour, {.schedule = pirn::Schedule{.in = 30_min}}, tell)
PIRN_WORKFLOW(user_created, {.on_event = {"user.created"}}, tell)
PIRN_WORKFLOW(order_changed, {.on_event = {"order.placed", "order.updated"}}, tell)
PIRN_WORKFLOW(hourly_in_january,
              {.schedule = pirn::Schedule{.every = 1_h,
                                          .start_at = "2025-01-01T00:00:00Z",
                                          .end_at = "2025-01-31T23:59:59Z"}},
              tell)

PIRN_PACKAGE("scheduling", PIRN_PACKAGE_VERSION, {.description = "What starts by itself"}, daily_report,
             sync_job, health_check, order_processor, scheduled_workflow, often_scheduled, seldom_scheduled,
             every_half_minute, at_christmas, in_half_an_hour, user_created, order_changed, hourly_in_january)
