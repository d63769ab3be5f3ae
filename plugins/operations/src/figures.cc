#include "figures.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <pirn/error.hpp>
#include <unordered_map>
#include <utility>

#include "csv.h"
#include "text.h"

namespace operations {
namespace {

constexpr size_t kProductFields = 6;
constexpr size_t kCountryFields = 3;
constexpr size_t kHourFields = 2;
constexpr int kMoneyDigits = 2;
constexpr int kRateDigits = 4;

void add(Decimal& sum, Decimal amount) {
  const auto more = sum.plus(amount);
  if (!more)
    throw pirn::Error("amount_out_of_range", "the sum of the amounts is beyond 10^20", pirn::terminal);
  sum = *more;
}

class Ledger {
 public:
  void sale(const OrderLine& line) {
    const Decimal amount = line.amount();
    add(financials_.revenue, amount);
    Product& product = describe(line);
    product.items += line.quantity;
    add(product.revenue, amount);
    Country& country = countries_[line.country];
    ++country.lines;
    add(country.revenue, amount);
    if (const auto moment = parse_moment(line.date)) {
      add(financials_.by_hour[static_cast<size_t>(moment->hour)], amount);
    }
  }

  void refund(const OrderLine& line) {
    const Decimal amount = line.amount();
    add(financials_.refunds, amount);
    Product& product = describe(line);
    product.items_returned += std::abs(line.quantity);
    add(product.refunds, amount);
  }

  Financials close() {
    for (auto& [stock_code, product] : products_) {
      product.stock_code = stock_code;
      financials_.products.push_back(std::move(product));
    }
    for (auto& [name, country] : countries_) {
      country.name = name;
      financials_.countries.push_back(std::move(country));
    }
    std::ranges::sort(financials_.products, [](const Product& a, const Product& b) {
      return std::tie(b.revenue, a.stock_code) < std::tie(a.revenue, b.stock_code);
    });
    std::ranges::sort(financials_.countries, [](const Country& a, const Country& b) {
      return std::tie(b.revenue, a.name) < std::tie(a.revenue, b.name);
    });
    return std::move(financials_);
  }

 private:
  Product& describe(const OrderLine& line) {
    Product& product = products_[line.stock_code];
    if (line.description.size() > product.description.size()) product.description = line.description;
    return product;
  }

  Financials financials_;
  std::unordered_map<std::string, Product> products_;
  std::unordered_map<std::string, Country> countries_;
};

// Rows of a file that this package wrote itself: a broken one is the disk's or somebody's doing, not the
// data's.
void read_table(std::istream& input, size_t columns,
                const std::function<bool(const std::vector<std::string>&)>& row) {
  CsvReader reader(input, columns);
  Record record;
  for (bool first = true; reader.next(record); first = false) {
    if (first && record.problem.empty()) continue;  // the header
    if (!record.problem.empty() || !row(record.fields)) {
      throw pirn::Error("dataset_damaged",
                        "line " + std::to_string(record.line) + " of an intermediate file is damaged",
                        pirn::terminal);
    }
  }
}

bool take(const std::string& text, Decimal& out) {
  const auto number = Decimal::parse(text);
  if (number) out = *number;
  return number.has_value();
}

bool take(const std::string& text, int64_t& out) {
  const auto number = Decimal::parse(text);
  if (number) out = number->whole();
  return number && number->integral();
}

}  // namespace

std::optional<Financials> reconcile(std::istream& sales, std::istream& returns, const Poll& poll) {
  Ledger ledger;
  const auto nothing_bad = [](const BadLine& line) {
    throw pirn::Error("dataset_damaged",
                      "line " + std::to_string(line.line) + " of an intermediate file: " + line.problem,
                      pirn::terminal);
  };
  const auto sale = [&](const OrderLine& line) { ledger.sale(line); };
  const auto refund = [&](const OrderLine& line) { ledger.refund(line); };
  if (!read_order_lines(sales, sale, nothing_bad, poll)) return std::nullopt;
  if (!read_order_lines(returns, refund, nothing_bad, poll)) return std::nullopt;
  return ledger.close();
}

Decimal return_rate(int64_t returns, int64_t orders) {
  const Decimal one = *Decimal::parse("1");
  if (orders == 0) return returns == 0 ? Decimal() : one;
  return one.times(returns)->divided_by(orders, kRateDigits);
}

Decimal average_order(Decimal revenue, int64_t orders) {
  return orders == 0 ? Decimal() : revenue.divided_by(orders, kMoneyDigits);
}

std::vector<std::string> anomalies(Decimal revenue, Decimal rate, const Thresholds& thresholds) {
  std::vector<std::string> reasons;
  if (revenue < thresholds.min_revenue) {
    reasons.push_back("revenue " + revenue.text(kMoneyDigits) + " is below " +
                      thresholds.min_revenue.text(kMoneyDigits));
  }
  if (rate > thresholds.max_return_rate) {
    reasons.push_back("return rate " + rate.text(kRateDigits) + " is above " +
                      thresholds.max_return_rate.text(kRateDigits));
  }
  return reasons;
}

std::string products_csv(const Financials& financials) {
  std::string out = "StockCode,Description,Items,Revenue,ItemsReturned,Refunds\n";
  for (const Product& product : financials.products) {
    out += csv_line({product.stock_code, product.description, std::to_string(product.items),
                     product.revenue.text(kMoneyDigits), std::to_string(product.items_returned),
                     product.refunds.text(kMoneyDigits)});
  }
  return out;
}

std::string countries_csv(const Financials& financials) {
  std::string out = "Country,Lines,Revenue\n";
  for (const Country& country : financials.countries) {
    out += csv_line({country.name, std::to_string(country.lines), country.revenue.text(kMoneyDigits)});
  }
  return out;
}

std::string hours_csv(const Financials& financials) {
  std::string out = "Hour,Revenue\n";
  for (size_t hour = 0; hour < financials.by_hour.size(); ++hour) {
    out += csv_line({std::to_string(hour), financials.by_hour[hour].text(kMoneyDigits)});
  }
  return out;
}

std::vector<Product> read_products(std::istream& input) {
  std::vector<Product> products;
  read_table(input, kProductFields, [&](const std::vector<std::string>& row) {
    Product& product = products.emplace_back();
    product.stock_code = row[0];
    product.description = row[1];
    return take(row[2], product.items) && take(row[3], product.revenue) &&
           take(row[4], product.items_returned) && take(row[5], product.refunds);
  });
  return products;
}

std::vector<Country> read_countries(std::istream& input) {
  std::vector<Country> countries;
  read_table(input, kCountryFields, [&](const std::vector<std::string>& row) {
    Country& country = countries.emplace_back();
    country.name = row[0];
    return take(row[1], country.lines) && take(row[2], country.revenue);
  });
  return countries;
}

std::array<Decimal, 24> read_hours(std::istream& input) {
  std::array<Decimal, 24> hours;
  read_table(input, kHourFields, [&](const std::vector<std::string>& row) {
    int64_t hour = 0;
    return take(row[0], hour) && hour >= 0 && hour < 24 && take(row[1], hours[static_cast<size_t>(hour)]);
  });
  return hours;
}

}  // namespace operations
