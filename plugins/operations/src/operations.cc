// The daily operations report of an online retailer: sixteen steps over the order lines of a day. START HERE.
// README.md says how to pack and run it.
//
//   step                  runs after
//   load-config
//   fetch-orders          load-config
//   fetch-returns         load-config
//   fetch-inventory       load-config
//   clean-orders          fetch-orders
//   reconcile-financials  clean-orders, fetch-returns
//   compute-return-rate   reconcile-financials
//   detect-anomalies      compute-return-rate
//   notify-ops            detect-anomalies
//   stock-alerts          fetch-inventory
//   generate-dashboard    load-config, stock-alerts, reconcile-financials, compute-return-rate
//   publish-dashboard     generate-dashboard
//   refresh-cache         publish-dashboard
//   sync-search-index     publish-dashboard
//   archive-datasets      clean-orders, fetch-returns
//   publish-metrics       reconcile-financials, compute-return-rate
//
// Input: `orders`, `output`, and optionally `inventory`, `min_revenue`, `max_return_rate`, and for
// demonstrations `pace_ms`, `hold_step`, `hold_file` (run.h). The figures are stored under the context key
// `report`.
//
// An anomaly makes detect-anomalies fail for good. The workflow continues after a failure, so only notify-ops,
// which reports that all is well, is skipped. After a crash each step may run again, and writes the same files.
#include <algorithm>
#include <filesystem>
#include <pirn/pirn.hpp>

#include "dashboard.h"
#include "datasets.h"
#include "figures.h"
#include "hook_log.h"
#include "inventory.h"
#include "publish.h"
#include "run.h"
#include "text.h"

using namespace operations;
using namespace pirn::literals;

namespace {

// 2.0.0 is built from the same sources: it also reports the items sold.
constexpr bool kReportsItems = std::string_view(PIRN_PACKAGE_VERSION) >= "2";
constexpr const char* kDefaultMinRevenue = "2000.00";
constexpr const char* kDefaultMaxReturnRate = "0.25";

pirn::Outcome interrupted() { return pirn::cancelled(); }

// ---- reading the input

// A threshold may be written as a number or, exactly, as a string.
std::string threshold(pirn::Context& ctx, const char* key, const char* otherwise) {
  const auto given = ctx.all().find(key);
  if (!given || given->is_null()) return otherwise;
  const std::string text = given->is_string() ? given->as<std::string>() : std::string(given->text());
  if (!Decimal::parse(text)) {
    throw pirn::Error("config_invalid",
                      std::string(key) + " is " + text + ": give a decimal number, as \"" + otherwise + "\"",
                      pirn::terminal);
  }
  return std::string(trim(text));
}

std::string required(pirn::Context& ctx, const char* key, const char* what) {
  auto value = ctx.find<std::string>(key);
  if (!value || value->empty()) {
    throw pirn::Error("config_invalid", std::string("the input has no \"") + key + "\": give " + what,
                      pirn::terminal);
  }
  return *value;
}

std::string input_file(const std::string& path, const char* key) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error).lexically_normal();
  if (error || !std::filesystem::is_regular_file(full, error)) {
    throw pirn::Error("config_invalid", std::string(key) + ": there is no file " + full.string(),
                      pirn::terminal);
  }
  return full.string();
}

Decimal amount(pirn::Context& ctx, std::string_view step, std::string_view key) {
  return Decimal::parse(ctx.result<std::string>(step, key)).value_or(Decimal());
}

Thresholds thresholds(pirn::Context& ctx) {
  return {*Decimal::parse(ctx.get<std::string>("min_revenue")),
          *Decimal::parse(ctx.get<std::string>("max_return_rate"))};
}

std::vector<StockItem> read_low_stock(pirn::Context& ctx) {
  std::ifstream file = open_to_read(run_file(ctx, "low-stock.csv"));
  return read_inventory(file, [](uint64_t) { return true; })->items;
}

template <class Read>
auto read_table(pirn::Context& ctx, std::string_view name, Read read) {
  std::ifstream file = open_to_read(run_file(ctx, name));
  return read(file);
}

PublishedFigures figures(pirn::Context& ctx) {
  return {.revenue = amount(ctx, "reconcile-financials", "revenue"),
          .refunds = amount(ctx, "reconcile-financials", "refunds"),
          .orders = ctx.result<int64_t>("reconcile-financials", "orders"),
          .returns = ctx.result<int64_t>("reconcile-financials", "returns"),
          .lines = ctx.result<int64_t>("fetch-orders", "lines"),
          .bad_lines = ctx.result<int64_t>("fetch-orders", "bad_lines"),
          .return_rate = amount(ctx, "compute-return-rate", "return_rate"),
          .average_order = amount(ctx, "reconcile-financials", "average_order")};
}

