// Stock: StockCode,OnHand,ReorderLevel, given as a file or derived from the orders.
//
// The derived stock, for data without an inventory. For each stock code that was sold, over the whole file:
//   largest      = the largest quantity on one sale line
//   ReorderLevel = largest                                 (the next such order can be served)
//   OnHand       = max(0, 5 x largest - sold + returned)   (the shelf held five of them when the file began)
// It is a pure function of the file, so that the report is the same on every machine. A product is low when
// it sold more than four times its largest line, returns deducted.
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datasets.h"

namespace operations {

struct StockItem {
  std::string stock_code;
  int64_t on_hand = 0;
  int64_t reorder_level = 0;

  bool low() const { return on_hand < reorder_level; }
};

inline constexpr int64_t kShelfOrders = 5;
inline constexpr size_t kInventoryFields = 3;
extern const char* const kInventoryHeader;  // with its LF

struct Inventory {
  std::vector<StockItem> items;  // ascending by stock code, which are distinct
  int64_t bad_lines = 0;
};

// The last of several lines of one stock code wins. A line without a stock code or without two whole numbers
// is bad.
std::optional<Inventory> read_inventory(std::istream& input, const Poll& poll);
std::optional<Inventory> derive_inventory(std::istream& orders, const Poll& poll);

std::string inventory_csv(const Inventory& inventory);
std::vector<StockItem> low_stock(const Inventory& inventory);

}  // namespace operations
