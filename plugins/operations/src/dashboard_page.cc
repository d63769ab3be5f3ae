// The page: one file, no scripts, nothing fetched. Colours are variables with a dark set; a state is always
// told by a word and a sign, never by colour alone; every chart has its figures as text.
#include <algorithm>
#include <cmath>
#include <string_view>

#include "dashboard.h"
#include "text.h"

namespace operations {
namespace {

constexpr size_t kRows = 10;

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#16191f;--soft:#5d6675;--line:#e3e6ea;--track:#eceff3;
--bar:#2f6fde;--bar-soft:#dbe7fb;--good:#146c43;--good-bg:#dcf3e6;--bad:#a61b2b;--bad-bg:#fbe3e5;--warn:#8a5200;--warn-bg:#fdeed4}
@media (prefers-color-scheme:dark){:root{--page:#101318;--card:#191d24;--ink:#eceff4;--soft:#9aa5b5;--line:#2a303a;
--track:#262c36;--bar:#6ea2ff;--bar-soft:#22324f;--good:#7fdcae;--good-bg:#12382a;--bad:#ff9aa5;--bad-bg:#47191f;--warn:#f5c472;--warn-bg:#42300f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}
header{display:flex;flex-wrap:wrap;align-items:flex-end;justify-content:space-between;gap:16px;margin-bottom:28px}
h1{font-size:28px;line-height:1.2;letter-spacing:-.02em;margin:0 0 4px}
h2{font-size:15px;margin:0 0 14px;letter-spacing:-.005em}
p{margin:0}.soft{color:var(--soft)}
.pill{display:inline-block;padding:6px 14px;border-radius:999px;font-weight:600;font-size:14px}
.good{color:var(--good);background:var(--good-bg)}.bad{color:var(--bad);background:var(--bad-bg)}.warn{color:var(--warn);background:var(--warn-bg)}
.reasons{margin:0 0 20px;padding:14px 18px;border-radius:12px;list-style:none}.reasons li::before{content:"! ";font-weight:700}
.tiles{display:flex;flex-wrap:wrap;gap:14px;margin-bottom:14px}.tiles .tile{flex:1 1 30%;min-width:170px}.tiles.many .tile{flex-basis:22%}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:18px 20px;min-width:0}
.tile .name{color:var(--soft);font-size:13px}.tile .figure{font-size:clamp(20px,5.4vw,27px);font-weight:650;letter-spacing:-.02em;line-height:1.3;overflow-wrap:anywhere}
.tile .note{font-size:13px;color:var(--soft)}
.tile.alert{border-color:var(--bad)}.tile.alert .note{color:var(--bad);font-weight:600}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px;margin-top:14px;align-items:start}
.column{display:grid;gap:14px;min-width:0}
table{width:100%;border-collapse:collapse;font-size:14px}caption{text-align:left}
th{font-weight:500;color:var(--soft);font-size:12.5px;text-align:left;padding:0 8px 8px 0;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:8px 8px 8px 0;border-bottom:1px solid var(--line);vertical-align:middle}tr:last-child td{border-bottom:0}
th.n,td.n{text-align:right;white-space:nowrap}th:last-child,td:last-child{padding-right:0}
td.what{max-width:0;width:60%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--soft)}
.meter{display:block;height:6px;border-radius:3px;background:var(--track);overflow:hidden;min-width:64px;margin-top:4px}
.meter i{display:block;height:100%;background:var(--bar);border-radius:3px}.meter i.low{background:var(--bad)}
.chart{overflow-x:auto}svg{display:block;width:100%;min-width:560px;height:auto}svg rect{fill:var(--bar)}svg rect.none{fill:var(--track)}
svg text{fill:var(--soft);font-size:11px}svg text.peak{fill:var(--ink);font-weight:600}
dl{display:grid;grid-template-columns:1fr auto;gap:8px 16px;margin:0;font-size:14px}dt{color:var(--soft)}dd{margin:0;text-align:right}
details{margin-top:14px;font-size:13.5px}summary{cursor:pointer;color:var(--soft)}
footer{margin-top:28px;font-size:13px;color:var(--soft)}footer p+p{margin-top:4px}
)css";

