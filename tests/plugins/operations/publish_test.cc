#include "plugins/operations/src/publish.h"

#include <gtest/gtest.h>

#include <pirn/json.hpp>

#include <sstream>

#include "plugins/operations/src/dashboard.h"
#include "plugins/operations/src/hook_log.h"
#include "plugins/operations/src/sha256.h"

namespace operations {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Dashboard example() {
  Dashboard dashboard;
  dashboard.version = "1.0.0";
  dashboard.execution = "run";
  dashboard.orders_file = "orders <&> \"x\".csv";
  dashboard.report = {.revenue = *Decimal::parse("1940"),
                      .refunds = *Decimal::parse("12.5"),
                      .orders = 5,
                      .returns = 2,
                      .return_rate = *Decimal::parse("0.4"),
                      .average_order = *Decimal::parse("388"),
                      .lines = 9,
                      .bad_lines = 1,
                      .items = std::nullopt,
                      .low_stock = {"SKU-BB1"}};
  dashboard.thresholds = {*Decimal::parse("2000"), *Decimal::parse("0.25")};
  dashboard.products = {
      {"SKU-BB1", "<script>alert('x')</script>", 4, 1, *Decimal::parse("980"), *Decimal::parse("12.5")}};
  dashboard.low_stock = {{"SKU-BB1", 3, 5}};
  dashboard.bad_shown = {{7, "Quantity \"<b>\" is no whole number"}};
  return dashboard;
}

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // Every length around a block's edges, in two pieces.
  for (size_t length = 50; length < 140; ++length) {
    const std::string text(length, 'x');
    Sha256 pieces;
    pieces.add(text.substr(0, 31));
    pieces.add(text.substr(31));
    EXPECT_EQ(pieces.hex(), sha256(text));
  }
}

TEST(Report, AsItStandsInTheContext) {
  EXPECT_EQ(example().report.json(),
            R"({"revenue":"1940.00","refunds":"12.50","orders":5,"returns":2,"return_rate":0.4000,)"
            R"("average_order":"388.00","lines":9,"bad_lines":1,"low_stock":["SKU-BB1"]})");
  Report second = example().report;
  second.items = 12;
  EXPECT_TRUE(contains(second.json(), R"("low_stock":["SKU-BB1"],"items":12)"));
}

TEST(Dashboard, ShowsTheFiguresAndLetsNoMarkupIn) {
  const std::string page = dashboard_page(example());
  EXPECT_TRUE(contains(page, "1,940.00"));
  EXPECT_TRUE(contains(page, "revenue 1940.00 is below 2000.00"));
  EXPECT_TRUE(contains(page, "return rate 0.4000 is above 0.2500"));
  EXPECT_TRUE(contains(page, "40.00 %"));
  EXPECT_TRUE(contains(page, "&lt;script&gt;"));
  EXPECT_FALSE(contains(page, "<script"));
  EXPECT_FALSE(contains(page, "<b>"));
  EXPECT_TRUE(contains(page, "orders &lt;&amp;&gt; &quot;x&quot;.csv"));
  EXPECT_FALSE(contains(page, "http"));  // self-contained
  EXPECT_FALSE(contains(page, "Items sold"));
  EXPECT_EQ(page, dashboard_page(example()));
}

TEST(Dashboard, TheDocumentHoldsTheReport) {
  const std::string document = dashboard_json(example());
  const pirn::json::View view{document};
  EXPECT_EQ(view["report"].text(), example().report.json());
  EXPECT_EQ(view["anomalies"].size(), 2u);
  EXPECT_EQ(view["low_stock"].items().at(0).get<int64_t>("on_hand"), 3);
  EXPECT_EQ(view["quality"]["bad_lines_shown"].items().at(0).get<int64_t>("line"), 7);
}

TEST(Search, FindsProductsByTheWordsOfTheirDescription) {
  const SearchIndex index = search_index({{"85123A", "WHITE HANGING HEART T-LIGHT", 1, 0, {}, {}},
                                          {"71053", "WHITE METAL LANTERN", 1, 0, {}, {}}});
  EXPECT_EQ(index.products, 2u);
  const pirn::json::View view{index.json};
  EXPECT_EQ(view["terms"]["white"].text(), R"(["71053","85123A"])");
  EXPECT_EQ(view["terms"]["lantern"].text(), R"(["71053"])");
  EXPECT_EQ(view["terms"]["85123a"].text(), R"(["85123A"])");
  EXPECT_EQ(view["products"]["71053"].as<std::string>(), "WHITE METAL LANTERN");
}

TEST(Cache, TheIndexNamesEachEntryWithItsDigest) {
  const auto entries = cache_entries("{}", {}, {{"A", 1, 2}});
  const std::string index = cache_index(entries);
  for (const CacheEntry& entry : entries) EXPECT_TRUE(contains(index, sha256(entry.content))) << entry.name;
}

TEST(Metrics, AreAFoldOfTheHooksLog) {
  std::string log;
  const auto event = [&](const char* step, const char* name, const char* state, uint32_t attempt, double ms) {
    log += HookEvent{.at_ms = 1,
                     .step = step,
                     .event = name,
                     .state = state,
                     .attempt = attempt,
                     .duration_ms = ms,
                     .error = {}}
               .json() +
           "\n";
  };
  event("a", "on_start", "running", 1, 0);
  event("a", "on_start", "running", 1, 0);  // the host was killed and started it again
  event("a", "on_success", "completed", 1, 12.25);
  event("a", "on_finish", "completed", 1, 12.25);
  log += "{\"at_ms\":1,\"st";  // cut short
  log += "\n";
  event("b", "on_start", "running", 1, 0);
  event("b", "on_failure", "failed", 3, 5);
  event("b", "on_finish", "failed", 3, 5);
  event("c", "on_failure", "skipped", 0, 0);
  event("c", "on_finish", "skipped", 0, 0);
  event("c", "on_finish", "skipped", 0, 0);  // delivered twice
  std::istringstream input(log);
  const std::string text = Metrics::fold(input).json("run");
  const pirn::json::View metrics{text};
  EXPECT_EQ(metrics["totals"].text(), R"({"steps":3,"succeeded":1,"failed":1,"skipped":1,"busy_ms":17.25})");
  EXPECT_EQ(metrics["steps"].items().at(0).text(),
            R"({"step":"a","state":"completed","starts":2,"attempts":1,"duration_ms":12.25})");
}

}  // namespace
}  // namespace operations
