// The `pirn` command: parse, do, say what went wrong.
#include <iostream>

#include "host/cli/parser.h"
#include "host/cli/terminal.h"

int main(int argc, char** argv) {
  using namespace pirn;
  const Result<cli::Parsed> parsed = cli::parse({argv + 1, argv + argc});
  const auto fail = [](const Error& error) {
    std::cout.flush();
    cli::note(describe(error));
    return catalogue_entry(error.code).exit_code;
  };
  if (!parsed) return fail(parsed.error());
  if (parsed->command == nullptr) {
    std::cout << parsed->help;
    return 0;
  }
  const cli::Outcome outcome = parsed->command->run(parsed->arguments);
  if (!outcome) return fail(outcome.error());
  std::cout.flush();
  return std::cout ? *outcome : catalogue_entry(Code::io_failed).exit_code;
}
