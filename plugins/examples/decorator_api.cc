// What the document declares with decorators, declared with the macros of the SDK: options are written next
// to the step that they belong to.
//
// From document 2 (the workflow system): "Quick Start / Using Decorator API" (user_onboarding) and "Decorator
// API": Basic Decorator Usage (data_pipeline), Step Decorator Options (step_options, with my_step), Parallel
// Groups (multi_upload), Conditional Execution (order_fulfillment).
//
// Corrected: The document gives my_step the key `after` twice, once for each of its forms; here it has the
// list.
//
// To run it, pack it as README.md shows, then:
//   pirn run data_pipeline --local --package decorator_api.pirn --input '{"query": 3}'
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

// ---- user_onboarding

PIRN_STEP(create_account) {
  const auto email = ctx.get<std::string>("email");
  if (email.find('@') == std::string::npos)
    return pirn::fail("invalid_email", "\"" + email + "\" is no e-mail address", pirn::terminal);
  return pirn::ok({{"user_id", "user:" + email}});
}
PIRN_STEP(setup_profile, {.after = create_account}) {
  return pirn::ok({{"profile_id", "profile:" + ctx.get<std::string>("user_id")}});
}
PIRN_STEP(send_welcome_email, {.after = setup_profile}) {
  ctx.info("welcome, " + ctx.get<std::string>("name"));
  return pirn::ok();
}
PIRN_WORKFLOW(user_onboarding, create_account, setup_profile, send_welcome_email)

// ---- data_pipeline

PIRN_STEP(fetch_data) {
  std::vector<int64_t> data;
  for (int64_t i = 1; i <= ctx.get<int64_t>("query"); ++i) data.push_back(i * i);
  return pirn::ok({{"data", data}});
}
PIRN_STEP(validate, {.after = fetch_data}) {
  if (ctx.get<std::vector<int64_t>>("data").empty())
    return pirn::fail("validation_failed", "the query gave no data", pirn::terminal,
                      pirn::json::array({"data"}));
  return pirn::ok({{"validated", true}});
}
PIRN_STEP(transform, {.after = validate, .timeout = 30_min}) {
  int64_t sum = 0;
  for (int64_t square : ctx.get<std::vector<int64_t>>("data")) sum += square;
  return pirn::ok({{"transformed_data", sum}});
}
PIRN_STEP(save, {.after = transform}) {
  ctx.info("saved " + std::to_string(ctx.get<int64_t>("transformed_data")));
  return pirn::ok();
}
PIRN_WORKFLOW(data_pipeline, {.timeout = 1_h, .step_defaults = {.timeout = 10_min}}, fetch_data, validate,
              transform, save)

// ---- step_options: my_step has every option of a step. It waits for two steps, one of two, a group, and a
// graft with its children; and asks a person when `ask` is true.

PIRN_TASK(dynamic_child) { return pirn::ok({{"size", ctx.param<int64_t>("size")}}); }
PIRN_ROLLBACK(rollback_function) {
  ctx.info("undid " + std::string(in.result().text()));
  return pirn::ok();
}

