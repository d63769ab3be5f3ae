// The audit log: what was done and refused, and whether it is whole.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <vector>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/pages.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "host/host.h"
#include "packager/json/json.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kRecord = {{"SEQ", "seq"},         {"AT", "at", Kind::time}, {"TENANT", "tenant"},
                                     {"ACTOR", "actor"},     {"ACTION", "action"},     {"OBJECT", "object"},
                                     {"OUTCOME", "outcome"}, {"TIMES", "times"},       {"DETAIL", "detail"}};

std::string target_of(const Arguments& arguments) {
  std::string target = path({"audit"});
  for (const char* name : {"actor", "action", "outcome", "since"})
    if (arguments.has(name)) add_query(target, name, arguments.get(name));
  return target;
}

void print_report(const bj::object& report) {
  for (const bj::value& each : report.at("breaks").as_array()) {
    const bj::object& found = each.as_object();
    const std::string seq = text_of(found, "seq");
    std::cout << (seq == "-" || seq == "0" ? std::string("the log") : "record " + printable(seq)) << ": "
              << printable(text_of(found, "what"))
              << (found.at("accepted").as_bool() ? " (accepted by the operator)" : "") << '\n';
  }
  const std::string records = text_of(report, "records");
  std::cout << (report.at("intact").as_bool() ? "the audit log is intact: " : "the audit log was CHANGED: ")
            << records << (records == "1" ? " record" : " records");
  if (report.contains("head"))
    std::cout << ", the newest has the hash " << printable(text_of(report.at("head").as_object(), "hash"));
  std::cout << '\n';
}

}  // namespace

// The newest records that fit, the oldest of them first; with --after all that follow.
Outcome audit_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const int64_t limit, arguments.has("limit") ? number_of(arguments, "limit") : Result<int64_t>(50));
  if (limit < 1 || limit > 1000)
    return Error{Code::usage, "--limit is " + std::to_string(limit) + "; it must be 1 to 1000",
                 "--after SEQ shows all records after a given one, without a limit."};
  PIRN_TRY(Client client, Client::open(arguments));
  std::string target = target_of(arguments);
  bj::array rows;
  if (arguments.has("after")) {
    PIRN_TRY(const bj::value last, for_each_row(client, target, "records", arguments.get("after"),
                                                [&](const bj::object& row) { rows.push_back(row); }));
  } else {
    add_query(target, "order", "newest");
    add_query(target, "limit", std::to_string(limit));
    PIRN_TRY(const bj::value page, client.call("GET", target));
    rows = page.at("records").as_array();
    std::reverse(rows.begin(), rows.end());
  }
  print_rows(rows, kRecord, format, "seq", "No audit records match.");
  return 0;
}

Outcome audit_verify(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  bj::value report;
  if (arguments.has("offline")) {
    PIRN_TRY(const std::string text, pirn::verify_audit_of(data_directory(arguments)));
    report = *parse_own_json(text, "a report", {});
  } else {
    PIRN_TRY(Client client, Client::open(arguments));
    PIRN_TRY(report, client.call("GET", path({"audit", "verification"})));
  }
  if (format == Format::table)
    print_report(report.as_object());
  else
    print_object(report.as_object(), {}, format, "records");
  return report.at("intact").as_bool() ? 0 : catalogue_entry(Code::audit_broken).exit_code;
}

}  // namespace pirn::cli