std::string bad_lines_json(const std::vector<BadLine>& lines) {
  std::string out = "[";
  for (const BadLine& line : lines) {
    if (out.size() > 1) out += ',';
    out += pirn::Fields{{"line", line.line}, {"problem", line.problem}}.to_json();
  }
  return out + "]";
}

std::vector<BadLine> bad_lines(const pirn::json::View& list) {
  std::vector<BadLine> lines;
  for (const pirn::json::View& item : list.items()) {
    lines.push_back({item.get<uint64_t>("line"), item.get<std::string>("problem")});
  }
  return lines;
}

void note(pirn::Context& ctx, const pirn::Input& in) {
  const auto output = ctx.find<std::string>("output");
  if (!output || output->empty()) return;  // load-config says what is missing
  HookEvent event{.at_ms = static_cast<int64_t>(ctx.now_ns() / 1'000'000),
                  .step = in.step(),
                  .event = in.event(),
                  .state = in.state(),
                  .attempt = in.attempt(),
                  .duration_ms = static_cast<double>(in.duration().ns()) / 1e6,
                  .error = in.has_error() ? in.error_code() + ": " + in.error_message() : std::string()};
  record(event, run_file(ctx, "hooks.jsonl"), run_file(ctx, "steps.json"), std::string(ctx.execution()));
}

}  // namespace

// ---- hooks: each lifecycle event is logged and counted

PIRN_HOOK(log_event) { note(ctx, in); }

// ---- the data

PIRN_STEP(load_config, {.name = "load-config", .label = "Load config"}) {
  if (!pace(ctx)) return interrupted();
  const std::string output = required(ctx, "output", "the directory for the report");
  const std::string orders = input_file(required(ctx, "orders", "the file of order lines"), "orders");
  const std::string inventory = ctx.get_or<std::string>("inventory", "");
  pirn::Fields config = {{"orders", orders},
                         {"output", output_directory(ctx)},
                         {"min_revenue", threshold(ctx, "min_revenue", kDefaultMinRevenue)},
                         {"max_return_rate", threshold(ctx, "max_return_rate", kDefaultMaxReturnRate)}};
  if (!inventory.empty()) config.add("inventory", input_file(inventory, "inventory"));
  write_run_file(ctx, "config.json", config.to_json() + "\n");
  return pirn::ok(config);
}

PIRN_STEP(fetch_orders, {.name = "fetch-orders",
                         .label = "Fetch orders",
                         .after = load_config,
                         .context_key = "order_data"}) {
  if (!pace(ctx)) return interrupted();
  std::ifstream source = open_to_read(ctx.get<std::string>("orders"));
  AtomicFile file = create_run_file(ctx, "orders.csv");
  const auto summary = split_orders(
      source, [&](std::string_view text) { file.write(text); }, heartbeat(ctx));
  if (!summary) return interrupted();
  if (summary->bad_lines > 0) ctx.warn(std::to_string(summary->bad_lines) + " bad lines were left out");
  return pirn::ok({{"file", file.path()},
                   {"sha256", file.publish()},
                   {"lines", summary->lines},
                   {"bad_lines", summary->bad_lines},
                   {"order_lines", summary->order_lines},
                   {"orders", summary->orders},
                   {"first", summary->first},
                   {"last", summary->last},
                   {"bad_shown", pirn::json::raw(bad_lines_json(summary->bad_shown))}});
}

PIRN_STEP(fetch_returns, {.name = "fetch-returns",
                          .label = "Fetch returns",
                          .after = load_config,
                          .context_key = "return_data"}) {
  if (!pace(ctx)) return interrupted();
  std::ifstream source = open_to_read(ctx.get<std::string>("orders"));
  AtomicFile file = create_run_file(ctx, "returns.csv");
  const auto summary = split_returns(
      source, [&](std::string_view text) { file.write(text); }, heartbeat(ctx));
  if (!summary) return interrupted();
  return pirn::ok({{"file", file.path()},
                   {"sha256", file.publish()},
                   {"bytes", file.size()},
                   {"return_lines", summary->return_lines},
                   {"returns", summary->returns}});
}

