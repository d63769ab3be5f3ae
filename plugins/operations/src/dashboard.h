// What a person sees (a page) and what a program reads (a document) of one report. Both are pure functions of
// the Dashboard: no clock and no network, so that a step that is run again writes the same bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "figures.h"
#include "inventory.h"

namespace operations {

// The report as it stands in the context, under the key `report`.
struct Report {
  Decimal revenue, refunds;
  int64_t orders = 0, returns = 0;
  Decimal return_rate, average_order;
  int64_t lines = 0, bad_lines = 0;
  std::optional<int64_t> items;        // pieces sold; since version 2
  std::vector<std::string> low_stock;  // stock codes, ascending

  std::string json() const;
};

struct Dashboard {
  std::string version;             // of the package that made it
  std::string execution;           // which run of it
  std::string orders_file;         // name without its directories
  std::string first, last;         // moments; empty if unknown
  bool inventory_derived = false;  // no inventory was given
  Report report;
  Thresholds thresholds;
  std::vector<Product> products;  // by revenue, descending
  std::vector<Country> countries;
  std::array<Decimal, 24> by_hour;
  std::vector<StockItem> low_stock;
  CleanSummary clean;
  int64_t return_lines = 0;
  int64_t bad_stock_lines = 0;
  std::vector<BadLine> bad_shown;
};

std::string dashboard_json(const Dashboard& dashboard);
std::string dashboard_page(const Dashboard& dashboard);  // one self-contained HTML file, light and dark

}  // namespace operations
