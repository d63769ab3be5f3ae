// The `pirn` command: parse, do, say what went wrong.
#include <iostream>

#include "host/cli/parser.h"
#include "host/cli/terminal.h"

int main(int argc, char** argv) {
  using namespace pirn;
  const cli::SafeStream safe_output(std::cout), safe_errors(std::cerr);
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
  const cli::Outcome outcome = cli::run(*parsed->command, parsed->arguments);
  if (!outcome) return fail(outcome.error());
  std::cout.flush();
  if (std::cout) return *outcome;
  return fail(Error{Code::io_failed, "the output cannot be written to standard output",
                    "The command itself was carried out.", Blame::world});
}
