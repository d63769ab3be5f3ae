// What the report leaves for others to use: cache entries, a search index, an archive, metrics. Texts only;
// the steps write them.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "figures.h"
#include "inventory.h"

namespace operations {

struct CacheEntry {
  std::string name, content;  // content is one JSON document
};
std::vector<CacheEntry> cache_entries(const std::string& report_json, const std::vector<Product>& products,
                                      const std::vector<StockItem>& low);
std::string cache_index(const std::vector<CacheEntry>& entries);  // names and digests

// {"products":{code:description},"terms":{word:[codes]}}, both ascending: what a search box needs to answer.
struct SearchIndex {
  std::string json;
  size_t products = 0, terms = 0;
};
SearchIndex search_index(const std::vector<Product>& products);

struct ArchivedFile {
  std::string name, sha256;
  uint64_t bytes = 0;
  int64_t lines = 0;
};
std::string archive_manifest(const std::vector<ArchivedFile>& files);
std::string archive_name(const std::string& manifest);  // the same data sets have the same archive

struct PublishedFigures {
  Decimal revenue, refunds;
  int64_t orders = 0, returns = 0, lines = 0, bad_lines = 0;
  Decimal return_rate, average_order;
};
std::string metrics_json(const PublishedFigures& figures, const std::string& execution,
                         const std::string& version);
std::string metrics_text(const PublishedFigures& figures);  // OpenMetrics

}  // namespace operations