PIRN_STEP(fetch_inventory, {.name = "fetch-inventory",
                            .label = "Fetch inventory",
                            .after = load_config,
                            .context_key = "inventory_data"}) {
  if (!pace(ctx)) return interrupted();
  const std::string given = ctx.get_or<std::string>("inventory", "");
  std::ifstream source = open_to_read(given.empty() ? ctx.get<std::string>("orders") : given);
  const auto inventory =
      given.empty() ? derive_inventory(source, heartbeat(ctx)) : read_inventory(source, heartbeat(ctx));
  if (!inventory) return interrupted();
  return pirn::ok({{"file", run_file(ctx, "inventory.csv")},
                   {"sha256", write_run_file(ctx, "inventory.csv", inventory_csv(*inventory))},
                   {"products", inventory->items.size()},
                   {"bad_lines", inventory->bad_lines},
                   {"derived", given.empty()}});
}

PIRN_STEP(clean_orders, {.name = "clean-orders",
                         .label = "Clean orders",
                         .after = fetch_orders,
                         .context_key = "sale_data"}) {
  if (!pace(ctx)) return interrupted();
  std::ifstream source = open_to_read(ctx.result<std::string>("fetch-orders", "file"));
  AtomicFile file = create_run_file(ctx, "sales.csv");
  const auto summary = split_sales(
      source, [&](std::string_view text) { file.write(text); }, heartbeat(ctx));
  if (!summary) return interrupted();
  return pirn::ok({{"file", file.path()},
                   {"sha256", file.publish()},
                   {"bytes", file.size()},
                   {"sale_lines", summary->sale_lines},
                   {"items", summary->items},
                   {"not_positive_quantity", summary->not_positive_quantity},
                   {"not_positive_price", summary->not_positive_price},
                   {"without_customer", summary->without_customer}});
}

// ---- the figures

PIRN_STEP(reconcile_financials, {.name = "reconcile-financials",
                                 .label = "Reconcile financials",
                                 .after = {clean_orders, fetch_returns},
                                 .context_key = "financials"}) {
  if (!pace(ctx)) return interrupted();
  std::ifstream sales = open_to_read(ctx.result<std::string>("clean-orders", "file"));
  std::ifstream returns = open_to_read(ctx.result<std::string>("fetch-returns", "file"));
  const auto financials = reconcile(sales, returns, heartbeat(ctx));
  if (!financials) return interrupted();
  write_run_file(ctx, "products.csv", products_csv(*financials));
  write_run_file(ctx, "countries.csv", countries_csv(*financials));
  write_run_file(ctx, "hours.csv", hours_csv(*financials));
  const int64_t orders = ctx.result<int64_t>("fetch-orders", "orders");
  return pirn::ok({{"revenue", financials->revenue.text(2)},
                   {"refunds", financials->refunds.text(2)},
                   {"average_order", average_order(financials->revenue, orders).text(2)},
                   {"orders", orders},
                   {"returns", ctx.result<int64_t>("fetch-returns", "returns")}});
}

PIRN_STEP(compute_return_rate, {.name = "compute-return-rate",
                                .label = "Compute return rate",
                                .after = reconcile_financials,
                                .context_key = "returns_check"}) {
  if (!pace(ctx)) return interrupted();
  const Decimal rate = return_rate(ctx.result<int64_t>("reconcile-financials", "returns"),
                                   ctx.result<int64_t>("reconcile-financials", "orders"));
  return pirn::ok({{"return_rate", rate.text(4)}});
}

PIRN_STEP(detect_anomalies, {.name = "detect-anomalies",
                             .label = "Detect anomalies",
                             .after = compute_return_rate,
                             .context_key = "anomaly_check"}) {
  if (!pace(ctx)) return interrupted();
  const PublishedFigures now = figures(ctx);
  const std::vector<std::string> reasons = anomalies(now.revenue, now.return_rate, thresholds(ctx));
  if (reasons.empty()) return pirn::ok({{"healthy", true}});
  std::string all;
  for (const std::string& reason : reasons) all += (all.empty() ? "" : "; ") + reason;
  // Looking again at the same figures changes nothing: no retry.
  return pirn::fail("anomaly", all, pirn::terminal, pirn::json::object({{"reasons", reasons}}));
}

PIRN_STEP(notify_ops, {.name = "notify-ops",
                       .label = "Notify ops",
                       .after = detect_anomalies,
                       .context_key = "notification"}) {
  if (!pace(ctx)) return interrupted();
  const PublishedFigures now = figures(ctx);
  const std::string subject = "Daily operations: all is well, revenue " + now.revenue.text(2) + " in " +
                              std::to_string(now.orders) + " orders";
  write_output_file(ctx, "notification.json",
                    pirn::Fields{{"execution", ctx.execution()}, {"subject", subject}}.to_json() + "\n");
  ctx.emit("notify-ops", subject);
  return pirn::ok({{"subject", subject}});
}

