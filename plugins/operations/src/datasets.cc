#include "datasets.h"

#include <unordered_set>

#include "text.h"

namespace operations {

std::optional<OrdersSummary> split_orders(std::istream& input, const Write& write, const Poll& poll) {
  OrdersSummary summary;
  std::unordered_set<std::string> invoices;
  write(kOrderHeader);
  const auto good = [&](const OrderLine& line) {
    ++summary.lines;
    if (line.is_return()) return;
    ++summary.order_lines;
    invoices.insert(line.invoice);
    if (const auto moment = parse_moment(line.date)) {
      const std::string text = moment->text();
      if (summary.first.empty() || text < summary.first) summary.first = text;
      if (text > summary.last) summary.last = text;
    }
    write(line.csv());
  };
  const auto bad = [&](const BadLine& line) {
    ++summary.lines;
    ++summary.bad_lines;
    if (summary.bad_shown.size() < kBadLinesShown) summary.bad_shown.push_back(line);
  };
  if (!read_order_lines(input, good, bad, poll)) return std::nullopt;
  summary.orders = static_cast<int64_t>(invoices.size());
  return summary;
}

std::optional<ReturnsSummary> split_returns(std::istream& input, const Write& write, const Poll& poll) {
  ReturnsSummary summary;
  std::unordered_set<std::string> invoices;
  write(kOrderHeader);
  const auto good = [&](const OrderLine& line) {
    if (!line.is_return()) return;
    ++summary.return_lines;
    invoices.insert(line.invoice);
    write(line.csv());
  };
  if (!read_order_lines(
          input, good, [](const BadLine&) {}, poll))
    return std::nullopt;
  summary.returns = static_cast<int64_t>(invoices.size());
  return summary;
}

std::optional<CleanSummary> split_sales(std::istream& input, const Write& write, const Poll& poll) {
  CleanSummary summary;
  write(kOrderHeader);
  const auto good = [&](const OrderLine& line) {
    if (line.quantity <= 0) {
      ++summary.not_positive_quantity;
    } else if (line.unit_price <= Decimal()) {
      ++summary.not_positive_price;
    } else {
      ++summary.sale_lines;
      summary.without_customer += line.customer.empty() ? 1 : 0;
      summary.items += line.quantity;
      write(line.csv());
    }
  };
  if (!read_order_lines(
          input, good, [](const BadLine&) {}, poll))
    return std::nullopt;
  return summary;
}

}  // namespace operations
