// One order, with each of the document's best practices next to the code that follows it.
//
// From document 2 (the workflow system): "Best Practices", 1 to 6, in process_order.
//
// Corrected: The document sets a deadline of 24 hours on an approval step that never awaits. Here the step
// awaits when the total is above 1000.
//
// To run it, pack it as README.md shows, then:
//   pirn run process_order --local --package best_practices.pirn --input '{"order": "7", "items": 3}'
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

// 1. Keep steps focused: each does one thing, and can be tried again without doing the others again.
// 6. Use descriptive names: what a step does, and to what.

// 5. Set appropriate timeouts: a check of the input is quick.
PIRN_STEP(validate_order_items, {.timeout = 5_s}) {
  if (ctx.get<int64_t>("items") <= 0) return pirn::fail("no_items", "an order has items", pirn::terminal);
  return pirn::ok({{"total", ctx.get<int64_t>("items") * 25}});
}
// A person has a day.
PIRN_STEP(await_human_approval, {.after = validate_order_items, .timeout = 24_h, .await_approval = true}) {
  if (ctx.get<int64_t>("total") > 1000) return pirn::await({.notify = "sales"});
  return pirn::skip("no approval is needed");
}

// 2. Use rollbacks for side effects: what asks another system for something says how it is taken back.
PIRN_ROLLBACK(release_reservation) {
  ctx.info("released " + ctx.get<std::string>("reservation_id"));
  return pirn::ok();
}
PIRN_STEP(reserve_inventory_for_order, {.after = await_human_approval, .rollback = release_reservation}) {
  if (!ctx.get_or<bool>("approved", true)) return pirn::fail("not_approved", "", pirn::terminal);
  return pirn::ok({{"reservation_id", "reservation:" + ctx.get<std::string>("order")}});
}
PIRN_ROLLBACK(refund_payment) {
  ctx.info("refunded " + ctx.get<std::string>("payment_id"));
  return pirn::ok();
}
PIRN_STEP(charge_payment_for_order, {.after = reserve_inventory_for_order, .rollback = refund_payment}) {
  return pirn::ok({{"payment_id", "payment:" + ctx.get<std::string>("order")}});
}
// 5. again: large data take long.
PIRN_STEP(print_shipping_papers, {.after = charge_payment_for_order, .timeout = 30_min}) {
  return pirn::ok({{"pages", ctx.get<int64_t>("items") / 10 + 1}});
}

// 3. Use groups for parallel work.
PIRN_STEP(send_order_confirmation_email, {.after = print_shipping_papers, .group = "notifications"}) {
  return pirn::ok({{"emailed", true}});
}
PIRN_STEP(send_order_confirmation_sms, {.after = print_shipping_papers, .group = "notifications"}) {
  return pirn::ok({{"texted", true}});
}
PIRN_STEP(send_order_confirmation_push, {.after = print_shipping_papers, .group = "notifications"}) {
  return pirn::ok({{"pushed", true}});
}

// 4. Use on_error: continue for what is not critical.
PIRN_STEP(track_order_analytics, {.after_group = "notifications", .on_error = pirn::on_error::keep_going}) {
  ctx.emit("order", ctx.get<std::string>("order"), {{"total", ctx.get<int64_t>("total")}});
  return pirn::ok();
}
PIRN_STEP(send_slack_notification, {.after_group = "notifications", .on_error = pirn::on_error::keep_going}) {
  ctx.info("slack: order " + ctx.get<std::string>("order"));
  return pirn::ok();
}

PIRN_WORKFLOW(process_order, validate_order_items, await_human_approval, reserve_inventory_for_order,
              charge_payment_for_order, print_shipping_papers, send_order_confirmation_email,
              send_order_confirmation_sms, send_order_confirmation_push, track_order_analytics,
              send_slack_notification)

PIRN_PACKAGE("best_practices", PIRN_PACKAGE_VERSION, {.description = "The document's advice, followed"},
             process_order, release_reservation, refund_payment)