// ---- stock

PIRN_STEP(stock_alerts, {.name = "stock-alerts",
                         .label = "Stock alerts",
                         .after = fetch_inventory,
                         .context_key = "stock"}) {
  if (!pace(ctx)) return interrupted();
  std::ifstream source = open_to_read(ctx.result<std::string>("fetch-inventory", "file"));
  const auto inventory = read_inventory(source, heartbeat(ctx));
  if (!inventory) return interrupted();
  const std::vector<StockItem> low = low_stock(*inventory);
  for (size_t i = 0; i < std::min<size_t>(low.size(), 5); ++i) {
    ctx.warn("low stock: " + low[i].stock_code + ", " + std::to_string(low[i].on_hand) +
             " on hand, reorder at " + std::to_string(low[i].reorder_level));
  }
  return pirn::ok({{"file", run_file(ctx, "low-stock.csv")},
                   {"sha256", write_run_file(ctx, "low-stock.csv", inventory_csv({low, 0}))},
                   {"low", low.size()}});
}

// ---- the dashboard

PIRN_STEP(generate_dashboard,
          {.name = "generate-dashboard",
           .label = "Generate dashboard",
           .after = {load_config, stock_alerts, reconcile_financials, compute_return_rate},
           .context_key = "report"}) {
  if (!pace(ctx)) return interrupted();
  Dashboard page;
  page.version = PIRN_PACKAGE_VERSION;
  page.execution = ctx.execution();
  page.orders_file = std::filesystem::path(ctx.get<std::string>("orders")).filename().string();
  page.first = ctx.result<std::string>("fetch-orders", "first");
  page.last = ctx.result<std::string>("fetch-orders", "last");
  page.bad_shown = bad_lines(ctx.result<pirn::json::View>("fetch-orders", "bad_shown"));
  page.inventory_derived = ctx.result<bool>("fetch-inventory", "derived");
  page.bad_stock_lines = ctx.result<int64_t>("fetch-inventory", "bad_lines");
  page.return_lines = ctx.result<int64_t>("fetch-returns", "return_lines");
  page.thresholds = thresholds(ctx);
  page.products = read_table(ctx, "products.csv", read_products);
  page.countries = read_table(ctx, "countries.csv", read_countries);
  page.by_hour = read_table(ctx, "hours.csv", read_hours);
  page.low_stock = read_low_stock(ctx);
  page.clean = {.sale_lines = ctx.result<int64_t>("clean-orders", "sale_lines"),
                .not_positive_quantity = ctx.result<int64_t>("clean-orders", "not_positive_quantity"),
                .not_positive_price = ctx.result<int64_t>("clean-orders", "not_positive_price"),
                .without_customer = ctx.result<int64_t>("clean-orders", "without_customer"),
                .items = ctx.result<int64_t>("clean-orders", "items")};

  const PublishedFigures now = figures(ctx);
  page.report = {.revenue = now.revenue,
                 .refunds = now.refunds,
                 .orders = now.orders,
                 .returns = now.returns,
                 .return_rate = now.return_rate,
                 .average_order = now.average_order,
                 .lines = now.lines,
                 .bad_lines = now.bad_lines,
                 .items = kReportsItems ? std::optional(page.clean.items) : std::nullopt,
                 .low_stock = {}};
  for (const StockItem& item : page.low_stock) page.report.low_stock.push_back(item.stock_code);

  write_run_file(ctx, "dashboard.json", dashboard_json(page));
  write_run_file(ctx, "dashboard.html", dashboard_page(page));
  return pirn::ok_value(pirn::json::raw(page.report.json()));
}

PIRN_STEP(publish_dashboard, {.name = "publish-dashboard",
                              .label = "Publish dashboard",
                              .after = generate_dashboard,
                              .context_key = "dashboard"}) {
  if (!pace(ctx)) return interrupted();
  pirn::Fields published;
  for (const char* name : {"dashboard.json", "dashboard.html"}) {
    published.add(name, copy_to_output(ctx, run_file(ctx, name), name));
  }
  return pirn::ok({{"page", output_directory(ctx) + "/dashboard.html"},
                   {"document", output_directory(ctx) + "/dashboard.json"},
                   {"sha256", pirn::json::object(published)}});
}

