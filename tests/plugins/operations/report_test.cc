// The figures, against sums made by hand and against an independent calculation.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <sstream>

#include "plugins/operations/src/datasets.h"
#include "plugins/operations/src/figures.h"
#include "plugins/operations/src/inventory.h"
#include "plugins/operations/src/text.h"

namespace operations {
namespace {

const Poll kGoOn = [](uint64_t) { return true; };

// All that the steps do with an orders file, one after another.
struct Result {
  OrdersSummary orders;
  ReturnsSummary returns;
  CleanSummary clean;
  Financials financials;
};

Result report(const std::string& csv) {
  Result result;
  std::string orders, returns, sales;
  std::istringstream first(csv), second(csv);
  result.orders = *split_orders(
      first, [&](std::string_view text) { orders += text; }, kGoOn);
  result.returns = *split_returns(
      second, [&](std::string_view text) { returns += text; }, kGoOn);
  std::istringstream order_lines(orders);
  result.clean = *split_sales(
      order_lines, [&](std::string_view text) { sales += text; }, kGoOn);
  std::istringstream sale_lines(sales), return_lines(returns);
  result.financials = *reconcile(sale_lines, return_lines, kGoOn);
  return result;
}

const char* const kHeader =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n";

TEST(Report, FiguresByHand) {
  const Result result = report(std::string(kHeader) +
                               "1,A,\"LAMP, RED\",6,12/1/10 8:26,2.55,17850,United Kingdom\r\n"  // 15.30
                               "1,B,MUG,3,12/1/10 8:26,0.125,,France\r\n"                        // 0.375
                               "2,A,\"LAMP, RED\",1,12/1/10 10:00,2.555,1,United Kingdom\r\n"    // 2.555
                               "3,B,MUG,-4,12/1/10 11:00,1.25,1,United Kingdom\r\n"              // no sale
                               "4,B,,1,12/1/10 11:00,0,,United Kingdom\r\n"                      // no sale
                               "5,B,?,1,12/1/10 11:00,-5,,United Kingdom\r\n"                    // no sale
                               "C6,A,LAMP,-2,12/1/10 12:00,2.55,1,United Kingdom\r\n"  // refund 5.10
                               "C6,B,MUG,-1,12/1/10 12:00,0.005,1,United Kingdom\r\n"  // refund 0.005
                               "C7,B,MUG,0,12/1/10 12:00,9,1,United Kingdom\r\n"       // refund 0
                               "8,A,LAMP,one,12/1/10 12:00,1,1,United Kingdom\r\n"     // bad
                               "8,A,LAMP,1.5,12/1/10 12:00,1,1,United Kingdom\r\n"     // bad
                               "8,A,LAMP,1,12/1/10 12:00,free,1,United Kingdom\r\n"    // bad
                               "8,A,LAMP,1,12/1/10 12:00\r\n"                          // bad
                               ",A,LAMP,1,12/1/10 12:00,1,1,United Kingdom\r\n");      // bad
  EXPECT_EQ(result.financials.revenue.text(2),
            "18.23");  // 15.30 + 0.375 + 2.555 = 18.230; rounding each line says 18.24
  EXPECT_EQ(result.financials.refunds.text(2), "5.11");  // 5.105, half up
  EXPECT_EQ(result.orders.orders, 5);                    // also those without any sale line
  EXPECT_EQ(result.returns.returns, 2);
  EXPECT_EQ(result.orders.lines, 14);
  EXPECT_EQ(result.orders.bad_lines, 5);
  ASSERT_EQ(result.orders.bad_shown.size(), 5u);
  EXPECT_EQ(result.orders.bad_shown[0].line, 11u);
  EXPECT_EQ(result.orders.bad_shown[0].problem, "Quantity \"one\" is no whole number");
  EXPECT_EQ(result.orders.first, "2010-12-01 08:26");
  EXPECT_EQ(result.orders.last, "2010-12-01 11:00");
  EXPECT_EQ(result.clean.sale_lines, 3);
  EXPECT_EQ(result.clean.not_positive_quantity, 1);
  EXPECT_EQ(result.clean.not_positive_price, 2);
  EXPECT_EQ(result.clean.without_customer, 1);
  EXPECT_EQ(result.clean.items, 10);
  EXPECT_EQ(return_rate(2, 5).text(4), "0.4000");
  EXPECT_EQ(average_order(result.financials.revenue, 5).text(2), "3.65");  // 3.646

  ASSERT_EQ(result.financials.products.size(), 2u);
  EXPECT_EQ(result.financials.products[0].stock_code, "A");
  EXPECT_EQ(result.financials.products[0].description, "LAMP, RED");
  EXPECT_EQ(result.financials.products[0].items_returned, 2);
  EXPECT_EQ(result.financials.by_hour[8].text(3), "15.675");
  ASSERT_EQ(result.financials.countries.size(), 2u);
  EXPECT_EQ(result.financials.countries[1].name, "France");
}

TEST(Report, EmptyAndBrokenFilesAreReportsToo) {
  for (const std::string& csv :
       {std::string(), std::string(kHeader), std::string("\n\n"), std::string("garbage\n\0\xff\n", 11)}) {
    const Result result = report(csv);
    EXPECT_EQ(result.orders.orders, 0);
    EXPECT_EQ(result.orders.lines, result.orders.bad_lines);
    EXPECT_EQ(result.financials.revenue.text(2), "0.00");
  }
  EXPECT_EQ(return_rate(0, 0).text(4), "0.0000");
  EXPECT_EQ(return_rate(3, 0).text(4), "1.0000");
  EXPECT_EQ(return_rate(1, 3).text(4), "0.3333");
  EXPECT_EQ(return_rate(2, 3).text(4), "0.6667");
  EXPECT_EQ(average_order(*Decimal::parse("10"), 0).text(2), "0.00");
}

TEST(Report, AHeaderMayBeAbsent) {
  EXPECT_EQ(report("1,A,LAMP,2,2010-12-01 08:26:00,1.50,1,Spain\n").financials.revenue.text(2), "3.00");
}

TEST(Report, ReadingStopsWhenThePollSaysSo) {
  std::istringstream input(kHeader);
  EXPECT_FALSE(split_orders(
      input, [](std::string_view) {}, [](uint64_t) { return false; }));
}

TEST(Anomalies, ArePreciselyTheTwoThresholds) {
  const Thresholds thresholds = {*Decimal::parse("2000"), *Decimal::parse("0.25")};
  const auto found = [&](const char* revenue, const char* rate) {
    return anomalies(*Decimal::parse(revenue), *Decimal::parse(rate), thresholds);
  };
  EXPECT_TRUE(found("2000.00", "0.2500").empty());
  EXPECT_EQ(found("1999.99", "0.2500"), std::vector<std::string>{"revenue 1999.99 is below 2000.00"});
  EXPECT_EQ(found("2000.00", "0.2501"), std::vector<std::string>{"return rate 0.2501 is above 0.2500"});
  EXPECT_EQ(found("1940.00", "0.4000").size(), 2u);
}

TEST(Inventory, IsReadWithItsQuirks) {
  std::istringstream input(
      "StockCode,OnHand,ReorderLevel\r\nA,4,5\r\nB,5,5\r\n\"C,1\",-1,0\r\nD,x,1\r\n,1,1\r\nE,1\r\nA,9,5\r\n");
  const auto inventory = read_inventory(input, kGoOn);
  ASSERT_TRUE(inventory);
  EXPECT_EQ(inventory->bad_lines, 3);
  ASSERT_EQ(inventory->items.size(), 3u);
  EXPECT_EQ(inventory->items[0].on_hand, 9);  // the last line of A
  const auto low = low_stock(*inventory);
  ASSERT_EQ(low.size(), 1u);
  EXPECT_EQ(low[0].stock_code, "C,1");
  std::istringstream again(inventory_csv(*inventory));
  EXPECT_EQ(inventory_csv(*read_inventory(again, kGoOn)), inventory_csv(*inventory));
}

TEST(Inventory, DerivedFromTheOrdersByTheRule) {
  std::istringstream orders(
      std::string(kHeader) +
      // 5 x 10 - 41 = 9 on hand, below 10
      "1,A,,10,,1,,\n1,A,,10,,1,,\n1,A,,10,,1,,\n1,A,,10,,1,,\n1,A,,1,,1,,\n"
      // one came back: 10
      "1,B,,10,,1,,\n1,B,,10,,1,,\n1,B,,10,,1,,\n1,B,,10,,1,,\n1,B,,1,,1,,\nC2,B,,-1,,1,,\n"
      "1,FREE,,5,,0,,\nC3,ONLY-RETURNED,,-5,,1,,\n");
  const auto inventory = derive_inventory(orders, kGoOn);
  ASSERT_TRUE(inventory);
  ASSERT_EQ(inventory->items.size(), 2u);
  EXPECT_EQ(inventory->items[0].on_hand, 9);
  EXPECT_EQ(inventory->items[1].on_hand, 10);
  EXPECT_EQ(low_stock(*inventory).size(), 1u);
}

// ---- an independent calculation: awk, in thousandths, which a double holds exactly

struct Awk {
  long long revenue = 0, refunds = 0, orders = 0, returns = 0, items = 0;  // money in thousandths
};

Awk calculate(const std::string& file) {
  const std::string program = R"(awk -F, 'NR>1{ split($6,p,"."); t=p[1]*1000+substr(p[2] "000",1,3); q=$4+0;)"
                              R"( if($1~/^C/){ if(!($1 in r)){r[$1];nr++}; refund+=(q<0?-q:q)*t }
          else { if(!($1 in o)){o[$1];no++}; if(q>0&&t>0){ revenue+=q*t; items+=q } } }
        END{printf "%.0f %.0f %d %d %.0f\n", revenue, refund, no, nr, items}' )";
  Awk awk;
  FILE* pipe = popen((program + file).c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  EXPECT_EQ(std::fscanf(pipe, "%lld %lld %lld %lld %lld", &awk.revenue, &awk.refunds, &awk.orders,
                        &awk.returns, &awk.items),
            5);
  EXPECT_EQ(pclose(pipe), 0);
  return awk;
}

TEST(Report, AgreesWithAnIndependentCalculation) {
  char path[] = "/tmp/operations-awk-XXXXXX";
  const int descriptor = mkstemp(path);
  ASSERT_GE(descriptor, 0);
  close(descriptor);
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](unsigned n) { return static_cast<int>(random() % n); };
    std::string csv = kHeader;
    for (int i = 0; i < 3000; ++i) {
      const bool is_return = pick(12) == 0;
      const int quantity = is_return ? -pick(30) : pick(40) - 3;
      csv += (is_return ? "C" : "") + std::to_string(536365 + pick(400)) + "," + std::to_string(pick(90)) +
             ",THING," + std::to_string(quantity) + ",12/1/10 8:26," + std::to_string(pick(20)) + "." +
             std::to_string(pick(1000)) + "," + (pick(4) == 0 ? "" : "17850") + ",United Kingdom\r\n";
    }
    FILE* file = std::fopen(path, "w");
    std::fwrite(csv.data(), 1, csv.size(), file);
    std::fclose(file);

