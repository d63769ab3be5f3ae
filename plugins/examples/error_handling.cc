// What a failure means: which failures end a workflow, which handlers are called, and how completed steps are
// rolled back.
//
// From document 2 (the workflow system): "Error Handling & Retries": on_error Behaviors (error_behaviors),
// Error Handlers with Accessing Error Information (robust_workflow); "Rollback (Saga Pattern)"
// (payment_workflow).
//
// Corrected: The document's handle_failure expects `__stacktrace__`, which exists only if the error has one.
// The document's diagram calls on_failure before the rollbacks, its list after them; the list is right.
//
// To run it, pack it as README.md shows, then:
//   pirn run payment_workflow --local --package error_handling.pirn --input '{"order": "7", "amount": 4990}'
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

// ---- error_behaviors

PIRN_STEP(optional_step, {.on_error = pirn::on_error::skip}) { return pirn::ok({{"optional", true}}); }
PIRN_STEP(non_critical_step, {.on_error = pirn::on_error::keep_going}) {
  return pirn::ok({{"non_critical", true}});
}
PIRN_STEP(critical_step, {.after = {optional_step, non_critical_step}, .on_error = pirn::on_error::fail}) {
  return pirn::ok({{"critical", true}});
}
PIRN_WORKFLOW(error_behaviors, {.step_defaults = {.max_retries = 1}}, optional_step, non_critical_step,
              critical_step)

// ---- robust_workflow: a handler for each end, and one for each failure on the way

PIRN_STEP(risky_operation, {.max_retries = 2, .retry_delay = 1_s}) {
  if (ctx.get_or<bool>("hopeless", false))
    return pirn::fail("hopeless", "no try will help", pirn::terminal,
                      pirn::json::object({{"stacktrace", "risky_operation at robust.cc:1"}}));
  return pirn::ok({{"done", true}});
}

PIRN_HANDLER(handle_step_error) {
  ctx.error("step " + in.step() + " failed (attempt " + std::to_string(in.attempt()) +
            "): " + in.error_code());
  return pirn::ok();
}
PIRN_HANDLER(handle_failure) {
  const auto error = ctx.get<pirn::json::View>("__error__");
  ctx.error("workflow failed: step " + ctx.get<std::string>("__error_step__") + ", error " +
            error.get<std::string>("code") + ", attempts " +
            std::to_string(ctx.get<int64_t>("__attempts__")) + ", at " +
            ctx.get_or<std::string>("__stacktrace__", "an unknown place"));
  return pirn::ok();
}
PIRN_HANDLER(handle_success) {
  ctx.info("workflow completed");
  return pirn::ok();
}
PIRN_HANDLER(handle_cancel) {
  ctx.warn("workflow cancelled: " + in.reason());
  return pirn::ok();
}
PIRN_WORKFLOW(robust_workflow,
              {.on_success = handle_success,
               .on_failure = handle_failure,
               .on_cancel = handle_cancel,
               .on_step_error = handle_step_error},
              risky_operation)

// ---- payment_workflow: what outside systems were asked for, they are asked to take back, the last one first

PIRN_ROLLBACK(release_inventory) {
  ctx.info("release " + ctx.get<std::string>("reservation_id"));
  return pirn::ok();
}
PIRN_ROLLBACK(refund_payment) {
  ctx.info("refund " + ctx.get<std::string>("payment_id"));
  return pirn::ok();
}
PIRN_ROLLBACK(cancel_order) {
  ctx.info("cancel " + ctx.get<std::string>("order_id"));
  return pirn::ok();
}
PIRN_HANDLER(tell_accounting) {
  ctx.info("accounting knows");
  return pirn::ok();
}

PIRN_STEP(reserve_inventory, {.rollback = release_inventory}) {
  return pirn::ok({{"reservation_id", "reservation:" + ctx.get<std::string>("order")}});
}
PIRN_STEP(charge_payment, {.after = reserve_inventory, .rollback = refund_payment}) {
  if (ctx.get<int64_t>("amount") <= 0)
    return pirn::fail("invalid_amount", "\"amount\" must be positive", pirn::terminal);
  return pirn::ok({{"payment_id", "payment:" + ctx.get<std::string>("order")}});
}
PIRN_STEP(create_order, {.after = charge_payment, .rollback = cancel_order}) {
  return pirn::ok({{"order_id", "order:" + ctx.get<std::string>("order")}});
}
// No rollback: an e-mail cannot be unsent.
PIRN_STEP(send_confirmation, {.after = create_order}) {
  ctx.info("confirm " + ctx.get<std::string>("order_id"));
  return pirn::ok();
}
PIRN_WORKFLOW(payment_workflow, {.on_failure = tell_accounting}, reserve_inventory, charge_payment,
              create_order, send_confirmation)

PIRN_PACKAGE("error_handling", PIRN_PACKAGE_VERSION, {.description = "What a failure means"}, error_behaviors,
             robust_workflow, payment_workflow, handle_step_error, handle_failure, handle_success,
             handle_cancel, release_inventory, refund_payment, cancel_order, tell_accounting)