std::string money(Decimal amount) { return group_digits(amount.text(2)); }
std::string count(int64_t number) { return group_digits(std::to_string(number)); }
std::string percent(Decimal rate) { return rate.times(100)->text(2) + " %"; }

// Share of a whole as the width of a bar.
std::string width(double part, double whole) {
  const double share = whole > 0 ? std::clamp(part / whole, 0.0, 1.0) : 0.0;
  return std::to_string(std::lround(share * 100)) + "%";
}

std::string tile(std::string_view name, const std::string& figure, const std::string& note,
                 bool alert = false) {
  std::string out = alert ? "<div class=\"card tile alert\">" : "<div class=\"card tile\">";
  out.append("<p class=\"name\">").append(name).append("</p><p class=\"figure\">").append(figure);
  return out.append("</p><p class=\"note\">").append(note).append("</p></div>\n");
}

std::string tiles(const Dashboard& dashboard) {
  const Report& report = dashboard.report;
  const bool poor = report.revenue < dashboard.thresholds.min_revenue;
  const bool many_returns = report.return_rate > dashboard.thresholds.max_return_rate;
  const std::string least = money(dashboard.thresholds.min_revenue);
  const std::string most = percent(dashboard.thresholds.max_return_rate);
  // Six are three and three; seven are four and three.
  std::string out =
      std::string("<section class=\"tiles") + (report.items ? " many" : "") + "\" aria-label=\"Figures\">\n";
  out +=
      tile("Revenue", money(report.revenue), (poor ? "! below the minimum of " : "at least ") + least, poor);
  out += tile("Return rate", percent(report.return_rate),
              (many_returns ? "! above the limit of " : "at most ") + most, many_returns);
  out += tile("Orders", count(report.orders), "average " + money(report.average_order));
  out += tile("Returns", count(report.returns), "refunds " + money(report.refunds));
  out += tile("Net of refunds", money(report.revenue.minus(report.refunds)), "revenue less refunds");
  if (report.items) out += tile("Items sold", count(*report.items), "pieces on sale lines");
  const auto low = static_cast<int64_t>(dashboard.low_stock.size());
  out += tile("Low stock", count(low),
              low == 0   ? "nothing to reorder"
              : low == 1 ? "product to reorder"
                         : "products to reorder");
  return out + "</section>\n";
}

std::string hours_chart(const Dashboard& dashboard) {
  constexpr int kWidth = 960, kHeight = 180, kBase = 152, kTop = 22, kStep = 40, kBar = 26;
  double peak = 0;
  for (Decimal revenue : dashboard.by_hour) peak = std::max(peak, revenue.approximate());
  std::string out = "<section class=\"card chart\"><h2>Revenue by hour of the day</h2>\n<svg viewBox=\"0 0 ";
  out += std::to_string(kWidth) + " " + std::to_string(kHeight) +
         "\" role=\"img\" aria-label=\"Revenue by hour of the day\">\n";
  for (int hour = 0; hour < 24; ++hour) {
    const Decimal revenue = dashboard.by_hour[static_cast<size_t>(hour)];
    const double share = peak > 0 ? revenue.approximate() / peak : 0;
    const int height = share > 0 ? std::max(3, static_cast<int>(share * (kBase - kTop))) : 2;
    const std::string left = std::to_string(hour * kStep + (kStep - kBar) / 2);
    const std::string middle = std::to_string(hour * kStep + kStep / 2);
    out += std::string("<rect") + (share > 0 ? "" : " class=\"none\"") + " x=\"" + left + "\" y=\"" +
           std::to_string(kBase - height) + "\" width=\"" + std::to_string(kBar) + "\" height=\"" +
           std::to_string(height) + "\" rx=\"3\"><title>" + std::to_string(hour) + ":00 – " + money(revenue) +
           "</title></rect>";
    if (share >= 1) {
      out += "<text class=\"peak\" text-anchor=\"middle\" x=\"" + middle + "\" y=\"" +
             std::to_string(kBase - height - 7) + "\">" + money(revenue) + "</text>";
    }
    out += "<text text-anchor=\"middle\" x=\"" + middle + "\" y=\"" + std::to_string(kBase + 18) + "\">" +
           std::to_string(hour) + "</text>\n";
  }
  return out + "</svg></section>\n";
}