PIRN_STEP(step_a) { return pirn::ok(); }
PIRN_STEP(step_b) { return pirn::ok(); }
PIRN_STEP(mirror_a) { return pirn::ok(); }
PIRN_STEP(mirror_b) { return pirn::ok(); }
PIRN_STEP(check_one, {.group = "parallel_group"}) { return pirn::ok(); }
PIRN_STEP(check_two, {.group = "parallel_group"}) { return pirn::ok(); }
PIRN_STEP(dynamic_steps, {.graft = true}) {
  return pirn::expand({pirn::child("child_1", dynamic_child, {{"size", 1}}),
                       pirn::child("child_2", dynamic_child, {{"size", 2}}, {.max_retries = 1})});
}
PIRN_STEP(my_step,
          {.after = {step_a, step_b},
           .after_any = {mirror_a, mirror_b},
           .group = "upload_group",
           .after_group = "parallel_group",
           .after_graft = dynamic_steps,
           .when = pirn::path("should_run") == true,
           .timeout = 5_min,
           .max_retries = 5,
           .retry_delay = 1_s,
           .retry_backoff = pirn::backoff::exponential,
           .retry_max_delay = 5_min,
           .retry_jitter = pirn::jitter::additive,
           .retry_on = {"timeout", "connection_error"},
           .no_retry_on = {"validation_error"},
           .on_error = pirn::on_error::fail,
           .rollback = rollback_function,
           .await_approval = true,
           .cancellable = true,
           .context_key = "custom_key",
           .circuit_breaker = "external_api",
           .circuit_breaker_opts = pirn::CircuitBreaker{.failure_threshold = 5, .reset_timeout = 30_s}}) {
  if (ctx.get_or<bool>("ask", false)) return pirn::await({.notify = "email"});
  return pirn::ok({{"children", ctx.get<int64_t>("child_1_size") + ctx.get<int64_t>("child_2_size")}});
}
PIRN_STEP(last_step, {.after_group = "upload_group", .max_retries = 0}) { return pirn::ok(); }
PIRN_WORKFLOW(step_options, step_a, step_b, mirror_a, mirror_b, check_one, check_two, dynamic_steps, my_step,
              last_step)

// ---- multi_upload

PIRN_STEP(prepare) { return pirn::ok({{"data", "prepared " + ctx.get<std::string>("input")}}); }

pirn::Outcome upload(pirn::Context& ctx, const std::string& store) {
  return pirn::ok({{store + "_url", "https://" + store + ".example/" + std::string(ctx.execution())}});
}
PIRN_STEP_FROM(upload_s3, pirn::call<upload>("s3"), {.after = prepare, .group = "uploads"})
PIRN_STEP_FROM(upload_gcs, pirn::call<upload>("gcs"), {.after = prepare, .group = "uploads"})
PIRN_STEP_FROM(upload_azure, pirn::call<upload>("azure"), {.after = prepare, .group = "uploads"})

PIRN_STEP(notify_complete, {.after_group = "uploads"}) {
  ctx.info("uploaded to: " + ctx.get<std::string>("s3_url") + ", " + ctx.get<std::string>("gcs_url") + ", " +
           ctx.get<std::string>("azure_url"));
  return pirn::ok();
}
PIRN_WORKFLOW(multi_upload, prepare, upload_s3, upload_gcs, upload_azure, notify_complete)

// ---- order_fulfillment: one of two branches, then the confirmation

PIRN_STEP(validate_order) {
  if (!ctx.has("order_id")) return pirn::fail("no_order", "\"order_id\" is missing", pirn::terminal);
  return pirn::ok({{"amount", ctx.get<int64_t>("items") * 25}});
}
PIRN_STEP(check_inventory, {.after = validate_order}) {
  return pirn::ok({{"in_stock", ctx.get<int64_t>("items") <= ctx.get<int64_t>("available")}});
}
PIRN_STEP(reserve_inventory, {.after = check_inventory, .when = pirn::path("in_stock") == true}) {
  return pirn::ok({{"reservation_id", "reservation:" + ctx.get<std::string>("order_id")}});
}
PIRN_STEP(create_backorder, {.after = check_inventory, .when = pirn::path("in_stock") == false}) {
  return pirn::ok({{"backorder_id", "backorder:" + ctx.get<std::string>("order_id")}});
}
PIRN_STEP(send_confirmation, {.after_any = {reserve_inventory, create_backorder}}) {
  ctx.info("confirmed " + ctx.get<std::string>("order_id"));
  return pirn::ok();
}
PIRN_WORKFLOW(order_fulfillment, validate_order, check_inventory, reserve_inventory, create_backorder,
              send_confirmation)

PIRN_PACKAGE("decorator_api", PIRN_PACKAGE_VERSION, {.description = "What the decorators declare"},
             user_onboarding, data_pipeline, step_options, multi_upload, order_fulfillment, dynamic_child,
             rollback_function)
