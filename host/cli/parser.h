// From the words of the command line to a command and its arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/cli/command.h"

namespace pirn::cli {

struct Parsed {
  const Command* command = nullptr;  // null: `help` is the answer
  Arguments arguments;
  std::string help;
};

// `words`: without the program's name. Error usage: names the word, and the nearest command or option.
Result<Parsed> parse(std::vector<std::string> words);

}  // namespace pirn::cli
