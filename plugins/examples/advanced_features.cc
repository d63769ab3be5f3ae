// People who decide, waiting, steps that are added while the workflow runs, nested workflows, a circuit
// breaker, and a step that stops on request.
//
// From document 2 (the workflow system): "Advanced Features": Human-in-the-Loop (expense_approval), Snooze
// (external_event, with wait_for_external_event), Dynamic Workflow Expansion (batch_processor), Nested
// Workflows (order_workflow, with send_notification), Circuit Breaker Integration (external_call, with
// call_external_api); and "Runtime Management / Cooperative Cancellation" (large_batch, with
// process_large_batch).
//
// Corrected: The document's notify_customer reads a context that it declares unused; here it has one. The
// document's approval only checks whether `approved` exists, which a rejection sets, too; here its value
// counts.
//
// To run it, pack it as README.md shows, then:
//   input='{"employee": "ada", "amount": 99, "manager": "mia"}'
//   pirn run expense_approval --local --package advanced_features.pirn --input "$input"
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

// ---- expense_approval: above 10,000 a manager decides, within two days

PIRN_STEP(submit_expense) {
  const auto amount = ctx.get<int64_t>("amount");
  if (amount <= 0) return pirn::fail("invalid_amount", "\"amount\" must be positive", pirn::terminal);
  return pirn::ok({{"expense_id", "expense:" + ctx.get<std::string>("employee")}});
}
PIRN_STEP(await_manager_approval, {.after = submit_expense, .await_approval = true}) {
  if (ctx.get<int64_t>("amount") > 10'000)
    return pirn::await({.notify = "email", .approvers = {ctx.get<std::string>("manager")}, .timeout = 48_h});
  return pirn::ok({{"approved", true}, {"approver", "auto"}});
}
PIRN_STEP(process_reimbursement, {.after = await_manager_approval}) {
  if (!ctx.get<bool>("approved"))
    return pirn::fail("rejected", "by " + ctx.get<std::string>("approver"), pirn::terminal);
  ctx.info("reimbursed " + ctx.get<std::string>("expense_id") + ", approved by " +
           ctx.get<std::string>("approver"));
  return pirn::ok({{"reimbursed", true}});
}
PIRN_WORKFLOW(expense_approval, submit_expense, await_manager_approval, process_reimbursement)

// ---- external_event: asks every five minutes; no retry is used up by that

// Stands for the other system, which is done at an instant (Unix time in seconds) that the input knows.
std::string status_of(pirn::Context& ctx) {
  if (ctx.get<std::string>("reference_id").empty()) return "unknown reference";
  return ctx.now_ns() / 1'000'000'000 >= ctx.get<uint64_t>("ready_at") ? "completed" : "pending";
}
PIRN_STEP(wait_for_external_event, {.max_snoozes = 100}) {
  const std::string status = status_of(ctx);
  if (status == "completed") return pirn::ok({{"external_status", status}});
  if (status == "pending") return pirn::snooze(5_min);
  return pirn::fail("external_error", status, pirn::terminal);
}
PIRN_WORKFLOW(external_event, wait_for_external_event)

// ---- batch_processor: a step for each item, however many there are

PIRN_TASK(process_single_item) {
  if (ctx.param<int64_t>("price") < 0)
    return pirn::fail("invalid_item", "a price is never negative", pirn::terminal);
  return pirn::ok({{"result", ctx.param<int64_t>("price") * 2}});
}
PIRN_STEP(fetch_batch) { return pirn::ok({{"items", ctx.get<pirn::json::View>("batch")}}); }
PIRN_STEP(process_items, {.after = fetch_batch, .graft = true}) {
  std::vector<pirn::Child> expansions;
  for (pirn::json::View item : ctx.get<pirn::json::View>("items").items())
    expansions.push_back(pirn::child("process_item_" + item.get<std::string>("id"), process_single_item,
                                     {{"price", item.get<int64_t>("price")}}));
  return pirn::expand(std::move(expansions));
}
// A child's result stands in the context under its name, and each of its keys under name_key.
PIRN_STEP(summarize, {.after_graft = process_items}) {
  int64_t summary = 0;
  for (pirn::json::View item : ctx.get<pirn::json::View>("items").items())
    summary += ctx.get<int64_t>("process_item_" + item.get<std::string>("id") + "_result");
  return pirn::ok({{"summary", summary}});
}
PIRN_WORKFLOW(batch_processor, fetch_batch, process_items, summarize)

// ---- send_notification, and order_workflow, which contains it

PIRN_STEP(format_message) {
  return pirn::ok({{"message", ctx.get<std::string>("template") + " " + ctx.get<std::string>("order_id")}});
}
PIRN_STEP(send_message, {.name = "send", .after = format_message}) {
  const auto recipient = ctx.get<std::string>("recipient");
  if (recipient.empty()) return pirn::fail("no_recipient", "\"recipient\" is empty", pirn::terminal);
  ctx.info(ctx.get<std::string>("channel") + " to " + recipient + ": " + ctx.get<std::string>("message"));
  return pirn::ok();
}
PIRN_STEP(log_notification, {.name = "log", .after = send_message}) {
  ctx.info("noted: " + ctx.get<std::string>("message"));
  return pirn::ok({{"notified_at_ns", ctx.now_ns()}});
}
PIRN_WORKFLOW(send_notification, format_message, send_message, log_notification)

PIRN_ROLLBACK(withdraw_order) {
  ctx.info("withdrew " + ctx.get<std::string>("order_id"));
  return pirn::ok();
}
PIRN_STEP(create_order, {.rollback = withdraw_order}) {
  return pirn::ok({{"order_id", "order:" + ctx.get<std::string>("customer_email")}});
}
// What the contained workflow finds in its context, over that of the order.
PIRN_INPUT(order_confirmation) {
  return pirn::ok({{"template", "order_confirmation"},
                   {"channel", "email"},
                   {"recipient", ctx.get<std::string>("customer_email")}});
}
PIRN_NESTED(notify_customer, "send_notification",
            {.input = order_confirmation, .after = create_order, .max_retries = 0})
PIRN_STEP(complete, {.after = notify_customer}) {
  return pirn::ok({{"complete", ctx.has("notified_at_ns")}});
}
PIRN_WORKFLOW(order_workflow, create_order, notify_customer, complete)

// ---- external_call: after five failures in a row nobody calls for half a minute, whatever workflow it is in

PIRN_STEP(prepare) { return pirn::ok({{"prepared", ctx.get<std::string>("request")}}); }
PIRN_STEP(call_external_api,
          {.after = prepare,
           .max_retries = 10,
           .retry_delay = 1_s,
           .retry_backoff = pirn::backoff::fixed,
           .circuit_breaker = "external_api",
           .circuit_breaker_opts = pirn::CircuitBreaker{.failure_threshold = 5, .reset_timeout = 30_s}}) {
  return pirn::ok({{"response", "response to " + ctx.get<std::string>("prepared")}});
}
PIRN_WORKFLOW(external_call, prepare, call_external_api)

// ---- large_batch: the loop asks whether it is still wanted, and says how far it is

PIRN_STEP(process_large_batch, {.cancellable = true}) {
  const auto items = ctx.get<std::vector<int64_t>>("items");
  int64_t sum = 0;
  for (size_t done = 0; done < items.size(); ++done) {
    if (!ctx.heartbeat(static_cast<double>(done) / static_cast<double>(items.size())))
      return pirn::cancelled("asked to stop", {{"processed", done}, {"sum", sum}});
    sum += items[done];
  }
  return pirn::ok({{"processed", items.size()}, {"sum", sum}});
}
PIRN_WORKFLOW(large_batch, process_large_batch)

PIRN_PACKAGE("advanced_features", PIRN_PACKAGE_VERSION,
             {.description = "People, waiting, grafts, nesting, stopping"}, expense_approval, external_event,
             batch_processor, send_notification, order_workflow, external_call, large_batch,
             process_single_item, order_confirmation, withdraw_order)
