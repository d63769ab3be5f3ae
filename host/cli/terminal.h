// How the command line speaks: data on standard output, all else on standard error; nothing animated and no
// colour unless a person watches. Both streams escape what is not printable (safe_output.h); what must stay
// on one line is made so here.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/cli/command.h"
#include "host/cli/safe_output.h"
#include "packager/error/printable.h"
#include "packager/json/text.h"

namespace pirn::cli {

// stderr is a terminal on which lines may be rewritten.
bool is_interactive();
// stdout may be coloured: a terminal, and NO_COLOR is not set.
bool is_coloured();

// Of the terminal on stderr; 24 when it is unknown.
size_t terminal_lines();

// A line to standard error: what was done, what is going on.
void note(std::string_view line);
// "next: pirn push …", to standard error.
void suggest(std::string_view command);

// -o
enum class Format : uint8_t { table, json, jsonl, id };
Result<Format> format_of(const Arguments& arguments);

// A piece of text with a colour of its own. Printed on one line, whatever is in it.
struct Cell {
  Cell(std::string_view text, std::string_view colour = {}) : text(printable(text)), colour(colour) {}
  Cell(const std::string& text) : Cell(std::string_view(text)) {}
  Cell(const char* text) : Cell(std::string_view(text)) {}

  std::string text;         // printable
  std::string_view colour;  // number of an SGR sequence, as in "31"; a literal; empty: none
};
std::ostream& operator<<(std::ostream& out, const Cell& cell);

// A word that a person sees at once: "✓ completed"; coloured if stdout is.
Cell state_word(std::string_view state);

// "1.2 s", "350 ms", "2 h 05 min"
std::string duration_words(double milliseconds);
// "2026-01-31 12:00:05" from RFC 3339; "-" for null.
std::string time_words(const boost::json::value& time);
std::string size_words(uint64_t bytes);

// Aligned columns on standard output; the header only when there are rows.
void print_table(const std::vector<Cell>& header, const std::vector<std::vector<Cell>>& rows);
void write_table(std::ostream& out, const std::vector<Cell>& header,
                 const std::vector<std::vector<Cell>>& rows);

// "2", "0.25"
std::string number_words(double number);

// The text of a member, "-" when null or absent.
std::string text_of(const boost::json::object& object, std::string_view member);
// The same on one line for a person: printable.
std::string shown(const boost::json::object& object, std::string_view member);

// One line of JSON on standard output; the text variant takes JSON that is text already.
void print_json(const boost::json::value& value);
void print_json_text(std::string json);

struct Column {
  std::string_view title;
  std::string_view member;
  enum class Kind : uint8_t { text, state, time, digest, flag, duration, size } kind = Kind::text;
};
// Rows of a list in the chosen format; `id`: the member that -o id prints. `nothing`: said when there are
// none.
void print_rows(const boost::json::array& rows, const std::vector<Column>& columns, Format format,
                std::string_view id, std::string_view nothing);
// One object: its columns as "title: value" lines, or JSON.
void print_object(const boost::json::object& object, const std::vector<Column>& columns, Format format,
                  std::string_view id);

}  // namespace pirn::cli