std::string product_name(const Product& product) {
  return "<td class=\"what\" title=\"" + escape_html(product.description) + "\">" +
         escape_html(product.description.empty() ? "(no description)" : product.description) + "<br><code>" +
         escape_html(product.stock_code) + "</code></td>";
}

std::string empty_note(std::string_view text) { return "<p class=\"soft\">" + std::string(text) + "</p>"; }

std::string top_products(const Dashboard& dashboard) {
  std::string out = "<section class=\"card\"><h2>Top products</h2>\n";
  const double most = dashboard.products.empty() ? 0 : dashboard.products.front().revenue.approximate();
  std::string rows;
  for (size_t i = 0; i < std::min(dashboard.products.size(), kRows) && dashboard.products[i].items > 0; ++i) {
    const Product& product = dashboard.products[i];
    rows += "<tr>" + product_name(product) + "<td class=\"n\">" + count(product.items) +
            "</td><td class=\"n\">" + money(product.revenue) +
            "<span class=\"meter\"><i style=\"width:" + width(product.revenue.approximate(), most) +
            "\"></i></span></td></tr>\n";
  }
  if (rows.empty()) return out + empty_note("Nothing was sold.") + "</section>\n";
  return out +
         "<table><thead><tr><th>Product</th><th class=\"n\">Items</th><th "
         "class=\"n\">Revenue</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></section>\n";
}

std::string low_stock_table(const Dashboard& dashboard) {
  std::string out = "<section class=\"card\"><h2>Low stock</h2>\n";
  if (dashboard.low_stock.empty())
    return out + empty_note("✓ Everything is at or above its reorder level.") + "</section>\n";
  out +=
      "<table><thead><tr><th>Product</th><th class=\"n\">Reorder at</th><th class=\"n\">On "
      "hand</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < std::min(dashboard.low_stock.size(), kRows); ++i) {
    const StockItem& item = dashboard.low_stock[i];
    const auto known = std::ranges::find(dashboard.products, item.stock_code, &Product::stock_code);
    out += "<tr>" +
           product_name(known == dashboard.products.end() ? Product{item.stock_code, "", 0, 0, {}, {}}
                                                          : *known) +
           "<td class=\"n\">" + count(item.reorder_level) + "</td><td class=\"n\">" + count(item.on_hand) +
           "<span class=\"meter\"><i class=\"low\" style=\"width:" +
           width(static_cast<double>(item.on_hand), static_cast<double>(item.reorder_level)) +
           "\"></i></span></td></tr>\n";
  }
  out += "</tbody></table>";
  if (dashboard.low_stock.size() > kRows) {
    out += "<p class=\"soft\">and " + count(static_cast<int64_t>(dashboard.low_stock.size() - kRows)) +
           " more, in dashboard.json</p>";
  }
  if (dashboard.inventory_derived) {
    out +=
        "<p class=\"soft\" style=\"margin-top:12px;font-size:13px\">No inventory was given: stock is derived "
        "from the orders.</p>";
  }
  return out + "</section>\n";
}

std::string returned_table(const Dashboard& dashboard) {
  std::vector<const Product*> returned;
  for (const Product& product : dashboard.products) {
    if (product.items_returned > 0) returned.push_back(&product);
  }
  std::ranges::stable_sort(returned,
                           [](const Product* a, const Product* b) { return b->refunds < a->refunds; });
  std::string out = "<section class=\"card\"><h2>Returned</h2>\n";
  if (returned.empty()) return out + empty_note("✓ Nothing was returned.") + "</section>\n";
  out +=
      "<table><thead><tr><th>Product</th><th class=\"n\">Items</th><th "
      "class=\"n\">Refunds</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < std::min(returned.size(), kRows); ++i) {
    out += "<tr>" + product_name(*returned[i]) + "<td class=\"n\">" + count(returned[i]->items_returned) +
           "</td><td class=\"n\">" + money(returned[i]->refunds) + "</td></tr>\n";
  }
  return out + "</tbody></table></section>\n";
}