// ---- what others use

PIRN_STEP(refresh_cache, {.name = "refresh-cache",
                          .label = "Refresh cache",
                          .after = publish_dashboard,
                          .context_key = "cache"}) {
  if (!pace(ctx)) return interrupted();
  const auto entries = cache_entries(ctx.result<pirn::json::Text>("generate-dashboard").str(),
                                     read_table(ctx, "products.csv", read_products), read_low_stock(ctx));
  for (const CacheEntry& entry : entries)
    write_output_file(ctx, "cache/" + entry.name + ".json", entry.content);
  // Last: whoever finds an entry in the index finds its file.
  write_output_file(ctx, "cache/index.json", cache_index(entries));
  return pirn::ok({{"entries", entries.size()}});
}

PIRN_STEP(sync_search_index, {.name = "sync-search-index",
                              .label = "Sync search index",
                              .after = publish_dashboard,
                              .context_key = "search"}) {
  if (!pace(ctx)) return interrupted();
  const SearchIndex index = search_index(read_table(ctx, "products.csv", read_products));
  return pirn::ok({{"sha256", write_output_file(ctx, "search/index.json", index.json)},
                   {"products", index.products},
                   {"terms", index.terms}});
}

PIRN_STEP(archive_datasets, {.name = "archive-datasets",
                             .label = "Archive datasets",
                             .after = {clean_orders, fetch_returns},
                             .context_key = "archive"}) {
  if (!pace(ctx)) return interrupted();
  const std::vector<ArchivedFile> files = {
      {"sales.csv", ctx.result<std::string>("clean-orders", "sha256"),
       ctx.result<uint64_t>("clean-orders", "bytes"), ctx.result<int64_t>("clean-orders", "sale_lines")},
      {"returns.csv", ctx.result<std::string>("fetch-returns", "sha256"),
       ctx.result<uint64_t>("fetch-returns", "bytes"), ctx.result<int64_t>("fetch-returns", "return_lines")}};
  const std::string manifest = archive_manifest(files);
  const std::string directory = "archive/" + archive_name(manifest);
  for (const ArchivedFile& file : files) {
    if (copy_to_output(ctx, run_file(ctx, file.name), directory + "/" + file.name) != file.sha256) {
      return pirn::fail("dataset_damaged", file.name + " is not what the step before wrote", pirn::terminal);
    }
  }
  write_output_file(ctx, directory + "/manifest.json", manifest);
  ctx.info("archived " + std::to_string(ctx.result<int64_t>("fetch-orders", "orders")) + " orders and " +
           std::to_string(ctx.result<int64_t>("fetch-returns", "returns")) + " returns");
  return pirn::ok({{"directory", output_directory(ctx) + "/" + directory}});
}

PIRN_STEP(publish_metrics, {.name = "publish-metrics",
                            .label = "Publish metrics",
                            .after = {reconcile_financials, compute_return_rate},
                            .context_key = "metrics"}) {
  if (!pace(ctx)) return interrupted();
  const PublishedFigures now = figures(ctx);
  write_output_file(ctx, "metrics.json",
                    metrics_json(now, std::string(ctx.execution()), PIRN_PACKAGE_VERSION));
  write_output_file(ctx, "metrics.prom", metrics_text(now));
  return pirn::ok({{"file", output_directory(ctx) + "/metrics.json"}});
}

PIRN_WORKFLOW(
    daily_report,
    {.name = "daily-report",
     .label = "Daily operations report",
     .description = "Reconciles a day's orders, watches stock and returns, and publishes a dashboard",
     .failure_mode = pirn::failure_mode::keep_going,
     .step_concurrency = 4,
     .tags = {"daily"},
     .hooks = {.on_start = log_event,
               .on_success = log_event,
               .on_failure = log_event,
               .on_skip = log_event,
               .on_finish = log_event},
     .step_defaults = {.timeout = 10_min, .max_retries = 2, .retry_delay = 500_ms}},
    load_config, fetch_orders, fetch_returns, fetch_inventory, clean_orders, reconcile_financials,
    compute_return_rate, detect_anomalies, notify_ops, stock_alerts, generate_dashboard, publish_dashboard,
    refresh_cache, sync_search_index, archive_datasets, publish_metrics)

PIRN_PACKAGE(PIRN_PACKAGE_NAME, PIRN_PACKAGE_VERSION,
             {.description = "The daily operations report of an online retailer",
              .author = "The Pirn authors",
              .licence = "Apache-2.0"},
             daily_report, log_event);
