#include "csv.h"

#include <algorithm>

#include "text.h"

namespace operations {
namespace {

constexpr std::string_view kUnclosed = "a quote is never closed";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Splits a whole record; what is wrong, or nothing.
std::string_view split_fields(std::string_view text, std::vector<std::string>& fields) {
  fields.clear();
  for (size_t at = 0;;) {
    std::string& field = fields.emplace_back();
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) return kUnclosed;
        if (text[at] != '"') {
          field.push_back(text[at]);
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          field.push_back('"');
          ++at;
        } else {
          break;
        }
      }
      ++at;
      if (at < text.size() && text[at] != ',') return "text follows a closing quote";
    } else {
      const size_t end = std::min(text.find(',', at), text.size());
      field = text.substr(at, end - at);
      at = end;
    }
    if (at >= text.size()) return {};
    ++at;
  }
}

// A spreadsheet takes a cell for a formula when it begins with one of these. Quote marks before it may be
// ours.
bool looks_like_formula(std::string_view cell) {
  const size_t first = cell.find_first_not_of('\'');
  return first != std::string_view::npos &&
         std::string_view("=+-@\t\r").find(cell[first]) != std::string_view::npos;
}

// "-12.50" is what it looks like.
bool is_number(std::string_view cell) {
  if (cell.starts_with('-')) cell.remove_prefix(1);
  const size_t point = std::min(cell.find('.'), cell.size());
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return digits(cell.substr(0, point)) && (point == cell.size() || digits(cell.substr(point + 1)));
}

}  // namespace

CsvReader::CsvReader(std::istream& input, size_t expected_fields)
    : input_(input), expected_fields_(expected_fields) {}

bool CsvReader::read_line(Line& line) {
  line = Line();
  std::streambuf& bytes = *input_.rdbuf();
  constexpr int kEnd = std::char_traits<char>::eof();
  int c = bytes.sbumpc();
  if (c == kEnd) return false;
  line.number = ++line_number_;
  for (; c != kEnd && c != '\n'; c = bytes.sbumpc()) {
    if (line.text.size() < kMaxLineBytes) {
      line.text.push_back(static_cast<char>(c));
    } else {
      line.too_long = true;
    }
  }
  if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
  if (line.number == 1 && line.text.starts_with(kByteOrderMark)) line.text.erase(0, kByteOrderMark.size());
  return true;
}

bool CsvReader::peek_line(size_t ahead) {
  while (lines_.size() <= ahead) {
    Line line;
    if (!read_line(line)) return false;
    lines_.push_back(std::move(line));
  }
  return true;
}

void CsvReader::split(Record& record, std::string_view text) const {
  record.problem = split_fields(text, record.fields);
  for (std::string& field : record.fields)
    if (field.starts_with('\'') && looks_like_formula(field)) field.erase(0, 1);
  if (record.problem.empty() && record.fields.size() != expected_fields_) {
    record.problem =
        std::to_string(record.fields.size()) + " fields instead of " + std::to_string(expected_fields_);
  }
}

bool CsvReader::follow_quote(Record& record, const std::string& first) {
  std::string joined = first;
  for (size_t ahead = 0; ahead < kMaxJoinedLines && peek_line(ahead); ++ahead) {
    if (lines_[ahead].too_long) return false;
    joined.append("\n").append(lines_[ahead].text);
    split(record, joined);
    if (record.problem == kUnclosed) continue;
    if (!record.problem.empty()) return false;
    lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(ahead) + 1);
    return true;
  }
  return false;
}

bool CsvReader::next(Record& record) {
  Line line;
  do {
    if (!peek_line(0)) return false;
    line = std::move(lines_.front());
    lines_.pop_front();
  } while (trim(line.text).empty() && !line.too_long);

  record.line = line.number;
  if (line.too_long) {
    record.fields.clear();
    record.problem = "the line is longer than " + std::to_string(kMaxLineBytes) + " bytes";
    return true;
  }
  split(record, line.text);
  if (record.problem == kUnclosed && !follow_quote(record, line.text)) {
    record.fields.clear();
    record.problem = kUnclosed;
  }
  return true;
}

std::string csv_line(const std::vector<std::string_view>& fields) {
  std::string out;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out.push_back(',');
    const std::string_view field = fields[i];
    const std::string_view mark = looks_like_formula(field) && !is_number(field) ? "'" : "";
    const bool quote = field.find_first_of(",\"\r\n") != std::string_view::npos;
    if (!quote) {
      out.append(mark).append(field);
      continue;
    }
    out.append("\"").append(mark);
    for (char c : field) {
      if (c == '"') out.push_back('"');
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out.append("\n");
}

}  // namespace operations
