// Prints docs/reference/http-api.md or cli.md from the table of routes or of commands, or tells whether a
// page is what it would print.
//   reference-pages http-api|cli               prints the page
//   reference-pages --check http-api|cli FILE  exit 1 when FILE differs
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "host/api/route.h"
#include "host/cli/command.h"

int main(int argc, char** argv) {
  const bool check = argc == 4 && std::string(argv[1]) == "--check";
  const std::string name = check ? argv[2] : argc == 2 ? argv[1] : "";
  if (name != "http-api" && name != "cli") {
    std::cerr << "usage: reference-pages [--check] http-api|cli [FILE]\n";
    return 2;
  }
  const std::string page = name == "cli" ? pirn::cli::reference() : pirn::api::reference();
  if (!check) {
    std::cout << page;
    return 0;
  }
  std::ifstream stream(argv[3]);
  std::ostringstream text;
  text << stream.rdbuf();
  if (text.str() == page) return 0;
  std::cerr << argv[3] << " is not what reference-pages prints; write it anew: ./dev docs\n";
  return 1;
}
