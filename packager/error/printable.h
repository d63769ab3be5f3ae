// Makes untrusted text safe for a terminal and for its reader.
//
// Names, paths, messages and values come from packages, requests and files. A terminal obeys some of their
// characters (ESC, CR and the other C0 and C1 controls, DEL), bidirectional controls show text in another
// order than it has, and zero-width characters hide. Everything that Pirn prints for people goes through
// printable(), everything that it prints as JSON through printable_json(): both escape where text leaves the
// program, and leave alone what is stored, compared and signed.
//
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pirn {

// Whether line feeds and tabs are layout (many) or part of a value that must stay on its line (one).
enum class Lines : bool { one, many };

// Valid UTF-8 in which each character that a terminal obeys or a reader cannot see is written out: "\x1b",
// "\u202e", "\U000e0001"; with Lines::one also "\n" and "\t". A byte that is not UTF-8 becomes "\xff". What
// is printable already comes back unchanged.
std::string printable(std::string_view text, Lines lines = Lines::one);

// JSON text with the same characters as the escapes of JSON ("\u001b", "\u202e"), and "\ufffd" for bytes that
// are not UTF-8. It is the same value: such characters occur only within strings. Line feeds between values
// stay.
std::string printable_json(std::string json);

// How many bytes of `text` are whole characters: less than its size when it ends within one. For text that
// comes in pieces.
size_t whole_characters(std::string_view text);

// Bytes of the first character of `text`, which is not empty; 1 for a byte that is not UTF-8.
size_t character_size(std::string_view text);

// Columns of printable text on a terminal, one for each character.
size_t columns_of(std::string_view text);

}  // namespace pirn
