// Two workflows for diagrams and reports, with labels, a group, a nested workflow, a rollback and a tag.
//
// From document 2 (the workflow system): "Introspection & Visualization": Mermaid and Graphviz
// (order_processing), Summary, Detailed Report and ASCII Table (user_onboarding).
//
// Corrected: The document says that user_onboarding has five steps, and names six. Here it has the six, with
// the properties that the document's report and table show.
//
// To run it, pack it as README.md shows, then:
//   pirn graph order_processing --package introspection.pirn
//   pirn describe user_onboarding --package introspection.pirn
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

// ---- order_processing: the labels stand in the pictures

PIRN_STEP(validate, {.label = "Validate Order"}) {
  if (ctx.get<int64_t>("quantity") <= 0) return pirn::fail("invalid_order", "", pirn::terminal);
  return pirn::ok();
}
PIRN_STEP(check_stock, {.after = validate}) {
  if (ctx.get<int64_t>("quantity") > 10) return pirn::fail("out_of_stock", "there are ten", pirn::terminal);
  return pirn::ok();
}
PIRN_STEP(reserve, {.label = "Reserve Inventory", .after = check_stock}) {
  return pirn::ok({{"reserved", true}});
}
PIRN_STEP(charge, {.label = "Charge Payment", .after = reserve}) { return pirn::ok({{"charged", true}}); }
PIRN_STEP(ship, {.label = "Ship Order", .after = charge}) { return pirn::ok({{"shipped", true}}); }
PIRN_WORKFLOW(order_processing, validate, check_stock, reserve, charge, ship)

// ---- user_onboarding: a group, a contained workflow, a rollback, a tag

PIRN_STEP(create_account) { return pirn::ok({{"user_id", "user:" + ctx.get<std::string>("email")}}); }
PIRN_STEP(setup_profile, {.after = create_account}) { return pirn::ok({{"profile", true}}); }
PIRN_ROLLBACK(send_apology) {
  ctx.info("sorry, " + ctx.get<std::string>("user_id"));
  return pirn::ok();
}
PIRN_STEP(send_welcome, {.after = setup_profile, .rollback = send_apology}) {
  ctx.info("welcome, " + ctx.get<std::string>("user_id"));
  return pirn::ok();
}
PIRN_STEP(email, {.after = setup_profile, .group = "notifications"}) { return pirn::ok({{"emailed", true}}); }
PIRN_STEP(slack, {.after = setup_profile, .group = "notifications"}) { return pirn::ok({{"slacked", true}}); }
PIRN_NESTED(notify, "send_notification",
            {.after = send_welcome, .after_group = "notifications", .max_retries = 0})
PIRN_WORKFLOW(user_onboarding, {.tags = {"onboarding"}}, create_account, setup_profile, send_welcome, email,
              slack, notify)

PIRN_STEP(send) {
  if (ctx.get<std::string>("user_id") == "user:nobody") return pirn::fail("no_recipient", "", pirn::terminal);
  return pirn::ok({{"notified", true}});
}
PIRN_WORKFLOW(send_notification, send)

PIRN_PACKAGE("introspection", PIRN_PACKAGE_VERSION, {.description = "What pictures show"}, order_processing,
             user_onboarding, send_notification, send_apology)
