#include "dashboard.h"

#include <algorithm>
#include <pirn/pirn.hpp>

namespace operations {
namespace {

using pirn::Fields;
using pirn::Value;
using pirn::json::object;

constexpr size_t kProductsInDocument = 100;

Value money(Decimal amount) { return amount.text(2); }

// The rate is a number of four digits; its text is one that JSON reads back exactly.
Value rate(Decimal value) { return pirn::json::raw(value.text(4)); }

template <class List, class Print>
Value list(const List& elements, size_t most, Print print) {
  std::string out = "[";
  for (size_t i = 0; i < std::min(elements.size(), most); ++i) {
    if (i > 0) out += ',';
    out += print(elements[i]).to_json();
  }
  return pirn::json::raw(out + "]");
}

Value product_document(const Product& product) {
  return object({{"stock_code", product.stock_code},
                 {"description", product.description},
                 {"items", product.items},
                 {"revenue", money(product.revenue)},
                 {"items_returned", product.items_returned},
                 {"refunds", money(product.refunds)}});
}

}  // namespace

std::string Report::json() const {
  Fields fields = {{"revenue", money(revenue)},
                   {"refunds", money(refunds)},
                   {"orders", orders},
                   {"returns", returns},
                   {"return_rate", rate(return_rate)},
                   {"average_order", money(average_order)},
                   {"lines", lines},
                   {"bad_lines", bad_lines},
                   {"low_stock", low_stock}};
  if (items) fields.add("items", *items);
  return fields.to_json();
}

std::string dashboard_json(const Dashboard& dashboard) {
  const auto stock = [](const StockItem& item) -> Value {
    return object(
        {{"stock_code", item.stock_code}, {"on_hand", item.on_hand}, {"reorder_level", item.reorder_level}});
  };
  const auto country = [](const Country& country) -> Value {
    return object({{"country", country.name}, {"lines", country.lines}, {"revenue", money(country.revenue)}});
  };
  const auto bad = [](const BadLine& line) -> Value {
    return object({{"line", line.line}, {"problem", line.problem}});
  };
  std::vector<std::string> hours;
  for (Decimal revenue : dashboard.by_hour) hours.push_back(revenue.text(2));

  const CleanSummary& clean = dashboard.clean;
  return object({{"version", dashboard.version},
                 {"execution", dashboard.execution},
                 {"orders_file", dashboard.orders_file},
                 {"period", object({{"first", dashboard.first}, {"last", dashboard.last}})},
                 {"report", pirn::json::raw(dashboard.report.json())},
                 {"thresholds", object({{"min_revenue", money(dashboard.thresholds.min_revenue)},
                                        {"max_return_rate", rate(dashboard.thresholds.max_return_rate)}})},
                 {"anomalies",
                  anomalies(dashboard.report.revenue, dashboard.report.return_rate, dashboard.thresholds)},
                 {"products", list(dashboard.products, kProductsInDocument, product_document)},
                 {"countries", list(dashboard.countries, dashboard.countries.size(), country)},
                 {"revenue_by_hour", hours},
                 {"low_stock", list(dashboard.low_stock, dashboard.low_stock.size(), stock)},
                 {"inventory_derived", dashboard.inventory_derived},
                 {"quality", object({{"lines", dashboard.report.lines},
                                     {"bad_lines", dashboard.report.bad_lines},
                                     {"bad_lines_shown", list(dashboard.bad_shown, kBadLinesShown, bad)},
                                     {"sale_lines", clean.sale_lines},
                                     {"return_lines", dashboard.return_lines},
                                     {"not_positive_quantity", clean.not_positive_quantity},
                                     {"not_positive_price", clean.not_positive_price},
                                     {"without_customer", clean.without_customer},
                                     {"bad_inventory_lines", dashboard.bad_stock_lines}})}})
             .str() +
         "\n";
}

}  // namespace operations
