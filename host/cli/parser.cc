#include "host/cli/parser.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cassert>
#include <deque>

#include "packager/json/plain_text.h"

namespace pirn::cli {

namespace {

// "-o,--output" -> "output"
std::string long_name(std::string_view option) {
  const size_t dashes = option.rfind("--");
  return std::string(option.substr(dashes == std::string_view::npos ? 0 : dashes + 2));
}

struct Argument {
  std::string name;  // "workflow"
  std::string shown;
  bool required, repeated;
};
std::vector<Argument> arguments_of(const Command& command) {
  std::vector<Argument> arguments;
  std::string_view rest = command.arguments;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    Argument argument{"", std::string(word), !word.starts_with('['),
                      word.find("...") != std::string_view::npos};
    // "PACKAGE[@VERSION]" is named by what it begins with.
    if (!argument.required) word.remove_prefix(1);
    for (size_t i = 0; i < word.size() && is_letter(word[i]); ++i) argument.name += lower_letter(word[i]);
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

// One leaf of the tree with the places that CLI11 writes to.
struct Leaf {
  const Command* command;
  CLI::App* app;
  std::map<std::string, std::vector<std::string>> texts;
  std::map<std::string, bool> flags;
};

std::string path_of(const CLI::App* app) {
  std::string path = app->get_name();
  for (const CLI::App* up = app->get_parent(); up != nullptr; up = up->get_parent())
    path = up->get_name() + " " + path;
  return path;
}

// "Usage: pirn run start WORKFLOW [OPTIONS]": the usage shows the arguments as the reference does.
class Help : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string) const override {
    std::string usage = "\nUsage: " + path_of(app);
    for (const CLI::Option* option :
         app->get_options([](const CLI::Option* each) { return each->get_positional(); }))
      usage += " " + option->get_option_text();
    const bool has_commands = !app->get_subcommands([](const CLI::App*) { return true; }).empty();
    return usage + (has_commands ? " COMMAND\n" : " [OPTIONS]\n");
  }
  std::string make_positionals(const CLI::App*) const override { return {}; }
};

class Tree {
 public:
  Tree() : root_("Pirn runs native workflows: durable, multi-tenant, swapped without stopping.", "pirn") {
    // At most one: else a positional that is spelled like a command ("package") would be taken for it.
    root_.require_subcommand(0, 1);
    root_.set_help_flag("-h,--help", "Show this help");
    root_.formatter(std::make_shared<Help>());
    for (const Command& command : commands()) add(command);
    // Last, since a command inherits the footer of what it is added to.
    root_.footer("pirn COMMAND --help explains a command, pirn explain CODE an error.\n\n" +
                 std::string(exit_codes()));
  }

  CLI::App& root() { return root_; }
  std::deque<Leaf>& leaves() { return leaves_; }
  Leaf* chosen() {
    for (Leaf& leaf : leaves_)
      if (leaf.app->parsed()) return &leaf;
    return nullptr;
  }
  // The deepest command or group that the words named.
  CLI::App* deepest() {
    CLI::App* app = &root_;
    while (true) {
      const auto below = app->get_subcommands();
      if (below.empty()) return app;
      app = below.front();
    }
  }

 private:
  static std::string_view group_summary(std::string_view noun) {
    static constexpr std::pair<std::string_view, std::string_view> kGroups[] = {
        {"tenant", "Tenants, which own packages and runs"},
        {"key", "Signing keys and API keys"},
        {"trust", "Signing keys that a tenant trusts"},
        {"audit", "Who did what, and whether the audit log is intact"},
        {"package", "Releases in the registry"},
        {"rollout", "Deployments, and returning to an earlier one"},
        {"run", "Runs, which are executions of workflows"},
        {"workflow", "Workflows that can be started"},
        {"approvals", "Steps that wait for a person"},
        {"schedule", "Schedules, which start workflows"},
        {"event", "Events, and what they started"},
        {"dlq", "Dead letters of runs that failed for good"},
        {"breaker", "Circuit breakers"},
        {"sink", "The sinks that receive events in addition to the journal"},
        {"store", "Stored data: count, remove, copy"}};
    for (const auto& [name, summary] : kGroups)
      if (name == noun) return summary;
    return {};
  }