std::string countries_table(const Dashboard& dashboard) {
  std::string out = "<section class=\"card\"><h2>Countries</h2>\n";
  if (dashboard.countries.empty()) return out + empty_note("Nothing was sold.") + "</section>\n";
  const double most = dashboard.countries.front().revenue.approximate();
  out +=
      "<table><thead><tr><th>Country</th><th class=\"n\">Lines</th><th "
      "class=\"n\">Revenue</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < std::min(dashboard.countries.size(), kRows); ++i) {
    const Country& country = dashboard.countries[i];
    out += "<tr><td class=\"what\">" + escape_html(country.name.empty() ? "(unknown)" : country.name) +
           "</td><td class=\"n\">" + count(country.lines) + "</td><td class=\"n\">" + money(country.revenue) +
           "<span class=\"meter\"><i style=\"width:" + width(country.revenue.approximate(), most) +
           "\"></i></span></td></tr>\n";
  }
  return out + "</tbody></table></section>\n";
}

std::string quality(const Dashboard& dashboard) {
  const auto row = [](std::string_view name, int64_t number) {
    return "<dt>" + std::string(name) + "</dt><dd>" + count(number) + "</dd>";
  };
  const Report& report = dashboard.report;
  std::string out = "<section class=\"card\"><h2>Data quality</h2>\n<dl>";
  out += row("Lines read", report.lines) + row("Sale lines", dashboard.clean.sale_lines) +
         row("Return lines", dashboard.return_lines) +
         row("Left out: quantity not above zero", dashboard.clean.not_positive_quantity) +
         row("Left out: price not above zero", dashboard.clean.not_positive_price) +
         row("Bad lines", report.bad_lines) +
         row("Sale lines without a customer", dashboard.clean.without_customer) +
         row("Bad inventory lines", dashboard.bad_stock_lines);
  out += "</dl>\n";
  if (!dashboard.bad_shown.empty()) {
    out += "<details><summary>Bad lines</summary><ul>";
    for (const BadLine& line : dashboard.bad_shown) {
      out += "<li>line " + std::to_string(line.line) + ": " + escape_html(line.problem) + "</li>";
    }
    out += "</ul></details>";
  }
  return out + "</section>\n";
}

std::string heading(const Dashboard& dashboard, const std::vector<std::string>& reasons) {
  std::string out =
      "<header><div><h1>Daily operations</h1><p class=\"soft\">" + escape_html(dashboard.orders_file);
  if (!dashboard.first.empty()) out += " · " + dashboard.first + " to " + dashboard.last;
  out += " · operations " + escape_html(dashboard.version);
  out += "</p></div><p class=\"pill ";
  out += reasons.empty() ? "good\">✓ Healthy" : "bad\">! Anomaly";
  out += "</p></header>\n";
  if (reasons.empty()) return out;
  out += "<ul class=\"reasons bad\">";
  for (const std::string& reason : reasons) out += "<li>" + escape_html(reason) + "</li>";
  return out + "</ul>\n";
}

}  // namespace

std::string dashboard_page(const Dashboard& dashboard) {
  const auto reasons =
      anomalies(dashboard.report.revenue, dashboard.report.return_rate, dashboard.thresholds);
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<title>Daily operations</title>\n<style>";
  out.append(kStyle).append("</style>\n</head>\n<body>\n<main>\n");
  out += heading(dashboard, reasons) + tiles(dashboard) + hours_chart(dashboard);
  out += "<div class=\"columns\">\n<div class=\"column\">\n" + top_products(dashboard) +
         returned_table(dashboard);
  out += "</div>\n<div class=\"column\">\n" + low_stock_table(dashboard) + countries_table(dashboard) +
         quality(dashboard) + "</div>\n</div>\n";
  out += "<footer><p>Made by operations " + escape_html(dashboard.version) + ", run <code>" +
         escape_html(dashboard.execution) +
         "</code>.</p><p>Revenue counts lines with quantity and price above zero that are no returns; the "
         "return rate is "
         "returns over orders; sums are exact and rounded once, half up.</p></footer>\n";
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace operations
