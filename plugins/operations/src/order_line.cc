#include "order_line.h"

#include <cassert>
#include <utility>

#include "text.h"

namespace operations {

const char* const kOrderHeader =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

namespace {

constexpr uint64_t kLinesBetweenPolls = 2048;

// Shown in messages: a hostile or broken field must not make them long.
std::string excerpt(std::string_view field) {
  constexpr size_t kMost = 40;
  return "\"" + tidy(field.substr(0, kMost)) + (field.size() > kMost ? "…\"" : "\"");
}

bool is_header(const Record& record) {
  const auto lower =
      words(record.fields.empty() ? std::string_view() : std::string_view(record.fields.front()));
  return lower.size() == 1 && (lower.front() == "invoiceno" || lower.front() == "invoice");
}

}  // namespace

Decimal OrderLine::amount() const {
  const auto exact = unit_price.times(quantity < 0 ? -quantity : quantity);
  assert(exact);  // parse_order_line() refuses what does not fit
  return *exact;
}

std::string OrderLine::csv() const {
  // 18 digits keep the price as it was read; trailing zeros would only make the file longer.
  std::string price = unit_price.text(18);
  price.erase(price.find_last_not_of('0') + 1);
  if (price.ends_with('.')) price.pop_back();
  return csv_line(
      {invoice, stock_code, description, std::to_string(quantity), date, price, customer, country});
}

std::string parse_order_line(const Record& record, OrderLine& line) {
  if (!record.problem.empty()) return record.problem;
  const auto& field = record.fields;
  line.invoice = tidy(field[0]);
  line.stock_code = tidy(field[1]);
  line.description = tidy(field[2]);
  line.date = tidy(field[4]);
  line.customer = tidy(field[6]);
  line.country = tidy(field[7]);
  if (line.invoice.empty()) return "no InvoiceNo";

  const auto quantity = Decimal::parse(field[3]);
  if (!quantity || !quantity->integral()) return "Quantity " + excerpt(field[3]) + " is no whole number";
  line.quantity = quantity->whole();
  if (line.quantity > kMaxQuantity || line.quantity < -kMaxQuantity) {
    return "Quantity " + excerpt(field[3]) + " is beyond " + std::to_string(kMaxQuantity);
  }
  const auto price = Decimal::parse(field[5]);
  if (!price) return "UnitPrice " + excerpt(field[5]) + " is no decimal number";
  line.unit_price = *price;
  if (!line.unit_price.times(line.quantity)) return "Quantity x UnitPrice is out of range";
  return {};
}

bool read_order_lines(std::istream& input, const std::function<void(const OrderLine&)>& good,
                      const std::function<void(const BadLine&)>& bad, const Poll& poll) {
  CsvReader reader(input, kOrderFields);
  Record record;
  OrderLine line;
  bool first = true;
  for (uint64_t done = 0; reader.next(record); ++done) {
    if (done % kLinesBetweenPolls == 0 && !poll(done)) return false;
    if (std::exchange(first, false) && is_header(record)) continue;
    std::string problem = parse_order_line(record, line);
    if (problem.empty()) {
      good(line);
    } else {
      bad({record.line, std::move(problem)});
    }
  }
  return true;
}

}  // namespace operations
