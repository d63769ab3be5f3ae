#include "plugins/operations/src/decimal.h"

#include <gtest/gtest.h>

namespace operations {
namespace {

Decimal number(std::string_view text) {
  const auto parsed = Decimal::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Decimal());
}

TEST(Decimal, ReadsWhatPricesLookLike) {
  EXPECT_EQ(number("2.55").text(2), "2.55");
  EXPECT_EQ(number("165").text(2), "165.00");
  EXPECT_EQ(number(" 0.001 ").text(3), "0.001");
  EXPECT_EQ(number(".5").text(2), "0.50");
  EXPECT_EQ(number("5.").text(2), "5.00");
  EXPECT_EQ(number("+7").text(0), "7");
  EXPECT_EQ(number("-11062.06").text(2), "-11062.06");
  EXPECT_EQ(number("2.5499999999999998").text(16), "2.5499999999999998");
  EXPECT_EQ(number("000000000000000001.10000000000000000000000").text(2), "1.10");
}

TEST(Decimal, RefusesWhatIsNoDecimalNumber) {
  for (const char* text : {"", " ", ".", "-", "+-1", "1e3", "1,5", "£2.55", "0x1", "1.2.3", "NaN", "inf",
                           "1 2", "1234567890123", "0.0000000000000000001"}) {
    EXPECT_FALSE(Decimal::parse(text)) << text;
  }
}

TEST(Decimal, RoundsHalfUpOnceAndNeverThroughBinary) {
  EXPECT_EQ(number("0.005").text(2), "0.01");
  EXPECT_EQ(number("0.00499999").text(2), "0.00");
  EXPECT_EQ(number("1.005").text(2), "1.01");  // a double says 1.00
  EXPECT_EQ(number("-1.005").text(2), "-1.01");
  EXPECT_EQ(number("-0.001").text(2), "0.00");
  EXPECT_EQ(number("999.999").text(2), "1000.00");
}

TEST(Decimal, DividesExactlyBeforeItRounds) {
  EXPECT_EQ(number("1940").divided_by(5, 2).text(2), "388.00");
  EXPECT_EQ(number("100").divided_by(3, 2).text(2), "33.33");
  EXPECT_EQ(number("200").divided_by(3, 2).text(2), "66.67");
  EXPECT_EQ(number("1").divided_by(8, 2).text(2), "0.13");  // 0.125
  EXPECT_EQ(number("2").divided_by(3, 18).text(18), "0.666666666666666667");
  EXPECT_EQ(number("0.01").divided_by(3, 2).text(2), "0.00");
  EXPECT_EQ(number("1").divided_by(1'000'000'000, 4).text(4), "0.0000");
}

TEST(Decimal, SumsOfThousandthsAreExact) {
  Decimal sum;
  for (int i = 0; i < 1000; ++i) sum = *sum.plus(*number("0.001").times(7));
  EXPECT_EQ(sum, number("7"));
}

TEST(Decimal, SaysWhenSomethingDoesNotFit) {
  EXPECT_FALSE(number("999999999999").times(1'000'000'000));
  Decimal large = *number("100000000000").times(1'000'000'000);
  EXPECT_FALSE(large.plus(large));
  EXPECT_EQ(large.text(0), "100000000000000000000");
}

}  // namespace
}  // namespace operations
