#include "publish.h"

#include <algorithm>
#include <map>
#include <pirn/pirn.hpp>
#include <set>

#include "sha256.h"
#include "text.h"

namespace operations {
namespace {

using pirn::Fields;
using pirn::Value;
using pirn::json::object;

constexpr size_t kTopProducts = 50;
constexpr size_t kArchiveNameDigits = 16;

template <class List, class Print>
Value list(const List& elements, Print print) {
  std::string out = "[";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    out += print(element);
  }
  return pirn::json::raw(out + "]");
}

std::string document(const Fields& fields) { return fields.to_json() + "\n"; }

}  // namespace

std::vector<CacheEntry> cache_entries(const std::string& report_json, const std::vector<Product>& products,
                                      const std::vector<StockItem>& low) {
  const std::vector<Product> top(products.begin(), products.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                          products.size(), kTopProducts)));
  const auto product = [](const Product& p) {
    return Fields{
        {"stock_code", p.stock_code}, {"description", p.description}, {"revenue", p.revenue.text(2)}}
        .to_json();
  };
  const auto stock = [](const StockItem& item) {
    return Fields{
        {"stock_code", item.stock_code}, {"on_hand", item.on_hand}, {"reorder_level", item.reorder_level}}
        .to_json();
  };
  return {{"report", report_json + "\n"},
          {"top-products", document({{"products", list(top, product)}})},
          {"low-stock", document({{"low_stock", list(low, stock)}})}};
}

std::string cache_index(const std::vector<CacheEntry>& entries) {
  Fields fields;
  for (const CacheEntry& entry : entries) {
    fields.add(entry.name, object({{"file", entry.name + ".json"}, {"sha256", sha256(entry.content)}}));
  }
  return document({{"entries", object(fields)}});
}

SearchIndex search_index(const std::vector<Product>& products) {
  std::map<std::string, std::string> descriptions;
  std::map<std::string, std::set<std::string>> terms;
  for (const Product& product : products) {
    descriptions[product.stock_code] = product.description;
    for (const std::string& text : {product.description, product.stock_code}) {
      for (const std::string& word : words(text)) terms[word].insert(product.stock_code);
    }
  }
  Fields described, found;
  for (const auto& [code, description] : descriptions) described.add(code, description);
  for (const auto& [word, codes] : terms)
    found.add(word, std::vector<std::string>(codes.begin(), codes.end()));
  return {document({{"products", object(described)}, {"terms", object(found)}}), descriptions.size(),
          terms.size()};
}

std::string archive_manifest(const std::vector<ArchivedFile>& files) {
  const auto file = [](const ArchivedFile& f) {
    return Fields{{"name", f.name}, {"sha256", f.sha256}, {"bytes", f.bytes}, {"lines", f.lines}}.to_json();
  };
  return document({{"files", list(files, file)}});
}

std::string archive_name(const std::string& manifest) {
  return sha256(manifest).substr(0, kArchiveNameDigits);
}

std::string metrics_json(const PublishedFigures& figures, const std::string& execution,
                         const std::string& version) {
  return document({{"execution", execution},
                   {"version", version},
                   {"revenue", figures.revenue.text(2)},
                   {"refunds", figures.refunds.text(2)},
                   {"orders", figures.orders},
                   {"returns", figures.returns},
                   {"return_rate", pirn::json::raw(figures.return_rate.text(4))},
                   {"average_order", figures.average_order.text(2)},
                   {"lines", figures.lines},
                   {"bad_lines", figures.bad_lines}});
}

std::string metrics_text(const PublishedFigures& figures) {
  std::string out;
  const auto gauge = [&out](const std::string& name, const std::string& help, const std::string& value) {
    out += "# TYPE operations_" + name + " gauge\n# HELP operations_" + name + " " + help + "\noperations_" +
           name + " " + value + "\n";
  };
  gauge("revenue", "Revenue of the day.", figures.revenue.text(2));
  gauge("refunds", "Refunds of the day.", figures.refunds.text(2));
  gauge("orders", "Distinct order invoices.", std::to_string(figures.orders));
  gauge("returns", "Distinct return invoices.", std::to_string(figures.returns));
  gauge("return_rate", "Returns over orders.", figures.return_rate.text(4));
  gauge("average_order", "Revenue over orders.", figures.average_order.text(2));
  gauge("lines", "Lines of the orders file.", std::to_string(figures.lines));
  gauge("bad_lines", "Lines that could not be read.", std::to_string(figures.bad_lines));
  return out + "# EOF\n";
}

}  // namespace operations
