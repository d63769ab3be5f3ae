// The data sets between the orders file and the figures: its order lines, its returns, the lines that are
// sales. Each is again a file in the format of the orders, streamed, so that a year of lines needs no memory.
//
// Pure but for the streams; each function runs on one thread. An empty answer: the poll stopped it.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "order_line.h"

namespace operations {

using Write = std::function<void(std::string_view)>;

inline constexpr size_t kBadLinesShown = 20;

// Every line of the file that is an order's, whether it counts as a sale or not.
struct OrdersSummary {
  int64_t lines = 0;      // of the file: every record but the header, blank lines not counted
  int64_t bad_lines = 0;  // those of them that could not be read
  int64_t order_lines = 0;
  int64_t orders = 0;              // distinct invoices
  std::string first, last;         // moments, empty if no date could be read
  std::vector<BadLine> bad_shown;  // the first kBadLinesShown
};
std::optional<OrdersSummary> split_orders(std::istream& input, const Write& write, const Poll& poll);

struct ReturnsSummary {
  int64_t return_lines = 0;
  int64_t returns = 0;  // distinct invoices
};
std::optional<ReturnsSummary> split_returns(std::istream& input, const Write& write, const Poll& poll);

// Of the order lines, those with Quantity > 0 and UnitPrice > 0, and why the others are not among them.
struct CleanSummary {
  int64_t sale_lines = 0;
  int64_t not_positive_quantity = 0;  // counted here when both reasons apply
  int64_t not_positive_price = 0;
  int64_t without_customer = 0;  // of the sale lines
  int64_t items = 0;             // pieces sold
};
std::optional<CleanSummary> split_sales(std::istream& input, const Write& write, const Poll& poll);

}  // namespace operations
