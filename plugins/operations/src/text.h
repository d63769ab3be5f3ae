// Text as it comes out of real exports: Windows line ends, Latin-1, control characters, dates in several
// spellings.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace operations {

std::string_view trim(std::string_view text);

// Valid UTF-8 on one line: bytes that are not UTF-8 are taken for Latin-1 (what the retailer's tills write),
// runs of control characters and spaces become one space, the ends are trimmed.
std::string tidy(std::string_view text);

std::string escape_html(std::string_view text);

// Lower-case words of letters and digits, at least two bytes long, in order of appearance, not distinct.
std::vector<std::string> words(std::string_view text);

// 12345678 -> "12,345,678"; also of a number's text with a sign and a fraction.
std::string group_digits(std::string_view number);

// Minutes resolution, sortable as text: "2010-12-01 08:26".
struct Moment {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  std::string text() const;
};

// "12/1/10 8:26" (month first, as the retailer's exports are), "12/1/2010 8:26", "2010-12-01 08:26[:00]".
std::optional<Moment> parse_moment(std::string_view text);

}  // namespace operations
