// The command tree as data: what the parser, the help, the completion of names and the reference are made
// from.
#pragma once

#include <map>
#include <set>
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

// What the user gave. Options by their long name without dashes, arguments by their name in lower case. Those
// that the parser made know the names of their command: to ask for another one is a bug, for what the user
// wrote would be ignored.
class Arguments {
 public:
  Arguments() = default;  // knows every name
  explicit Arguments(std::set<std::string, std::less<>> known) : known_(std::move(known)) {}

  // Whether the command has such an option or argument at all.
  bool knows(std::string_view name) const { return known_.empty() || known_.contains(name); }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // The last one given; `otherwise` when there is none.
  std::string get(std::string_view name, std::string_view otherwise = {}) const;
  const std::vector<std::string>& all(std::string_view name) const;
  void put(std::string name, std::vector<std::string> values) {
    values_[std::move(name)] = std::move(values);
  }

 private:
  const std::vector<std::string>* find(std::string_view name) const;

  std::set<std::string, std::less<>> known_;
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

// Carries a command out. An answer of a host that has not what the API's answers have is bad_answer.
Outcome run(const Command& command, const Arguments& arguments);

// Options of every command that talks to a host.
std::span<const Option> remote_options();

// "Exit codes: 0 ok, …", on lines of a terminal's width.
std::string_view exit_codes();

// docs/reference/cli.md, made from the table.
std::string reference();

}  // namespace pirn::cli