  void add(const Command& command) {
    CLI::App* parent = &root_;
    std::string_view path = command.path;
    if (const size_t space = path.find(' '); space != std::string_view::npos) {
      const std::string noun(path.substr(0, space));
      const auto known = root_.get_subcommands([&](CLI::App* each) { return each->get_name() == noun; });
      parent = known.empty() ? nullptr : known.front();
      if (parent == nullptr) {
        parent = root_.add_subcommand(noun, std::string(group_summary(noun)));
        parent->require_subcommand(0, 1)->group("Commands");
      }
      path.remove_prefix(space + 1);
    }
    std::string description(command.summary);
    CLI::App* app = parent->add_subcommand(std::string(path), description);
    app->group("Commands");
    if (!command.example.empty()) app->footer("Example:\n  " + std::string(command.example));
    app->allow_extras();
    Leaf& leaf = leaves_.emplace_back(Leaf{&command, app, {}, {}});
    for (const Argument& argument : arguments_of(command)) {
      auto* option = app->add_option(argument.name, leaf.texts[argument.name])
                         ->type_name("")
                         ->option_text(argument.shown);
      if (argument.required) option->required();
      option->expected(1)->allow_extra_args(argument.repeated);  // else the first one takes every word
    }
    for (const Option& option : command.options) add(leaf, option);
    if (command.remote)
      for (const Option& option : remote_options()) add(leaf, option);
  }

  void add(Leaf& leaf, const Option& option) {
    const std::string name = long_name(option.name), help(option.help);
    if (option.value.empty()) {
      leaf.app->add_flag(std::string(option.name), leaf.flags[name], help);
      return;
    }
    leaf.app->add_option(std::string(option.name), leaf.texts[name], help)
        ->type_name(std::string(option.value))
        ->expected(1)
        ->allow_extra_args(false)  // else CLI11 takes "[a,b]" for a list of two values
        ->multi_option_policy(option.repeated ? CLI::MultiOptionPolicy::TakeAll
                                              : CLI::MultiOptionPolicy::TakeLast);
  }

  CLI::App root_;
  std::deque<Leaf> leaves_;
};

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

// What could have been meant by a word that `app` does not know.
Error unknown(CLI::App* app, const std::string& word) {
  std::vector<std::string> names;
  if (word.starts_with("-")) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
    const std::string near = nearest(word.substr(0, word.find('=')), names);
    return Error{Code::usage, in_quotes(path_of(app)) + " has no option " + in_quotes(word),
                 near.empty() ? "See " + path_of(app) + " --help." : "Did you mean " + near + "?"};
  }
  const auto below = app->get_subcommands([](CLI::App*) { return true; });
  for (const CLI::App* sub : below) names.push_back(sub->get_name());
  if (names.empty())
    return Error{Code::usage, in_quotes(path_of(app)) + " does not accept the argument " + in_quotes(word),
                 "See " + path_of(app) + " --help."};
  const std::string near = nearest(word, names);
  return Error{Code::usage, in_quotes(path_of(app)) + " has no command " + in_quotes(word),
               near.empty() ? "See " + path_of(app) + " --help."
                            : "Did you mean " + in_quotes(path_of(app) + " " + near) + "?"};
}

// `pirn run WORKFLOW --local`: the only command with an argument in place of a verb.
void make_room_for_local(std::vector<std::string>& words) {
  if (words.size() < 2 || words[0] != "run") return;
  if (std::find(words.begin(), words.end(), "--local") == words.end()) return;
  std::erase(words, "--local");
  words.insert(words.begin() + 1, "local");
}

// An option where a command is expected: those above commands have none but --help.
Error option_too_early(Tree& tree, CLI::App* app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const bool known = std::any_of(tree.leaves().begin(), tree.leaves().end(), [&](const Leaf& leaf) {
    return leaf.app->get_option_no_throw(name) != nullptr;
  });
  if (!known) return unknown(app, word);
  return Error{Code::usage, in_quotes(path_of(app)) + " has no option " + in_quotes(name),
               "Write options after the command: " + path_of(app) + " COMMAND " + name + " ..."};
}

// Reports an unknown command before a --help after it would print the help of its parent.
Status check_commands(Tree& tree, const std::vector<std::string>& words) {
  CLI::App* app = &tree.root();
  for (size_t i = 0; i < 2 && i < words.size(); ++i) {
    const auto below = app->get_subcommands([](CLI::App*) { return true; });
    if (below.empty()) return {};
    if (words[i] == "-h" || words[i] == "--help") return {};
    if (words[i].starts_with('-')) return option_too_early(tree, app, words[i]);
    const auto found = std::find_if(below.begin(), below.end(),
                                    [&](const CLI::App* each) { return each->get_name() == words[i]; });
    if (found == below.end()) return unknown(app, words[i]);
    app = *found;
  }
  return {};
}

// An empty word is nearly always a variable of a script that is not set: nothing means it.
Status check_values(const Leaf& leaf) {
  for (const auto& [name, values] : leaf.texts) {
    if (std::find(values.begin(), values.end(), "") == values.end()) continue;
    const bool option = leaf.app->get_option_no_throw("--" + name) != nullptr;
    return Error{Code::usage,
                 in_quotes(path_of(leaf.app)) + ": " + (option ? "--" + name : name) + " is empty",
                 "Give it a value. Is a shell variable unset?"};
  }
  return {};
}

