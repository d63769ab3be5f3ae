// What the functions of a run logged: what is kept, and with --follow what comes.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/input.h"
#include "host/cli/pages.h"
#include "host/cli/runs.h"
#include "host/cli/verbs.h"
#include "host/cli/watch.h"
#include "packager/json/json.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;

size_t rank_of(std::string_view level) {
  static constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error"};
  return static_cast<size_t>(std::find(std::begin(kLevels), std::end(kLevels), level) - std::begin(kLevels));
}

// Which lines are wanted, said once: a host that is asked for pages chooses itself, a stream has all.
struct Choice {
  std::string step, attempt, level;

  std::string target(const std::string& id) const {
    std::string target = path({"executions", id, "logs"});
    add_query(target, "step", step);
    add_query(target, "attempt", attempt);
    add_query(target, "level", level);
    return target;
  }
  bool holds(const bj::object& line) const {
    return (step.empty() || text_of(line, "step") == step) &&
           (attempt.empty() || bj::serialize(line.at("attempt")) == attempt) &&
           (level.empty() || rank_of(text_of(line, "level")) >= rank_of(level));
  }
};

void print_line(const bj::object& line, Format format) {
  if (format == Format::json || format == Format::jsonl)
    print_json(line);
  else if (format == Format::id)
    std::cout << shown(line, "n") << '\n';
  else
    std::cout << log_line(line) << '\n';
}

// Prints the lines among the events of a stream.
class LogLines : public Display {
 public:
  LogLines(Choice choice, Format format) : choice_(std::move(choice)), format_(format) {}
  void begin(const bj::object&) override {}
  void event(const ServerEvent& event) override {
    if (event.name != "log") return;
    bj::object line = parse_own_json(event.data, "an event", {})->as_object();
    if (!choice_.holds(line)) return;
    // "SEQ.LINE": as the pages number it.
    if (const size_t dot = event.id.find('.'); dot != std::string::npos)
      line["n"] = std::stoull(event.id.substr(dot + 1));
    print_line(line, format_);
    std::cout.flush();
  }
  void end() override {}

 private:
  const Choice choice_;
  const Format format_;
};

}  // namespace

Outcome run_logs(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  if (arguments.has("attempt")) PIRN_DO(number_of(arguments, "attempt"));
  const Choice choice{arguments.get("step"), arguments.get("attempt"), arguments.get("level")};
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  if (arguments.has("follow")) {
    // The stream would wait in vain for a step that is not there.
    std::string first = choice.target(id);
    add_query(first, "limit", "1");
    if (!choice.step.empty()) PIRN_DO(client.call("GET", first));
    LogLines lines(choice, format == Format::json ? Format::jsonl : format);
    PIRN_TRY(const bj::value execution, follow(client, id, 0, lines));
    // What the run came to is not what was asked; Ctrl-C is.
    return exit_code_of(execution.as_object()) == 130 ? 130 : 0;
  }
  bj::array all;
  bool silent = true;
  PIRN_TRY(const bj::value last,
           for_each_row(client, choice.target(id), "logs", "0", [&](const bj::object& line) {
             silent = false;
             if (format == Format::json)
               all.push_back(line);
             else
               print_line(line, format);
           }));
  if (format == Format::json) print_json(all);
  if (silent && format == Format::table) note("No matching lines were logged.");
  if (const std::string lost = shown(last.as_object(), "lost"); lost != "0")
    note(lost + " older lines were removed to make room");
  return 0;
}

}  // namespace pirn::cli
