// What pirn-probe writes for probe(): a line that says what confines it (packager/sandbox/confine.h), before
// the library is loaded; for each stage that it enters one letter; then "A" and one JSON document, either
// {"description": …} or {"error": …}. So a process that ends early has told how far it came. Without the line
// no library was loaded, and there can only be an error.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "packager/probe/probe.h"

namespace pirn::probe {

enum class Stage : char {
  start = 'S',
  load = 'L',
  definition = 'D',
  init = 'I',
  deinit = 'X',
  unload = 'U',
  answer = 'A'
};

// "in its init", for messages. Any letter.
std::string_view stage_name(char letter);

inline constexpr size_t kMaxAnswer = 48u << 20;  // a definition of 16 MiB with every character escaped

// The end of what is written: "A" and the document. The confinement is no part of it.
std::string print_answer(const Result<LibraryDescription>& answer);

// Of what a hostile process wrote. Errors: the one that was answered; probe_no_answer, with the stage, when
// there is no answer yet; probe_answer_invalid.
Result<LibraryDescription> parse_answer(std::string_view written);

// "in its init": the last stage of what was written.
std::string_view last_stage(std::string_view written);

}  // namespace pirn::probe
