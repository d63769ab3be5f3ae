#include "packager/error/error.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>

#include "packager/error/printable.h"

namespace pirn {

const std::vector<CatalogueEntry>& catalogue() {
  static const std::vector<CatalogueEntry> entries = {
#define PIRN_ERROR(number, name, http, exit, title, fix) {Code::name, #name, http, exit, title, fix},
#include "packager/error/catalogue.inc"
#undef PIRN_ERROR
  };
  return entries;
}

const CatalogueEntry& catalogue_entry(Code code) {
  for (const CatalogueEntry& entry : catalogue())
    if (entry.code == code) return entry;
  assert(false && "every code is in the catalogue");
  return catalogue().front();
}

std::string code_number(Code code) {
  char text[16];
  std::snprintf(text, sizeof text, "PIRN%04u", static_cast<unsigned>(code));
  return text;
}

const CatalogueEntry* find_catalogue_entry(std::string_view name_or_number) {
  for (const CatalogueEntry& entry : catalogue())
    if (entry.name == name_or_number || code_number(entry.code) == name_or_number) return &entry;
  return nullptr;
}

namespace {

// The message may have several lines, such as the output of a build. None of them can be taken for a line of
// ours: they are indented.
std::string indented(std::string_view text, const std::string& indent) {
  std::string out;
  for (const char c : printable(text, Lines::many)) {
    out += c;
    if (c == '\n') out += indent;
  }
  return out;
}

// The blanks before the caret: as wide as the characters before the column are when they are printed.
std::string blanks_before(std::string_view line, uint32_t column) {
  size_t end = 0;
  for (uint32_t passed = 1; passed < column && end < line.size(); ++passed)
    end += character_size(line.substr(end));
  return std::string(columns_of(printable(line.substr(0, end))), ' ');
}

void describe_place(const Where& where, const std::string& indent, std::string& out) {
  if (where.file.empty() && where.line == 0) return;
  out += "\n" + indent + "  at " + printable(where.file);
  if (where.line != 0) out += ":" + std::to_string(where.line);
  if (where.column != 0) out += ":" + std::to_string(where.column);
  if (where.text.empty()) return;
  const std::string number = std::to_string(where.line);
  out += "\n" + indent + "  " + number + " | " + printable(where.text);
  if (where.column == 0) return;
  out += "\n" + indent + "  " + std::string(number.size(), ' ') + " | " +
         blanks_before(where.text, where.column) + "^";
}

void describe_into(const Error& error, const std::string& indent, std::string& out) {
  out += indent + "error " + code_number(error.code) + " (" + std::string(error.name()) +
         "): " + indented(error.message, indent + "    ");
  describe_place(error.where, indent, out);
  for (const Error& cause : error.causes) {
    out += "\n";
    describe_into(cause, indent + "  ", out);
  }
  const std::string_view hint = !error.hint.empty()    ? std::string_view(error.hint)
                                : error.causes.empty() ? catalogue_entry(error.code).fix
                                                       : std::string_view();
  if (!hint.empty()) out += "\n" + indent + "  hint: " + indented(hint, indent + "    ");
}

}  // namespace

std::string describe(const Error& error) {
  std::string out;
  describe_into(error, "", out);
  return out;
}

namespace {

// The edit distance of two words, as long as it is below `limit`; else some number that is not.
size_t distance_below(size_t limit, std::string_view a, std::string_view b) {
  std::array<size_t, kLongestSuggestion + 1> row;
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    size_t least = row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
      least = std::min(least, row[j]);
    }
    if (least >= limit) return least;
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates, size_t most) {
  if (word.size() > kLongestSuggestion) return {};
  const std::string* best = nullptr;
  size_t best_distance = std::min(word.size(), std::max<size_t>(2, word.size() / 3) + 1);  // must stay below
  size_t compared = 0;
  for (const std::string& candidate : candidates) {
    const size_t difference =
        candidate.size() > word.size() ? candidate.size() - word.size() : word.size() - candidate.size();
    if (candidate.size() > kLongestSuggestion || difference >= best_distance) continue;
    if (++compared > most) break;
    const size_t distance = distance_below(best_distance, word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = &candidate;
  }
  return best == nullptr ? std::string() : *best;
}

}  // namespace pirn
