// Prints docs/reference/errors.md from the catalogue of errors, or compares a page with what it would print.
//   errors-page                 prints the page
//   errors-page --check FILE    exit 1 when FILE differs
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "packager/error/error.h"
#include "packager/error/step_errors.h"

namespace {

constexpr const char* kChapters[] = {"",
                                     "General",
                                     "Definitions",
                                     "Archives, signatures, keys",
                                     "Libraries",
                                     "Registry: tenants, keys, trust, releases, deployments",
                                     "Engine, store, worker",
                                     "API and command line"};
constexpr const char* kExits[] = {"ok",          "failed",         "usage",
                                  "not found",   "authentication", "refused",
                                  "unreachable", "the run failed", "the wait timed out"};

std::string page() {
  std::string text =
      "# Errors\n\n"
      "Every error that the command line prints and the HTTP API answers, with its status, the exit code of "
      "the command, "
      "and what to do. `pirn explain PIRN0102` (or the name) prints an entry. In the API it is the `code` of "
      "a "
      "`application/problem+json` body. Numbers are never reused.\n\n"
      "Errors of steps, at the end of the page, have names without numbers. They are what `pirn run show` "
      "prints of a failed step.\n\n"
      "This page is written by `./dev docs` from `packager/error/catalogue.inc` and `step_errors.cc`.\n";
  size_t chapter = 0;
  for (const auto& entry : pirn::catalogue()) {
    if (const size_t of_entry = static_cast<size_t>(entry.code) / 100; of_entry != chapter) {
      chapter = of_entry;
      text += "\n## " + std::string(chapter < std::size(kChapters) ? kChapters[chapter] : "More") +
              "\n\n| number | name | HTTP | exit | what | what to do |\n|---|---|---|---|---|---|\n";
    }
    const auto exit_name =
        static_cast<size_t>(entry.exit_code) < std::size(kExits) ? kExits[entry.exit_code] : "";
    text += "| " + pirn::code_number(entry.code) + " | `" + std::string(entry.name) + "` | " +
            std::to_string(entry.http_status) + " | " + std::to_string(entry.exit_code) + " (" + exit_name +
            ") | " + std::string(entry.title) + " | " + std::string(entry.fix) + " |\n";
  }
  text +=
      "\n## Errors of steps\n\nWhat Pirn and the SDK give to steps; a function that fails gives its own. "
      "`retry_on` and "
      "`no_retry_on` change what is retried, except for terminal errors.\n\n"
      "| name | retried | what | what to do |\n|---|---|---|---|\n";
  for (const auto& entry : pirn::step_errors())
    text += "| `" + std::string(entry.name) + "` | " + std::string(entry.retry) + " | " +
            std::string(entry.title) + " | " + std::string(entry.fix) + " |\n";
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    std::cout << page();
    return 0;
  }
  if (argc != 3 || std::string(argv[1]) != "--check") {
    std::cerr << "usage: errors-page [--check FILE]\n";
    return 2;
  }
  std::ostringstream found;
  found << std::ifstream(argv[2], std::ios::binary).rdbuf();
  if (found.str() == page()) return 0;
  std::cerr << argv[2] << " is not what the catalogue says: run ./dev docs\n";
  return 1;
}
