#include "host/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "packager/json/plain_text.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;

Cell cell(const bj::object& object, const Column& column) {
  const bj::value* value = object.if_contains(column.member);
  if (value == nullptr || value->is_null() || (value->is_string() && value->as_string().empty())) return "-";
  switch (column.kind) {
    case Column::Kind::state:
      return state_word(text_of(object, column.member));
    case Column::Kind::time:
      return time_words(*value);
    case Column::Kind::digest:
      return text_of(object, column.member).substr(0, 12);
    case Column::Kind::flag:
      return value->is_bool() && value->as_bool() ? "yes" : "no";
    case Column::Kind::duration:
      return duration_words(value->to_number<double>());
    case Column::Kind::size:
      return size_words(value->to_number<uint64_t>());
    case Column::Kind::text:
      break;
  }
  return text_of(object, column.member);
}

}  // namespace

bool is_interactive() {
  static const bool yes = isatty(STDERR_FILENO) != 0 &&
                          std::string_view(std::getenv("TERM") ? std::getenv("TERM") : "") != "dumb";
  return yes;
}

size_t terminal_lines() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 ? size.ws_row : 24;
}

bool is_coloured() {
  static const bool yes = [] {
    const char* no_color = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
  }();
  return yes;
}

void note(std::string_view line) { std::cerr << line << '\n'; }
void suggest(std::string_view command) { std::cerr << "next: " << printable(command) << '\n'; }

Result<Format> format_of(const Arguments& arguments) {
  static const std::vector<std::string> kNames = {"table", "json", "jsonl", "id"};
  const std::string name = arguments.get("output", "table");
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Format>(i);
  return Error{Code::usage, "there is no output format '" + name + "'",
               "The formats are table, json, jsonl and id."};
}

std::ostream& operator<<(std::ostream& out, const Cell& cell) {
  if (cell.colour.empty()) return out << cell.text;
  return out << Control{"\x1b["} << cell.colour << Control{"m"} << cell.text << Control{"\x1b[0m"};
}

Cell state_word(std::string_view state) {
  struct Look {
    std::string_view state, icon, colour;
  };
  static constexpr Look kLooks[] = {
      {"completed", "✓", "32"},    {"active", "✓", "32"},     {"failed", "✗", "31"},
      {"revoked", "✗", "31"},      {"withdrawn", "✗", "31"},  {"skipped", "⊘", "33"},
      {"cancelled", "⊘", "33"},    {"expired", "⊘", "33"},    {"running", "●", "36"},
      {"asking", "●", "36"},       {"ready", "◌", "36"},      {"retry_wait", "↻", "33"},
      {"stopping", "◐", "33"},     {"pending", "·", "2"},     {"paused", "‖", "33"},
      {"compensating", "↶", "33"}, {"quarantined", "✗", "31"}};
  for (const Look& look : kLooks) {
    if (look.state != state) continue;
    return {std::string(look.icon) + " " + std::string(state), is_coloured() ? look.colour : ""};
  }
  return state;
}

std::string duration_words(double ms) {
  char text[48];
  if (ms < 1) return fixed_text(ms, 2) + " ms";
  if (ms < 1000) return fixed_text(ms, 0) + " ms";
  if (ms < 60'000) return fixed_text(ms / 1000, 1) + " s";
  if (ms < 3'600'000)
    std::snprintf(text, sizeof text, "%d min %02d s", static_cast<int>(ms / 60'000),
                  static_cast<int>(std::fmod(ms / 1000, 60)));
  else
    std::snprintf(text, sizeof text, "%d h %02d min", static_cast<int>(ms / 3'600'000),
                  static_cast<int>(std::fmod(ms / 60'000, 60)));
  return text;
}

std::string time_words(const bj::value& time) {
  if (!time.is_string()) return "-";
  std::string text(time.as_string());
  if (text.size() < 19) return text;
  text[10] = ' ';
  return text.substr(0, 19);
}

std::string size_words(uint64_t bytes) {
  const double size = static_cast<double>(bytes);
  if (bytes < 1024) return std::to_string(bytes) + " B";
  if (bytes < 1024 * 1024) return fixed_text(size / 1024, 1) + " KiB";
  if (bytes < 1024ull * 1024 * 1024) return fixed_text(size / (1024 * 1024), 1) + " MiB";
  return fixed_text(size / (1024.0 * 1024 * 1024), 1) + " GiB";
}

void write_table(std::ostream& out, const std::vector<Cell>& header,
                 const std::vector<std::vector<Cell>>& rows) {
  std::vector<size_t> widths;
  for (const Cell& title : header) widths.push_back(columns_of(title.text));
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i].text));
  const auto write = [&](const std::vector<Cell>& row) {
    size_t end = row.size();  // no blanks at the end of a line
    while (end > 0 && row[end - 1].text.empty()) --end;
    for (size_t i = 0; i < end; ++i) {
      out << row[i];
      if (i + 1 < end) out << std::string(widths[i] - columns_of(row[i].text) + 2, ' ');
    }
    out << '\n';
  };
  write(header);
  for (const auto& row : rows) write(row);
}

void print_table(const std::vector<Cell>& header, const std::vector<std::vector<Cell>>& rows) {
  if (!rows.empty()) write_table(std::cout, header, rows);
}

std::string number_words(double number) {
  if (std::floor(number) == number && std::fabs(number) < 1e15)
    return std::to_string(static_cast<int64_t>(number));
  return json_text(number);
}

std::string shown(const bj::object& object, std::string_view member) {
  return printable(text_of(object, member));
}

void print_json(const bj::value& value) { std::cout << json_text(value) << '\n'; }
void print_json_text(std::string json) {
  while (json.ends_with('\n')) json.pop_back();
  std::cout << printable_json(std::move(json)) << '\n';
}

std::string text_of(const bj::object& object, std::string_view member) {
  const bj::value* value = object.if_contains(member);
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_double()) return number_words(value->as_double());
  return value->is_string() ? std::string(value->as_string()) : json_text(*value);
}

void print_rows(const bj::array& rows, const std::vector<Column>& columns, Format format, std::string_view id,
                std::string_view nothing) {
  if (format == Format::json) {
    print_json(rows);
    return;
  }
  if (format == Format::jsonl || format == Format::id) {
    for (const bj::value& row : rows)
      std::cout << (format == Format::jsonl ? json_text(row) : shown(row.as_object(), id)) << '\n';
    return;
  }
  if (rows.empty()) return note(printable(nothing));
  std::vector<Cell> header;
  for (const Column& column : columns) header.emplace_back(column.title);
  std::vector<std::vector<Cell>> cells;
  for (const bj::value& row : rows) {
    auto& line = cells.emplace_back();
    for (const Column& column : columns) line.push_back(cell(row.as_object(), column));
  }
  print_table(header, cells);
}

void print_object(const bj::object& object, const std::vector<Column>& columns, Format format,
                  std::string_view id) {
  if (format == Format::json || format == Format::jsonl) {
    print_json(object);
    return;
  }
  if (format == Format::id) {
    std::cout << shown(object, id) << '\n';
    return;
  }
  size_t widest = 0;
  for (const Column& column : columns) widest = std::max(widest, columns_of(column.title));
  for (const Column& column : columns)
    std::cout << column.title << std::string(widest - columns_of(column.title) + 2, ' ')
              << cell(object, column) << '\n';
}

}  // namespace pirn::cli
