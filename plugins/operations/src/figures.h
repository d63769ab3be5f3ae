// The figures of the report, by definitions that anybody can check by hand:
//
//   revenue        sum of Quantity x UnitPrice over lines that are not returns, with Quantity > 0 and
//                  UnitPrice > 0
//   refunds        sum of |Quantity| x UnitPrice over return lines
//   orders         distinct invoices that are not returns, including those whose lines are all excluded
//   returns        distinct invoices that are returns
//   return rate    returns / orders, rounded half up to 4 digits; without orders 0 if there are no returns,
//                  else 1
//   average order  revenue / orders, rounded half up to 2 digits; without orders 0
//   anomaly        revenue < min_revenue or return rate > max_return_rate, both as they are shown
//
// Sums are exact; rounding happens once, half up.
#pragma once

#include <array>
#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datasets.h"
#include "decimal.h"

namespace operations {

struct Product {
  std::string stock_code, description;  // of the longest line seen: short ones are clerks' remarks
  int64_t items = 0, items_returned = 0;
  Decimal revenue, refunds;
};

struct Country {
  std::string name;
  int64_t lines = 0;
  Decimal revenue;
};

struct Financials {
  Decimal revenue, refunds;
  std::vector<Product> products;    // by revenue descending, then by stock code
  std::vector<Country> countries;   // by revenue descending, then by name
  std::array<Decimal, 24> by_hour;  // revenue by hour of the day; lines without a readable time are left out
};

// `sales` and `returns` as datasets.h writes them. Empty: the poll stopped it. A sum beyond the range of
// Decimal is pirn::Error amount_out_of_range.
std::optional<Financials> reconcile(std::istream& sales, std::istream& returns, const Poll& poll);

Decimal return_rate(int64_t returns, int64_t orders);
Decimal average_order(Decimal revenue, int64_t orders);

struct Thresholds {
  Decimal min_revenue, max_return_rate;
};
// Why it is an anomaly, one sentence each; empty: it is none. `revenue` with 2 digits, `rate` with 4.
std::vector<std::string> anomalies(Decimal revenue, Decimal rate, const Thresholds& thresholds);

// How reconcile-financials hands its tables on: one file each, in these columns.
//   StockCode,Description,Items,Revenue,ItemsReturned,Refunds · Country,Lines,Revenue · Hour,Revenue
std::string products_csv(const Financials& financials);
std::string countries_csv(const Financials& financials);
std::string hours_csv(const Financials& financials);
std::vector<Product> read_products(std::istream& input);
std::vector<Country> read_countries(std::istream& input);
std::array<Decimal, 24> read_hours(std::istream& input);

}  // namespace operations
