// Releases and deployments.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kRelease = {{"PACKAGE", "package"},
                                      {"VERSION", "version"},
                                      {"RELEASE", "release", Kind::digest},
                                      {"PUBLISHER", "publisher"},
                                      {"STATE", "state", Kind::state},
                                      {"REVISION", "revision"},
                                      {"SIZE", "size", Kind::size},
                                      {"PUSHED", "pushed_at", Kind::time}};
const std::vector<Column> kOneRelease = {
    {"package", "package"},     {"version", "version"},          {"serial", "serial"},
    {"release", "release"},     {"state", "state", Kind::state}, {"revision", "revision"},
    {"publisher", "publisher"}, {"description", "description"},  {"author", "author"},
    {"licence", "licence"},     {"size", "size", Kind::size},    {"pushed", "pushed_at", Kind::time},
    {"pushed by", "pushed_by"}};
const std::vector<Column> kRevision = {{"REVISION", "revision"},
                                       {"VERSION", "version"},
                                       {"RELEASE", "release", Kind::digest},
                                       {"UNDO", "undo", Kind::flag},
                                       {"AT", "at", Kind::time},
                                       {"BY", "by"},
                                       {"WHY", "why"}};

struct Reference {
  std::string package, version;
};
Result<Reference> reference_of(const std::string& text) {
  const size_t at = text.find('@');
  if (at == 0 || at + 1 == text.size())
    return Error{Code::usage, "'" + text + "' is not the name of a package",
                 "Write PACKAGE or PACKAGE@VERSION."};
  return Reference{text.substr(0, at), at == std::string::npos ? std::string() : text.substr(at + 1)};
}

std::string names(const bj::value& list) {
  std::string out;
  for (const bj::value& name : list.as_array())
    out += (out.empty() ? "" : ", ") + printable(name.as_string());
  return out;
}

// What the flags of a release come to, in one word for the tables.
void put_state(bj::value& release) {
  bj::object& object = release.as_object();
  const bool active = object.at("active").as_bool(), withdrawn = object.at("withdrawn").as_bool();
  const bool quarantined = object.contains("quarantined") && object.at("quarantined").is_string();
  object["state"] = withdrawn ? "withdrawn" : quarantined ? "quarantined" : active ? "active" : "inactive";
}

void print_releases(bj::value answer, Format format, std::string_view nothing) {
  bj::array& releases = answer.at("releases").as_array();
  if (format == Format::table)
    for (bj::value& release : releases) put_state(release);
  print_rows(releases, kRelease, format, "release", nothing);
  if (format != Format::table) return;
  for (const bj::value& release : releases)
    if (release.at("state") == "quarantined") note(shown(release.as_object(), "quarantined"));
}

std::string plan_text(const bj::object& plan) {
  std::string out =
      shown(plan, "package") + ": " + shown(plan, "from_version") + " -> " + shown(plan, "to_version") + "\n";
  for (const char* what : {"added", "changed", "removed", "unchanged"}) {
    const std::string list = names(plan.at(what));
    if (!list.empty()) out += "  workflows " + std::string(what) + ": " + list + "\n";
  }
  for (const bj::value& move : plan.at("schedules").as_array())
    out += "  the schedule of " + shown(move.as_object(), "workflow") + " " +
           shown(move.as_object(), "what") + "\n";
  if (plan.at("nothing_to_do").as_bool()) out += "  it is already active: nothing to do\n";
  return out;
}

// The catalogue's own word about the refusals of a plan.
std::optional<Error> refusal_of(const bj::object& plan) {
  const bj::array& refusals = plan.at("refusals").as_array();
  if (refusals.empty()) return std::nullopt;
  Error error;
  for (const bj::value& refusal : refusals) {
    const bj::object& problem = refusal.as_object();
    const CatalogueEntry* entry = find_catalogue_entry(text_of(problem, "name"));
    error.causes.push_back(Error{entry == nullptr ? Code::conflict : entry->code, text_of(problem, "detail"),
                                 text_of(problem, "hint")});
  }
  if (error.causes.size() == 1) return error.causes.front();
  error.code = error.causes.front().code;
  error.message = "the deployment of " + text_of(plan, "package") + " " + text_of(plan, "to_version") +
                  " would be refused";
  return error;
}

Outcome print_deployed(const bj::object& deployed, Format format, const Client& client) {
  if (format != Format::table) {
    print_object(deployed, kRevision, format, "revision");
    return 0;
  }
  const bj::object& plan = deployed.at("plan").as_object();
  if (!deployed.at("changed").as_bool()) {
    std::cout << shown(deployed, "package") << " " << shown(deployed, "version")
              << " is already active (revision " << shown(deployed, "revision") << ")\n";
    return 0;
  }
  std::cout << "deployed " << shown(deployed, "package") << " " << shown(deployed, "version")
            << " as revision " << shown(deployed, "revision");
  if (shown(plan, "from_version") != "-")
    std::cout << " (was " << shown(plan, "from_version") << "; running executions stay on their release)";
  std::cout << '\n';
  std::string workflow;
  for (const char* what : {"added", "changed", "unchanged"})
    if (workflow.empty() && !plan.at(what).as_array().empty())
      workflow = std::string(plan.at(what).as_array()[0].as_string());
  if (!workflow.empty())
    suggest("pirn run start " + shown(deployed, "package") + "::" + workflow + client.context_options() +
            " --watch");
  return 0;
}

}  // namespace

