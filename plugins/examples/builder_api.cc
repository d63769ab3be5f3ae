// Workflows that are built with the builder: chains, fan-out and fan-in, branches, a nested workflow, options
// of a whole workflow.
//
// From document 2 (the workflow system): "Quick Start / Using Builder API" (user_onboarding) and "Builder
// API", with one workflow for each section: Basic Workflow (data_export), Workflow Options
// (critical_pipeline), Parallel Steps (multi_upload), Fan-in (aggregation), Conditional Branching
// (order_processing), Nested Workflows (user_signup, which contains send_notification).
//
// Corrected: The steps of the document's send_notification have no `after`, so a message could be sent before
// it is formatted. Here they are a chain, as in the document's other version. The document's
// critical_pipeline has options but no steps; here it has two.
//
// To run it, pack it as README.md shows, then:
//   pirn run data_export --local --package builder_api.pirn --input '{"rows": ["a;1", "b;2"]}'
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

// ---- user_onboarding

PIRN_TASK(create_account) {
  const auto email = ctx.get<std::string>("email");
  if (email.find('@') == std::string::npos)
    return pirn::fail("invalid_email", "\"" + email + "\" is no e-mail address", pirn::terminal);
  return pirn::ok({{"user_id", "user:" + email}});
}
PIRN_TASK(setup_profile) { return pirn::ok({{"profile_id", "profile:" + ctx.get<std::string>("user_id")}}); }
PIRN_TASK(send_welcome_email) {
  ctx.info("welcome, " + ctx.get<std::string>("name"));
  return pirn::ok();
}

auto user_onboarding() {
  return pirn::workflow("user_onboarding")
      .step<"create_account">(create_account)
      .step<"setup_profile">(setup_profile, {.after = "create_account"})
      .step<"send_welcome_email">(send_welcome_email, {.after = "setup_profile"});
}

// ---- data_export

PIRN_TASK(fetch_data) {
  const auto rows = ctx.get<std::vector<std::string>>("rows");
  if (rows.empty()) return pirn::skip("there is nothing to export");
  return pirn::ok({{"fetched", rows}});
}
PIRN_TASK(transform_rows) {
  std::string csv;
  for (const auto& row : ctx.get_or<std::vector<std::string>>("fetched", {})) csv += row + "\n";
  return pirn::ok({{"csv", csv}});
}
PIRN_TASK(upload_csv) { return pirn::ok({{"uploaded_bytes", ctx.get<std::string>("csv").size()}}); }
PIRN_TASK(notify_exported) {
  ctx.info("exported " + std::to_string(ctx.get<int64_t>("uploaded_bytes")) + " bytes");
  return pirn::ok();
}

auto data_export() {
  return pirn::workflow("data_export")
      .step<"fetch_data">(fetch_data)
      .step<"transform">(transform_rows, {.after = "fetch_data"})
      .step<"upload">(upload_csv, {.after = "transform"})
      .step<"notify">(notify_exported, {.after = "upload"});
}

// ---- critical_pipeline: the options of a workflow

PIRN_HANDLER(cleanup_handler) {
  ctx.error("cleaned up after " + ctx.get<std::string>("__error_step__"));
  return pirn::ok();
}
PIRN_HANDLER(success_handler) {
  ctx.info("all is well");
  return pirn::ok();
}
PIRN_HANDLER(cancel_handler) {
  ctx.warn("cancelled: " + in.reason());
  return pirn::ok();
}

auto critical_pipeline() {
  return pirn::workflow("critical_pipeline",
                        {.timeout = 1_h,
                         .max_retries = 3,
                         .retry_delay = 5_s,
                         .retry_backoff = pirn::backoff::exponential,
                         .on_success = success_handler,
                         .on_failure = cleanup_handler,
                         .on_cancel = cancel_handler,
                         .dead_letter = true,
                         .dead_letter_ttl = 30_d,
                         .tags = {"critical", "daily"},
                         .metadata = {{"owner", "data-team"}},
                         .step_defaults = {.timeout = 5_min, .max_retries = 3, .retry_delay = 1_s}})
      .step<"collect">([] {
        return pirn::ok({{"collected", true}});
      })
      .then<"publish">([] {
        return pirn::ok({{"published", true}});
      });
}

// ---- multi_upload: one function, bound to each of the stores

PIRN_TASK(fetch) { return pirn::ok({{"data", ctx.get<std::string>("input")}}); }
PIRN_TASK(transform) { return pirn::ok({{"data", "<" + ctx.get<std::string>("data") + ">"}}); }
pirn::Outcome upload(pirn::Context& ctx, const std::string& store) {
  if (ctx.get<std::string>("data") == "<>")
    return pirn::fail("empty", "no store takes an empty file", pirn::terminal);
  return pirn::ok({{store + "_url", "https://" + store + ".example/" + std::string(ctx.execution())}});
}