    const Awk awk = calculate(path);
    const Result result = report(csv);
    EXPECT_GT(awk.refunds, 0);
    EXPECT_EQ(result.financials.revenue, Decimal::parse(std::to_string(awk.revenue))->divided_by(1000, 3))
        << seed;
    EXPECT_EQ(result.financials.refunds, Decimal::parse(std::to_string(awk.refunds))->divided_by(1000, 3))
        << seed;
    EXPECT_EQ(result.orders.orders, awk.orders);
    EXPECT_EQ(result.returns.returns, awk.returns);
    EXPECT_EQ(result.clean.items, awk.items);
  }
  std::remove(path);
}

TEST(Text, DatesOfSeveralExports) {
  EXPECT_EQ(parse_moment("12/1/10 8:26")->text(), "2010-12-01 08:26");
  EXPECT_EQ(parse_moment("12/1/2010 8:26")->text(), "2010-12-01 08:26");
  EXPECT_EQ(parse_moment("2010-12-01 08:26:00")->text(), "2010-12-01 08:26");
  EXPECT_EQ(parse_moment("2010-12-01T08:26")->text(), "2010-12-01 08:26");
  for (const char* text :
       {"", "yesterday", "13/1/10 8:26", "12/1/10 25:00", "12/1/10 8:26 and more", "1//1 1:1"}) {
    EXPECT_FALSE(parse_moment(text)) << text;
  }
}

TEST(Text, BecomesValidUtf8OnOneLine) {
  EXPECT_EQ(tidy("  WHITE \t HANGING\n HEART "), "WHITE HANGING HEART");
  EXPECT_EQ(tidy("\xA3"
                 "5 OFF"),
            "\xC2\xA3"
            "5 OFF");                                           // Latin-1
  EXPECT_EQ(tidy("caf\xC3\xA9"), "caf\xC3\xA9");                // UTF-8
  EXPECT_EQ(tidy("\xED\xA0\x80"), "\xC3\xAD\xC2\xA0\xC2\x80");  // a surrogate is no text
  EXPECT_EQ(group_digits("1234567.80"), "1,234,567.80");
  EXPECT_EQ(group_digits("-123"), "-123");
}

}  // namespace
}  // namespace operations
