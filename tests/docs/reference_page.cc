// Prints a page of docs/reference/ from the table in the code that it describes, or tells whether a file is
// what it would print.
//   reference-page errors|http-api|cli                 prints the page
//   reference-page errors|http-api|cli --check FILE    exit 1 when FILE differs
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "host/api/route.h"
#include "host/cli/command.h"
#include "packager/error/error.h"

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

std::string errors() {
  std::string text =
      "# Errors\n\n"
      "Every error that the command line prints and the HTTP API answers, with its status, the exit code of "
      "the command, "
      "and what to do. `pirn explain PIRN0102` (or the name) prints an entry. In the API it is the `code` of "
      "a "
      "`application/problem+json` body. Numbers are never reused.\n\n"
      "This page is written by `./dev docs` from `packager/error/catalogue.inc`.\n";
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
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::string (*)()> pages = {
      {"errors", errors}, {"http-api", pirn::api::reference}, {"cli", pirn::cli::reference}};
  const auto page = pages.find(argc > 1 ? argv[1] : "");
  if (page == pages.end() || (argc != 2 && (argc != 4 || std::string(argv[2]) != "--check"))) {
    std::cerr << "usage: reference-page errors|http-api|cli [--check FILE]\n";
    return 2;
  }
  const std::string expected = page->second();
  if (argc == 2) {
    std::cout << expected;
    return 0;
  }
  std::ostringstream found;
  found << std::ifstream(argv[3], std::ios::binary).rdbuf();
  if (found.str() == expected) return 0;
  std::cerr << argv[3] << " is not what the code says: run ./dev docs\n";
  return 1;
}