// The first argument that a command cannot do without and was not given.
Error argument_missing(const CLI::App* app) {
  for (const CLI::Option* option : app->get_options([](const CLI::Option* each) {
         return each->get_positional() && each->get_required() && each->empty();
       }))
    return Error{Code::usage, in_quotes(path_of(app)) + " needs " + option->get_option_text(),
                 "See " + path_of(app) + " --help."};
  return Error{Code::usage, in_quotes(path_of(app)) + " needs more arguments",
               "See " + path_of(app) + " --help."};
}

// An option that nothing follows. CLI11 begins its message with the option's name.
Error value_missing(const CLI::App* app, const std::string& message) {
  const std::string name = message.substr(0, message.find(':'));
  const CLI::Option* const option = app->get_option_no_throw(name);
  return Error{Code::usage,
               option == nullptr
                   ? message
                   : in_quotes(path_of(app)) + ": " + name + " needs " + option->get_type_name(),
               "See " + path_of(app) + " --help."};
}

// `pirn help run start` and `pirn --version`, as many type them.
void translate(std::vector<std::string>& words) {
  if (words.empty()) return;
  if (words[0] == "--version") words[0] = "version";
  if (words[0] != "help") return;
  words.erase(words.begin());
  words.emplace_back("--help");
}

// An option that the command does not have, before CLI11 takes the word behind it for an argument.
Status check_options(Tree& tree, const std::vector<std::string>& words) {
  for (size_t verb = 1; verb <= 2 && verb <= words.size(); ++verb) {
    const std::string path = verb == 1 ? words[0] : words[0] + " " + words[1];
    for (Leaf& leaf : tree.leaves()) {
      if (leaf.command->path != path) continue;
      for (size_t i = verb; i < words.size() && words[i] != "--"; ++i) {
        if (!words[i].starts_with('-') || words[i] == "-") continue;
        const std::string name = words[i].substr(0, words[i].find('='));
        const CLI::Option* option = leaf.app->get_option_no_throw(name);
        if (option == nullptr) return unknown(leaf.app, words[i]);
        if (name == words[i] && option->get_items_expected_min() > 0) ++i;  // its value may begin with a dash
      }
      return {};
    }
  }
  return {};
}

}  // namespace

const std::vector<std::string>* Arguments::find(std::string_view name) const {
  assert(knows(name) && "the command has no such option or argument");
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::string Arguments::get(std::string_view name, std::string_view otherwise) const {
  const std::vector<std::string>* values = find(name);
  return values == nullptr || values->empty() ? std::string(otherwise) : values->back();
}

const std::vector<std::string>& Arguments::all(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const std::vector<std::string>* values = find(name);
  return values == nullptr ? kNone : *values;
}

Result<Parsed> parse(std::vector<std::string> words) {
  translate(words);
  make_room_for_local(words);
  Tree tree;
  Parsed parsed;
  PIRN_DO(check_commands(tree, words));
  PIRN_DO(check_options(tree, words));
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    tree.root().parse(reversed);
  } catch (const CLI::CallForHelp&) {
    parsed.help = tree.root().help();
    return parsed;
  } catch (const CLI::ExtrasError&) {
    CLI::App* app = tree.deepest();
    const std::vector<std::string> extras = tree.root().remaining(true);
    return unknown(app, extras.empty() ? std::string() : extras.front());
  } catch (const CLI::RequiredError&) {
    return argument_missing(tree.deepest());
  } catch (const CLI::ArgumentMismatch& error) {
    return value_missing(tree.deepest(), error.what());
  } catch (const CLI::ParseError& error) {
    CLI::App* app = tree.deepest();
    return Error{Code::usage, std::string(error.what()), "See " + path_of(app) + " --help."};
  }
  Leaf* leaf = tree.chosen();
  if (leaf == nullptr) {
    parsed.help = tree.root().help();
    return parsed;
  }
  if (const auto extras = leaf->app->remaining(); !extras.empty()) return unknown(leaf->app, extras.front());
  PIRN_DO(check_values(*leaf));
  std::set<std::string, std::less<>> known;
  for (const auto& each : leaf->texts) known.insert(each.first);
  for (const auto& each : leaf->flags) known.insert(each.first);
  parsed.command = leaf->command;
  parsed.arguments = Arguments(std::move(known));
  for (auto& [name, values] : leaf->texts)
    if (!values.empty()) parsed.arguments.put(name, std::move(values));
  for (const auto& [name, set] : leaf->flags)
    if (set) parsed.arguments.put(name, {});
  return parsed;
}

}  // namespace pirn::cli
