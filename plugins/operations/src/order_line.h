// One line of an order, in the format of the UCI Online Retail data:
//   InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
// An invoice that begins with C is a return.
//
// Read leniently where the report does not depend on it (no customer, no description, no country, any date)
// and strictly where it does: without an invoice number, a whole quantity or a decimal price a line is bad.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "csv.h"
#include "decimal.h"

namespace operations {

struct OrderLine {
  std::string invoice, stock_code, description, date, customer, country;
  int64_t quantity = 0;
  Decimal unit_price;

  bool is_return() const { return invoice.starts_with('C'); }
  bool counts_as_sale() const { return !is_return() && quantity > 0 && unit_price > Decimal(); }

  // |quantity| x unit_price, exact: what does not fit is a bad line.
  Decimal amount() const;
  std::string csv() const;
};

inline constexpr size_t kOrderFields = 8;
inline constexpr int64_t kMaxQuantity = 1'000'000'000;
extern const char* const kOrderHeader;  // with its LF

// Empty on success, else what is wrong with the record.
std::string parse_order_line(const Record& record, OrderLine& line);

struct BadLine {
  uint64_t line = 0;
  std::string problem;
};

// Asked now and then with the lines done; false stops the reading.
using Poll = std::function<bool(uint64_t lines)>;

// Reads every line of an orders file, whatever is in it; the header may be absent. Returns false if the poll
// stopped it. Both callbacks are called on the caller's thread.
bool read_order_lines(std::istream& input, const std::function<void(const OrderLine&)>& good,
                      const std::function<void(const BadLine&)>& bad, const Poll& poll);

}  // namespace operations
