// A nightly data pipeline: extract from three sources, join and check, load into three stores, report.
//
// From document 2 (the workflow system): "Real-World Examples / Data Pipeline with ETL". The code that stands
// in for the three databases returns the same data for the same date.
//
// To run it, pack it as README.md shows, then:
//   pirn run daily_data_pipeline --local --package daily_data_pipeline.pirn --input '{"date": "2024-02-29"}'
#include <array>
#include <chrono>
#include <cstdio>
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

namespace {

struct Product {
  const char* sku;
  int64_t price;
};
constexpr std::array kProducts = {Product{"boots", 9900}, Product{"laces", 300}, Product{"wax", 700}};
constexpr std::array kCustomers = {"ada", "bob", "eve"};

// A number that follows from the date alone.
size_t busyness(const std::string& date) {
  size_t sum = 0;
  for (char c : date) sum = sum * 31 + static_cast<unsigned char>(c);
  return 1 + sum % 9;
}

std::string yesterday(uint64_t now_ns) {
  using namespace std::chrono;
  const sys_days today = floor<days>(sys_time<nanoseconds>(nanoseconds(now_ns)));
  const year_month_day date(today - days(1));
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

}  // namespace

PIRN_HANDLER(alert_data_team) {
  ctx.error("daily ETL failed: " + ctx.get<pirn::json::View>("__error__").get<std::string>("message"));
  return pirn::ok();
}

// ---- extract

PIRN_STEP(prepare) {
  return pirn::ok(
      {{"date", ctx.get_or<std::string>("date", yesterday(ctx.now_ns()))}, {"started_at_ns", ctx.now_ns()}});
}
PIRN_STEP(extract_sales, {.after = prepare, .group = "extract", .timeout = 30_min}) {
  std::vector<pirn::json::Text> sales;
  const size_t busy = busyness(ctx.get<std::string>("date"));
  for (size_t i = 0; i < 3 * busy; ++i)
    sales.push_back(pirn::json::object({{"sku", kProducts[i % kProducts.size()].sku},
                                        {"customer", kCustomers[(i * busy) % kCustomers.size()]},
                                        {"quantity", i % 4 + 1}}));
  return pirn::ok({{"sales_data", sales}, {"sales_count", sales.size()}});
}
PIRN_STEP(extract_inventory, {.after = prepare, .group = "extract", .timeout = 30_min}) {
  pirn::Fields prices;
  for (const Product& product : kProducts) prices.add(product.sku, product.price);
  return pirn::ok({{"inventory_data", pirn::json::object(prices)}});
}
PIRN_STEP(extract_customers, {.after = prepare, .group = "extract", .timeout = 15_min}) {
  return pirn::ok({{"customer_data", std::vector<std::string>(kCustomers.begin(), kCustomers.end())}});
}

// ---- transform

PIRN_STEP(transform_and_join, {.after_group = "extract", .timeout = 45_min}) {
  const auto prices = ctx.get<pirn::json::View>("inventory_data");
  std::vector<pirn::json::Text> records;
  for (pirn::json::View sale : ctx.get<pirn::json::View>("sales_data").items()) {
    const auto sku = sale.get<std::string>("sku");
    records.push_back(
        pirn::json::object({{"sku", sku},
                            {"customer", sale.get<std::string>("customer")},
                            {"amount", prices.get_or<int64_t>(sku, 0) * sale.get<int64_t>("quantity")}}));
  }
  return pirn::ok({{"transformed_data", records}, {"record_count", records.size()}});
}
PIRN_STEP(validate_data, {.after = transform_and_join}) {
  std::vector<std::string> errors;
  for (pirn::json::View record : ctx.get<pirn::json::View>("transformed_data").items())
    if (record.get<int64_t>("amount") <= 0)
      errors.push_back(record.get<std::string>("sku") + " has no price");
  if (!errors.empty())
    return pirn::fail("validation_failed", std::to_string(errors.size()) + " bad records: " + errors.front(),
                      pirn::terminal, errors);
  return pirn::ok({{"validated_data", ctx.get<pirn::json::View>("transformed_data")}});
}

// ---- load

PIRN_STEP(load_to_warehouse, {.after = validate_data, .group = "load", .timeout = 30_min}) {
  return pirn::ok({{"warehouse_loaded", true}});
}
PIRN_STEP(load_to_elasticsearch, {.after = validate_data, .group = "load", .timeout = 15_min}) {
  return pirn::ok({{"elasticsearch_loaded", true}});
}
PIRN_STEP(update_cache, {.after = validate_data, .group = "load", .timeout = 10_min}) {
  int64_t revenue = 0;
  for (pirn::json::View record : ctx.get<pirn::json::View>("validated_data").items())
    revenue += record.get<int64_t>("amount");
  return pirn::ok({{"cache_updated", true}, {"revenue", revenue}});
}

// ---- report

PIRN_STEP(generate_report, {.after_group = "load"}) {
  return pirn::ok({{"report_url", "https://reports.example/" + ctx.get<std::string>("date")}});
}
PIRN_STEP(send_notifications, {.after = generate_report}) {
  const uint64_t minutes = (ctx.now_ns() - ctx.get<uint64_t>("started_at_ns")) / 60'000'000'000;
  ctx.info("daily ETL of " + ctx.get<std::string>("date") +
           " complete: " + std::to_string(ctx.get<int64_t>("record_count")) + " records, " +
           std::to_string(minutes) + " minutes, " + ctx.get<std::string>("report_url"));
  return pirn::ok();
}

PIRN_WORKFLOW(daily_data_pipeline,
              {.timeout = 2_h,
               .on_failure = alert_data_team,
               .schedule = pirn::Schedule{.cron = {"0 2 * * *"}},
               .tags = {"etl", "daily"}},
              prepare, extract_sales, extract_inventory, extract_customers, transform_and_join, validate_data,
              load_to_warehouse, load_to_elasticsearch, update_cache, generate_report, send_notifications)

PIRN_PACKAGE("daily_data_pipeline", PIRN_PACKAGE_VERSION, {.description = "The nightly run of a data team"},
             daily_data_pipeline, alert_data_team)