auto multi_upload() {
  return pirn::workflow("multi_upload")
      .step<"fetch">(fetch)
      .step<"transform">(transform, {.after = "fetch"})
      .parallel("transform", pirn::named<"upload_s3">(pirn::call<upload>("s3")),
                pirn::named<"upload_gcs">(pirn::call<upload>("gcs")),
                pirn::named<"upload_azure">(pirn::call<upload>("azure")));
}

// ---- aggregation

PIRN_TASK(begin) { return pirn::ok({{"scale", ctx.get_or<int64_t>("scale", 1)}}); }
pirn::Outcome fetch_api(pirn::Context& ctx, int64_t rows) {
  return pirn::ok({{std::string(ctx.step()) + "_rows", rows * ctx.get<int64_t>("scale")}});
}
PIRN_TASK(aggregate) {
  int64_t rows = 0;
  for (const char* api : {"fetch_api_a", "fetch_api_b", "fetch_api_c"})
    rows += ctx.result<int64_t>(api, std::string(api) + "_rows");
  return pirn::ok({{"rows", rows}});
}
PIRN_TASK(save) {
  if (ctx.get<int64_t>("rows") == 0)
    return pirn::fail("nothing_to_save", "the APIs gave no rows", pirn::terminal);
  return pirn::ok({{"saved", true}});
}

auto aggregation() {
  return pirn::workflow("aggregation")
      .step<"start">(begin)
      .fan_out("start", pirn::named<"fetch_api_a">(pirn::call<fetch_api>(10)),
               pirn::named<"fetch_api_b">(pirn::call<fetch_api>(20)),
               pirn::named<"fetch_api_c">(pirn::call<fetch_api>(30)))
      .fan_in<"aggregate">({"fetch_api_a", "fetch_api_b", "fetch_api_c"}, aggregate)
      .step<"save">(save, {.after = "aggregate"});
}

// ---- order_processing: the branches do not exclude each other, and those not taken hold nobody up

PIRN_TASK(validate_order) {
  if (ctx.get<int64_t>("quantity") <= 0)
    return pirn::fail("invalid_quantity", "\"quantity\" must be positive", pirn::terminal);
  return pirn::ok();
}
PIRN_TASK(check_stock) {
  return pirn::ok({{"left", ctx.get<int64_t>("stock") - ctx.get<int64_t>("quantity")}});
}
PIRN_CONDITION(in_stock) { return ctx.get<int64_t>("left") >= 0; }
PIRN_CONDITION(out_of_stock) { return ctx.get<int64_t>("left") < 0; }
PIRN_CONDITION(needs_restock) { return ctx.get<int64_t>("left") < 5; }
PIRN_TASK(process_immediate) { return pirn::ok({{"shipped", ctx.get<int64_t>("quantity")}}); }
PIRN_TASK(create_backorder) { return pirn::ok({{"backordered", -ctx.get<int64_t>("left")}}); }
PIRN_TASK(notify_vendor) { return pirn::ok({{"vendor_notified", true}}); }
PIRN_TASK(complete_order) { return pirn::ok({{"complete", true}}); }

auto order_processing() {
  return pirn::workflow("order_processing")
      .step<"validate">(validate_order)
      .step<"check_stock">(check_stock, {.after = "validate"})
      .branch("check_stock", pirn::arm<"process_immediate">(in_stock, process_immediate),
              pirn::arm<"backorder">(out_of_stock, create_backorder),
              pirn::arm<"notify_vendor">(needs_restock, notify_vendor))
      .step<"complete">(complete_order, {.after = {"process_immediate", "backorder", "notify_vendor"}});
}

// ---- send_notification, and user_signup, which contains it

PIRN_TASK(format_message) {
  return pirn::ok(
      {{"message", ctx.get<std::string>("template") + " for " + ctx.get<std::string>("recipient")}});
}
PIRN_TASK(send_message) {
  ctx.info("sent: " + ctx.get<std::string>("message"));
  return pirn::ok({{"notified", true}});
}
PIRN_TASK(log_notification) {
  ctx.info("noted: " + ctx.get<std::string>("message"));
  return pirn::ok();
}

auto send_notification() {
  return pirn::workflow("send_notification")
      .step<"format">(format_message)
      .then<"send">(send_message)
      .then<"log">(log_notification);
}

// What the contained workflow finds in its context, over that of the step.
PIRN_INPUT(welcome) {
  return pirn::ok({{"template", "welcome"}, {"recipient", ctx.get<std::string>("user_id")}});
}
PIRN_TASK(complete_signup) { return pirn::ok({{"signed_up", ctx.get<bool>("notified")}}); }

auto user_signup() {
  return pirn::workflow("user_signup")
      .step<"create_user">(create_account)
      .nested<"welcome_notification">("send_notification", {.input = welcome, .after = "create_user"})
      .step<"complete">(complete_signup, {.after = "welcome_notification"});
}

PIRN_PACKAGE("builder_api", PIRN_PACKAGE_VERSION, {.description = "What the builder builds"}, user_onboarding,
             data_export, critical_pipeline, multi_upload, aggregation, order_processing, send_notification,
             user_signup, cleanup_handler, success_handler, cancel_handler, in_stock, out_of_stock,
             needs_restock, welcome)
