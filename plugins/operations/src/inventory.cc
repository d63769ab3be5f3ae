#include "inventory.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "text.h"

namespace operations {

const char* const kInventoryHeader = "StockCode,OnHand,ReorderLevel\n";

namespace {

constexpr uint64_t kLinesBetweenPolls = 2048;

std::optional<int64_t> whole_number(std::string_view text) {
  const auto number = Decimal::parse(text);
  if (!number || !number->integral()) return std::nullopt;
  return number->whole();
}

bool is_header(const Record& record) {
  const auto first =
      words(record.fields.empty() ? std::string_view() : std::string_view(record.fields.front()));
  return first.size() == 1 && first.front() == "stockcode";
}

bool read_item(const Record& record, StockItem& item) {
  if (!record.problem.empty()) return false;
  item.stock_code = tidy(record.fields[0]);
  const auto on_hand = whole_number(record.fields[1]), reorder_level = whole_number(record.fields[2]);
  if (item.stock_code.empty() || !on_hand || !reorder_level) return false;
  item.on_hand = *on_hand;
  item.reorder_level = *reorder_level;
  return true;
}

}  // namespace

std::optional<Inventory> read_inventory(std::istream& input, const Poll& poll) {
  Inventory inventory;
  std::map<std::string, StockItem> items;
  CsvReader reader(input, kInventoryFields);
  Record record;
  StockItem item;
  for (uint64_t done = 0; reader.next(record); ++done) {
    if (done % kLinesBetweenPolls == 0 && !poll(done)) return std::nullopt;
    if (done == 0 && is_header(record)) continue;
    if (read_item(record, item)) {
      items[item.stock_code] = item;
    } else {
      ++inventory.bad_lines;
    }
  }
  for (auto& entry : items) inventory.items.push_back(std::move(entry.second));
  return inventory;
}

std::optional<Inventory> derive_inventory(std::istream& orders, const Poll& poll) {
  struct Movement {
    int64_t largest = 0, sold = 0, returned = 0;
  };
  std::map<std::string, Movement> movements;
  const auto good = [&](const OrderLine& line) {
    if (line.stock_code.empty()) return;
    if (line.counts_as_sale()) {
      Movement& movement = movements[line.stock_code];
      movement.largest = std::max(movement.largest, line.quantity);
      movement.sold += line.quantity;
    } else if (line.is_return()) {
      movements[line.stock_code].returned += std::abs(line.quantity);
    }
  };
  if (!read_order_lines(
          orders, good, [](const BadLine&) {}, poll))
    return std::nullopt;

  Inventory inventory;
  for (const auto& [stock_code, movement] : movements) {
    if (movement.sold == 0) continue;
    const int64_t on_hand = kShelfOrders * movement.largest - movement.sold + movement.returned;
    inventory.items.push_back({stock_code, std::max<int64_t>(0, on_hand), movement.largest});
  }
  return inventory;
}

std::string inventory_csv(const Inventory& inventory) {
  std::string out = kInventoryHeader;
  for (const StockItem& item : inventory.items) {
    out += csv_line({item.stock_code, std::to_string(item.on_hand), std::to_string(item.reorder_level)});
  }
  return out;
}

std::vector<StockItem> low_stock(const Inventory& inventory) {
  std::vector<StockItem> low;
  std::ranges::copy_if(inventory.items, std::back_inserter(low), &StockItem::low);
  return low;
}

}  // namespace operations
