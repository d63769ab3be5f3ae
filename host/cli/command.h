// The command tree as data: what the parser, the help, the completion of names and the reference are made
// from.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::cli {

struct Option {
  std::string_view name;   // "--input" or "-o,--output"
  std::string_view value;  // "JSON|@FILE|-"; empty: a flag
  std::string_view help;
  bool repeated = false;
};

// What the user gave. Options by their long name without dashes, arguments by their name in lower case.
class Arguments {
 public:
  bool has(std::string_view name) const { return values_.contains(name); }
  // The last one given; `otherwise` when there is none.
  std::string get(std::string_view name, std::string_view otherwise = {}) const;
  const std::vector<std::string>& all(std::string_view name) const;
  void put(std::string name, std::vector<std::string> values) {
    values_[std::move(name)] = std::move(values);
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// The exit code, or the error that main prints (its catalogue entry has the exit code).
using Outcome = Result<int>;

struct Command {
  std::string_view path;       // "run start"
  std::string_view arguments;  // "WORKFLOW", "[DIRECTORY]", "FILE..."; in order
  std::string_view summary;
  std::vector<Option> options;
  Outcome (*run)(const Arguments&);
  bool remote = true;  // talks to a host: also has the options of kRemote
  std::string_view example = {};
};

const std::vector<Command>& commands();

// Options of every command that talks to a host.
std::span<const Option> remote_options();

// docs/reference/cli.md, made from the table.
std::string reference();

}  // namespace pirn::cli
