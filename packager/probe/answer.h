// What pirn-probe writes for probe(): for each stage that it enters one letter, then "A" and one JSON
// document, either {"description": …} or {"error": …}. So a process that ends early has told how far it came.
// Anywhere behind the stages the guard of the sandbox may have written an offence (packager/sandbox/cell.h),
// which makes the rest void.
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

std::string print_answer(const Result<LibraryDescription>& answer);

// Of what a hostile process wrote. Errors: the one that was answered; probe_no_answer, with the stage, when
// there is no answer yet; probe_forbidden_call; probe_answer_invalid.
Result<LibraryDescription> parse_answer(std::string_view written);

}  // namespace pirn::probe
