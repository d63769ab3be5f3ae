// The host's state, the errors, the version.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "host/host.h"
#include "packager/error/step_errors.h"
#include "packager/json/plain_text.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kResidence = {{"TENANT", "tenant"},
                                        {"PACKAGE", "package"},
                                        {"VERSION", "version"},
                                        {"RELEASE", "release", Kind::digest},
                                        {"RETIRED", "retired", Kind::flag},
                                        {"STILL MAPPED", "still_mapped", Kind::flag},
                                        {"STUCK CALLS", "stuck_calls"}};

const std::vector<Column> kLostCall = {{"ROLE", "role"},     {"TENANT", "tenant"},
                                       {"RUN", "execution"}, {"WORKFLOW", "workflow"},
                                       {"STEP", "step"},     {"FUNCTION", "function"}};

// Nothing, unless the process of the host ended uncleanly.
void print_last_end(const bj::object& end, Format format) {
  constexpr size_t kShown = 20;
  if (end.at("clean").as_bool()) return;
  std::cout << "last end   " << shown(end, "what") << '\n';
  bj::array calls = end.at("calls").as_array();
  const size_t all = calls.size();
  if (all == 0) return;
  if (all > kShown) calls.resize(kShown);
  std::cout << "\nCalls that were running then:\n";
  print_rows(calls, kLostCall, format, "execution", "");
  if (all > kShown)
    std::cout << "and " << std::to_string(all - kShown) << " more: see the host's log, or -o json\n";
}

const std::vector<Column> kResource = {
    {"RESOURCE", "name"}, {"CAPACITY", "capacity"}, {"IN USE", "in_use"}, {"STEPS WAITING", "waiting"}};

Outcome explain_step_error(const StepErrorEntry& entry, Format format) {
  if (format == Format::id)
    std::cout << entry.name << '\n';
  else if (format != Format::table)
    print_json(bj::object{
        {"code", entry.name}, {"title", entry.title}, {"fix", entry.fix}, {"retried", entry.retry}});
  else
    std::cout << entry.name << "  (of a step)\n\n  " << entry.title << "\n\n  " << entry.fix
              << "\n\n  retried: " << entry.retry << '\n';
  return 0;
}

}  // namespace

Outcome status(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"status"})));
  const bj::object& host = answer.as_object();
  if (format != Format::table) {
    print_object(host, {}, format, "version");
    return host.at("ready").as_bool() ? 0 : catalogue_entry(Code::not_ready).exit_code;
  }
  const bj::object& engine = host.at("engine").as_object();
  const bj::object& store = host.at("store").as_object();
  std::cout << "host       " << shown(host, "version") << ", "
            << (host.at("ready").as_bool() ? "ready" : "NOT READY: " + shown(host, "reason")) << '\n'
            << "started    " << printable(time_words(host.at("started_at"))) << '\n'
            << "data       " << shown(host, "data_directory") << '\n'
            << "store      " << shown(store, "kind") << ", "
            << size_words(store.at("size_bytes").to_number<uint64_t>()) << ", epoch " << shown(store, "epoch")
            << ", " << shown(store, "executions") << " executions\n"
            << "open       " << shown(engine, "open_executions") << " executions, "
            << shown(engine, "running_steps") << " steps running, " << shown(engine, "ready_executions")
            << " executions waiting for a slot\n"
            << "stuck      " << shown(host, "stuck_calls") << " calls\n"
            << "watchers   " << shown(host, "watchers") << '\n';
  print_last_end(host.at("last_end").as_object(), format);
  const bj::array& resources = host.at("resources").as_array();
  if (!resources.empty()) {
    std::cout << '\n';
    print_rows(resources, kResource, format, "name", "");
  }
  const bj::array& releases = host.at("releases").as_array();
  if (!releases.empty()) {
    std::cout << '\n';
    print_rows(releases, kResidence, format, "release", "");
  }
  return host.at("ready").as_bool() ? 0 : catalogue_entry(Code::not_ready).exit_code;
}

Outcome explain(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  const std::string code = arguments.get("code");
  std::string number;  // pirn0102 and 102 are as good as PIRN0102
  for (const char c : code) number += upper_letter(c);
  if (number.find_first_not_of("0123456789") == std::string::npos)
    number = "PIRN" + std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number;
  const CatalogueEntry* entry = find_catalogue_entry(code);
  if (entry == nullptr) entry = find_catalogue_entry(number);
  const StepErrorEntry* of_steps = find_step_error(code);
  if (entry == nullptr && of_steps != nullptr) return explain_step_error(*of_steps, format);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const StepErrorEntry& each : step_errors()) names.emplace_back(each.name);
    for (const CatalogueEntry& each : catalogue()) {
      names.emplace_back(each.name);
      names.push_back(code_number(each.code));
    }
    const std::string near = nearest(code, names);
    return Error{Code::not_found, "there is no error '" + code + "'",
                 near.empty() ? "All of them: docs/reference/errors.md." : "Did you mean '" + near + "'?"};
  }
  if (format == Format::id) {
    std::cout << code_number(entry->code) << '\n';
  } else if (format != Format::table) {
    print_json(bj::object{{"code", code_number(entry->code)},
                          {"name", entry->name},
                          {"title", entry->title},
                          {"fix", entry->fix},
                          {"http_status", entry->http_status},
                          {"exit_code", entry->exit_code}});
  } else {
    std::cout << code_number(entry->code) << "  " << entry->name << "\n\n  " << entry->title << "\n\n  "
              << entry->fix << "\n\n  HTTP status " << std::to_string(entry->http_status) << ", exit code "
              << std::to_string(entry->exit_code) << '\n';
    if (of_steps != nullptr) {  // one name, two meanings: of a command, and of a step
      std::cout << '\n';
      return explain_step_error(*of_steps, format);
    }
  }
  return 0;
}

Outcome version(const Arguments&) {
  std::cout << "pirn " << host_version() << '\n';
  return 0;
}

}  // namespace pirn::cli
