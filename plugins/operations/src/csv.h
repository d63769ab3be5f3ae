// Comma-separated values as RFC 4180 has them and as real exports bend them.
//
// Quoted fields may hold commas, doubled quotes and line ends; lines end with LF or CRLF; a byte order mark
// and blank lines are skipped. A record that cannot be read is handed over with its problem and costs only
// itself: a quote that is never closed must not swallow the rest of the file, so a quoted field is followed
// over at most kMaxJoinedLines lines and only if the joined text is a whole record.
//
// Whoever opens such a file in a spreadsheet must not run what a customer wrote into a description: a cell
// that would be taken for a formula (= + - @, tab, carriage return) is written with a quote mark before it,
// which a spreadsheet takes for the sign of text, and the reader takes that mark away. Numbers stay as they
// are.
//
// One reader, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace operations {

struct Record {
  std::vector<std::string> fields;
  std::string problem;  // empty: the record is well formed and has the expected number of fields
  uint64_t line = 0;    // where it begins, from 1
};

class CsvReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{64} * 1024;
  static constexpr size_t kMaxJoinedLines = 8;

  // Borrows `input` for its life.
  CsvReader(std::istream& input, size_t expected_fields);

  // The next record; false at the end of the file.
  bool next(Record& record);

 private:
  struct Line {
    std::string text;
    bool too_long = false;
    uint64_t number = 0;
  };

  bool read_line(Line& line);    // from the file
  bool peek_line(size_t ahead);  // makes lines_[ahead] exist
  void split(Record& record, std::string_view text) const;
  bool follow_quote(Record& record, const std::string& first);

  std::istream& input_;
  size_t expected_fields_;
  std::deque<Line> lines_;
  uint64_t line_number_ = 0;
};

// One line with its LF; fields with commas, quotes or line ends are quoted, formulas are made text.
std::string csv_line(const std::vector<std::string_view>& fields);

}  // namespace operations