Outcome push(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const std::string bytes, read_file(arguments.get("file")));
  PIRN_TRY(Client client, Client::open(arguments));
  const auto progress = [&](uint64_t sent, uint64_t total) {
    if (is_interactive() && total > 1 << 20)
      std::cerr << Control{"\r"} << "sending " << size_words(sent) << " of " << size_words(total)
                << (sent == total ? "; verifying" : "") << Control{"\x1b[K"};
  };
  std::string target = path({"packages"});
  if (arguments.has("accept-serial")) {
    PIRN_TRY(const int64_t serial, number_of(arguments, "accept-serial"));
    add_query(target, "accept_serial", std::to_string(serial));
  }
  const auto answer = client.upload(target, bytes, progress);
  if (is_interactive() && bytes.size() > 1 << 20) std::cerr << Control{"\r\x1b[K"};
  if (!answer) return answer.error();
  const bj::object& release = answer->as_object();
  if (format != Format::table) {
    print_object(release, kRelease, format, "release");
    return 0;
  }
  const bool already = release.at("already_there").as_bool();
  std::cout << (already ? "already there: " : "pushed ") << shown(release, "package") << " "
            << shown(release, "version") << "  release " << shown(release, "release") << '\n';
  suggest("pirn deploy " + shown(release, "package") + "@" + shown(release, "version") +
          client.context_options());
  return 0;
}

Outcome package_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"packages"})));
  print_releases(answer, format, "No packages yet: pirn push NAME-VERSION.pirn" + client.context_options());
  return 0;
}

Outcome package_show(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const Reference wanted, reference_of(arguments.get("package")));
  PIRN_TRY(Client client, Client::open(arguments));
  if (wanted.version.empty()) {
    PIRN_TRY(const bj::value answer, client.call("GET", path({"packages", wanted.package})));
    print_releases(answer, format, "");
    return 0;
  }
  PIRN_TRY(bj::value answer,
           client.call("GET", path({"packages", wanted.package, "releases", wanted.version})));
  if (format == Format::table) put_state(answer);
  const bj::object& release = answer.as_object();
  print_object(release, kOneRelease, format, "release");
  if (format != Format::table) return 0;
  for (const bj::value& signer : release.at("signers").as_array())
    std::cout << "signed by    " << shown(signer.as_object(), "key_id") << " ("
              << shown(signer.as_object(), "role") << ")\n";
  for (const auto& [package, range] : release.at("requires").as_object())
    std::cout << "requires     " << printable(package) << ' ' << printable(range.as_string()) << '\n';
  if (const bj::value* runs_with = release.if_contains("runs_with"))
    for (const bj::value& each : runs_with->as_array())
      std::cout << "runs with    " << shown(each.as_object(), "package") << '@'
                << shown(each.as_object(), "version") << '\n';
  if (release.contains("unmet")) std::cout << "unmet        " << shown(release, "unmet") << '\n';
  std::cout << "functions    " << names(release.at("functions")) << '\n';
  for (const bj::value& workflow : release.at("workflows").as_array())
    std::cout << "workflow     " << shown(workflow.as_object(), "name") << " ("
              << shown(workflow.as_object(), "steps")
              << (shown(workflow.as_object(), "steps") == "1" ? " step)\n" : " steps)\n");
  return 0;
}

Outcome deploy(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const Reference wanted, reference_of(arguments.get("package")));
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body;
  if (!wanted.version.empty()) body["version"] = wanted.version;
  PIRN_TRY(const bj::value planned,
           client.call("POST", path({"packages", wanted.package, "plan"}), bj::serialize(body)));
  const bj::object& plan = planned.as_object();
  if (arguments.has("dry-run")) {
    if (format == Format::table)
      std::cout << plan_text(plan);
    else
      print_object(plan, {}, format, "to");
    if (auto refusal = refusal_of(plan)) return *refusal;
    return 0;
  }
  std::string text = plan_text(plan);
  text.pop_back();
  note(text);
  if (arguments.has("why")) body["why"] = arguments.get("why");
  PIRN_TRY(const bj::value deployed,
           client.call("POST", path({"packages", wanted.package, "deployments"}), bj::serialize(body)));
  return print_deployed(deployed.as_object(), format, client);
}

Outcome rollout_history(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  const std::string package = arguments.get("package");
  PIRN_TRY(const bj::value answer, client.call("GET", path({"packages", package, "deployments"})));
  print_rows(answer.at("deployments").as_array(), kRevision, format, "revision",
             "'" + package + "' was never deployed.");
  return 0;
}

Outcome rollout_undo(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body;
  if (arguments.has("to")) {
    PIRN_TRY(body["to_revision"], number_of(arguments, "to"));
  }
  if (arguments.has("why")) body["why"] = arguments.get("why");
  PIRN_TRY(const bj::value answer, client.call("POST", path({"packages", arguments.get("package"), "undo"}),
                                               body.empty() ? "{}" : bj::serialize(body)));
  return print_deployed(answer.as_object(), format, client);
}

}  // namespace pirn::cli
